//! Follows conntrack's table: what the kernel tells of it unasked (ctnetlink's multicast groups).
//!
//! To hear, and to read the table, takes `CAP_NET_ADMIN`; to go on hearing takes nothing. So [`Follow::begin`] is called
//! while there are rights. It hears first and reads the table afterwards, so that nothing falls between.
//!
//! What is told waits in the socket until it is read, and what does not fit there is lost. That is told once (`ENOBUFS`), and more may be
//! lost until the socket is empty.

use std::fs;
use std::os::fd::OwnedFd;

use jiff::Timestamp as Now;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{RecvFlags, SocketFlags, bind, recv, sockopt};

use crate::conntrack::LIMIT;
use crate::conntrack::news::{Entry, News, When};
use crate::frame::Timestamp;
use crate::machine::conntrack::{self, DELETE, NEW, Told};
use crate::machine::{Error, netlink};

/// `NF_NETLINK_CONNTRACK_NEW` and `NF_NETLINK_CONNTRACK_DESTROY` of `<linux/netfilter/nfnetlink_compat.h>`. Nothing is
/// translated otherwise once its entry has begun, so changes are not asked for.
const GROUPS: u32 = 0x1 | 0x4;

/// Bytes that may wait in the socket: some twenty thousand entries, two seconds of a very busy node.
const BUFFER: usize = 16 << 20;

/// A message has some 200 bytes.
const MESSAGE: usize = 1 << 13;

/// Pieces of news that are handed over at once, at most.
const AT_ONCE: usize = 4096;

/// Whether the kernel tells anything at all. The file shows what holds for the namespace of the thread that reads it.
const SETTING: &str = "/proc/sys/net/netfilter/nf_conntrack_events";

/// The kernel's table from now on.
#[derive(Debug)]
pub struct Follow {
    socket: OwnedFd,
    buffer: Vec<u8>,
    since: Timestamp,
    /// Nothing was left to be read then.
    empty: Timestamp,
    /// Since when news may have been lost, if any were.
    lost: Option<Timestamp>,
}

impl Follow {
    /// Begins to hear, and reads the table of the network namespace of the calling thread. Returns the translations that stood in
    /// it, and how many did not fit. Needs `CAP_NET_ADMIN`.
    pub fn begin() -> Result<(Self, u64, Vec<News>), Error> {
        let failed = |error: Errno| conntrack::refused(error.into());
        let empty = now();
        let socket = netlink::open(Some(NETFILTER), SocketFlags::NONBLOCK).map_err(failed)?;
        // Who may not exceed what the machine allows by default gets that.
        if sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, BUFFER).map_err(failed)?;
        }
        bind(&socket, &SocketAddrNetlink::new(0, GROUPS)).map_err(failed)?;
        if fs::read_to_string(SETTING).is_ok_and(|value| value.trim() == "0") {
            return Err(Error::NoNews);
        }
        let Stood { entries, beyond } = conntrack::read_into(Stood::add)?;
        // What began while the table was told may be in it.
        let read = now();
        let stood = entries.into_iter().map(|(entry, began)| {
            let unknown = When { since: Timestamp::MIN, until: read };
            News::Stood(entry, began.filter(|began| *began <= read).map_or(unknown, When::at))
        });
        Ok((
            Self { socket, buffer: vec![0; MESSAGE], since: empty, empty, lost: None },
            beyond,
            stood.collect(),
        ))
    }

    /// Since when nothing was missed.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Waits until there is something to be read, at most `millis`.
    pub fn wait(&self, millis: u32) {
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(millis) * 1_000_000 };
        // However that ends, what there is will be read.
        poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout)).ok();
    }

    /// What there is to be read; never waits.
    pub fn read(&mut self, news: &mut Vec<News>) -> Left {
        for _ in 0..AT_ONCE {
            let before = now();
            match recv(&self.socket, &mut self.buffer[..], RecvFlags::TRUNC) {
                Ok((_, length)) if length <= self.buffer.len() => {
                    let when = When { since: self.empty, until: now() };
                    news.extend(self.buffer.get(..length).into_iter().flat_map(|bytes| told(bytes, when)));
                }
                Ok(_) | Err(Errno::NOBUFS) => {
                    self.lost.get_or_insert(self.empty);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.empty = before;
                    if let Some(since) = self.lost.take() {
                        news.push(News::Lost(When { since, until: before }));
                    }
                    return Left::Nothing;
                }
                Err(_) => {
                    let since = self.lost.take().unwrap_or(self.empty);
                    news.push(News::Lost(When { since, until: Timestamp::MAX }));
                    return Left::Nobody;
                }
            }
        }
        Left::More
    }
}

/// What is left to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    More,
    Nothing,
    /// The socket is of no use any more.
    Nobody,
}

/// The translations in the table, and when they began, where that is known.
#[derive(Default)]
struct Stood {
    entries: Vec<(Entry, Option<Timestamp>)>,
    beyond: u64,
}

impl Stood {
    fn add(&mut self, told: Option<Told>) {
        let Some(Told { entry, began, .. }) = told.filter(|told| told.entry.translation.rewrites()) else {
            return;
        };
        if self.entries.len() < LIMIT {
            self.entries.push((entry, began));
        } else {
            self.beyond += 1;
        }
    }
}

/// What was read at once, between two times.
fn told(bytes: &[u8], when: When) -> impl Iterator<Item = News> + '_ {
    netlink::messages(bytes).filter_map(move |message| {
        let Told { entry, began, happened } = conntrack::told(message.body)?;
        match message.kind {
            NEW => Some(News::Begun(entry, began.or(happened).map_or(when, When::at))),
            DELETE => Some(News::Ended(entry, happened.map_or(when, When::at))),
            _ => None,
        }
    })
}

fn now() -> Timestamp {
    Now::now().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a kernel (Linux 6.18) sent them, for datagrams and a SYN that were translated to 192.168.12.99.
    const DATAGRAM_BEGUN: &str = "94000000000100060000000000000000020000003400018014000180080001000a80000508000200c0a80c\
        011c000280050001001100000006000200138800000600030014e90000340002801400018008000100c0a80c0108000200c0a80c631c00\
        028005000100110000000600020014e900000600030007d1000008000c00a3f142520800030000000198080007000000001e";
    const CONNECTION_BEGUN: &str = "c4000000000100060000000000000000020000003400018014000180080001000a80000508000200c0a8\
        0c011c0002800500010006000000060002009c4100000600030001bb0000340002801400018008000100c0a80c0108000200c0a80c631c\
        00028005000100060000000600020001bb00000600030007d8000008000c002ee0571b08000300000001980800070000000078300004802c\
        0001800500010001000000050002000a000000050003000000000006000400030000000600050000000000";
    /// The same datagrams' entry as it was deleted, where the kernel notes times.
    const DATAGRAM_ENDED: &str = "bc0000000201000000000000960a82a1020000003400018014000180080001000a80000508000200c0a80c0\
        11c000280050001001100000006000200138800000600030014e90000340002801400018008000100c0a80c0108000200c0a80c631c000\
        28005000100110000000600020014e900000600030007d0000008000c004d0e50310800030000000398080007000000001c1c0014800c00\
        010018eba4b6c42fc1460c00020018eba4b706db47810c001b0018eba4b706db47b2";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    const WHEN: When = When { since: Timestamp::from_nanos(7), until: Timestamp::from_nanos(9) };

    /// `PROTOCOL ORIGINAL > DESTINATION as SOURCE, zone`
    fn said(entry: Entry) -> String {
        let Entry { translation, zone } = entry;
        let (from, to) = translation.original;
        format!("{} {from} > {to} as {}, zone {zone}", translation.protocol, translation.wire().0)
    }

    #[test]
    fn what_a_kernel_tells_of_beginnings_is_of_the_time_when_it_was_read() {
        let told: Vec<News> = [DATAGRAM_BEGUN, CONNECTION_BEGUN]
            .iter()
            .flat_map(|hex| told(&bytes(hex), WHEN).collect::<Vec<_>>())
            .collect();
        let begun = |news: &News| match news {
            News::Begun(entry, WHEN) => said(*entry),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            told.iter().map(begun).collect::<Vec<_>>(),
            [
                "17 10.128.0.5:5000 > 192.168.12.1:5353 as 192.168.12.99:2001, zone 0",
                "6 10.128.0.5:40001 > 192.168.12.1:443 as 192.168.12.99:2008, zone 0",
            ]
        );
    }

    #[test]
    fn where_the_kernel_notes_times_they_count() {
        let told: Vec<News> = told(&bytes(DATAGRAM_ENDED), WHEN).collect();
        let [News::Ended(entry, when)] = told[..] else { panic!("{told:?}") };
        assert_eq!(said(entry), "17 10.128.0.5:5000 > 192.168.12.1:5353 as 192.168.12.99:2000, zone 0");
        assert_eq!(when, When::at(Timestamp::from_nanos(0x18eb_a4b7_06db_47b2)));
    }

    #[test]
    fn what_is_cut_short_tells_nothing_and_hinders_nothing() {
        let whole = bytes(DATAGRAM_ENDED);
        for cut in 0..whole.len() {
            assert_eq!(told(&whole[..cut], WHEN).count(), 0, "{cut}");
        }
        let two = [bytes(DATAGRAM_BEGUN), bytes(CONNECTION_BEGUN)].concat();
        assert_eq!(told(&two, WHEN).count(), 2, "several at once are all told");
    }
}
