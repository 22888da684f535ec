//! What is said of every end of an operation on a Lease, and its exit code: a snapshot that is read as a whole.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::lease::api::{Rejection, TransportError};
use crate::lease::decide::Refusal::{self, HolderIs, NoLock};
use crate::lease::decide::{Change, Loss, Obstacle};
use crate::lease::keeper::{Keeper, Nature, Other};
use crate::lease::operate::{Failure, Fate};
use crate::lease::values::LeaseDuration;

pub(super) fn subject() -> Subject {
    Subject {
        namespace: "team".to_owned(),
        name: "job".to_owned(),
        holder: Some("me".to_owned()),
        only_asks: false,
        conflict: None,
        reenters: false,
        if_holder: None,
        takes_by: TakesBy::Steal,
        frees: false,
        beside: false,
        steals: false,
        of_slots: false,
    }
}

fn who(edit: impl FnOnce(&mut Subject)) -> Subject {
    let mut subject = subject();
    edit(&mut subject);
    subject
}

/// As `acquire` asks.
fn acquirer() -> Subject {
    Subject {
        conflict: Some(Exit::NOT_ACQUIRED),
        reenters: true,
        ..subject()
    }
}

/// As `hold` asks, where another exit code was asked for.
fn hold() -> Subject {
    Subject {
        reenters: false,
        conflict: Some(Exit(77)),
        ..acquirer()
    }
}

fn natures() -> [Nature; 8] {
    [
        Nature::Lock,
        Nature::Election,
        Nature::Terraform,
        Nature::Exhausted,
        Nature::Kept(Keeper::Node("node-a".to_owned())),
        Nature::Kept(Keeper::ApiServer),
        Nature::Kept(Keeper::Election),
        Nature::Kept(Keeper::EtcdDruid),
    ]
}

pub(super) fn other(holder: &str) -> Other {
    Other {
        holder: holder.to_owned(),
        nature: Nature::Lock,
    }
}

fn rejected(kind: RejectionKind, code: u16, reason: &str, message: &str) -> Fault {
    Fault::Rejected(Rejection {
        code,
        reason: reason.to_owned(),
        message: message.to_owned(),
        kind,
        advice: None,
        is_status: true,
    })
}

fn busy() -> Fault {
    let kind = RejectionKind::TooManyRequests { retry_after: None };
    rejected(kind, 429, "TooManyRequests", "slow down")
}

fn conflict() -> Fault {
    let message = "the policy says no";
    rejected(RejectionKind::Conflict, 409, "Conflict", message)
}

fn forbidden() -> Fault {
    let message = "leases.coordination.k8s.io \"job\" is forbidden: User \"kim\" cannot update resource \"leases\" in API group \
        \"coordination.k8s.io\" in the namespace \"team\"";
    rejected(RejectionKind::Forbidden, 403, "Forbidden", message)
}

fn out_of_time(obstacle: Option<Obstacle>, fault: Option<Fault>) -> End {
    End::TimedOut {
        obstacle,
        at_most: None,
        fault,
        since: None,
    }
}

/// A title, then what is said, then the exit code.
fn all(cases: impl IntoIterator<Item = (String, Error)>) -> String {
    let mut text = String::new();
    for (title, error) in cases {
        let lines = error.lines().join("\n");
        let code = error.exit().0;
        write!(text, "--- {title}\n{lines}\n[exit {code}]\n\n").expect("a string");
    }
    text
}

pub(super) fn ends(cases: impl IntoIterator<Item = (&'static str, Subject, End)>) -> String {
    let cases = cases.into_iter();
    all(cases.map(|(title, subject, end)| (title.to_owned(), Error::lease(subject, end))))
}

#[test]
fn every_refusal_says_what_stands_in_the_way_and_the_next_step() {
    let theirs = || Some(other("other"));
    let asks = who(|it| it.only_asks = true);
    let looks = who(|it| it.holder = None);
    let if_holder = who(|it| it.if_holder = Some("victim".to_owned()));
    let by = |takes_by| Subject {
        takes_by,
        ..if_holder.clone()
    };
    let spaced = who(|it| it.holder = Some("me here".to_owned()));
    let strategy = Refusal::Coordinated("OldestEmulationVersion".to_owned());
    let ancestor = || Refusal::HeldByAncestor("outer".to_owned());
    let too_short = Refusal::TooShort(LeaseDuration::constant(1));
    let victim = Refusal::VictimMayRun("victim".to_owned());
    let node = NoLock(Keeper::Node("node-a".to_owned()));
    let anew = HolderIs(Some(other("me")));
    let cases = [
        ("absent, who wants it", acquirer(), Refusal::NotFound),
        ("absent, who means to hold it", subject(), Refusal::NotFound),
        ("absent, who looks", looks, Refusal::NotFound),
        ("coordinated", acquirer(), strategy),
        ("exhausted", acquirer(), Refusal::TransitionsExhausted),
        ("terminating", subject(), Refusal::Terminating),
        ("too short", hold(), too_short),
        ("ancestor, acquire", acquirer(), ancestor()),
        ("ancestor, hold -E 77", hold(), ancestor()),
        ("stolen", subject(), victim),
        ("kept by hold", subject(), Refusal::KeptByHold),
        ("a node's heartbeat", subject(), node),
        ("an API server", subject(), NoLock(Keeper::ApiServer)),
        ("free", subject(), HolderIs(None)),
        ("free, check", asks.clone(), HolderIs(None)),
        ("another", spaced, HolderIs(theirs())),
        ("another, check", asks, HolderIs(theirs())),
        ("oneself anew", subject(), anew),
        ("free, --if-holder", if_holder.clone(), HolderIs(None)),
        (
            "another, hold --steal --if-holder",
            by(TakesBy::Hold),
            HolderIs(theirs()),
        ),
        (
            "another, failover --if-holder",
            by(TakesBy::Failover),
            HolderIs(theirs()),
        ),
        ("another, --if-holder", if_holder, HolderIs(theirs())),
    ];
    let cases = cases.map(|(title, subject, refusal)| (title, subject, End::Refused(refusal)));
    insta::assert_snapshot!(ends(cases));
}

#[test]
fn what_was_not_freed_by_force_is_told_with_what_to_look_at() {
    let frees = || who(|it| it.frees = true);
    let named = || {
        who(|it| {
            it.frees = true;
            it.if_holder = Some("victim".to_owned());
        })
    };
    let refused = End::Refused;
    let changed = |change| Refusal::NotAsShown {
        change,
        now: other("third"),
    };
    let another = Change::Holder(Some("victim".to_owned()));
    let theirs = HolderIs(Some(other("other")));
    let node = Refusal::NotFreed(Keeper::Node("node-a".to_owned()));
    let elected = Refusal::NotFreed(Keeper::Election);
    let open = End::Unsettled {
        end: Box::new(End::Interrupted(2)),
        fault: None,
    };
    let cases = [
        ("absent", frees(), refused(Refusal::NotFound)),
        ("free", frees(), refused(HolderIs(None))),
        ("free, --if-holder", named(), refused(HolderIs(None))),
        ("another, --if-holder", named(), refused(theirs)),
        ("shown another", frees(), refused(changed(another))),
        ("shown older", frees(), refused(changed(Change::Revived))),
        ("a node's heartbeat", frees(), refused(node)),
        ("coordinated", frees(), refused(elected)),
        ("terminating", frees(), refused(Refusal::Terminating)),
        ("interrupted", frees(), End::Interrupted(2)),
        ("open", frees(), open),
        ("declined", frees(), End::Declined("declined".to_owned())),
    ];
    insta::assert_snapshot!(ends(cases));
}

#[test]
fn whatever_another_has_is_advised_about_by_what_it_is_and_only_a_lock_is_to_be_stolen() {
    let mut cases = Vec::new();
    for nature in natures() {
        let other = Other {
            holder: "other".to_owned(),
            nature: nature.clone(),
        };
        let timed_out = |obstacle| End::TimedOut {
            obstacle: Some(obstacle),
            at_most: matches!(nature, Nature::Lock | Nature::Election)
                .then_some(Duration::from_secs(15)),
            fault: None,
            since: None,
        };
        let theirs = || timed_out(Obstacle::HeldBy(other.clone()));
        let own = || timed_out(Obstacle::HeldByOneself(nature.clone()));
        let released = End::Refused(HolderIs(Some(other.clone())));
        for (call, subject, end) in [
            ("acquire", acquirer(), theirs()),
            ("hold", hold(), theirs()),
            ("oneself", acquirer(), own()),
            ("oneself, hold", hold(), own()),
            ("release", subject(), released),
        ] {
            let error = Error::lease(subject, end);
            let steals = error.lines().concat().contains("lease steal");
            let is_lock = nature == Nature::Lock && !call.starts_with("oneself");
            assert_eq!(steals, is_lock, "{nature:?} {:?}", error.lines());
            cases.push((format!("{nature:?}, {call}"), error));
        }
    }
    insta::assert_snapshot!(all(cases));
}

#[test]
fn every_other_end_says_what_is_known_and_what_is_not() {
    let timed_out = |fault| out_of_time(None, fault);
    let unknown = || Fault::Unknown("no answer within 1s".to_owned());
    let unsettled = |end: End, fault: Option<Fault>| End::Unsettled {
        end: Box::new(end),
        fault,
    };
    let altered = |left: Option<&str>| End::Altered {
        what: "the server stored holderIdentity \"team-me\" instead of \"me\"".to_owned(),
        left: left.map(str::to_owned),
    };
    let since = "2026-01-02T03:04:05Z".parse().expect("a time");
    let silent = End::TimedOut {
        obstacle: Some(Obstacle::HeldBy(other("other"))),
        at_most: None,
        fault: Some(unknown()),
        since: Some(since),
    };
    let terminating = out_of_time(Some(Obstacle::Terminating), None);
    let nobody = who(|it| it.holder = None);
    let refused = Fault::NotSent(TransportError::Refused {
        server: "https://api:6443".to_owned(),
    });
    let not_stored = Fault::NotStored("the server stored nothing".to_owned());
    let no_role = unsettled(End::Fault(forbidden()), Some(forbidden()));
    let open = unsettled(End::Fault(unknown()), None);
    let open_signal = unsettled(End::Interrupted(2), None);
    let over = |other: Option<&str>| {
        let refusal = Refusal::HolderIs(other.map(self::other));
        unsettled(End::Refused(refusal), None)
    };
    let declined = unsettled(End::Declined("declined".to_owned()), None);
    let (thief, beside) = (who(|it| it.beside = true), open.clone());
    let kept = End::Kept(Box::new(End::Interrupted(1)));
    let mut cases = vec![
        ("refused connection", acquirer(), End::Fault(refused)),
        ("over, and free", subject(), over(None)),
        ("over, and another's", subject(), over(Some("other"))),
        ("asked again, and declined", subject(), declined),
        ("unknown", acquirer(), End::Fault(unknown())),
        ("busy", acquirer(), End::Fault(busy())),
        ("forbidden", subject(), End::Fault(forbidden())),
        ("conflict for ever", subject(), End::Fault(conflict())),
        ("not stored", subject(), End::Fault(not_stored)),
        ("terminating", acquirer(), terminating),
        ("silent since", acquirer(), silent),
        ("timed out", acquirer(), timed_out(None)),
        ("timed out, unknown", acquirer(), timed_out(Some(unknown()))),
        ("timed out, busy", acquirer(), timed_out(Some(busy()))),
        (
            "timed out, conflicts",
            acquirer(),
            timed_out(Some(conflict())),
        ),
        (
            "timed out, release, unknown",
            subject(),
            timed_out(Some(unknown())),
        ),
        (
            "timed out, release, conflicts",
            subject(),
            timed_out(Some(conflict())),
        ),
        ("INT, acquire", acquirer(), End::Interrupted(2)),
        ("TERM, release", subject(), End::Interrupted(15)),
        ("altered, given back", subject(), altered(None)),
        ("altered, left", subject(), altered(Some("keeper"))),
        ("unsettled, create", nobody, open),
        ("unsettled, INT", acquirer(), open_signal),
        ("unsettled, forbidden", acquirer(), no_role),
        ("unsettled, hold --steal", thief, beside),
        ("kept, HUP", acquirer(), kept),
        ("declined", subject(), End::Declined("declined".to_owned())),
    ];
    let shortened = Loss::Shortened(LeaseDuration::constant(2));
    let stored = "the server stored leaseDurationSeconds 2 instead of 60";
    let (next, last) = ("next".to_owned(), "no answer within 1s".to_owned());
    let (holder, waits) = ("thief".to_owned(), true);
    let losses = [
        Loss::Deleted,
        Loss::Recreated { holder: None },
        Loss::Recreated { holder: Some(next) },
        Loss::Released,
        Loss::TakenBy { holder, waits },
        Loss::Regranted { waits: false },
        shortened,
        Loss::Altered(stored.to_owned()),
        Loss::Deadline { last: None },
        Loss::Deadline { last: Some(last) },
    ];
    cases.extend(losses.map(|loss| ("lost", subject(), End::Lost(loss))));
    insta::assert_snapshot!(ends(cases));
}

#[test]
#[cfg_attr(windows, ignore = "the system's own words for a full disk are in it")]
fn a_result_that_reached_nobody_says_what_became_of_the_lease() {
    let full = || std::io::Error::from_raw_os_error(28).into();
    let unsaid: [fn() -> Unsaid; 4] = [
        || Unsaid::NobodyReads,
        || std::io::Error::from_raw_os_error(28).into(),
        || Unsaid::TooLate,
        || Unsaid::Interrupted(15),
    ];
    let fates = || {
        [
            Fate::None,
            Fate::Free,
            Fate::Gone,
            Fate::Open(Some(forbidden())),
            Fate::Open(None),
            Fate::Shields,
            Fate::Kept,
        ]
    };
    let mut cases = Vec::new();
    for why in unsaid {
        for fate in fates() {
            let why = why();
            // What became of the Lease is said alike, but for a signal, which may have come before the grant.
            let varies = matches!(why, Unsaid::Failed(_) | Unsaid::Interrupted(_));
            if !varies && fate != Fate::Free {
                continue;
            }
            let fate_word = format!("{fate:?}");
            let fate_word = fate_word.split('(').next().unwrap_or_default();
            let title = format!("acquire, {fate_word}");
            let failed = Failure::Failed(Error::Unsaid(why));
            let error = Error::given_up(&acquirer(), failed, &fate, Error::Local);
            cases.push((title, error));
        }
    }
    let bug = Failure::Panicked("index out of bounds".to_owned());
    let error = Error::given_up(&hold(), bug, &Fate::Kept, Error::Hold);
    cases.push(("hold, a bug".to_owned(), error));
    for done in ["renewed", "released", "created"] {
        let error = Error::done_all_the_same(&subject(), Error::Unsaid(full()), done);
        cases.push((done.to_owned(), error));
    }
    insta::assert_snapshot!(all(cases));
}
