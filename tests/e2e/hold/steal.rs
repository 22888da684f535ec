//! `hold --steal`: takes over with the interlocks of `steal`, waits for the victim, and then runs the command.

use std::time::Duration;

use lease_harness::{Fault, Match, Proxy, Request, TERMINATED, alive, lease};

use super::scene::{Held, SOON, Scene, announced, is_release, shell, until};
use crate::support::{
    VERBS, free, fresh, held, holder, marks, not_found_to_take, pass_to, stored, transitions,
    untouched,
};

const STEAL: [&str; 5] = ["hold", "job", "--holder=me", "--steal", "--yes"];

const RAN: [&str; 3] = ["--", "echo", "ran"];

fn is_takeover(request: &Request) -> bool {
    request.method == "PUT" && request.json()["spec"]["holderIdentity"] == "me"
}

#[test]
fn the_victim_is_waited_for_before_the_command_starts_and_the_lease_is_released_after_it() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 3));
    let proxy = Proxy::to(ns.cluster());
    let words = STEAL.iter().chain(&RAN);
    let running = ns.command(&user, words).via(&proxy).spawn();
    let waits = |line: &str| line.starts_with("waiting ") && line.contains("s until \"victim\"");
    running.wait_stderr(waits, SOON);
    assert_eq!(holder(&stored(&ns, "job")), "me");
    assert_eq!(running.stdout(), "");
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), "ran\n"),
        "{output}"
    );
    assert!(output.elapsed >= Duration::from_millis(2900), "{output}");
    assert!(
        output
            .stderr
            .contains("lease \"job\" is held by \"victim\""),
        "{output}"
    );
    let after = stored(&ns, "job");
    assert_eq!((holder(&after), transitions(&after)), ("", 4), "{output}");
    assert_eq!(marks(&after), [""; 0], "{output}");
    let renewals = proxy.requests().iter().filter(|r| is_takeover(r)).count();
    assert!(renewals >= 3, "kept renewed while it waited: {renewals}");
}

#[test]
fn with_now_the_command_starts_at_once_and_its_end_lets_no_third_one_in_beside_the_victim() {
    let (ns, user) = fresh();
    let with = |seconds, script| {
        ns.create(&held("job", "victim", seconds));
        let words = STEAL.into_iter().chain(["--now", "--"]);
        ns.command(&user, words).args(shell(script)).run()
    };
    let kept = "lease \"job\" stays held until it expires: released now, somebody could take it while an earlier command still runs\n";
    let output = with(60, "echo $KUBECTL_LEASE_TRANSITIONS; exit 3");
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(3), "4\n"),
        "{output}"
    );
    let free = format!(
        "{kept}If the earlier holder is known to have stopped, free it: kubectl lease release job -n {} --holder me --now\n",
        ns.name()
    );
    assert!(output.stderr.ends_with(&free), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me", "{output}");
    let release = ["release", "job", "--holder=me", "--now"];
    assert_eq!(ns.run(&user, release).code, Some(0));
    assert_eq!(holder(&stored(&ns, "job")), "");
    ns.delete("job");
    // It has stopped by then.
    let output = with(2, "sleep 2.5");
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!output.stderr.contains("stays held"), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "", "{output}");
    ns.delete("job");
    // Without a command a signal ends it.
    ns.create(&held("job", "victim", 60));
    let running = ns.command(&user, STEAL.iter().chain(&["--now"]));
    let running = running.own_console().spawn();
    running.wait_stdout(|line| line.ends_with("acquired"), SOON);
    running.terminate();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(TERMINATED), "{output}");
    assert!(output.stderr.contains(kept), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me", "{output}");
}

#[test]
fn where_the_answer_to_its_write_does_not_come_it_says_how_to_free_what_it_may_have() {
    for now in [false, true] {
        let (ns, user) = fresh();
        ns.create(&held("job", "victim", 60));
        let proxy = Proxy::to(ns.cluster());
        proxy.fault(Match::when(is_takeover), Fault::HangAfterCommit, 9);
        let mut words = STEAL.to_vec();
        words.extend(now.then_some("--now"));
        let running = ns.command(&user, words.iter().chain(&RAN)).via(&proxy);
        let running = running.own_console().spawn();
        ns.wait_until("job", |lease| holder(lease) == "me", SOON);
        running.terminate();
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(TERMINATED), "{output}");
        let n = ns.name();
        let free = format!("free it: kubectl lease release job -n {n} --holder me --now\n");
        assert!(output.stderr.ends_with(&free), "{output}");
        let release = ["release", "job", "--holder=me", "--now"];
        assert_eq!(ns.run(&user, release).code, Some(0));
    }
}

/// Replies that do not come for as long as the grant lasts.
#[test]
fn a_wait_that_hears_of_no_renewal_gives_back_what_was_taken() {
    let (ns, user) = fresh();
    let nothing_comes = |words: &[&str]| {
        ns.create(&held("job", "victim", 3));
        let proxy = Proxy::to(ns.cluster());
        let running = ns.command(&user, words).via(&proxy).spawn();
        running.wait_stderr(|line| line.starts_with("waiting "), SOON);
        proxy.freeze();
        // Until the time of the last renewal that got through is over, and with it that of the victim.
        let requests = proxy.requests();
        let last = requests.iter().rev().find(|request| is_takeover(request));
        let over = last.expect("a takeover").at + Duration::from_millis(3300);
        std::thread::sleep(over.saturating_duration_since(std::time::Instant::now()));
        proxy.thaw();
        let output = running.wait(SOON);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(123), ""),
            "{output}"
        );
        assert!(
            output
                .stderr
                .contains("no renewal was acknowledged in time"),
            "{output}"
        );
        assert_eq!(holder(&stored(&ns, "job")), "", "{output}");
        ns.delete("job");
    };
    let hold: Vec<_> = STEAL.iter().chain(&RAN).copied().collect();
    nothing_comes(&hold);
    nothing_comes(&["steal", "job", "--holder=me", "--yes"]);
    ns.create(&held("other", "victim", 3));
    nothing_comes(&["steal", "job", "other", "--holder=me", "--yes"]);
    assert_eq!(holder(&stored(&ns, "other")), "");
}

#[test]
fn what_nobody_holds_is_just_taken() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    for interlock in ["--yes", "--if-holder=somebody"] {
        let words = ["hold", "job", "--steal", interlock].into_iter().chain(RAN);
        let output = ns.run(&user, words);
        assert_eq!(
            (output.code, output.stdout.as_str(), output.stderr.as_str()),
            (Some(0), "ran\n", ""),
            "{output}"
        );
    }
    // Without a terminal and without --yes too: there is nothing to ask.
    let output = ns.run(&user, ["hold", "job", "--steal", "--", "echo", "ran"]);
    assert_eq!(output.code, Some(0), "{output}");
    let create = ["hold", "new", "--steal", "--create", "--", "echo", "ran"];
    assert_eq!(ns.run(&user, create).code, Some(0));
    let missing = ns.run(
        &user,
        ["hold", "none", "--steal", "--yes", "--", "echo", "ran"],
    );
    assert_eq!(missing.code, Some(121), "{missing}");
    assert_eq!(missing.stderr, not_found_to_take(&ns, "none"));
}

#[test]
fn every_interlock_of_steal_holds() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "victim", 60));
    let node = ns.create(
        &lease("apiserver")
            .holder("x")
            .duration(60)
            .renewed_ago(0, 0)
            .label("apiserver.kubernetes.io/identity", "kube-apiserver")
            .build(),
    );
    let run = |words: &[&str]| {
        let words = ["hold"].iter().chain(words).chain(&RAN);
        ns.run(&user, words)
    };
    for (words, code, said) in [
        (
            &["job", "--steal"][..],
            120,
            "not confirmed: there is no terminal to ask on; give --yes; nothing was written",
        ),
        (
            &["job", "--steal", "--yes", "--if-holder=other"],
            122,
            "it is held by \"victim\"",
        ),
        (&["apiserver", "--steal", "--yes", "--now"], 120, "--force"),
        (&["job", "--yes"], 2, "--steal"),
        (&["job", "--now"], 2, "--steal"),
        (&["job", "--force"], 2, "--steal"),
        (&["job", "--if-holder=victim"], 2, "--steal"),
        (
            &[
                "job",
                "--steal",
                "--yes",
                "--duration=2s",
                "--kill-after=2s",
            ],
            2,
            "the times do not fit",
        ),
    ] {
        let output = run(words);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (Some(code), ""),
            "{output}"
        );
        assert!(output.stderr.contains(said), "{said}: {output}");
    }
    untouched(&ns, &before);
    untouched(&ns, &node);
    let forced = run(&["apiserver", "--steal", "--yes", "--now", "--force"]);
    assert_eq!(forced.code, Some(0), "{forced}");
}

#[test]
fn a_duration_that_is_too_short_for_a_hold_is_found_before_anything_is_taken() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "victim", 2));
    let words = STEAL.iter().chain(&["--kill-after=2s"]).chain(&RAN);
    let output = ns.run(&user, words);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(2), ""),
        "{output}"
    );
    untouched(&ns, &before);
}

#[cfg(unix)] // a terminal
#[test]
fn on_a_terminal_it_asks_and_asks_again_when_the_record_changed() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 60));
    let ask = || {
        let words = ["hold", "job", "--steal", "--now", "--", "echo", "ran"];
        let terminal = ns.command(&user, words).spawn_pty(40, 120);
        terminal.wait_screen(|text| text.contains("Take it over?"), SOON);
        terminal
    };
    let terminal = ask();
    terminal.send(b"n\r");
    assert_eq!(terminal.wait(SOON).code(), Some(120));
    assert!(terminal.screen().contains("declined; nothing was written"));
    let terminal = ask();
    pass_to(&ns, "job", "another");
    terminal.send(b"y\r");
    terminal.wait_screen(|text| text.matches("Take it over?").count() >= 2, SOON);
    assert_eq!(ns.holder("job").as_deref(), Some("another"));
    terminal.send(b"y\r");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    assert!(terminal.screen().contains("ran"), "{}", terminal.screen());
}

#[test]
fn whatever_ends_it_while_it_waits_for_the_victim_keeps_the_lease_and_says_so() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 30));
    let running = ns.command(&user, STEAL.iter().chain(&RAN));
    let running = running.own_console().spawn();
    running.wait_stderr(|line| line.starts_with("waiting "), SOON);
    running.terminate();
    let output = running.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(TERMINATED), ""),
        "{output}"
    );
    let kept = "lease \"job\" is held by \"me\" until it expires: released now, somebody could take it while an earlier command still runs";
    assert!(output.stderr.contains(kept), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
    // Stolen in turn: there is nothing to keep.
    let running = ns
        .command(&user, STEAL.iter().chain(&["--holder=you"]).chain(&RAN))
        .spawn();
    running.wait_stderr(|line| line.starts_with("waiting"), SOON);
    pass_to(&ns, "job", "thief");
    let output = running.wait(Duration::from_secs(40));
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(123), ""),
        "{output}"
    );
    assert_eq!(holder(&stored(&ns, "job")), "thief");
}

#[cfg(unix)] // an interpreter that is not there
#[test]
fn a_command_that_cannot_be_started_frees_what_was_taken_unless_the_victim_may_still_run() {
    for now in [false, true] {
        let (ns, user) = fresh();
        ns.create(&held("job", "victim", 2));
        // It is found, and not known to be of no use before it is started.
        let script = ns.script("no-interpreter", "#!/no/such/interpreter\n");
        let mut words = STEAL.to_vec();
        words.extend(now.then_some("--now"));
        let script = script.to_str().expect("a path");
        let output = ns.run(&user, words.into_iter().chain(["--", script]));
        assert_eq!(output.code, Some(127), "{output}");
        let holder = ns.holder("job");
        assert_eq!(holder.as_deref(), now.then_some("me"), "{output}");
        let kept = "lease \"job\" stays held until it expires: released now, somebody could take it while an earlier command still runs";
        assert_eq!(output.stderr.contains(kept), now, "{output}");
    }
}

#[test]
fn a_reply_that_is_lost_is_no_failure() {
    let (ns, user) = fresh();
    ns.create(&held("job", "victim", 2));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::when(is_takeover), Fault::DropReply, 1);
    // Nor is a server that is busy for a moment.
    let busy = Fault::status(503, "ServiceUnavailable", "busy");
    proxy.fault(Match::get(), busy, 1);
    let command = ns.command(&user, STEAL.iter().chain(&RAN)).via(&proxy);
    let output = command.run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), "ran\n"),
        "{output}"
    );
    assert_eq!(transitions(&stored(&ns, "job")), 4, "{output}");
    assert!(proxy.requests().iter().any(is_release));
}

#[test]
fn a_hold_that_is_robbed_has_stopped_before_the_thief_begins() {
    let scene = Scene::new(4);
    let victim = scene.start("exec sleep 600");
    let gate = scene.gate();
    let look = match cfg!(unix) {
        true => format!("[ ! -e /proc/{} ] || echo alive; ", victim.child),
        false => String::new(),
    };
    let script = announced(&format!("{look}{}", until(&gate)));
    let words = ["hold", "job", "--steal", "--yes", "--"];
    let thief = scene.ns.command(&scene.ns.user(&VERBS), words);
    let thief = Held::start(&thief.args(shell(&script)));
    assert!(!alive(victim.child));
    let output = victim.end();
    assert_eq!(output.code, Some(123), "{output}");
    let output = thief.end_at(&gate);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!output.stdout.contains("alive"), "{output}");
}

#[test]
fn a_hold_below_a_hold_does_not_rob_it() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let inner = "kubectl lease hold job --steal --yes -- echo ran; echo inner $?";
    let hold = ns.command(&user, ["hold", "job", "--"]);
    let output = hold.args(shell(inner)).run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), "inner 124\n"),
        "{output}"
    );
    // Nor does it wait for long where it is asked not to.
    ns.create(&held("other", "victim", 60));
    let words = "hold other --steal --yes --now --timeout=0 -- echo ran";
    let output = ns.run(&user, words.split(' '));
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), "ran\n"),
        "{output}"
    );
}
