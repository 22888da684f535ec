//! `hold --again`: a command whose lease was lost is run anew once the lease is to be had again.

use std::time::Duration;

use lease_harness::{
    Command, Fault, Match, TERMINATED, resume_process, suspend_process, wait_gone,
};

#[cfg(unix)]
use super::scene::signal;
use super::scene::{SOON, Scene, announced, ask_to_end, shell, until, until_asked};
use crate::support::{VERBS, pass_to, set_free, stored, transitions};
#[cfg(unix)]
use nix::sys::signal::Signal;

pub struct Active {
    pub scene: Scene,
}

impl Active {
    pub fn new(seconds: u32) -> Self {
        let mut scene = Scene::new(seconds);
        scene.user = scene.ns.user(&VERBS);
        Self { scene }
    }

    pub fn hold(&self, flags: &[&str], script: &str) -> Command {
        let hold = self.scene.hold(&[&["--again"], flags, &["--"]].concat());
        hold.args(shell(&announced(script)))
    }
}

/// Waits for the `number`th run of the command, and returns its process.
#[track_caller]
pub fn run(running: &lease_harness::Running, number: usize) -> u32 {
    let runs = |text: &str| {
        text.lines()
            .filter(|line| line.starts_with("child "))
            .count()
    };
    let deadline = std::time::Instant::now() + SOON;
    while runs(&running.stdout()) < number {
        assert!(
            std::time::Instant::now() < deadline,
            "run {number}: {}{}",
            running.stdout(),
            running.stderr()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = running.stdout();
    let line = text
        .lines()
        .filter(|line| line.starts_with("child "))
        .nth(number - 1);
    let pid = line.and_then(|line| line.split(' ').nth(1));
    pid.and_then(|pid| pid.parse().ok()).expect("a process id")
}

#[test]
fn after_a_loss_it_waits_and_runs_again_and_ends_with_the_commands_own_status() {
    let active = Active::new(15);
    let ns = &active.scene.ns;
    let gate = active.scene.gate();
    let script = format!("{}; exit 3", until(&gate));
    let running = active.hold(&[], &script).spawn();
    let first = run(&running, 1);
    let before = transitions(&stored(ns, "job"));
    pass_to(ns, "job", "another");
    wait_gone(first, SOON);
    running.wait_stderr(
        |line| line.contains("lost: taken over by \"another\""),
        SOON,
    );
    running.wait_stderr(
        |line| line.starts_with("waiting for lease \"job\": held by \"another\""),
        SOON,
    );
    assert_eq!(running.stdout().lines().count(), 1);
    set_free(ns, "job");
    let second = run(&running, 2);
    assert_ne!(first, second);
    running.wait_stderr(
        |line| line.contains("running the command again (restart 1)"),
        SOON,
    );
    assert!(transitions(&stored(ns, "job")) > before);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(ns.holder("job"), None, "{output}");
}

#[test]
fn whatever_the_loss_it_runs_again_and_no_more_often_than_was_asked_for() {
    let active = Active::new(15);
    let ns = &active.scene.ns;
    let flags = ["--max-restarts", "3", "--create"];
    let running = active.hold(&flags, "exec sleep 600").spawn();
    run(&running, 1);
    // Released by somebody, taken and freed, deleted, blanked.
    set_free(ns, "job");
    run(&running, 2);
    ns.delete("job");
    run(&running, 3);
    pass_to(ns, "job", "another");
    running.wait_stderr(|line| line.contains("taken over by \"another\""), SOON);
    set_free(ns, "job");
    run(&running, 4);
    set_free(ns, "job");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert!(
        output.stderr.contains("--max-restarts 3 is used up"),
        "{output}"
    );
    assert_eq!(output.stdout.lines().count(), 4, "{output}");
}

#[test]
fn a_lease_that_is_deleted_and_not_to_be_created_ends_it() {
    let active = Active::new(15);
    let running = active.hold(&[], "exec sleep 600").spawn();
    let first = run(&running, 1);
    active.scene.ns.delete("job");
    wait_gone(first, SOON);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(121), "{output}");
    assert!(output.stderr.contains("--create"), "{output}");
}

#[test]
fn an_outage_is_waited_out_and_the_own_grant_that_nobody_took_is_taken_at_once() {
    let active = Active::new(3);
    // Fixed, so that it could be another's: the grant tells.
    let gate = active.scene.gate();
    let running = active
        .hold(&["--holder", "me"], &until_asked(&gate))
        .spawn();
    let first = run(&running, 1);
    active.scene.proxy.down();
    wait_gone(first, SOON);
    running.wait_stderr(
        |line| line.contains("lost: no renewal was acknowledged in time"),
        SOON,
    );
    running.wait_stderr(|line| line.contains("trying again"), SOON);
    active.scene.proxy.up();
    run(&running, 2);
    let ended = ask_to_end(&running, &gate);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(ended), "{output}");
    assert!(!output.stderr.contains("already held by you"), "{output}");
    assert_eq!(active.scene.ns.holder("job"), None, "{output}");
}

#[test]
fn asked_to_end_between_two_runs_it_gives_back_its_last_grant_or_says_that_it_could_not() {
    for answers in [true, false] {
        let active = Active::new(8);
        let running = active.hold(&["--holder", "me"], "exec sleep 600");
        let running = running.own_console().spawn();
        let first = run(&running, 1);
        active.scene.proxy.down();
        wait_gone(first, SOON);
        running.wait_stderr(|line| line.contains("runs again once"), SOON);
        if answers {
            active.scene.proxy.up();
        }
        running.terminate();
        if !answers {
            running.interrupt();
        }
        let output = running.wait(SOON * 2);
        // Of two that come at once either may be the first.
        let signals: &[i32] = if answers {
            &[TERMINATED]
        } else {
            &[TERMINATED, 130]
        };
        let code = output.code.unwrap_or_default();
        assert!(signals.contains(&code), "{output}");
        let said = match answers {
            true => "lease \"job\" was released: nobody holds it\n",
            false => "It may be held by \"me\". Look: ",
        };
        assert!(output.stderr.contains(said), "{output}");
        let still = (!answers).then_some("me");
        assert_eq!(active.scene.ns.holder("job").as_deref(), still, "{output}");
    }
}

#[test]
fn a_command_that_ends_by_itself_is_not_run_again_whatever_it_says() {
    for code in [0, 1, 123] {
        let active = Active::new(15);
        let output = active.hold(&[], &format!("exit {code}")).run();
        assert_eq!(output.code, Some(code), "{output}");
        assert_eq!(output.stdout.lines().count(), 1, "{output}");
    }
    // Not even if the lease is found lost when it is released.
    let active = Active::new(15);
    let gone = Fault::status(
        404,
        "NotFound",
        "leases.coordination.k8s.io \"job\" not found",
    );
    active
        .scene
        .proxy
        .fault(Match::when(super::scene::is_release), gone, 1);
    let gate = active.scene.gate();
    let running = active.hold(&[], &until(&gate)).spawn();
    run(&running, 1);
    active.scene.proxy.pause_watches();
    pass_to(&active.scene.ns, "job", "another");
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    assert_eq!(output.stdout.lines().count(), 1, "{output}");
}

#[test]
fn asked_to_end_while_it_waits_it_ends_and_leaves_the_lease_to_whoever_has_it() {
    let active = Active::new(15);
    let ns = &active.scene.ns;
    let running = active.hold(&[], "exec sleep 600").own_console().spawn();
    let first = run(&running, 1);
    pass_to(ns, "job", "another");
    wait_gone(first, SOON);
    running.wait_stderr(|line| line.starts_with("waiting for lease"), SOON);
    running.terminate();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(TERMINATED), "{output}");
    assert_eq!(ns.holder("job").as_deref(), Some("another"));
}

#[cfg(unix)] // signals to the command
#[test]
fn a_signal_while_the_command_runs_is_for_the_command_and_for_no_later_one() {
    // Passed on to a command that has not ended when the lease is lost.
    let active = Active::new(15);
    let ns = &active.scene.ns;
    let script = "trap 'echo heard' TERM; READY; while :; do sleep 0.02; done";
    let running = active.hold(&["--kill-after", "1s"], script).spawn();
    let first = run(&running, 1);
    running.signal(nix::libc::SIGTERM);
    running.wait_stdout(|line| line == "heard", SOON);
    pass_to(ns, "job", "another");
    wait_gone(first, SOON);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    // One that only has it read its configuration does not, and is not heard by the next run.
    let active = Active::new(15);
    let ns = &active.scene.ns;
    let gate = active.scene.gate();
    let script = format!("trap 'echo heard' HUP; READY; {}", until(&gate));
    let running = active.hold(&["--kill-after", "1s"], &script).spawn();
    let first = run(&running, 1);
    signal(running.pid(), Signal::SIGHUP);
    running.wait_stdout(|line| line == "heard", SOON);
    pass_to(ns, "job", "another");
    wait_gone(first, SOON);
    set_free(ns, "job");
    run(&running, 2);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout.matches("heard").count(), 1, "{output}");
}

#[test]
fn the_second_run_is_guarded_as_the_first() {
    let active = Active::new(3);
    let ns = &active.scene.ns;
    let gate = active.scene.gate();
    let running = active.hold(&[], &format!("sleep 600 & {}", until_asked(&gate)));
    let running = running.spawn();
    run(&running, 1);
    set_free(ns, "job");
    let second = run(&running, 2);
    // Frozen: its new watchdog ends the command.
    suspend_process(running.pid());
    wait_gone(second, SOON);
    resume_process(running.pid());
    run(&running, 3);
    let ended = ask_to_end(&running, &gate);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(ended), "{output}");
}

#[test]
fn two_of_them_make_an_active_and_a_passive_one() {
    let active = Active::new(3);
    let ns = &active.scene.ns;
    let one = active.hold(&["--holder", "one"], "exec sleep 600").spawn();
    let first = run(&one, 1);
    let gate = active.scene.gate();
    let two = active
        .hold(&["--holder", "two"], &until_asked(&gate))
        .spawn();
    two.wait_stderr(|line| line.starts_with("waiting"), SOON);
    // Dead with all it has: the other takes over when that is proven.
    one.kill();
    wait_gone(first, SOON);
    run(&two, 1);
    assert_eq!(ns.holder("job").as_deref(), Some("two"));
    // Its restarted container waits, and takes over on a loss of the other.
    let one = active.hold(&["--holder", "one"], "exec sleep 600").spawn();
    one.wait_stderr(|line| line.starts_with("waiting"), SOON);
    let ended = ask_to_end(&two, &gate);
    run(&one, 1);
    assert_eq!(two.wait(SOON).code, Some(ended));
}

#[test]
fn the_flags_fit_together_or_are_refused() {
    let active = Active::new(15);
    let scene = &active.scene;
    for (flags, said) in [
        (&["--again"][..], "COMMAND"),
        (&["--max-restarts", "3", "--", "true"], "--again"),
        (
            &["--again", "--max-restarts", "x", "--", "true"],
            "--max-restarts",
        ),
        (&["--detach-children"], "COMMAND"),
    ] {
        let output = scene.hold(flags).run();
        assert_eq!(output.code, Some(2), "{output}");
        assert!(output.stderr.contains(said), "{said}: {output}");
    }
}

#[cfg(unix)] // a terminal
#[test]
fn on_a_terminal_each_run_has_the_foreground_and_the_shell_has_it_afterwards() {
    let active = Active::new(15);
    let ns = &active.scene.ns;
    let plugin = lease_harness::binary().display();
    let line = format!(
        "{plugin} hold job --again -- sh -c 'echo begins; read word; echo got $word; [ $word = end ] || exec sleep 600'; echo \"ended $?\"; read word; echo shell $word"
    );
    let terminal = ns
        .program(&active.scene.user, "bash", ["-c", &line])
        .spawn_pty(24, 120);
    let sees = |text: &str| {
        let text = text.to_owned();
        terminal.wait_screen(move |screen| screen.contains(&text), SOON);
    };
    sees("begins");
    terminal.send(b"one\r");
    sees("got one");
    set_free(ns, "job");
    terminal.wait_screen(|screen| screen.matches("begins").count() == 2, SOON);
    terminal.send(b"end\r");
    sees("got end");
    sees("ended 0");
    terminal.send(b"back\r");
    sees("shell back");
}

#[test]
fn each_wait_is_bounded_by_the_timeout() {
    let active = Active::new(15);
    let ns = &active.scene.ns;
    let flags = ["--timeout", "4s", "-E", "75"];
    let running = active.hold(&flags, "exec sleep 600").spawn();
    let first = run(&running, 1);
    pass_to(ns, "job", "another");
    wait_gone(first, SOON);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(75), "{output}");
    assert_eq!(ns.holder("job").as_deref(), Some("another"));
}
