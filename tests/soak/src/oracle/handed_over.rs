//! How long handovers took, and what losses came of: figures for the report, no judgement.

use std::time::Duration;

use super::causes::{self, Cause};
use super::faults;
use super::grants::{self, Ending};
use super::story::Story;

/// What came before the next grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handover {
    Release,
    Expiry,
}

/// From the last work of one token to the first of the next one, where nothing was done to either call meanwhile.
pub fn handovers(story: &Story<'_>) -> Vec<(Handover, Duration)> {
    let mut found = Vec::new();
    for grant in &story.grants {
        let kind = match grant.ending(&story.writes) {
            Ending::Released => Handover::Release,
            Ending::Expired => Handover::Expiry,
            Ending::Stands | Ending::FreedByOther | Ending::Robbed => continue,
        };
        let of_lease = story.grants.iter().filter(|next| next.lease == grant.lease);
        let Some(next) = of_lease.into_iter().find(|next| next.token > grant.token) else {
            continue;
        };
        let trees = (story.tree(grant), story.tree(next));
        let (Some(one), Some(other), Some(from), Some(to)) =
            (trees.0, trees.1, grant.call, next.call)
        else {
            continue;
        };
        // Nobody waited yet: that is no handover.
        if to.started > one.last || other.first <= one.last {
            continue;
        }
        let quiet = |call| {
            let troubles = faults::troubles(story, call);
            troubles.within(one.last, other.first).is_zero()
        };
        let stood_still = faults::stalls(story).within(one.last, other.first);
        if stood_still.is_zero() && quiet(to) && (kind == Handover::Expiry || quiet(from)) {
            found.push((kind, other.first.since(one.last)));
        }
    }
    found
}

/// The cause of each loss, where there is one.
pub fn losses(story: &Story<'_>) -> Vec<Option<Cause>> {
    let holding = story
        .history
        .calls
        .iter()
        .filter(|call| grants::holds(call));
    let lost = holding.flat_map(|call| {
        let all = causes::lost(story, call).into_iter();
        let causes = all.map(|lost| {
            let mut causes = lost.iter();
            causes.find_map(|grant| causes::cause(story, call, grant))
        });
        causes.collect::<Vec<_>>()
    });
    lost.collect()
}
