//! `release --force` and `--ignore-not-held`: what another has is freed as it was shown, and what is not ours is no error.

use crate::support::{
    SOON, VERBS, fresh, held, holder, not_found_as_held, pass_to, renew, said, said_like, stored,
    transitions, untouched,
};
use lease_harness::{Fault, Latch, Match, Namespace, Proxy, Request, lease};
use serde_json::{Value, json};

const RELEASED: &str = "lease.coordination.k8s.io/job released\n";
const FORCE: [&str; 5] = ["release", "job", "--holder=me", "--force", "--yes"];
const QUESTION: &str = "Free it?";

/// What is shown of a holder that may be alive, and what is said of freeing its lease.
fn shown(ns: &Namespace, victim: &str) -> String {
    format!(
        "lease \"job\" is held by \"{victim}\"\n  Held…, acquired … ago, expires in … (renewed … ago, for 60s): it may be alive\n  \
         warning: nothing waits until its holder has stopped: the next one may begin beside it at once\n  \
         To wait for that, take it over: kubectl lease steal job -n {} --holder me --if-holder {victim}\n",
        ns.name()
    )
}

/// The annotations, but for whose it was.
fn of_others(lease: &Value) -> Value {
    let mut all = lease["metadata"]["annotations"].clone();
    let noted = all
        .as_object_mut()
        .map(|all| all.remove("kubectl-lease/previous"));
    assert!(noted.flatten().is_some(), "{lease:#}");
    all
}

fn puts(requests: &[Request]) -> usize {
    let puts = requests.iter().filter(|request| request.method == "PUT");
    puts.count()
}

#[test]
fn what_another_has_is_freed_as_it_would_free_it_itself() {
    let (ns, user) = fresh();
    let grant = held("job", "victim", 60);
    let mut grant = lease_harness::lease("job")
        .spec("holderIdentity", grant["spec"]["holderIdentity"].clone())
        .duration(60)
        .transitions(3)
        .acquired_ago(20, 0)
        .renewed_ago(1, 0)
        .label("a", "b")
        .annotation("kubectl-lease/reason", "nightly")
        .annotation("note", "kept")
        .build();
    grant["spec"]["preferredHolder"] = Value::Null;
    let before = ns.create(&grant);
    let proxy = Proxy::to(ns.cluster());
    let output = ns.command(&user, FORCE).via(&proxy).run();
    let shown = shown(&ns, "victim").replacen("  warning", "  reason: nightly\n  warning", 1);
    said_like(&output, 0, RELEASED, &shown);
    let after = stored(&ns, "job");
    assert_eq!(after["spec"].get("holderIdentity"), None);
    assert_eq!(after["spec"]["leaseDurationSeconds"], 60);
    assert_eq!(transitions(&after), 3);
    assert_ne!(after["spec"]["renewTime"], before["spec"]["renewTime"]);
    assert_eq!(after["metadata"]["labels"], json!({ "a": "b" }));
    assert_eq!(of_others(&after), json!({ "note": "kept" }));
    assert_eq!(puts(&proxy.requests()), 1);
    // Whoever waits has it at once.
    let acquire = ["acquire", "job", "--holder=me", "--timeout=0"];
    assert_eq!(ns.run(&user, acquire).code, Some(0));
}

#[test]
fn nothing_is_freed_without_a_yes_or_from_another_than_was_named_or_where_there_is_nothing_to_free()
{
    let (ns, user) = fresh();
    let force = |more: &[&str]| {
        let command = ns.command(&user, ["release", "job", "--holder=me", "--force"]);
        more.iter()
            .fold(command, |command, flag| command.arg(flag))
            .run()
    };
    said(&force(&["--yes"]), 121, "", &not_found_as_held(&ns, "job"));
    let absent = "lease \"job\" is not there: nothing to release\n";
    said(&force(&["--yes", "--ignore-not-held"]), 0, "", absent);
    let before = ns.create(&held("job", "victim", 60));
    let refusal =
        "not confirmed: there is no terminal to ask on; give --yes; nothing was written\n";
    said_like(&force(&[]), 120, "", &(shown(&ns, "victim") + refusal));
    let other = format!(
        "error: lease \"job\" is not held by \"x\": it is held by \"victim\"\n\
         Nothing was written. Look: kubectl lease status job -n {}\n",
        ns.name()
    );
    said(&force(&["--yes", "--if-holder=x"]), 122, "", &other);
    let left = "lease \"job\" is held by \"victim\", not by \"x\": nothing to release\n";
    let ignored = force(&["--yes", "--if-holder=x", "--ignore-not-held"]);
    said(&ignored, 0, "", left);
    untouched(&ns, &before);
    let freed = force(&["--yes", "--if-holder=victim"]);
    said_like(&freed, 0, RELEASED, &shown(&ns, "victim"));
    let before = stored(&ns, "job");
    let free = "error: lease \"job\" is not held by anybody: it is free already\n\
        Nothing was written. To count that as a success: --ignore-not-held\n";
    said(&force(&["--yes"]), 122, "", free);
    let named =
        "error: lease \"job\" is not held by \"victim\": it is free\nNothing was written.\n";
    said(&force(&["--if-holder=victim"]), 122, "", named);
    let free = "lease \"job\" is free: nothing to release\n";
    said(&force(&["--yes", "--ignore-not-held"]), 0, "", free);
    untouched(&ns, &before);
    // One's own may be another process's, and is shown as that.
    pass_to(&ns, "job", "me");
    let own = force(&["--yes"]);
    assert_eq!(own.code, Some(0), "{own}");
    assert!(own.stderr.contains("which is your own identity"), "{own}");
    crate::usage::refused(&[
        (&["release", "job", "--yes"], "error: …--force…".into()),
        (
            &["release", "job", "--if-holder=x"],
            "error: …--force…".into(),
        ),
        (&["release", "job", "--reason=x"], "error: …--force…".into()),
    ]);
}

#[test]
fn a_lock_of_terraforms_is_freed_as_its_own_unlock_frees_it_and_its_own_comes_first() {
    let (ns, user) = fresh();
    const INFO: &str = "app.terraform.io/lock-info";
    for (id, note, duration) in [
        (
            "3b8c0f3e-cc52",
            r#"{"ID":"3b8c0f3e-cc52","Who":"ci@runner"}"#,
            None,
        ),
        // A duration that somebody has recorded is nothing to it.
        ("7777", r#"{"ID":"7777"}"#, Some(60)),
        // What a later version may write.
        ("8888", "unreadable", None),
    ] {
        let mut lock = lease("job")
            .holder(id)
            .label("tfstate", "true")
            .annotation(INFO, note)
            .annotation("note", "kept");
        if let Some(duration) = duration {
            lock = lock.duration(duration);
        }
        ns.create(&lock.build());
        let output = ns.run(&user, FORCE);
        assert_eq!(
            (output.code, &*output.stdout),
            (Some(0), RELEASED),
            "{output}"
        );
        for part in [
            "warning: nothing stops who has locked the state: an apply goes on",
            &format!("terraform force-unlock {id}"),
        ] {
            assert!(output.stderr.contains(part), "{part}: {output}");
        }
        let after = stored(&ns, "job");
        assert_eq!(after["spec"].get("holderIdentity"), None);
        assert_eq!(of_others(&after), json!({ "note": "kept" }));
        ns.delete("job");
    }
    // Blanked by hand: free to everybody else, and locked for good to Terraform.
    let blank = lease("job")
        .holder("")
        .label("tfstate", "true")
        .annotation(INFO, "{}");
    ns.create(&blank.build());
    said(&ns.run(&user, FORCE), 0, RELEASED, "");
    assert_eq!(stored(&ns, "job")["spec"].get("holderIdentity"), None);
    assert_eq!(ns.run(&user, FORCE).code, Some(122));
    ns.delete("job");
    // A note about a lock that is over is not the holder's.
    let stolen = lease("job")
        .holder("ada")
        .duration(60)
        .annotation(INFO, r#"{"ID":"7"}"#);
    ns.create(&stolen.label("tfstate", "true").build());
    assert_eq!(ns.run(&user, FORCE).code, Some(0));
    let annotations = &stored(&ns, "job")["metadata"]["annotations"];
    assert_eq!(annotations[INFO], r#"{"ID":"7"}"#);
}

#[test]
fn what_is_no_lock_is_not_freed_and_whom_a_lease_was_stolen_from_is_warned_of() {
    let (ns, user) = fresh();
    let before = ns.create(&crate::other_clients::heartbeat());
    let refusal = "error: lease \"job\" is not a lock: it is a node's heartbeat…\n\
        Nothing was written: what is not a lock is not freed by force\n";
    said_like(&ns.run(&user, FORCE), 120, "", refusal);
    untouched(&ns, &before);
    ns.delete("job");
    ns.create(&held("job", "victim", 30));
    let thief = ["steal", "job", "--holder=thief", "--yes"];
    let stealing = ns.spawn(&user, thief);
    stealing.wait_stderr(|line| line.starts_with("waiting "), SOON);
    let output = ns.run(&user, FORCE);
    assert_eq!(output.code, Some(0), "{output}");
    let warning = "warning: it was stolen from \"victim\", who may still run as well\n";
    assert!(output.stderr.contains(warning), "{output}");
    // The thief renews, and finds it gone.
    assert_eq!(stealing.wait(SOON).code, Some(123));
    assert_eq!(holder(&stored(&ns, "job")), "");
    // An election's leader is deposed by other means.
    ns.delete("job");
    ns.create(&held(
        "job",
        "pod-1_9ca3a9c7-610d-4b47-91bb-2d916d1307ed",
        15,
    ));
    let output = ns.run(&user, FORCE);
    let failover = format!(
        "To depose it: kubectl lease failover job -n {} --holder me\n",
        ns.name()
    );
    assert!(output.stderr.contains(&failover), "{output}");
}

#[test]
fn a_holder_that_renews_while_the_write_is_held_back_is_who_was_agreed_to_and_another_is_not() {
    let (ns, user) = fresh();
    for takes_over in [false, true] {
        ns.create(&held("job", "victim", 60));
        let proxy = Proxy::to(ns.cluster());
        let latch = Latch::closed();
        proxy.fault(Match::put(), Fault::HeldBack(latch.clone()), 1);
        let running = ns.command(&user, FORCE).via(&proxy).spawn();
        proxy.wait_for(|all| puts(all) == 1, SOON);
        match takes_over {
            true => drop(ns.edit("job", |lease| {
                lease["spec"]["holderIdentity"] = "third".into();
                lease["spec"]["leaseTransitions"] = 4.into();
            })),
            false => renew(&ns, "job", 0),
        }
        let taken = stored(&ns, "job");
        latch.open();
        let output = running.wait(SOON);
        if takes_over {
            let refusal = format!(
                "error: lease \"job\" is held by \"third\" now, not by \"victim\", who was shown\n\
                 It was not freed: the yes was for what was shown. Look, and decide again: kubectl lease status job -n {}\n",
                ns.name()
            );
            said_like(&output, 122, "", &(shown(&ns, "victim") + &refusal));
            untouched(&ns, &taken);
        } else {
            said_like(&output, 0, RELEASED, &shown(&ns, "victim"));
            assert_eq!(holder(&stored(&ns, "job")), "");
            assert_eq!(puts(&proxy.requests()), 2);
        }
        ns.delete("job");
    }
}

#[cfg(unix)] // a terminal
#[test]
fn a_dead_holder_that_renews_after_all_is_not_who_was_shown() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "victim", 1));
    let user_at_terminal = ns.user(&VERBS);
    // Watched for its second while the first question stands, and shown as dead by the second one.
    let force = ["release", "job", "--holder=me", "--force"];
    let terminal = ns.command(&user_at_terminal, force).spawn_pty(40, 120);
    terminal.wait_screen(|text| text.contains(QUESTION), SOON);
    untouched(&ns, &before);
    ns.edit("job", |lease| lease["spec"]["leaseTransitions"] = 9.into());
    terminal.send(b"y\r");
    terminal.wait_screen(|text| text.matches(QUESTION).count() == 2, SOON);
    assert_eq!(holder(&stored(&ns, "job")), "victim");
    terminal.send(b"y\r");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    let screen = terminal.screen();
    assert!(screen.contains("job released"), "{screen}");
    assert_eq!(holder(&stored(&ns, "job")), "");
    // No is no.
    let before = pass_to(&ns, "job", "victim");
    let terminal = ns.command(&user, force).spawn_pty(40, 120);
    terminal.wait_screen(|text| text.contains(QUESTION), SOON);
    terminal.send(b"n\r");
    assert_eq!(terminal.wait(SOON).code(), Some(120));
    assert!(terminal.screen().contains("declined; nothing was written"));
    untouched(&ns, &before);
}

#[test]
fn a_lost_reply_is_recognised_whoever_has_come_since() {
    let (ns, user) = fresh();
    // Nobody; somebody who counts transitions; a client that only writes its name.
    for next in [None, Some(4), Some(3)] {
        ns.create(&held("job", "victim", 60));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
        let running = ns.command(&user, FORCE).via(&proxy).spawn();
        proxy.wait_for(|_| holder(&stored(&ns, "job")).is_empty(), SOON);
        if let Some(transitions) = next {
            ns.edit("job", |lease| {
                lease["spec"]["holderIdentity"] = "next".into();
                lease["spec"]["leaseTransitions"] = transitions.into();
            });
        }
        let after = stored(&ns, "job");
        let output = running.wait(SOON);
        assert_eq!(
            (output.code, &*output.stdout),
            (Some(0), RELEASED),
            "{next:?}: {output}"
        );
        untouched(&ns, &after);
        ns.delete("job");
    }
    // Nothing to be learned any more: that is said.
    ns.create(&held("job", "victim", 60));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), Fault::HangAfterCommit, 1);
    let running = ns.command(&user, FORCE).via(&proxy).own_console().spawn();
    proxy.wait_for(|_| holder(&stored(&ns, "job")).is_empty(), SOON);
    proxy.fault(Match::get(), Fault::Hang, usize::MAX);
    running.wait_stderr(|line| line.contains("; trying again"), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    let open = format!(
        "error: a write to lease \"job\" was sent and its outcome is not known\n\
         It may be free already, or become so. Look: kubectl lease status job -n {}\n",
        ns.name()
    );
    assert!(output.stderr.ends_with(&open), "{output}");
}

#[test]
fn of_two_that_free_it_at_once_both_are_told_what_is_so() {
    let (ns, user) = fresh();
    for _ in 0..5 {
        ns.create(&held("job", "victim", 60));
        let (one, other) = (ns.spawn(&user, FORCE), ns.spawn(&user, FORCE));
        let (one, other) = (one.wait(SOON), other.wait(SOON));
        assert_eq!(holder(&stored(&ns, "job")), "");
        let codes = [one.code, other.code];
        assert!(codes.contains(&Some(0)), "{one}{other}");
        assert!(
            codes.iter().all(|code| matches!(code, Some(0 | 122))),
            "{one}{other}"
        );
        ns.delete("job");
    }
}
