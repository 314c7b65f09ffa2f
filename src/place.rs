//! Where frames were seen, and what each place is to the question: its role, and why.
//!
//! A role is declared, known of the machine that captures, or inferred from what the place shows, strongest first:
//! 1. *uplink*: cluster tunnels' outer frames; packets that left translated; packets that leave with an
//!    address of a node or an expected one;
//! 2. *remote*: packets with such a source arrive there, or are seen there with a lower TTL than at another such place;
//! 3. *tunnel*: the same packets, with the same TTL, are seen inside a tunnel elsewhere on the machine;
//! 4. *pod*: all that starts there starts from one address.
//!
//! TTL and direction alone prove nothing: a VXLAN device shows packets going out with TTL 63, too. They only
//! tell the near side from the far one where a packet's source already proves that it has left.

use std::fmt;

use crate::digest::{Spot, Within};
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::net::Address;
use crate::snapshot::Role;
use crate::text::Text;

/// One place of the run.
#[derive(Debug, Clone)]
pub struct Place {
    pub point: PointIndex,
    pub spot: Spot,
    pub link: LinkType,
    pub interface: Option<Text>,
    /// `node1`, `node1/eth0`, `node1/#2`.
    pub id: String,
    pub frames: u64,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// The time before the last: what one absurd time cannot move.
    pub before_last: Timestamp,
    pub declared: Option<Role>,
    /// By the machine that captures, and why.
    pub known: Option<(Role, String)>,
    pub evidence: Evidence,
    pub role: Option<Role>,
    pub because: Option<String>,
}

/// What the machine that captures says of one of its interfaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub index: u32,
    /// Safe to print; differs from the kernel's where that has unprintable characters.
    pub name: String,
    /// `None` where nothing speaks for one: what the interface shows may do so.
    pub role: Option<Role>,
    pub because: String,
}

/// What a place has shown that speaks of its role. It only grows, and does not depend on the order of frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Carries outer frames of cluster tunnels.
    pub tunnels: bool,
    /// Smallest address that packets left with after translation; that packets leave with, of nodes or expected.
    pub translated: Option<Address>,
    pub leaving: Option<Address>,
    /// Smallest such address that packets *arrive* with.
    pub arriving: Option<Address>,
    /// Of the places that show one packet with such a source, it has the highest TTL; a lower one.
    pub is_near: bool,
    pub is_beyond: bool,
    /// Shows packets that are seen inside a tunnel elsewhere on the machine, with the same TTL.
    pub before_tunnel: bool,
    pub origins: Origins,
    /// Bits of [`answers`].
    pub answers: u8,
}

/// What a place shows of answers, as bits of [`Evidence::answers`]: apart for what passes in tunnels and what does not.
pub mod answers {
    /// Some flow's answers pass here.
    pub const SEEN: u8 = 0x01;
    /// Some flow was answered and its answers did not pass here: they take another way, or were not captured.
    pub const MISSED: u8 = 0x02;
    /// The same two of what passes in tunnels.
    pub const SEEN_IN_TUNNEL: u8 = 0x04;
    pub const MISSED_IN_TUNNEL: u8 = 0x08;
}

/// The addresses that conversations start from at a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origins {
    #[default]
    None,
    One(Address),
    Many,
}

impl Origins {
    pub fn add(&mut self, address: Address) {
        *self = match *self {
            Self::None => Self::One(address),
            Self::One(known) if known == address => Self::One(known),
            _ => Self::Many,
        };
    }
}

impl Evidence {
    pub fn note_translated(&mut self, address: Address) {
        self.translated = Some(self.translated.map_or(address, |known| known.min(address)));
    }

    pub fn note_leaving(&mut self, address: Address) {
        self.leaving = Some(self.leaving.map_or(address, |known| known.min(address)));
    }

    pub fn note_arriving(&mut self, address: Address) {
        self.arriving = Some(self.arriving.map_or(address, |known| known.min(address)));
    }

    /// The role that the evidence allows, and the reason.
    fn role(&self) -> Option<(Role, String)> {
        let is_far = self.is_beyond && !self.is_near;
        if self.tunnels {
            return Some((Role::Uplink, "carries the outer frames of cluster tunnels".to_owned()));
        }
        if let (Some(address), false) = (self.translated, is_far) {
            return Some((Role::Uplink, format!("carries packets translated to {address}")));
        }
        if let (Some(address), false) = (self.leaving, is_far) {
            return Some((Role::Uplink, format!("packets leave here as {address}")));
        }
        if let Some(address) = self.translated.or(self.leaving).filter(|_| is_far) {
            let because =
                format!("packets from {address} are seen here with a lower TTL than where they leave");
            return Some((Role::Remote, because));
        }
        if let Some(address) = self.arriving {
            return Some((Role::Remote, format!("packets from {address} arrive here")));
        }
        if self.before_tunnel {
            return Some((Role::Tunnel, "shows packets that are seen inside a tunnel elsewhere".to_owned()));
        }
        match self.origins {
            Origins::One(address) => Some((Role::Pod, format!("all that starts here starts from {address}"))),
            Origins::None | Origins::Many => None,
        }
    }
}

impl Place {
    pub fn new(point: PointIndex, spot: Spot, link: LinkType, interface: Option<Text>, id: String) -> Self {
        Self {
            point,
            id,
            spot,
            link,
            interface,
            frames: 0,
            first_seen: Timestamp::MAX,
            last_seen: Timestamp::MIN,
            before_last: Timestamp::MIN,
            declared: None,
            known: None,
            evidence: Evidence::default(),
            role: None,
            because: None,
        }
    }

    #[inline]
    pub fn count(&mut self, time: Timestamp) {
        self.frames += 1;
        self.first_seen = self.first_seen.min(time);
        if time >= self.last_seen {
            self.before_last = self.last_seen;
            self.last_seen = time;
        } else {
            self.before_last = self.before_last.max(time);
        }
    }

    /// Settles the role by declaration and evidence; `true` if it changed.
    pub fn settle(&mut self) -> bool {
        let settled = match (self.declared, &self.known) {
            (Some(role), _) => Some((role, "declared (--role)".to_owned())),
            (None, Some(known)) => Some(known.clone()),
            (None, None) => self.evidence.role(),
        };
        let (role, because) = settled.unzip();
        let changed = role != self.role;
        self.role = role;
        self.because = because;
        changed
    }

    /// Takes in what the machine says of the interface that it is, if it is one of these. Returns whether that is news.
    pub fn learn(&mut self, known: &[Known]) -> bool {
        let is_it = |known: &&Known| match self.spot.within {
            Within::Index(index) => known.index == index,
            Within::Whole => self.interface.as_ref().is_some_and(|name| name.to_string() == known.name),
            Within::PacketType(_) => false,
        };
        let Some(found) = known.iter().find(is_it) else { return false };
        if self.interface.is_none() {
            self.interface = Some(Text::from(found.name.as_str()));
        }
        let role = found.role.map(|role| (role, found.because.clone()));
        let is_news = self.known != role;
        self.known = role;
        is_news
    }

    pub fn is(&self, role: Role) -> bool {
        self.role == Some(role)
    }

    /// Whether several devices are one place here, because the link type does not tell them apart.
    pub fn is_blended(&self) -> bool {
        matches!(self.spot.within, Within::PacketType(_))
    }

    /// Whether the place is one of the many that an `any` device shows.
    pub fn is_of_any(&self) -> bool {
        self.spot.within != Within::Whole
    }

    /// The interface's index in the kernel that captured, where the link type tells it.
    pub fn index(&self) -> Option<u32> {
        match self.spot.within {
            Within::Index(index) => Some(index),
            Within::Whole | Within::PacketType(_) => None,
        }
    }
}

/// A place's name within its point: nothing, `/eth0`, `/#2`, `/any#2`, `/outgoing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suffix {
    pub interface: Option<String>,
    pub within: Within,
}

impl Suffix {
    /// The suffix of a spot. An interface without a name goes by its number, but for the first, which most captures
    /// have alone.
    pub fn of(spot: Spot, interface: Option<&Text>) -> Self {
        let interface = match interface {
            Some(name) => Some(name.to_string()),
            None if spot.interface == 0 => None,
            None => Some(spot.interface.to_string()),
        };
        Self { interface, within: spot.within }
    }
}

impl fmt::Display for Suffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interface = self.interface.as_deref().unwrap_or_default();
        match self.within {
            Within::Whole if interface.is_empty() => Ok(()),
            Within::Whole => write!(f, "/{interface}"),
            Within::Index(index) => write!(f, "/{interface}#{index}"),
            Within::PacketType(number) if interface.is_empty() => write!(f, "/{}", packet_type(number)),
            Within::PacketType(number) => write!(f, "/{interface}.{}", packet_type(number)),
        }
    }
}

/// A cooked capture's packet type, in the words of `<linux/if_packet.h>`.
pub fn packet_type(number: u16) -> String {
    match number {
        0 => "host".to_owned(),
        1 => "broadcast".to_owned(),
        2 => "multicast".to_owned(),
        3 => "otherhost".to_owned(),
        4 => "outgoing".to_owned(),
        other => format!("type-{other}"),
    }
}

/// A role as declared on the command line: `NAME[/IF|#INDEX]=ROLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub point: String,
    /// What follows the point's name, with its `/` or `#`; empty where the point is meant as a whole.
    pub within: String,
    pub role: Role,
}

/// What was typed declares no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    #[error("`{typed}` has no `=ROLE`; write it like node1/#2=uplink or ext=remote")]
    NoRole { typed: String },
    #[error("`{role}` is not a role; the roles are pod, tunnel, uplink and remote")]
    NotARole { role: String },
    #[error("`{typed}` names no point; write it like node1/#2=uplink or ext=remote")]
    NoPoint { typed: String },
}

impl std::str::FromStr for Declaration {
    type Err = DeclarationError;

    fn from_str(typed: &str) -> Result<Self, DeclarationError> {
        let (place, role) =
            typed.rsplit_once('=').ok_or_else(|| DeclarationError::NoRole { typed: typed.to_owned() })?;
        let role = Role::ALL
            .iter()
            .copied()
            .find(|known| known.name() == role)
            .ok_or_else(|| DeclarationError::NotARole { role: role.to_owned() })?;
        let end = place.find(['/', '#']).unwrap_or(place.len());
        let (point, within) = place.split_at(end);
        if point.is_empty() {
            return Err(DeclarationError::NoPoint { typed: typed.to_owned() });
        }
        Ok(Self { point: point.to_owned(), within: within.to_owned(), role })
    }
}

impl Declaration {
    /// Whether it means the place of that suffix, in a point that has the name: exactly, by interface index
    /// alone (`#2`, `/#2`) or by the name of the interface, or of the device within a cooked one, alone (`/eth0`).
    pub fn means(&self, suffix: &Suffix, name: Option<&str>) -> bool {
        let index = match suffix.within {
            Within::Index(index) => Some(format!("#{index}")),
            Within::Whole | Within::PacketType(_) => None,
        };
        let typed = self.within.as_str();
        typed == suffix.to_string()
            || index.is_some_and(|index| typed == index || typed.strip_prefix('/') == Some(&index))
            || (!matches!(suffix.within, Within::PacketType(_))
                && name.is_some_and(|name| typed.strip_prefix('/') == Some(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(within: Within) -> Spot {
        Spot { interface: 0, within }
    }

    #[test]
    fn places_are_named_as_people_type_them() {
        let eth0 = Text::from("eth0");
        let any = Text::from("any");
        let shown = |spot, name: Option<&Text>| Suffix::of(spot, name).to_string();
        assert_eq!(shown(spot(Within::Whole), None), "");
        assert_eq!(shown(spot(Within::Whole), Some(&eth0)), "/eth0");
        assert_eq!(shown(Spot { interface: 3, within: Within::Whole }, None), "/3");
        assert_eq!(shown(spot(Within::Index(2)), None), "/#2");
        assert_eq!(shown(spot(Within::Index(2)), Some(&any)), "/any#2");
        assert_eq!(shown(spot(Within::PacketType(4)), None), "/outgoing");
    }

    #[test]
    fn a_declaration_names_a_point_and_maybe_a_place_in_it() {
        let declared = |typed: &str| typed.parse::<Declaration>().unwrap();
        let index = Suffix { interface: None, within: Within::Index(2) };
        assert!(declared("node1/#2=uplink").means(&index, Some("eth1")));
        assert!(declared("node1#2=uplink").means(&index, Some("eth1")));
        assert!(!declared("node1#3=uplink").means(&index, Some("eth1")));
        assert!(!declared("node1=uplink").means(&index, Some("eth1")));
        assert!(declared("node1/eth1=uplink").means(&index, Some("eth1")), "a device of a cooked capture");
        assert!(!declared("node1/eth1=uplink").means(&index, None));
        let named = Suffix { interface: Some("eth0".to_owned()), within: Within::Whole };
        assert!(declared("node1/eth0=uplink").means(&named, Some("eth0")));
        assert_eq!(declared("ext=remote").role, Role::Remote);
        assert!("node1=gateway".parse::<Declaration>().is_err());
        assert!("=uplink".parse::<Declaration>().is_err());
        assert!("node1".parse::<Declaration>().is_err());
    }

    #[test]
    fn what_arrives_everywhere_with_a_lower_ttl_is_the_far_side() {
        let mut evidence = Evidence::default();
        evidence.note_translated(Address::v4(0xc0a8_0c63));
        assert_eq!(evidence.role().unwrap().0, Role::Uplink);
        evidence.is_beyond = true;
        assert_eq!(evidence.role().unwrap().0, Role::Remote);
        evidence.is_near = true;
        assert_eq!(evidence.role().unwrap().0, Role::Uplink);
    }

    #[test]
    fn the_time_before_the_last_stands_against_one_absurd_time() {
        let mut place =
            Place::new(PointIndex(0), spot(Within::Whole), LinkType::ETHERNET, None, String::new());
        let at = |nanos| Timestamp::from_nanos(nanos);
        let mut told = |nanos| {
            place.count(at(nanos));
            (place.first_seen, place.before_last, place.last_seen)
        };
        assert_eq!(told(50), (at(50), Timestamp::MIN, at(50)));
        assert_eq!(told(9_000_000), (at(50), at(50), at(9_000_000)));
        assert_eq!(told(70), (at(50), at(70), at(9_000_000)));
        assert_eq!(told(60), (at(50), at(70), at(9_000_000)));
        assert_eq!(told(40), (at(40), at(70), at(9_000_000)));
        assert_eq!(told(9_000_000), (at(40), at(9_000_000), at(9_000_000)));
    }

    #[test]
    fn what_the_machine_knows_outweighs_what_is_seen_and_not_what_is_declared() {
        let known = |index, name: &str, role| Known {
            index,
            name: name.to_owned(),
            role,
            because: "the default route leads through it".to_owned(),
        };
        let mut place =
            Place::new(PointIndex(0), spot(Within::Index(2)), LinkType::LINUX_SLL2, None, String::new());
        place.evidence.origins.add(Address::v4(0x0a80_0005));
        assert!(place.settle() && place.is(Role::Pod));
        assert!(!place.learn(&[known(3, "eth1", Some(Role::Pod))]));
        assert!(place.learn(&[known(2, "eth0", Some(Role::Uplink))]));
        assert!(place.settle() && place.is(Role::Uplink));
        assert_eq!(place.interface.as_ref().unwrap().to_string(), "eth0");
        assert!(place.learn(&[known(2, "eth0", None)]), "what it shows counts again");
        assert!(place.settle() && place.is(Role::Pod));
        place.declared = Some(Role::Remote);
        assert!(place.settle() && place.is(Role::Remote));
    }

    #[test]
    fn a_place_with_one_origin_is_a_pods() {
        let mut evidence = Evidence::default();
        evidence.origins.add(Address::v4(0x0a80_0005));
        assert_eq!(evidence.role().unwrap().0, Role::Pod);
        evidence.origins.add(Address::v4(0x0a80_0006));
        assert!(evidence.role().is_none());
    }
}
