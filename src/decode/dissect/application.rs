//! What transports carry, as far as it is read: TLS and HTTP by how they begin, DNS by its ports.

use std::ops::Range;

use super::fields::Fields;
use super::{LayerFields, dns, http, tls};

/// Ports of DNS: servers', that of multicast DNS and of the cluster's own resolvers, and that of link-local names.
const DNS: [u16; 3] = [53, 5353, 5355];

/// The layers that the payload in `range` has.
pub(super) fn layers(
    bytes: &[u8],
    range: Range<usize>,
    ports: (u16, u16),
    is_stream: bool,
) -> Vec<LayerFields> {
    let is_dns = DNS.contains(&ports.0) || DNS.contains(&ports.1);
    let mut fields = Fields::new(bytes, range.clone());
    let name = match is_stream {
        true if is_dns && dns::stream(&mut fields) => "dns",
        true if tls::records(&mut fields) => "tls",
        true if http::message(&mut fields) => "http",
        false if is_dns && dns::message(&mut fields) => "dns",
        _ => return Vec::new(),
    };
    let fields = fields.done();
    let end = fields.iter().map(|field| field.range.end).fold(range.start, usize::max);
    if end == range.start { Vec::new() } else { vec![LayerFields { name, range: range.start..end, fields }] }
}
