//! Ctrl-C and Ctrl-Break: the command hears them too, and the lease is held until it is gone.

use lease_harness::{Command, Output, is_wine, portable};

use crate::hold::scene::{Held, SOON, Scene};

/// A hold in a console of its own, whose command hears what is typed there and ends only once it may.
fn start(scene: &Scene, gate: &str) -> Held {
    let script = [
        "listen", "then", "announce", "then", "heard", "then", "until", gate, "then", "exit", "9",
    ];
    Held::start(&scene.hold_portable(&[], &script).own_console())
}

/// Types this in the console of that process.
#[track_caller]
fn typed(pid: u32, event: &str) -> Output {
    let words = portable(&["interrupt", &pid.to_string(), event]);
    let output = Command::new(&words[0], &words[1..]).own_console().run();
    assert_eq!(output.code, Some(0), "{output}");
    output
}

/// What the other tests stand on, with nothing of the tool.
#[track_caller]
fn is_heard_in_a_console(event: &str) {
    let words = portable(&["listen", "then", "announce", "then", "heard"]);
    let listener = Command::new(&words[0], &words[1..]).own_console().spawn();
    listener.wait_stdout(|line| line.starts_with("child "), SOON);
    typed(listener.pid(), event);
    let output = listener.wait(SOON);
    assert!(
        output.stdout.ends_with(&format!("heard {event}\n")),
        "{output}"
    );
}

#[test]
fn what_is_typed_in_a_console_is_heard_there() {
    is_heard_in_a_console("ctrl-c");
}

#[test]
fn ctrl_break_in_a_console_is_heard_there() {
    if skipped() {
        return;
    }
    is_heard_in_a_console("ctrl-break");
}

/// Seen with nothing of the tool: Wine 10 tells of a Ctrl-C only the sender's own process group, and a Ctrl-Break ends whoever should hear
/// it. A hold's command is in its watchdog's group.
fn skipped() -> bool {
    if is_wine() {
        println!("SKIPPED: Wine's consoles do not reach a hold's command");
    }
    is_wine()
}

#[track_caller]
fn is_passed_on(event: &str) {
    if skipped() {
        return;
    }
    let scene = Scene::new(6);
    let gate = scene.gate();
    let held = start(&scene, &gate.display().to_string());
    typed(held.running.pid(), event);
    let heard = format!("heard {event}");
    held.running
        .wait_stdout(|line| line.trim_end() == heard, SOON);
    // Held and renewed for as long as the command takes.
    scene.wait_renewals(2);
    assert!(scene.ns.holder("job").is_some());
    scene.ends_alone(held, &gate, 9);
}

#[test]
fn ctrl_c_is_for_the_command_and_the_lease_is_held_until_it_has_ended() {
    is_passed_on("ctrl-c");
}

#[test]
fn ctrl_break_is_for_the_command_and_the_lease_is_held_until_it_has_ended() {
    is_passed_on("ctrl-break");
}

/// The command ends by it, as Windows ends whoever does not listen: 0xC000013A, STATUS_CONTROL_C_EXIT.
#[test]
fn a_command_that_does_not_listen_is_ended_by_ctrl_break_and_the_lease_is_free() {
    if skipped() {
        return;
    }
    let scene = Scene::new(30);
    let command = scene.hold_portable(&[], &["announce", "then", "sleep", "600"]);
    let held = Held::start(&command.own_console());
    typed(held.running.pid(), "ctrl-break");
    let output = held.end();
    assert_eq!(output.code, Some(0xC000_013A_u32.cast_signed()), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}

/// The one event that can be sent to a command alone, before it is killed.
#[test]
fn a_command_whose_lease_is_stolen_is_asked_to_end_by_ctrl_break() {
    if skipped() {
        return;
    }
    let scene = Scene::new(30);
    let script = [
        "listen", "then", "announce", "then", "heard", "then", "exit", "9",
    ];
    let held = Held::start(&scene.hold_portable(&[], &script));
    crate::support::pass_to(&scene.ns, "job", "thief");
    let asked = |line: &str| line.trim_end() == "heard ctrl-break";
    held.running.wait_stdout(asked, SOON);
    let output = held.end();
    assert_eq!(output.code, Some(123), "{output}");
}

#[test]
fn a_waiter_ends_by_ctrl_c_and_writes_nothing() {
    let scene = Scene::new(60);
    crate::support::pass_to(&scene.ns, "job", "another");
    let waiter = scene.hold_portable(&[], &["say", "ran"]).own_console();
    let waiter = waiter.spawn();
    waiter.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    scene.proxy.clear();
    typed(waiter.pid(), "ctrl-c");
    let output = waiter.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    assert_eq!(output.stdout, "", "{output}");
    assert_eq!(scene.writes(), 0, "{output}");
    assert_eq!(scene.ns.holder("job").as_deref(), Some("another"));
}
