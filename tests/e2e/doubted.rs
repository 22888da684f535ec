//! Releases whose answers do not tell what became of them, and what others have done since: nothing is told as done that was not,
//! and nothing as not done that may have been.

use crate::hold::scene::is_release;
use crate::support::{SOON, VERBS, each, free, fresh, held, holder, shared, stored};
use lease_harness::{Command, Fault, Latch, Match, Namespace, Output, Proxy, Request};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs it, has these faults meet the first writes that `is_it`, and does this before the next read is answered.
#[track_caller]
pub fn between(
    command: Command,
    proxy: &Proxy,
    is_it: fn(&Request) -> bool,
    faults: Vec<Fault>,
    act: impl FnOnce(),
) -> Output {
    let (sent, wanted, read) = (Arc::new(AtomicUsize::new(0)), faults.len(), Latch::closed());
    for (number, fault) in faults.into_iter().enumerate() {
        let sent = sent.clone();
        let is_next = move |request: &Request| {
            is_it(request)
                && sent
                    .compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
        };
        proxy.fault(Match::when(is_next), fault, 1);
    }
    let next = move |request: &Request| {
        let reads = request.method == "GET" && !request.is_watch();
        reads && sent.load(Ordering::Relaxed) == wanted
    };
    proxy.fault(Match::when(next), Fault::HeldBack(read.clone()), 1);
    let running = command.via(proxy).spawn();
    let waits = |one: &Request| one.fault == Some("HeldBack");
    proxy.wait_for(|all| all.iter().any(waits), SOON);
    act();
    read.open();
    running.wait(SOON)
}

pub fn is_put(request: &Request) -> bool {
    request.method == "PUT"
}

#[track_caller]
pub fn admin(ns: &Namespace, words: &[&str]) {
    let output = ns.run(&ns.admin(), words.iter().copied());
    assert_eq!(output.code, Some(0), "{output}");
}

pub fn rob(ns: &Namespace, by: &str) {
    admin(ns, &["steal", "job", "--yes", "--now", "--holder", by]);
}

pub fn blank(ns: &Namespace) {
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = json!(null);
    });
}

pub fn conflict() -> Fault {
    Fault::status_after_commit(409, "Conflict", "not a second time")
}

pub fn not_carried_out() -> Fault {
    Fault::status(504, "Timeout", "not carried out")
}

const HOLD: [&str; 5] = ["hold", "job", "--holder=A", "--", "true"];
const RELEASE: [&str; 3] = ["release", "job", "--holder=A"];
const FORCE: [&str; 5] = ["release", "job", "--holder=op", "--force", "--yes"];
/// A Lease for one of these: a hold acquires it, the others find it held.
fn lease_for(ns: &Namespace, words: &[&str]) {
    ns.create(&match words[0] {
        "hold" => free("job"),
        _ => held("job", "A", 60),
    });
}

#[test]
fn a_release_that_was_lost_is_not_told_as_done_however_often_others_have_come_since() {
    type Since = fn(&Namespace);
    let twice: Since = |ns| {
        rob(ns, "B");
        rob(ns, "C");
    };
    let by_another_client: Since = |ns| {
        ns.edit("job", |lease| {
            let transitions = lease["spec"]["leaseTransitions"].as_i64().unwrap_or(0);
            lease["spec"]["leaseTransitions"] = json!(transitions + 1);
            lease["spec"]["holderIdentity"] = json!("C");
        });
    };
    let blanked_and_acquired: Since = |ns| {
        blank(ns);
        admin(ns, &["acquire", "job", "--holder=C", "--timeout=0"]);
    };
    let reentered_and_released: Since = |ns| {
        admin(ns, &["acquire", "job", "--holder=A", "--reenter"]);
        admin(ns, &["release", "job", "--holder=A"]);
    };
    let all = [
        (twice, "C"),
        (by_another_client, "C"),
        (blank as Since, ""),
        (blanked_and_acquired, "C"),
        (reentered_and_released, ""),
    ];
    let rows = all.into_iter().flat_map(|(since, next)| {
        [
            (&HOLD[..], not_carried_out(), since, next, 123),
            (&RELEASE[..], not_carried_out(), since, next, 122),
            (&FORCE[..], not_carried_out(), since, next, 122),
        ]
    });
    // A no with a reason of its own is the end of it; what is there is read once more.
    let no = || Fault::status(403, "Forbidden", "no");
    let refused = [(by_another_client, "C"), (blank as Since, "")];
    let refused = refused.map(|(since, next)| (&HOLD[..], no(), since, next, 123));
    let rows = rows.chain(refused);
    each(rows, |(words, fault, since, next, code)| {
        let (ns, user) = fresh();
        lease_for(&ns, words);
        let proxy = Proxy::to(ns.cluster());
        let command = ns.command(&user, words);
        let output = between(command, &proxy, is_release, vec![fault], || since(&ns));
        assert_eq!(output.code, Some(code), "{output}");
        assert!(!output.stdout.contains("released"), "{output}");
        assert_eq!(holder(&stored(&ns, "job")), next, "{output}");
    });
}

#[test]
fn a_release_that_was_carried_out_is_found_whatever_was_sent_before_it_and_though_the_first_watch_breaks()
 {
    let acquired: fn(&Namespace) = |ns| admin(ns, &["acquire", "job", "--holder=C", "--timeout=0"]);
    let deleted: fn(&Namespace) = |ns| ns.delete("job");
    each(
        [
            (&HOLD[..], vec![conflict()], acquired, true),
            (&RELEASE[..], vec![conflict()], acquired, true),
            (&FORCE[..], vec![conflict()], acquired, true),
            (
                &HOLD[..],
                vec![not_carried_out(), conflict()],
                deleted,
                false,
            ),
            (
                &RELEASE[..],
                vec![not_carried_out(), conflict()],
                deleted,
                false,
            ),
            (
                &FORCE[..],
                vec![not_carried_out(), conflict()],
                deleted,
                false,
            ),
        ],
        |(words, faults, since, breaks)| {
            let (ns, user) = fresh();
            lease_for(&ns, words);
            let proxy = Proxy::to(ns.cluster());
            let command = ns.command(&user, words);
            let output = between(command, &proxy, is_release, faults, || {
                if breaks {
                    proxy.fault(Match::watch(), Fault::Refuse, 1);
                }
                since(&ns);
            });
            assert_eq!(output.code, Some(0), "{output}");
        },
    );
}

/// Whoever has the same identity may release it; but what was to be released is over.
#[test]
fn a_release_that_was_carried_out_does_not_end_the_next_grant_of_the_same_identity() {
    let (ns, user) = fresh();
    ns.create(&held("job", "A", 60));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, RELEASE);
    let output = between(command, &proxy, is_put, vec![conflict()], || {
        admin(&ns, &["acquire", "job", "--holder=A", "--timeout=0"]);
    });
    let released = "lease.coordination.k8s.io/job released\n";
    assert_eq!((output.code, &*output.stdout), (Some(0), released));
    assert_eq!(holder(&stored(&ns, "job")), "A", "{output}");
    let puts = proxy.requests();
    assert_eq!(puts.iter().filter(|one| is_put(one)).count(), 1, "{output}");
}

/// Its own note is there, whoever has come since, and though nobody may watch.
#[test]
fn what_was_freed_by_force_is_known_by_the_note_of_it() {
    let ns = shared().namespace();
    let user = ns.user(&["get", "update"]);
    ns.create(&held("job", "A", 60));
    let proxy = Proxy::to(ns.cluster());
    let command = ns.command(&user, FORCE);
    let output = between(command, &proxy, is_put, vec![conflict()], || {
        admin(&ns, &["acquire", "job", "--holder=C", "--timeout=0"]);
    });
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "C", "{output}");
}

#[test]
fn whoever_tries_once_looks_what_became_of_that() {
    let (ns, user) = fresh();
    ns.create(&held("job", "A", 60));
    let proxy = Proxy::to(ns.cluster());
    let timeout = Fault::status_after_commit(504, "Timeout", "carried out");
    proxy.fault(Match::when(is_release), timeout, 1);
    let words = ["release", "job", "--holder=A", "--timeout=0"];
    let output = ns.command(&user, words).via(&proxy).spawn().wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
}

/// Credentials that were good a moment ago: what was sent with them may have been carried out.
#[test]
fn who_is_not_known_any_more_once_it_has_written_says_that_the_lease_may_be_held() {
    let unauthorized = || Fault::status(401, "Unauthorized", "Unauthorized");
    each(
        [
            (&["acquire", "job", "--holder=me"][..], true),
            (&["acquire", "new", "--holder=me", "--create"][..], true),
            (&["hold", "job", "--holder=me", "--", "true"][..], true),
            (&["steal", "theirs", "--holder=me", "--yes"][..], true),
            (&["failover", "theirs", "--holder=me", "--yes"][..], true),
            (&["release", "theirs", "--holder=A"][..], true),
            (
                &["release", "theirs", "--holder=me", "--force", "--yes"][..],
                true,
            ),
            // They have never been any good.
            (&["acquire", "job", "--holder=me"][..], false),
        ],
        |(words, was_known)| {
            let ns = shared().namespace();
            let user = ns.user(&VERBS);
            ns.create(&free("job"));
            ns.create(&held("theirs", "A", 60));
            let proxy = Proxy::to(ns.cluster());
            let written = Arc::new(AtomicUsize::new(usize::from(!was_known)));
            let noted = written.clone();
            let writes = move |request: &Request| {
                let writes = ["PUT", "POST"].contains(&&*request.method) && !request.is_of_events();
                writes && noted.fetch_add(1, Ordering::Relaxed) == 0
            };
            let after = Fault::status_after_commit(401, "Unauthorized", "Unauthorized");
            proxy.fault(Match::when(writes), after, 1);
            let later = move |_: &Request| written.load(Ordering::Relaxed) > 0;
            proxy.fault(Match::when(later), unauthorized(), usize::MAX);
            let output = ns.command(&user, words).via(&proxy).spawn().wait(SOON);
            assert_eq!(output.code, Some(1), "{output}");
            assert!(output.stderr.contains("(Unauthorized)"), "{output}");
            let says_so = output.stderr.contains("outcome is not known")
                || output.stderr.contains("outcome could not be learned");
            assert_eq!(says_so, was_known, "{output}");
        },
    );
}

#[test]
fn a_release_that_may_have_been_carried_out_is_not_told_as_no_change_where_that_is_interrupted() {
    each([&RELEASE[..], &FORCE[..]], |words| {
        let (ns, user) = fresh();
        ns.create(&held("job", "A", 60));
        let proxy = Proxy::to(ns.cluster());
        let written = Arc::new(AtomicUsize::new(0));
        let noted = written.clone();
        let first = move |request: &Request| {
            is_release(request) && noted.fetch_add(1, Ordering::Relaxed) == 0
        };
        proxy.fault(Match::when(first), conflict(), 1);
        let reads =
            move |request: &Request| request.method == "GET" && written.load(Ordering::Relaxed) > 0;
        proxy.fault(Match::when(reads), Fault::Hang, usize::MAX);
        let running = ns.command(&user, words).via(&proxy).own_console().spawn();
        let waits = |one: &Request| one.fault == Some("Hang");
        proxy.wait_for(|all| all.iter().any(waits), SOON);
        running.interrupt();
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(130), "{output}");
        assert!(output.stderr.contains("outcome is not known"), "{output}");
    });
}
