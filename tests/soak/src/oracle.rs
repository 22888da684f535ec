//! What must hold of every history, each rule in a file of its own; pure, and it trusts nothing that the tool says of itself.

mod asking;
mod author;
mod causes;
mod dead_in_time;
mod exits;
mod explained;
mod faults;
mod ghosts;
mod grants;
mod handed_over;
mod justified;
mod lingering;
mod matched;
mod overlap;
mod progress;
mod record;
mod shortest;
mod slice;
mod slots;
mod sound;
mod spans;
mod story;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod tokens;
mod trees;
mod writers;

use crate::history::History;
use crate::time::At;
pub use causes::Cause;
pub use faults::is_stall;
pub use handed_over::{Handover, handovers, losses};
pub use slice::Moment;
pub use story::Story;

/// A history that breaks a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// `I1` to `I9`; `history` where the history itself cannot be right, or has nothing to judge.
    pub rule: &'static str,
    /// The lease, where it is about one.
    pub lease: Option<String>,
    /// The calls that it is about.
    pub calls: Vec<u32>,
    /// When it shows.
    pub at: At,
    /// What happened and why it must not, in a sentence.
    pub what: String,
    /// What led to it, in order.
    pub history: Vec<Moment>,
    /// Of how many entries of the history that is the shortest that was found; none where it is what was around.
    pub out_of: Option<usize>,
}

/// Every rule, by its name and what it asks for.
pub const RULES: [(&str, &str); 10] = [
    ("I1", "no two at work, unless a write asked for it"),
    ("I2", "a token for each grant, and it grows"),
    ("I3", "every change of holder is justified"),
    (
        "I4",
        "nothing runs when the lease can expire, or is given away",
    ),
    ("I5", "the next grant comes in time"),
    ("I6", "nobody writes but the holder"),
    ("I7", "exit codes tell the truth"),
    ("I8", "no loss without a cause"),
    ("I9", "nothing and nobody is left behind"),
    ("history", "the history is whole"),
];

/// Finds what breaks a rule.
type Rule = fn(&Story<'_>) -> Vec<Violation>;

/// What breaks a rule, by rule and time; the first of them with the shortest history of each.
pub fn judge(history: &History) -> Vec<Violation> {
    let story = Story::of(history);
    let rules: [Rule; 14] = [
        overlap::violations,
        tokens::violations,
        justified::violations,
        dead_in_time::violations,
        progress::violations,
        asking::violations,
        writers::violations,
        explained::violations,
        exits::violations,
        causes::violations,
        ghosts::violations,
        slots::violations,
        lingering::violations,
        sound::violations,
    ];
    let mut found: Vec<(Violation, Rule)> = Vec::new();
    for rule in rules {
        found.extend(rule(&story).into_iter().map(|violation| (violation, rule)));
    }
    found.sort_by_key(|(violation, _)| (violation.rule, violation.at));
    for (violation, rule) in found.iter_mut().take(shortest::FIRST) {
        shortest::shorten(&story, *rule, violation);
    }
    found.into_iter().map(|(violation, _)| violation).collect()
}

/// What is told of a span, in seconds.
fn seconds(span: std::time::Duration) -> String {
    format!("{:.3} s", span.as_secs_f64())
}
