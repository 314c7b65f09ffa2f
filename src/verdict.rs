//! The closed lists of verdicts, reasons and outcomes: what a flow can be called.

use serde::Serialize;

/// Whether a flow left as it should have; ordered by how little it may be overlooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Fail,
    Inconclusive,
    Pass,
    Exempt,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Pass => "pass",
            Self::Exempt => "exempt",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal => $verdict:ident,)*) => {
        /// Why a flow, or an expectation, has its verdict.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Reason { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl Reason {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The verdict that this reason is given for.
            pub fn verdict(self) -> Verdict {
                match self { $(Self::$variant => Verdict::$verdict,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.name() == name)
            }
        }
    };
}

reasons! {
    /// Every packet on the wire carries an expected source.
    ExpectedSource = "expected-source" => Pass,
    /// A drop was expected, the uplink covered the time, and nothing left.
    DroppedAsExpected = "dropped-as-expected" => Pass,
    /// Left with a node's address.
    NodeIp = "node-ip" => Fail,
    /// Left un-translated.
    PodIp = "pod-ip" => Fail,
    /// Left with an egress address that is somebody else's; with another pod's, where its own was expected.
    OtherEgressIp = "other-egress-ip" => Fail,
    /// Left with an address nobody declared, or the far side saw another than it should.
    UnknownSource = "unknown-source" => Fail,
    /// One flow left with several sources.
    MixedSources = "mixed-sources" => Fail,
    /// Beside a right flow, late packets left with the pod's address.
    StrayPodIp = "stray-pod-ip" => Fail,
    /// A drop was expected, yet it left.
    UnexpectedExit = "unexpected-exit" => Fail,
    /// No uplink was captured.
    WireNotSeen = "wire-not-seen" => Inconclusive,
    /// The uplink was captured, and nothing left.
    NeverLeft = "never-left" => Inconclusive,
    /// Whose flow it is was not seen, and that decides.
    OriginUnknown = "origin-unknown" => Inconclusive,
    /// Several flows fit equally, and their verdicts differ; or a fact is missing that would tell what to expect.
    Ambiguous = "ambiguous" => Inconclusive,
    /// Bytes of the flow are missing from the capture.
    CaptureIncomplete = "capture-incomplete" => Inconclusive,
    /// No flow met the expectation.
    NoFlow = "no-flow" => Inconclusive,
    /// Stayed inside the cluster.
    ClusterInternal = "cluster-internal" => Exempt,
    /// No expectation speaks about it.
    NoExpectation = "no-expectation" => Exempt,
}

/// What became of a flow, whatever its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// SYN-ACK seen; answered, for UDP.
    Established,
    /// Established, then data never acknowledged.
    Stalled,
    /// A retry, or 3 s of later capture, at a place that shows replies of other flows.
    NoReply,
    /// RST to the SYN; for UDP, port-unreachable from the destination itself.
    Refused,
    /// An ICMP error: administratively prohibited.
    Prohibited,
    /// An ICMP error: unreachable for another reason.
    Unreachable,
    /// Established, then reset.
    Reset,
    /// Captured from the middle, both ways seen.
    MidStream,
    /// Captured from the middle, one way seen.
    OneWay,
    /// Too early to say, or replies could not have been seen here.
    Pending,
}

impl Outcome {
    pub const ALL: &[Self] = &[
        Self::Established,
        Self::Stalled,
        Self::NoReply,
        Self::Refused,
        Self::Prohibited,
        Self::Unreachable,
        Self::Reset,
        Self::MidStream,
        Self::OneWay,
        Self::Pending,
    ];

    /// Whether the flow was not let in, or not let on.
    pub fn is_rejection(self) -> bool {
        match self {
            Self::NoReply | Self::Refused | Self::Prohibited | Self::Unreachable | Self::Stalled => true,
            Self::Established | Self::Reset | Self::MidStream | Self::OneWay | Self::Pending => false,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Stalled => "stalled",
            Self::NoReply => "no-reply",
            Self::Refused => "refused",
            Self::Prohibited => "prohibited",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::MidStream => "mid-stream",
            Self::OneWay => "one-way",
            Self::Pending => "pending",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_serialised_forms_are_one() {
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).expect("a string"), reason.name());
            assert_eq!(Reason::from_name(reason.name()), Some(*reason));
        }
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).expect("a string"), outcome.name());
        }
    }
}
