//! A program in writing, the way `tcpdump -d` has it.

use super::handle::SNAP_LENGTH;
use super::instruction::Instruction;

/// First of the offsets that Linux answers from what it knows of a packet (`SKF_AD_OFF`), and the names of those.
const BESIDES: u32 = 0xffff_f000;
const NAMES: [(u32, &str); 16] = [
    (0, "proto"),
    (4, "type"),
    (8, "ifidx"),
    (12, "nla"),
    (16, "nlan"),
    (20, "mark"),
    (24, "queue"),
    (28, "hatype"),
    (32, "rxhash"),
    (36, "cpu"),
    (40, "xor_x"),
    (44, "vlan_tci"),
    (48, "vlanp"),
    (52, "poff"),
    (56, "random"),
    (60, "vlan_tpid"),
];

/// A line for each instruction, without a last newline.
pub(super) fn listing(instructions: &[Instruction], snap_length: u32) -> String {
    let lines: Vec<String> = instructions
        .iter()
        .enumerate()
        .map(|(at, instruction)| line(at, *instruction, snap_length))
        .collect();
    lines.join("\n")
}

fn line(at: usize, instruction: Instruction, snap_length: u32) -> String {
    let Instruction { code, jt, jf, .. } = instruction;
    let (name, operand) = words(at, instruction, snap_length);
    let is_test = code & 0x07 == 0x05 && code & 0xf0 != 0;
    if is_test {
        let target = |skipped: u8| at + 1 + usize::from(skipped);
        format!("({at:03}) {name:<8} {operand:<16} jt {}\tjf {}", target(jt), target(jf))
    } else {
        format!("({at:03}) {name:<8} {operand}")
    }
}

/// The instruction's name and its operand. Numbers are printed signed where libpcap does.
fn words(at: usize, instruction: Instruction, snap_length: u32) -> (&'static str, String) {
    let k = instruction.k;
    let signed = k as i32;
    let decimal = || format!("#{signed}");
    let hexadecimal = || format!("#{k:#x}");
    let x = || "x".to_owned();
    let none = String::new;
    match instruction.code {
        0x06 if k == SNAP_LENGTH => ("ret", format!("#{snap_length}")),
        0x06 => ("ret", decimal()),
        0x16 => ("ret", none()),
        0x20 => ("ld", absolute(k)),
        0x28 => ("ldh", absolute(k)),
        0x30 => ("ldb", absolute(k)),
        0x80 => ("ld", "#pktlen".to_owned()),
        0x40 => ("ld", format!("[x + {signed}]")),
        0x48 => ("ldh", format!("[x + {signed}]")),
        0x50 => ("ldb", format!("[x + {signed}]")),
        0x00 => ("ld", hexadecimal()),
        0x01 => ("ldx", hexadecimal()),
        0xb1 => ("ldxb", format!("4*([{signed}]&0xf)")),
        0x60 => ("ld", format!("M[{signed}]")),
        0x61 => ("ldx", format!("M[{signed}]")),
        0x02 => ("st", format!("M[{signed}]")),
        0x03 => ("stx", format!("M[{signed}]")),
        0x05 => ("ja", (at as i64 + 1 + i64::from(signed)).to_string()),
        0x15 => ("jeq", hexadecimal()),
        0x25 => ("jgt", hexadecimal()),
        0x35 => ("jge", hexadecimal()),
        0x45 => ("jset", hexadecimal()),
        0x1d => ("jeq", x()),
        0x2d => ("jgt", x()),
        0x3d => ("jge", x()),
        0x4d => ("jset", x()),
        0x04 => ("add", decimal()),
        0x14 => ("sub", decimal()),
        0x24 => ("mul", decimal()),
        0x34 => ("div", decimal()),
        0x94 => ("mod", decimal()),
        0x54 => ("and", hexadecimal()),
        0x44 => ("or", hexadecimal()),
        0xa4 => ("xor", hexadecimal()),
        0x64 => ("lsh", decimal()),
        0x74 => ("rsh", decimal()),
        0x0c => ("add", x()),
        0x1c => ("sub", x()),
        0x2c => ("mul", x()),
        0x3c => ("div", x()),
        0x9c => ("mod", x()),
        0x5c => ("and", x()),
        0x4c => ("or", x()),
        0xac => ("xor", x()),
        0x6c => ("lsh", x()),
        0x7c => ("rsh", x()),
        0x84 => ("neg", none()),
        0x07 => ("tax", none()),
        0x87 => ("txa", none()),
        code => ("unimp", format!("{code:#x}")),
    }
}

fn absolute(k: u32) -> String {
    let besides = NAMES.iter().find(|(offset, _)| BESIDES + offset == k);
    besides.map_or_else(|| format!("[{}]", k as i32), |(_, name)| format!("[{name}]"))
}
