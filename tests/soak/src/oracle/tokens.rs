//! I2: every grant has one token, the revision of the write that made it, and tokens only grow. Where the answer to that write
//! was lost it may be a later revision of the same grant, which is what was read then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Violation;
use super::grants::Grant;
use super::story::{About, Story, apart};

const RULE: &str = "I2";

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for tree in &story.trees {
        let calls: Vec<u32> = story
            .owner(tree.holder)
            .iter()
            .map(|call| call.id)
            .collect();
        let about = About {
            lease: Some(tree.lease),
            calls: &calls,
            from: tree.first - Duration::from_secs(2),
            at: tree.first,
        };
        let who = format!("{} worked with token {}", tree.holder, tree.token);
        let what = match story.grant(tree.lease, tree.token) {
            None => match story.standing(tree.lease, tree.token) {
                None => format!("{who}, which is no write that left {:?} held", tree.lease),
                Some(grant) => format!(
                    "{who}, which is not the write that made the grant, {}, although its answer came",
                    grant.token
                ),
            },
            Some(grant) if grant.key.holder != tree.holder => {
                format!("{who}, which is the grant of {}", grant.key.holder)
            }
            Some(grant) => {
                let mut writes = grant.writes.iter().map(|index| &story.writes[*index]);
                let shown = writes.find(|write| write.commit.revision == tree.token);
                let stored = shown.unwrap_or(grant.begun(&story.writes)).earliest;
                if tree.first >= stored {
                    continue;
                }
                format!(
                    "{who}, and began {} before that could have been stored",
                    apart(tree.first, stored)
                )
            }
        };
        found.push(story.violation(RULE, about, what));
    }
    found.extend(several(story));
    found.extend(
        story
            .grants
            .iter()
            .filter_map(|grant| uncounted(story, grant)),
    );
    found
}

/// A grant that does not count one more than what was there before: its number tells it from the others, also to whoever waits
/// for its acknowledgement.
fn uncounted(story: &Story<'_>, grant: &Grant<'_>) -> Option<Violation> {
    let begun = grant.begun(&story.writes);
    let call = begun.call?;
    let before = begun.before()?.transitions();
    if grant.key.transitions == before + 1 {
        return None;
    }
    let what = format!(
        "{} is granted it with {} transitions, after {before}",
        grant.key.holder, grant.key.transitions
    );
    let about = About {
        lease: Some(grant.lease),
        calls: &[call.id],
        from: begun.earliest,
        at: begun.earliest,
    };
    Some(story.violation(RULE, about, what))
}

/// Two tokens under one grant: one of them would be refused for the other.
fn several(story: &Story<'_>) -> Vec<Violation> {
    let mut tokens: BTreeMap<(&str, u64), Vec<u64>> = BTreeMap::new();
    for tree in &story.trees {
        if let Some(grant) = story.standing(tree.lease, tree.token) {
            let all = tokens.entry((grant.lease, grant.token)).or_default();
            all.push(tree.token);
        }
    }
    let mut found = Vec::new();
    for ((lease, token), mut all) in tokens {
        all.sort_unstable();
        all.dedup();
        if let (Some(grant), true) = (story.standing(lease, token), all.len() > 1) {
            let at = grant.begun(&story.writes).earliest;
            let calls: Vec<u32> = grant.call.iter().map(|call| call.id).collect();
            let about = About {
                lease: Some(lease),
                calls: &calls,
                from: at,
                at,
            };
            let what = format!("{} worked with {all:?} under one grant", grant.key.holder);
            found.push(story.violation(RULE, about, what));
        }
    }
    found
}
