//! What is said of flows none of which is held any longer: their number and their reason are all that is known.

use crate::explain::Explanation;
use crate::number::counted;
use crate::verdict::Reason;

/// What is said of so many flows that were let go of: because they had settled, or for want of room.
pub fn let_go(reason: Reason, flows: u64, is_evicted: bool) -> Explanation {
    let subject = counted(flows, "flow");
    let (was, had) = if flows == 1 { ("was", "it had") } else { ("were", "they had") };
    if is_evicted {
        return Explanation {
            sentence: format!("{subject} {was} let go of before {had} ended, for want of room"),
            next_step: Some(
                "More flows were open at a time than egret holds. Narrow what is captured, for example with --src or --dst, or judge a shorter capture.".to_owned(),
            ),
        };
    }
    Explanation {
        sentence: format!("{subject} {was} judged {} and {was} let go of after {had} ended", reason.name()),
        next_step: Some(
            "What is known of places and roles has changed since. A capture that begins now shows such flows as they are judged today.".to_owned(),
        ),
    }
}
