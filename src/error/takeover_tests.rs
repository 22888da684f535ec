//! What is said of a takeover that something has come before, by the subcommand that was called.

use super::lease_tests::{ends, other, subject};
use super::*;
use crate::lease::decide::{Change, Refusal};
use crate::lease::values::LeaseDuration;

#[test]
fn what_came_before_a_takeover_is_told_with_the_subcommand_that_was_called() {
    let not_as_shown = |change| Refusal::NotAsShown {
        change,
        now: other("third"),
    };
    let holder = |holder: Option<&str>| Change::Holder(holder.map(str::to_owned));
    let mut cases = vec![
        ("shown free", not_as_shown(holder(None)), TakesBy::Steal),
        (
            "shown as expired",
            not_as_shown(Change::Revived),
            TakesBy::Steal,
        ),
        (
            "shown an earlier grant",
            not_as_shown(Change::Regranted),
            TakesBy::Steal,
        ),
        (
            "shown another duration",
            not_as_shown(Change::Duration {
                shown: Some(LeaseDuration::constant(15)),
                now: Some(LeaseDuration::constant(60)),
            }),
            TakesBy::Failover,
        ),
        (
            "shown with a duration",
            not_as_shown(Change::Duration {
                shown: Some(LeaseDuration::constant(15)),
                now: None,
            }),
            TakesBy::Steal,
        ),
        (
            "one transition left",
            Refusal::LastTransition,
            TakesBy::Failover,
        ),
    ];
    for takes_by in [TakesBy::Steal, TakesBy::Hold, TakesBy::Failover] {
        let being_taken = Refusal::BeingTakenOver {
            by: other("you@desk_1"),
            victim: "victim".to_owned(),
        };
        let ancestor = Refusal::VictimIsAncestor("outer".to_owned());
        let another = not_as_shown(holder(Some("victim")));
        cases.extend([
            ("shown another", another, takes_by),
            ("being taken over", being_taken, takes_by),
            ("of a hold around it", ancestor, takes_by),
        ]);
    }
    let cases = cases.into_iter().map(|(title, refusal, takes_by)| {
        let subject = Subject {
            takes_by,
            ..subject()
        };
        (title, subject, End::Refused(refusal))
    });
    insta::assert_snapshot!(ends(cases));
}
