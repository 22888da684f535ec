//! A request is lost on its way, and meanwhile somebody else is faster: what is told then is what can be known.

use crate::events::recorded;
use crate::hold::scene::is_release;
use crate::support::{SOON, VERBS, each, free, fresh, held, holder, shared, stored};
use lease_harness::{Command, Fault, Latch, Match, Namespace, Output, Proxy, Request, lease};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs it, and does this once the write has come that `is_it`; that is lost then, or only its reply where it `is_done`.
#[track_caller]
fn meanwhile(
    command: &Command,
    proxy: &Proxy,
    is_it: fn(&Request) -> bool,
    is_done: bool,
    act: impl FnOnce(),
) -> Output {
    let fault = match is_done {
        true => Fault::HangAfterCommit,
        false => Fault::Hang,
    };
    proxy.fault(Match::when(is_it), fault, 1);
    let running = command.spawn();
    let come =
        |request: &Request| is_it(request) && (!is_done || request.upstream_status.is_some());
    proxy.wait_for(|all| all.iter().any(come), SOON);
    act();
    // What has no answer gets none.
    proxy.reset_connections();
    running.wait(SOON)
}

fn is_put(request: &Request) -> bool {
    request.method == "PUT"
}

/// Takes the Lease at once.
fn rob(ns: &Namespace, by: &str) {
    let steal = ["steal", "job", "--yes", "--now", "--holder", by];
    let output = ns.run(&ns.admin(), steal);
    assert_eq!(output.code, Some(0), "{output}");
}

#[test]
fn a_release_that_was_lost_is_not_told_as_done_where_the_lease_was_taken_meanwhile() {
    let force = ["release", "job", "--holder=op", "--force", "--yes"];
    let of_a = ["release", "job", "--holder=A"];
    let all = ["release", "-l", "app=x", "--holder=op", "--force", "--yes"];
    let hold = ["hold", "job", "--holder=A", "--", "true"];
    let by_force = ["release", "job", "--holder=rob", "--force", "--yes"];
    each(
        [
            (&of_a[..], "C", 122),
            (&force[..], "C", 122),
            (&force[..], "A", 122),
            (&all[..], "C", 122),
            (&hold[..], "C", 123),
            (&hold[..], "A", 123),
            // Freed by somebody else, which is no takeover.
            (&of_a[..], "", 122),
            (&hold[..], "", 123),
        ],
        |(words, thief, code)| {
            let (ns, user) = recorded();
            let seed = lease("job").duration(60).transitions(3).label("app", "x");
            let is_hold = words[0] == "hold";
            ns.create(&match is_hold {
                true => seed.build(),
                false => seed
                    .holder("A")
                    .acquired_ago(0, 0)
                    .renewed_ago(0, 0)
                    .build(),
            });
            let proxy = Proxy::to(ns.cluster());
            let command = ns.command(&user, words).via(&proxy);
            let output = meanwhile(&command, &proxy, is_release, false, || match thief {
                "" => {
                    let output = ns.run(&ns.admin(), by_force);
                    assert_eq!(output.code, Some(0), "{output}");
                }
                by => rob(&ns, by),
            });
            assert_eq!(output.code, Some(code), "{thief:?} {output}");
            assert!(!output.stdout.contains("released"), "{output}");
            assert_eq!(holder(&stored(&ns, "job")), thief, "{output}");
            let told = ns.event_reasons("job");
            let forced = told.iter().filter(|one| **one == "LeaseForceReleased");
            assert_eq!(forced.count(), usize::from(thief.is_empty()), "{told:?}");
        },
    );
}

#[test]
fn a_release_that_was_carried_out_is_told_as_done_whoever_has_come_since() {
    for next in ["C", "A"] {
        let (ns, user) = fresh();
        ns.create(&held("job", "A", 60));
        let proxy = Proxy::to(ns.cluster());
        let command = ns.command(&user, ["release", "job", "--holder=A"]);
        let output = meanwhile(&command.via(&proxy), &proxy, is_put, true, || {
            let words = ["acquire", "job", "--holder", next, "--timeout=0"];
            let output = ns.run(&ns.admin(), words);
            assert_eq!(output.code, Some(0), "{output}");
        });
        let released = "lease.coordination.k8s.io/job released\n";
        assert_eq!((output.code, &*output.stdout), (Some(0), released));
        assert_eq!(holder(&stored(&ns, "job")), next, "{output}");
    }
}

/// What is there then says nothing of it: the changes since the version that it was for do.
#[test]
fn a_release_that_was_carried_out_and_refused_is_told_from_one_that_came_too_late() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Since {
        Acquired,
        MadeAnew,
        FreedInItsNameBefore,
    }
    let conflict = || Fault::status_after_commit(409, "Conflict", "not a second time");
    let too_late = || Fault::status(409, "Conflict", "it has been modified");
    let hold = ["hold", "job", "--holder=A", "--", "true"];
    let release = ["release", "job", "--holder=A"];
    let force = ["release", "job", "--holder=op", "--force", "--yes"];
    let many = ["release", "-l", "app=x", "--holder=op", "--force", "--yes"];
    each(
        [
            (&force[..], conflict(), Since::Acquired, 0),
            (&force[..], conflict(), Since::MadeAnew, 0),
            (&force[..], Fault::DropReply, Since::MadeAnew, 0),
            (&force[..], too_late(), Since::FreedInItsNameBefore, 122),
            (&many[..], conflict(), Since::Acquired, 0),
            (&many[..], too_late(), Since::FreedInItsNameBefore, 122),
            (&hold[..], conflict(), Since::Acquired, 0),
            (&hold[..], conflict(), Since::MadeAnew, 0),
            (&hold[..], Fault::DropReply, Since::MadeAnew, 0),
            (&hold[..], too_late(), Since::FreedInItsNameBefore, 123),
            (&release[..], conflict(), Since::Acquired, 0),
            (&release[..], Fault::DropReply, Since::MadeAnew, 0),
            (&release[..], too_late(), Since::FreedInItsNameBefore, 122),
        ],
        |(words, fault, since, code)| {
            let ns = shared().namespace();
            let user = ns.user(&[&VERBS[..], &["list"]].concat());
            let mut before = match words[0] {
                "hold" => free("job"),
                _ => held("job", "A", 60),
            };
            before["metadata"]["labels"] = json!({ "app": "x" });
            ns.create(&before);
            let proxy = Proxy::to(ns.cluster());
            let (sent, read) = (Arc::new(AtomicBool::new(false)), Latch::closed());
            let noted = sent.clone();
            let first = move |request: &Request| {
                is_release(request) && !noted.swap(true, Ordering::Relaxed)
            };
            proxy.fault(Match::when(first), fault, 1);
            let next = move |request: &Request| {
                let reads = request.method == "GET" && !request.is_watch();
                reads && sent.load(Ordering::Relaxed)
            };
            proxy.fault(Match::when(next), Fault::HeldBack(read.clone()), 1);
            let running = ns.command(&user, words).via(&proxy).spawn();
            let waits = |one: &Request| one.fault == Some("HeldBack");
            proxy.wait_for(|all| all.iter().any(waits), SOON);
            match since {
                Since::MadeAnew => {
                    ns.delete("job");
                    ns.create(&held("job", "C", 60));
                }
                Since::Acquired | Since::FreedInItsNameBefore => {
                    if since == Since::FreedInItsNameBefore {
                        let output = ns.run(&ns.admin(), release);
                        assert_eq!(output.code, Some(0), "{output}");
                    }
                    let words = ["acquire", "job", "--holder=C", "--timeout=0"];
                    let output = ns.run(&ns.admin(), words);
                    assert_eq!(output.code, Some(0), "{output}");
                }
            }
            read.open();
            let output = running.wait(SOON);
            assert_eq!(output.code, Some(code), "{since:?} {output}");
            assert_eq!(holder(&stored(&ns, "job")), "C", "{output}");
        },
    );
}

/// One of two victims has no duration, so that nothing tells of it, and the other one runs for all of its own.
#[test]
fn who_has_a_duration_is_waited_for_whoever_else_it_may_have_been_taken_from() {
    const D: Duration = Duration::from_secs(3);
    let one = ["steal", "job", "--yes", "--holder=thief", "--if-holder=A"];
    let many = [
        "steal",
        "-l",
        "app=x",
        "--yes",
        "--holder=thief",
        "--if-holder=A",
    ];
    let hold = [
        "hold",
        "job",
        "--steal",
        "--yes",
        "--holder=thief",
        "--if-holder=A",
        "--",
        "true",
    ];
    each(
        [
            (&one[..], false),
            (&one[..], true),
            (&many[..], false),
            (&hold[..], false),
        ],
        |(words, carried_out)| {
            let ns = shared().namespace();
            let mut seed = free("job");
            seed["metadata"]["labels"] = json!({ "app": "x" });
            seed["spec"]["holderIdentity"] = "A".into();
            seed["spec"]["acquireTime"] = json!("2020-01-01T00:00:00.000000Z");
            seed["spec"]["leaseDurationSeconds"] = match carried_out {
                true => json!(D.as_secs()),
                false => json!(null),
            };
            ns.create(&seed);
            let proxy = Proxy::to(ns.cluster());
            let user = ns.user(&[&VERBS[..], &["list"]].concat());
            let command = ns.command(&user, words).via(&proxy);
            let output = meanwhile(&command, &proxy, is_put, carried_out, || {
                ns.edit("job", |lease| {
                    let spec = &mut lease["spec"];
                    spec["holderIdentity"] = "A".into();
                    spec["leaseTransitions"] = json!(4);
                    spec["acquireTime"] = json!("2020-01-01T00:00:07.000000Z");
                    spec["leaseDurationSeconds"] = json!((!carried_out).then_some(D.as_secs()));
                });
            });
            assert_eq!(output.code, Some(0), "{output}");
            assert!(output.elapsed >= D, "{output}");
            assert!(output.stderr.contains("had no duration"), "{output}");
        },
    );
}
