//! (in progress)

#[derive(Debug)]
pub(super) enum Job {
    Check(String),
}
