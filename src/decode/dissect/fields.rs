//! Reads fields out of a part of a frame. What lies beyond the part is not there, and leaves no field.

use std::borrow::Cow;
use std::ops::Range;

use super::{Field, Value};
use crate::net::{Address, Mac};
use crate::text::Text;

pub(super) struct Fields<'a> {
    frame: &'a [u8],
    range: Range<usize>,
    read: Vec<Field>,
}

impl<'a> Fields<'a> {
    /// Of `frame`, the part that `range` says; it lies within the frame.
    pub(super) fn new(frame: &'a [u8], range: Range<usize>) -> Self {
        debug_assert!(range.start <= range.end && range.end <= frame.len());
        Self { frame, range, read: Vec::new() }
    }

    pub(super) fn done(self) -> Vec<Field> {
        self.read
    }

    /// The part's bytes. All offsets are in them.
    pub(super) fn all(&self) -> &'a [u8] {
        &self.frame[self.range.clone()]
    }

    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    pub(super) fn at<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.all().get(at..)?.first_chunk().copied()
    }

    pub(super) fn u8(&self, at: usize) -> Option<u8> {
        self.all().get(at).copied()
    }

    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        self.at(at).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        self.at(at).map(u32::from_be_bytes)
    }

    /// A field of `length` bytes, if they are there.
    pub(super) fn add(&mut self, name: &'static str, at: usize, length: usize, value: Value) -> Added<'_> {
        let (Some(start), Some(end)) =
            (self.range.start.checked_add(at), self.range.start.checked_add(at.saturating_add(length)))
        else {
            return Added(None);
        };
        if end > self.range.end {
            return Added(None);
        }
        self.read.push(Field { name, value, meaning: None, range: start..end, fields: Vec::new() });
        Added(self.read.last_mut())
    }

    /// The big-endian number of up to eight bytes.
    fn read(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.all().get(at..at.checked_add(length)?)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn number(&mut self, name: &'static str, at: usize, length: usize) -> Added<'_> {
        match self.read(at, length) {
            Some(number) => self.add(name, at, length, Value::Number(number)),
            None => Added(None),
        }
    }

    pub(super) fn hex(&mut self, name: &'static str, at: usize, length: usize) -> Added<'_> {
        match self.read(at, length) {
            Some(number) => self.add(name, at, length, Value::Hex(number, length as u8 * 2)),
            None => Added(None),
        }
    }

    /// Some of the bits of the `length` bytes: those above the lowest `shift`, as many as `width`.
    pub(super) fn bits(
        &mut self,
        name: &'static str,
        (at, length): (usize, usize),
        shift: u32,
        width: u32,
    ) -> Added<'_> {
        match self.read(at, length) {
            Some(number) => self.add(name, at, length, Value::Number(number >> shift & ((1 << width) - 1))),
            None => Added(None),
        }
    }

    /// Names of the bits that are set, each by its mask.
    pub(super) fn flags(
        &mut self,
        name: &'static str,
        (at, length): (usize, usize),
        names: &[(u64, &'static str)],
    ) -> Added<'_> {
        match self.read(at, length) {
            Some(number) => {
                let set = names.iter().filter(|(mask, _)| number & mask != 0).map(|(_, name)| *name);
                self.add(name, at, length, Value::Flags(set.collect()))
            }
            None => Added(None),
        }
    }

    pub(super) fn address4(&mut self, name: &'static str, at: usize) -> Added<'_> {
        match self.u32(at) {
            Some(bits) => self.add(name, at, 4, Value::Address(Address::v4(bits))),
            None => Added(None),
        }
    }

    pub(super) fn address6(&mut self, name: &'static str, at: usize) -> Added<'_> {
        match self.at(at) {
            Some(bytes) => self.add(name, at, 16, Value::Address(Address::v6(bytes))),
            None => Added(None),
        }
    }

    pub(super) fn mac(&mut self, name: &'static str, at: usize) -> Added<'_> {
        match self.at(at) {
            Some(bytes) => self.add(name, at, 6, Value::Mac(Mac(bytes))),
            None => Added(None),
        }
    }

    /// Text that fills all its bytes.
    pub(super) fn text(&mut self, name: &'static str, at: usize, length: usize) -> Added<'_> {
        match self.all().get(at..at.saturating_add(length)) {
            Some(bytes) => {
                let text = Text::exact(bytes);
                self.add(name, at, length, Value::Text(text))
            }
            None => Added(None),
        }
    }

    pub(super) fn bytes(&mut self, name: &'static str, at: usize, length: usize) -> Added<'_> {
        match self.all().get(at..at.saturating_add(length)) {
            Some(bytes) => self.add(name, at, length, Value::Bytes(bytes.into())),
            None => Added(None),
        }
    }

    /// The bytes from `at` on, if there are any.
    pub(super) fn rest(&mut self, name: &'static str, at: usize) -> Added<'_> {
        match self.len().checked_sub(at) {
            None | Some(0) => Added(None),
            Some(length) => self.bytes(name, at, length),
        }
    }

    /// A field that is made of those that `fill` reads of its bytes; as many of the `length` as there are.
    pub(super) fn group(
        &mut self,
        name: &'static str,
        at: usize,
        length: usize,
        fill: impl FnOnce(&mut Fields<'a>),
    ) -> Added<'_> {
        self.group_of(name, at, length, Value::Group, fill)
    }

    pub(super) fn group_of(
        &mut self,
        name: &'static str,
        at: usize,
        length: usize,
        value: Value,
        fill: impl FnOnce(&mut Fields<'a>),
    ) -> Added<'_> {
        let there = self.len().saturating_sub(at).min(length);
        if there == 0 {
            return Added(None);
        }
        let start = self.range.start + at;
        let mut inner = Fields::new(self.frame, start..start + there);
        fill(&mut inner);
        let fields = inner.done();
        let mut added = self.add(name, at, there, value);
        if let Some(field) = &mut added.0 {
            field.fields = fields;
        }
        added
    }

    /// A list of options as IPv4 and TCP have it (RFC 791 §3.1, RFC 9293 §3.1): each a group that `fill` reads, named for its kind.
    /// Kind 0 ends the list, 1 has no length.
    pub(super) fn options(&mut self, name: impl Fn(u8) -> &'static str, fill: impl Fn(&mut Self, u8)) {
        let mut at = 0;
        while let Some(kind) = self.u8(at) {
            let length = match kind {
                0 | 1 => 1,
                _ => match self.u8(at + 1) {
                    Some(length) if length >= 2 => usize::from(length),
                    _ => return,
                },
            };
            self.group(name(kind), at, length, |option| fill(option, kind));
            if kind == 0 {
                return;
            }
            at += length;
        }
    }
}

/// A field just added, or none.
pub(super) struct Added<'a>(Option<&'a mut Field>);

impl Added<'_> {
    pub(super) fn means(self, words: impl Into<Cow<'static, str>>) {
        if let Some(field) = self.0 {
            field.meaning = Some(words.into());
        }
    }

    /// In words, if there are any.
    pub(super) fn may_mean(self, words: Option<impl Into<Cow<'static, str>>>) {
        if let (Some(field), Some(words)) = (self.0, words) {
            field.meaning = Some(words.into());
        }
    }

    /// What a number's list has for it.
    pub(super) fn named<T: TryFrom<u64>>(self, list: impl FnOnce(T) -> Option<&'static str>) {
        let number = match self.0.as_ref().map(|field| &field.value) {
            Some(Value::Number(number) | Value::Hex(number, _)) => *number,
            _ => return,
        };
        let name = T::try_from(number).ok().and_then(list);
        self.may_mean(name);
    }
}
