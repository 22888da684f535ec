//! Which renewals count: by reply, by read, by watch, late, twice, out of order.

use serde_json::json;

use super::*;
use crate::lease::evidence::Observation;
use crate::lease::testing::{at, held, wall};

const NOON: &str = "2020-01-01T12:00:00Z";

/// A grant that was sent at 100 s, of resourceVersion 7.
fn begun() -> Tenure {
    Tenure::new(Grant::new(held("me", 6), &held("me", 6), at(100.0)), None)
}

/// As the server has it after this write.
fn stored(record: &Record, version: u32) -> Record {
    record.with(|object| object["metadata"]["resourceVersion"] = json!(version.to_string()))
}

fn seen(record: &Record) -> Seen {
    Seen::Lease(Observation::first(record.clone(), at(0.0), None))
}

fn edited(record: &Record, version: u32) -> Record {
    stored(record, version).with(|object| object["metadata"]["labels"] = json!({ "edited": "yes" }))
}

#[test]
fn a_renewal_counts_from_its_sending_whoever_shows_it() {
    type Show = fn(&mut Tenure, &Record) -> Shown;
    let ways: [Show; 3] = [
        |tenure, record| tenure.stored(record.clone(), at(102.0), at(105.0)),
        |tenure, record| tenure.shown(&seen(record), None, at(105.0)),
        |tenure, record| tenure.shown(&seen(record), Some(at(104.0)), at(105.0)),
    ];
    for way in ways {
        let mut tenure = begun();
        let sent = tenure.next(wall(NOON), at(102.0));
        let later = tenure.next(wall(NOON), at(103.0));
        assert_ne!(sent.renew_time(), later.renew_time());
        assert_eq!(way(&mut tenure, &stored(&sent, 8)), Shown::Renewed);
        assert_eq!(tenure.grant().sent_at, at(102.0));
        // The next one goes on top of it.
        let next = tenure.next(wall(NOON), at(105.0));
        assert_eq!(next.resource_version(), "8");
    }
}

#[test]
fn a_renewal_under_a_label_edit_counts_and_so_does_one_that_an_older_state_shows() {
    let mut tenure = begun();
    let sent = tenure.next(wall(NOON), at(102.0));
    let under = edited(&sent, 9);
    assert_eq!(tenure.shown(&seen(&under), None, at(103.0)), Shown::Renewed);
    assert_eq!(tenure.grant().record, under);

    let mut tenure = begun();
    let sent = tenure.next(wall(NOON), at(102.0));
    // Another process of ours renewed after it; that is seen first.
    let other = stored(&sent.renewed(wall("2020-01-01T13:00:00Z")), 9);
    assert_eq!(tenure.shown(&seen(&other), None, at(103.0)), Shown::Same);
    let late = stored(&sent, 8);
    assert_eq!(tenure.shown(&seen(&late), None, at(104.0)), Shown::Renewed);
    assert_eq!(tenure.grant().record, other, "the newest stays the basis");
}

#[test]
fn what_comes_late_twice_or_out_of_order_moves_nothing_back() {
    let mut tenure = begun();
    let [first, second] = [(102.0, 8), (103.0, 9)].map(|(sent_at, version)| {
        let sent = stored(&tenure.next(wall(NOON), at(sent_at)), version);
        let shown = tenure.shown(&seen(&sent), None, at(sent_at + 0.5));
        assert_eq!(shown, Shown::Renewed);
        sent
    });
    let asked_before = Some(at(103.4));
    for shown in [
        tenure.stored(first.clone(), at(102.0), at(104.0)),
        tenure.stored(second.clone(), at(103.0), at(104.0)),
        tenure.shown(&seen(&first), None, at(104.5)),
        tenure.shown(&seen(&first), asked_before, at(105.0)),
    ] {
        assert_eq!(shown, Shown::Same);
    }
    let grant = tenure.grant();
    assert_eq!((grant.sent_at, &grant.record), (at(103.0), &second));
}

#[test]
fn a_read_begun_after_the_last_news_is_believed_even_if_versions_went_back() {
    // etcd restored from a backup.
    let mut tenure = begun();
    let renewed = tenure.next(wall(NOON), at(102.0));
    let renewed = stored(&renewed, 50);
    assert_eq!(tenure.stored(renewed, at(102.0), at(102.5)), Shown::Renewed);
    let restored = held("me", 6);
    assert_eq!(
        tenure.shown(&seen(&restored), Some(at(103.0)), at(103.1)),
        Shown::Same
    );
    assert_eq!(tenure.next(wall(NOON), at(104.0)).resource_version(), "7");
}

#[test]
fn a_renewal_by_somebody_else_of_the_same_grant_does_not_count_as_ours() {
    let mut tenure = begun();
    let _ = tenure.next(wall(NOON), at(102.0));
    let other = stored(&held("me", 6).renewed(wall("2020-01-01T13:00:00Z")), 8);
    assert_eq!(tenure.shown(&seen(&other), None, at(103.0)), Shown::Same);
    assert_eq!(tenure.grant().sent_at, at(100.0));
    assert_eq!(tenure.next(wall(NOON), at(104.0)).resource_version(), "8");
}

#[test]
fn a_loss_is_a_loss_and_old_news_of_one_is_not() {
    let mut tenure = begun();
    let taken = stored(&held("thief", 6), 8);
    let loss = Shown::Lost(Loss::TakenBy {
        holder: "thief".into(),
        waits: false,
    });
    assert_eq!(tenure.shown(&seen(&taken), None, at(101.0)), loss);
    assert_eq!(
        tenure.shown(&Seen::Absent, Some(at(101.0)), at(101.0)),
        Shown::Lost(Loss::Deleted)
    );
    let before = stored(&held("earlier", 6), 6);
    assert_eq!(tenure.shown(&seen(&before), None, at(101.0)), Shown::Same);
}

#[test]
fn a_clock_that_stands_still_writes_times_that_can_be_told_apart() {
    let mut tenure = begun();
    let times: Vec<_> = (0..5)
        .map(|_| {
            let sent = tenure.next(wall("2020-01-01T00:00:00.0000004Z"), at(102.0));
            sent.renew_time().map(str::to_owned)
        })
        .collect();
    let mut unlike = times.clone();
    unlike.dedup();
    assert_eq!(times, unlike);
}

#[test]
fn a_duration_that_renewals_record_is_not_taken_for_somebody_elses_edit() {
    use crate::lease::values::LeaseDuration;
    let grant = Grant::new(held("me", 12), &held("me", 12), at(100.0));
    let mut tenure = Tenure::new(grant, Some(LeaseDuration::constant(3)));
    let sent = tenure.next(wall(NOON), at(102.0));
    assert_eq!(sent.duration(), Some(LeaseDuration::constant(3)));
    let over = edited(&held("me", 12), 8);
    assert_eq!(tenure.shown(&seen(&over), None, at(102.1)), Shown::Same);
    let sent = tenure.next(wall(NOON), at(102.2));
    assert_eq!(sent.duration(), Some(LeaseDuration::constant(3)));
    assert_eq!(
        tenure.shown(&seen(&stored(&sent, 9)), None, at(103.0)),
        Shown::Renewed
    );
}
