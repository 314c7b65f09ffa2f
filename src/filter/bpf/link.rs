//! The number that libpcap has for a link type: its `DLT_`, which is not always the registry's `LINKTYPE_`.

use crate::frame::LinkType;

/// Up to 10, and from 104 on, the two agree, but for those below: what systems had numbered differently got new numbers for files.
///
/// Source: `linktype_to_dlt` in libpcap's pcap-common.c, on Linux.
const DIFFERENT: &[(u16, i32)] = &[(100, 11), (101, 12), (102, 15), (103, 16), (106, 19), (246, 18)];

pub(super) fn number(link: LinkType) -> i32 {
    let different = DIFFERENT.iter().find(|(file, _)| *file == link.0);
    different.map_or(i32::from(link.0), |(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_ip_has_two_numbers_and_ethernet_one() {
        assert_eq!(number(LinkType::RAW), 12);
        assert_eq!(number(LinkType::ETHERNET), 1);
        assert_eq!(number(LinkType::LINUX_SLL2), 276);
    }
}
