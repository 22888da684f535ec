//! How steps, losses and refusals are told apart by what is said of them.

use super::*;

#[test]
fn what_is_to_be_done_next_is_said_in_words() {
    let said = |step: AcquireStep| step.to_string();
    let mut terms = terms();
    let refused = acquire(&terms, &Seen::Absent, Stamps::Unknown, now(100.0));
    assert_eq!(said(refused), "refuse: NotFound");
    terms.create = true;
    let absent = acquire(&terms, &Seen::Absent, Stamps::Unknown, now(100.0));
    assert_eq!(said(absent), "create it, held");
    let over = "take it over resourceVersion 7";
    assert_eq!(said(first(&terms, free(15))), over);
    let waiting = said(first(&terms, held("x", 15)));
    assert!(waiting.starts_with("wait: HeldBy("), "{waiting}");
    let old = stamped(held("x", 15), &["2020-01-01T00:00:00Z"]);
    let ask = "ask for the server's version";
    assert_eq!(said(first(&terms, old.clone())), ask);
    let tried = acquire(&terms, &seen(old), Stamps::Trusted, now(100.0));
    let dry_run = "dry run of a takeover over resourceVersion 7";
    assert_eq!(said(tried), dry_run);
}

/// Each kind of loss once, whether somebody has taken the lease, and whether it may still stand as ours.
#[test]
fn of_each_loss_it_is_known_whether_it_is_a_takeover_and_what_may_be_given_back() {
    let holder = "thief".to_owned();
    for (loss, takeover, ours) in [
        (Loss::Deleted, false, false),
        (Loss::Recreated { holder: None }, false, false),
        (
            Loss::Recreated {
                holder: Some(holder.clone()),
            },
            true,
            false,
        ),
        (Loss::Released, false, false),
        (
            Loss::TakenBy {
                holder,
                waits: true,
            },
            true,
            false,
        ),
        (Loss::Regranted { waits: false }, true, false),
        (Loss::Shortened(LeaseDuration::constant(2)), false, true),
        (Loss::Altered("it".to_owned()), false, true),
        (Loss::Deadline { last: None }, false, true),
    ] {
        let found = (loss.is_takeover(), loss.may_be_ours());
        assert_eq!(found, (takeover, ours), "{loss:?}");
    }
}

#[test]
fn who_has_taken_it_over_already_is_named_and_not_where_it_is_the_very_grant_that_was_shown() {
    let mut terms = steal_terms();
    terms.asks = false;
    let waits = held("y", 15).with_victim(Some("x"));
    let shown = agreement(&waits, false);
    let shorter = waits.with_spec("leaseDurationSeconds", json!(2));
    let change = Change::Duration {
        shown: waits.duration(),
        now: shorter.duration(),
    };
    let now = other("y", Nature::Lock);
    let step = steals(&terms, &shorter, Some(&shown));
    let not_as_shown = Refusal::NotAsShown { change, now };
    assert_eq!(step, StealStep::Refuse(not_as_shown));
}
