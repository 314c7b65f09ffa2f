//! What `egret dump` and `egret record` choose of what passes, by options and by expressions that only the kernel can answer, beside
//! what tcpdump chooses of the same frames.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::cable::{Cable, OUTSIDE, send};
use crate::capture::Running;
use crate::egret::Egret;
use crate::enclosure::{Watch, entered};
use crate::netns::run;
use crate::situation::{Capture, Link};

const PATIENCE: Duration = Duration::from_mins(1);

/// An egret that counts what it chooses.
fn count(cable: &Cable, words: &[&str]) -> Egret {
    Egret::dump(&cable.here, &[&["--count", "-i", "any"], words].concat())
}

/// How many frames of a capture tcpdump finds by an expression.
fn found(file: &Path, expression: &str) -> String {
    run(Command::new("tcpdump").args(["--count", "-r"]).arg(file).arg(expression), "")
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_is_chosen_live_is_what_tcpdump_chooses() {
    if !entered("chosen::what_is_chosen_live_is_what_tcpdump_chooses") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("chosen", PATIENCE);
    let cable = Cable::lay();
    cable.there.ip("addr add 10.7.0.2/24 dev veth1");
    let shown = run(Command::new("ip").args(["-n", "here", "-o", "link", "show", "veth0"]), "");
    let index = shown.split(':').next().expect("a number and a name");
    let by_index = format!("udp and ifindex {index}");
    // Words of egret, and the same for tcpdump.
    let asked: [(&[&str], &str); 7] = [
        (&["inbound", "and", "udp"], "inbound and udp"),
        (&["outbound", "and", "udp"], "outbound and udp"),
        (&[&by_index], &by_index),
        (&["not", "inbound"], "not inbound"),
        (&["--dst", OUTSIDE, "--proto", "udp"], "dst host 203.0.113.25 and udp"),
        (
            &["--src", "10.7.0.2", "--not-port", "10", "inbound"],
            "src host 10.7.0.2 and not port 10 and inbound",
        ),
        (&["--not-host", OUTSIDE, "--port", "9"], "not host 203.0.113.25 and port 9"),
    ];
    let whole = Capture {
        at: "here".into(),
        on: "any".into(),
        link: Link::Sll2,
        snap: 4_096,
        nano: true,
        late: false,
    };
    let whole = Running::start(&cable.here, "whole", &whole, Path::new("/run/whole.pcap").to_owned());
    let kept = |number: usize| format!("/run/kept-{number}.pcapng");
    let counting: Vec<Egret> = asked.iter().map(|(words, _)| count(&cable, words)).collect();
    let recording: Vec<Egret> = asked
        .iter()
        .enumerate()
        .map(|(number, (words, _))| {
            Egret::record(&cable.here, &[&["-i", "any", "-w", &kept(number)], *words].concat())
        })
        .collect();
    // Somebody is there: options would look into errors, which quote the datagram.
    let _here = cable.here.within(|| UdpSocket::bind("0.0.0.0:9").expect("a socket"));
    cable.send(OUTSIDE, 30);
    cable.there.within(|| send("10.7.0.1", 20));
    cable.send("127.0.0.1", 3);
    let told: Vec<_> = counting.into_iter().map(Egret::interrupt).collect();
    let said: Vec<_> = recording.into_iter().map(Egret::interrupt).collect();
    let whole = whole.stop();
    for (number, (words, expression)) in asked.iter().enumerate() {
        let expected = found(&whole, expression);
        assert_ne!(expected, "0 packets\n", "{expression}");
        assert_eq!(told[number].stdout, expected, "{words:?}: {}", told[number].stderr);
        assert_eq!(said[number].code, Some(0), "{words:?}: {}", said[number].stderr);
        assert_eq!(found(Path::new(&kept(number)), ""), expected, "{words:?}");
    }
}
