//! A preset as somebody asks for it: `NAME`, or `NAME:parameter=value,parameter=value`.
//!
//! A part without `=` goes on with the value before it, so that lists need no quotes:
//! `pod-pair:pod=10.128.0.5,10.128.0.6,peer=203.0.113.25`.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub name: String,
    /// Parameters and their values, lists between commas.
    pub given: Vec<(String, String)>,
}

/// What was typed asks for no preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{typed}` asks for no preset; write NAME, or NAME:parameter=value,parameter=value")]
pub struct Malformed {
    pub typed: String,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (at, (parameter, value)) in self.given.iter().enumerate() {
            write!(f, "{}{parameter}={value}", if at == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl FromStr for Wanted {
    type Err = Malformed;

    fn from_str(typed: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed { typed: typed.to_owned() };
        let (name, rest) = match typed.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (typed, None),
        };
        if name.is_empty() || name.contains('=') {
            return Err(malformed());
        }
        let mut given: Vec<(String, String)> = Vec::new();
        for part in rest.into_iter().flat_map(|rest| rest.split(',')) {
            match (part.split_once('='), given.last_mut()) {
                (Some((parameter, value)), _) if !parameter.is_empty() && !value.is_empty() => {
                    given.push((parameter.trim().to_owned(), value.to_owned()));
                }
                (None, Some((_, value))) if !part.is_empty() => {
                    value.push(',');
                    value.push_str(part);
                }
                _ => return Err(malformed()),
            }
        }
        Ok(Self { name: name.to_owned(), given })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(typed: &str) -> Vec<(String, String)> {
        typed.parse::<Wanted>().unwrap().given
    }

    #[test]
    fn a_part_without_a_parameter_goes_on_with_the_list_before_it() {
        assert_eq!(given("dns"), []);
        let [pod, peer] = &given("pod-pair:pod=10.128.0.5,fd00::5,peer=203.0.113.25")[..] else { panic!() };
        assert_eq!((pod.0.as_str(), pod.1.as_str()), ("pod", "10.128.0.5,fd00::5"));
        assert_eq!((peer.0.as_str(), peer.1.as_str()), ("peer", "203.0.113.25"));
    }

    #[test]
    fn what_asks_for_no_preset_is_answered_with_the_way_to_ask() {
        for typed in ["", ":a=b", "a=b", "dns:", "dns:ports", "dns:ports=", "dns:=53", "dns:ports=53,"] {
            assert_eq!(
                typed.parse::<Wanted>().unwrap_err().to_string(),
                format!("`{typed}` asks for no preset; write NAME, or NAME:parameter=value,parameter=value")
            );
        }
    }
}
