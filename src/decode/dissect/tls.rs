//! TLS records, and the two hellos (RFC 8446 §4.1, §5.1), as far as one segment holds them.
//!
//! ```text
//! record     type:1 | version:2 | length:2 | fragment …
//! handshake  type:1 | length:3 | …
//! hello      version:2 | random:32 | session id:1+n | cipher suites:2+n | compression:1+n | extensions:2+n   client's
//!            version:2 | random:32 | session id:1+n | cipher suite:2    | compression:1   | extensions:2+n   server's
//! ```

use super::fields::Fields;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// A record's fragment, with what encryption may add (RFC 5246 §6.2.3).
const LONGEST: u16 = (1 << 14) + 2048;
/// Records of a segment and extensions of a hello that are read.
const RECORDS: usize = 64;
const EXTENSIONS: usize = 128;

/// Reads the records that a segment begins with; whether there are any.
pub(super) fn records(fields: &mut Fields<'_>) -> bool {
    let mut at = 0;
    for _ in 0..RECORDS {
        let Some([kind, major, minor, high, low]) = fields.at::<5>(at) else { break };
        let length = u16::from_be_bytes([high, low]);
        let is_record = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&kind)
            && major == 3
            && minor <= 4
            && (1..=LONGEST).contains(&length);
        if !is_record {
            break;
        }
        let length = usize::from(length);
        fields.group("record", at, 5 + length, |record| content(record, kind, length));
        at += 5 + length;
    }
    at > 0
}

fn content(record: &mut Fields<'_>, kind: u8, length: usize) {
    let words = match kind {
        CHANGE_CIPHER_SPEC => "change cipher spec",
        ALERT => "alert",
        HANDSHAKE => "handshake",
        _ => "application data",
    };
    record.number("type", 0, 1).means(words);
    record.hex("version", 1, 2).named(version_name);
    record.number("length", 3, 2);
    match kind {
        ALERT if length == 2 => {
            let level = if record.u8(5) == Some(2) { "fatal" } else { "warning" };
            record.number("level", 5, 1).means(level);
            record.number("alert", 6, 1).named(alert_name);
        }
        HANDSHAKE => handshake(record),
        _ => {
            record.rest("fragment", 5);
        }
    }
}

fn handshake(record: &mut Fields<'_>) {
    let Some([kind, high, middle, low]) = record.at::<4>(5) else {
        record.rest("fragment", 5);
        return;
    };
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    // An encrypted message begins with any bytes: its length tells.
    let is_plain = match kind {
        CLIENT_HELLO | SERVER_HELLO => true,
        _ => length + 4 <= record.len() - 5,
    };
    if !is_plain {
        record.rest("encrypted", 5);
        return;
    }
    let name = match kind {
        0 => "hello request",
        CLIENT_HELLO => "client hello",
        SERVER_HELLO => "server hello",
        4 => "new session ticket",
        8 => "encrypted extensions",
        11 => "certificate",
        12 => "server key exchange",
        13 => "certificate request",
        14 => "server hello done",
        15 => "certificate verify",
        16 => "client key exchange",
        20 => "finished",
        _ => "message",
    };
    let rest = record.len() - 5;
    record.group(name, 5, rest, |message| {
        message.number("type", 0, 1);
        message.number("length", 1, 3);
        match kind {
            CLIENT_HELLO | SERVER_HELLO => hello(message, kind == CLIENT_HELLO),
            _ => {
                message.rest("content", 4);
            }
        }
    });
}

fn hello(message: &mut Fields<'_>, is_client: bool) {
    message.hex("version", 4, 2).named(version_name);
    message.bytes("random", 6, 32);
    let mut at = 38;
    let Some(session) = message.u8(at) else { return };
    message.bytes("session id", at + 1, usize::from(session));
    at += 1 + usize::from(session);
    if is_client {
        let Some(length) = message.u16(at) else { return };
        let suites = length / 2;
        message
            .group("cipher suites", at, 2 + usize::from(length), |list| {
                for index in 0..usize::from(suites) {
                    list.hex("suite", 2 + index * 2, 2).named(suite_name);
                }
            })
            .means(format!("{suites} offered"));
        at += 2 + usize::from(length);
        let Some(methods) = message.u8(at) else { return };
        message.bytes("compression methods", at + 1, usize::from(methods));
        at += 1 + usize::from(methods);
    } else {
        message.hex("cipher suite", at, 2).named(suite_name);
        message.number("compression method", at + 2, 1);
        at += 3;
    }
    let Some(length) = message.u16(at) else { return };
    message.group("extensions", at, 2 + usize::from(length), |list| extensions(list, is_client));
}

fn extensions(list: &mut Fields<'_>, is_client: bool) {
    let mut at = 2;
    for _ in 0..EXTENSIONS {
        let (Some(kind), Some(length)) = (list.u16(at), list.u16(at + 2)) else { return };
        let length = usize::from(length);
        list.group(extension_name(kind), at, 4 + length, |extension| {
            extension.number("type", 0, 2);
            extension.number("length", 2, 2);
            match kind {
                0 if length > 5 => {
                    extension.number("name type", 6, 1);
                    let length = extension.u16(7).map_or(0, usize::from);
                    extension.text("name", 9, length);
                }
                16 => protocols(extension),
                43 if is_client => {
                    for at in (5..4 + length).step_by(2) {
                        extension.hex("version", at, 2).named(version_name);
                    }
                }
                43 => {
                    extension.hex("version", 4, 2).named(version_name);
                }
                _ => {
                    extension.rest("content", 4);
                }
            }
        });
        at += 4 + length;
    }
}

/// RFC 7301 §3.1: names with a byte of length each.
fn protocols(extension: &mut Fields<'_>) {
    let mut at = 6;
    while let Some(length @ 1..) = extension.u8(at) {
        extension.text("protocol", at + 1, usize::from(length));
        at += 1 + usize::from(length);
    }
}

fn version_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0300 => "SSL 3",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        // RFC 8701: values that mean nothing, sent so that nobody chokes on what is new.
        number if number & 0x0f0f == 0x0a0a => "GREASE",
        _ => return None,
    })
}

fn extension_name(kind: u16) -> &'static str {
    match kind {
        0 => "server name",
        5 => "status request",
        10 => "supported groups",
        11 => "point formats",
        13 => "signature algorithms",
        16 => "application protocols",
        18 => "certificate timestamps",
        21 => "padding",
        22 => "encrypt then mac",
        23 => "extended master secret",
        27 => "certificate compression",
        35 => "session ticket",
        41 => "pre-shared key",
        42 => "early data",
        43 => "supported versions",
        44 => "cookie",
        45 => "key exchange modes",
        51 => "key share",
        0xfe0d => "encrypted client hello",
        0xff01 => "renegotiation",
        kind if kind & 0x0f0f == 0x0a0a => "GREASE",
        _ => "extension",
    }
}

fn suite_name(number: u16) -> Option<&'static str> {
    Some(match number {
        0x1301 => "TLS_AES_128_GCM_SHA256",
        0x1302 => "TLS_AES_256_GCM_SHA384",
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
        0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA",
        0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA",
        0x009c => "TLS_RSA_WITH_AES_128_GCM_SHA256",
        0x009d => "TLS_RSA_WITH_AES_256_GCM_SHA384",
        0xc009 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        0xc00a => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        0xc02b => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xc02c => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xc02f => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        0xc030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        0xcca8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0xcca9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        0x00ff => "renegotiation is supported",
        0x5600 => "fallback",
        number if number & 0x0f0f == 0x0a0a => "GREASE",
        _ => return None,
    })
}

fn alert_name(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "close notify",
        10 => "unexpected message",
        20 => "bad record",
        40 => "handshake failure",
        42 => "bad certificate",
        44 => "certificate revoked",
        45 => "certificate expired",
        46 => "certificate unknown",
        47 => "illegal parameter",
        48 => "unknown authority",
        49 => "access denied",
        50 => "decode error",
        51 => "decrypt error",
        70 => "protocol version",
        71 => "insufficient security",
        80 => "internal error",
        86 => "inappropriate fallback",
        109 => "missing extension",
        112 => "unrecognized name",
        116 => "certificate required",
        120 => "no application protocol",
        _ => return None,
    })
}
