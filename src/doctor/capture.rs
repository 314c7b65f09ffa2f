//! What can be captured: what came of trying, and what to do where it is not permitted.

use serde::Serialize;

use super::Examined;
use crate::platform::Ways;
use crate::privilege::{Capability, Rights};

/// What came of trying to capture, without reading a frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    /// Why no socket for raw packets can be had at all; `None` where one could be opened.
    pub refused: Option<String>,
    /// Interfaces that were opened, or why not, and the link type of those that were.
    pub interfaces: Vec<(String, Result<String, String>)>,
    /// Interfaces that were left out, being like others.
    pub untried: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Capture {
    pub is_permitted: bool,
    /// Why it is not.
    pub because: Option<String>,
    pub interfaces: Vec<Interface>,
    /// What to do where it is not permitted.
    pub see: Option<&'static str>,
    pub ways: Vec<Way>,
    pub without: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Interface {
    pub name: String,
    /// `works`, `refused` or `untried`.
    pub state: &'static str,
    pub link_type: Option<String>,
    pub because: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct Way {
    pub when: String,
    pub command: String,
}

impl Capture {
    pub(super) fn of(examined: &Examined) -> Self {
        let tried = &examined.tried;
        let opened = tried.interfaces.iter().map(|(name, result)| Interface {
            name: name.clone(),
            state: if result.is_ok() { "works" } else { "refused" },
            link_type: result.as_ref().ok().cloned(),
            because: result.as_ref().err().cloned(),
        });
        let untried = tried.untried.iter().map(|name| Interface {
            name: name.clone(),
            state: "untried",
            link_type: None,
            because: None,
        });
        let is_permitted = tried.refused.is_none();
        let lacking = tried.refused.as_ref().map(|why| lacking(&examined.rights, why));
        let ways =
            (!is_permitted).then(|| examined.platform.ways(Capability::NetRaw, "check", &examined.rights));
        let Ways { see, ways, without } =
            ways.unwrap_or_else(|| Ways { see: "", ways: Vec::new(), without: String::new() });
        Self {
            is_permitted,
            because: lacking,
            interfaces: opened.chain(untried).collect(),
            see: (!is_permitted).then_some(see),
            ways: ways.into_iter().map(|way| Way { when: way.when, command: way.command }).collect(),
            without: (!is_permitted).then_some(without),
        }
    }

    /// The names of interfaces that came to this, in their order.
    pub(super) fn names(&self, state: &str) -> Vec<&str> {
        self.interfaces
            .iter()
            .filter(|interface| interface.state == state)
            .map(|interface| interface.name.as_str())
            .collect()
    }
}

fn lacking(rights: &Rights, why: &str) -> String {
    if why.contains("ermi") {
        format!("it takes CAP_NET_RAW, and this process {}", rights.instead_of(Capability::NetRaw))
    } else {
        format!("the kernel gives no socket for raw packets here ({why})")
    }
}
