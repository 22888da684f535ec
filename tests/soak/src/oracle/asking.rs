//! I5, of those who wait: they ask. Nobody is late for a lease that it has never read; who is started and sends nothing for long,
//! while nothing is done to it and the machine goes on, waits for nothing.

use std::time::Duration;

use super::story::{About, Story, named};
use super::{Violation, faults, grants, seconds};
use crate::history::{Call, Role};

const RULE: &str = "I5";

/// A process starts and reads its kubeconfig, among 25 others on two processors: observed up to six seconds where others
/// compile beside them.
const BEGINS: Duration = Duration::from_secs(10);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let calls = story.history.calls.iter();
    let asking = calls.filter(|call| grants::holds(call) || call.role == Role::Acquire);
    asking.filter_map(|call| silent(story, call)).collect()
}

fn silent(story: &Story<'_>, call: &Call) -> Option<Violation> {
    let end = call.ended.unwrap_or(story.history.run.ended);
    let first = story.requests_of(call.contender);
    let first = first.map(|sent| sent.at).find(|at| *at >= call.started);
    let until = first.map_or(end, |first| first.min(end));
    let (from, to) = faults::troubles(story, call).longest_gap(call.started, until);
    let waited = to
        .since(from)
        .saturating_sub(faults::stalls(story).within(from, to));
    (waited > BEGINS).then(|| {
        let what = format!(
            "{} asked the server for nothing for {}, and nothing was done to it",
            named(call),
            seconds(waited)
        );
        let about = About {
            lease: call.leases.first().map(String::as_str),
            calls: &[call.id],
            from,
            at: to,
        };
        story.violation(RULE, about, what)
    })
}
