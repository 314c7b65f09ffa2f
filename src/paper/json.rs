//! A packet as an object for programs, a line each (`schema/egret.dump-1.schema.json`).
//!
//! Numbers are numbers, addresses and text are strings (text in its escaped form), bytes are hexadecimal digits, flags a list of the
//! names of those that are set. Ranges are pairs: the first byte, and the one after the last.

use serde::ser::{SerializeSeq as _, SerializeStruct as _};
use serde::{Serialize, Serializer};

use crate::decode::dissect::{Dissection, Field, LayerFields, Value};
use crate::digest::Motion;

/// What a line says.
#[derive(Debug, Serialize)]
pub struct Object<'a> {
    pub schema: &'static str,
    /// `node1:17`
    pub frame: String,
    /// RFC 3339, in UTC, with nanoseconds.
    pub time: String,
    pub place: &'a str,
    pub direction: Option<&'static str>,
    pub link_type: String,
    pub original: u32,
    pub captured: usize,
    pub layers: Layers<'a>,
    pub stopped: Option<Stopped>,
}

pub const NAME: &str = "egret.dump/1";

/// The JSON Schema (2020-12) of a line.
pub const SCHEMA: &str = include_str!("../../schema/egret.dump-1.schema.json");

#[derive(Debug, Serialize)]
pub struct Stopped {
    pub at: usize,
    pub why: String,
}

pub fn direction(motion: Motion) -> Option<&'static str> {
    match motion {
        Motion::Unsaid => None,
        Motion::In => Some("in"),
        Motion::Out => Some("out"),
        Motion::Passing => Some("passing"),
    }
}

pub fn stopped(dissection: &Dissection) -> Option<Stopped> {
    dissection.stopped.map(|stop| Stopped { at: stop.at, why: stop.why.to_string() })
}

#[derive(Debug)]
pub struct Layers<'a>(pub &'a [LayerFields]);

impl Serialize for Layers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Layer))
    }
}

struct Layer<'a>(&'a LayerFields);

impl Serialize for Layer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut layer = serializer.serialize_struct("Layer", 3)?;
        layer.serialize_field("name", self.0.name)?;
        layer.serialize_field("range", &[self.0.range.start, self.0.range.end])?;
        layer.serialize_field("fields", &Fields(&self.0.fields))?;
        layer.end()
    }
}

struct Fields<'a>(&'a [Field]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for field in self.0 {
            list.serialize_element(&One(field))?;
        }
        list.end()
    }
}

struct One<'a>(&'a Field);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let field = self.0;
        let mut object = serializer.serialize_struct("Field", 5)?;
        object.serialize_field("name", field.name)?;
        object.serialize_field("value", &Said(&field.value))?;
        object.serialize_field("meaning", &field.meaning)?;
        object.serialize_field("range", &[field.range.start, field.range.end])?;
        object.serialize_field("fields", &Fields(&field.fields))?;
        object.end()
    }
}

struct Said<'a>(&'a Value);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Number(number) | Value::Hex(number, _) => serializer.serialize_u64(*number),
            Value::Address(address) => serializer.collect_str(address),
            Value::Mac(mac) => serializer.collect_str(mac),
            Value::Text(text) => text.serialize(serializer),
            Value::Bytes(bytes) => {
                let mut digits = String::with_capacity(bytes.len() * 2);
                for byte in bytes {
                    for half in [byte >> 4, byte & 0xf] {
                        digits.push(char::from_digit(u32::from(half), 16).expect("half a byte"));
                    }
                }
                serializer.serialize_str(&digits)
            }
            Value::Flags(names) => names.serialize(serializer),
            Value::Group => serializer.serialize_none(),
        }
    }
}
