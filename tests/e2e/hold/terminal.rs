//! Commands on a terminal: the foreground is theirs, job control works, and the modes come back.

use std::io::Write;
use std::time::Duration;

use lease_harness::{Terminal, stopped, wait_gone};
use nix::sys::signal::Signal;
use serde_json::json;

use super::scene::{SOON, Scene, signal, watchdog};

pub fn has_line(text: &str, wanted: &str) -> bool {
    text.lines().any(|line| line.trim_end() == wanted)
}

#[track_caller]
pub fn wait_line(terminal: &Terminal, wanted: &str) {
    terminal.wait_screen(|text| has_line(text, wanted), SOON);
}

#[track_caller]
pub fn wait_prompt(terminal: &Terminal) {
    terminal.wait_screen(|text| text.trim_end().ends_with('>'), SOON);
}

/// An interactive shell that can run the tool.
pub fn outer_shell(scene: &Scene) -> Terminal {
    let shell = scene
        .ns
        .program(&scene.user, "/bin/bash", ["--norc", "-i"])
        .via(&scene.proxy)
        .env("PS1", "> ")
        .spawn_pty(24, 100);
    wait_prompt(&shell);
    shell
}

#[test]
fn an_interactive_shell_as_the_command_has_job_control() {
    let scene = Scene::new(4);
    let shell = scene
        .hold(&["--", "/bin/bash", "--norc", "-i"])
        .env("PS1", "> ")
        .spawn_pty(24, 100);
    wait_prompt(&shell);
    assert!(
        !shell.screen().contains("no job control"),
        "{}",
        shell.screen()
    );

    shell.send(b"sh -c 'echo begun; exec sleep 601'\r");
    wait_line(&shell, "begun");
    shell.send(b"\x03");
    wait_prompt(&shell);
    shell.send(b"echo status $?\r");
    wait_line(&shell, "status 130");
    wait_prompt(&shell);

    shell.send(b"sh -c 'echo begun again; read x; echo got $x'\r");
    wait_line(&shell, "begun again");
    shell.send(b"\x1a");
    shell.wait_screen(|text| text.contains("Stopped"), SOON);
    shell.send(b"echo still here\r");
    wait_line(&shell, "still here");
    wait_prompt(&shell);
    shell.send(b"fg\r");
    // Typed before the shell has left its own mode, the return key would not end a line.
    wait_line(&shell, "sh -c 'echo begun again; read x; echo got $x'");
    shell.send(b"words\r");
    wait_line(&shell, "got words");

    scene.wait_renewals(1);
    shell.send(b"exit 4\r");
    assert_eq!(shell.wait(SOON).code(), Some(4));
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn ctrl_z_returns_to_the_outer_shell_and_fg_continues() {
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    shell.send(b"kubectl-lease hold job -- sh -c 'echo begun; exec cat'\r");
    wait_line(&shell, "begun");
    shell.send(b"one\r");
    shell.wait_screen(
        |text| text.lines().filter(|line| line.trim_end() == "one").count() == 2,
        SOON,
    );
    shell.send(b"\x1a");
    let screen = shell.wait_screen(|text| text.contains("Stopped"), SOON);
    assert!(
        has_line(
            screen
                .split("continue it within")
                .next()
                .unwrap_or_default(),
            "^Z"
        ),
        "{screen}"
    );
    shell.send(b"echo outer\r");
    wait_line(&shell, "outer");
    wait_prompt(&shell);
    shell.send(b"fg\r");
    wait_line(
        &shell,
        "kubectl-lease hold job -- sh -c 'echo begun; exec cat'",
    );
    shell.send(b"two\r");
    shell.wait_screen(
        |text| text.lines().filter(|line| line.trim_end() == "two").count() == 2,
        SOON,
    );
    shell.send(b"\x04");
    shell.send(b"echo status $?\r");
    wait_line(&shell, "status 0");
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn a_job_that_is_sent_to_the_background_goes_on() {
    let scene = Scene::new(60);
    // Waits without a child: one that dash has vforked and that is stopped before its exec stops dash unseen.
    let gate = scene.gate();
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).expect("the folder is ours");
    let mut opener = std::fs::File::options();
    let mut door = opener.read(true).write(true).open(&gate).expect("a FIFO");
    let shell = outer_shell(&scene);
    let script = format!("echo begun; read x < {}; echo over", gate.display());
    shell.send(format!("kubectl-lease hold job -- sh -c '{script}'\r").as_bytes());
    wait_line(&shell, "begun");
    shell.send(b"\x1a");
    shell.wait_screen(|text| text.contains("Stopped"), SOON);
    shell.send(b"bg\r");
    shell.send(b"echo outer\r");
    wait_line(&shell, "outer");
    door.write_all(b"go\n").expect("we read it too");
    // It may come behind a prompt.
    shell.wait_screen(
        |text| text.lines().any(|line| line.trim_end().ends_with("over")),
        SOON,
    );
    scene.ns.wait_until(
        "job",
        |lease| lease["spec"].get("holderIdentity").is_none(),
        SOON,
    );
    shell.send(b"wait; echo waited\r");
    wait_line(&shell, "waited");
    // The terminal is still the shell's.
    shell.send(b"sh -c 'read x; echo got $x'\r");
    shell.wait_screen(|text| text.contains("read x"), SOON);
    shell.send(b"words\n");
    wait_line(&shell, "got words");
}

#[test]
fn a_job_stopped_for_too_long_is_dead_by_the_deadline_and_says_so() {
    let scene = Scene::new(3);
    let shell = outer_shell(&scene);
    shell.send(b"kubectl-lease hold job -- sh -c 'echo begun $$; exec cat'\r");
    let screen = shell.wait_screen(
        |text| text.lines().any(|line| line.starts_with("begun ")),
        SOON,
    );
    let line = screen
        .lines()
        .find(|line| line.starts_with("begun "))
        .expect("just seen");
    let child = line
        .trim_start_matches("begun ")
        .trim()
        .parse()
        .expect("a process id");
    shell.send(b"\x1a");
    shell.wait_screen(|text| text.contains("Stopped"), SOON);
    wait_gone(child, SOON);
    let took = scene.last_acknowledged().elapsed();
    assert!(took <= scene.duration, "{took:?}");
    shell.send(b"fg\r");
    shell.wait_screen(|text| text.contains("lost"), SOON);
    shell.send(b"echo status $?\r");
    wait_line(&shell, "status 123");
}

#[test]
fn the_command_is_in_the_foreground_from_its_first_instruction() {
    for _ in 0..2 {
        let scene = Scene::new(60);
        let script = r#"read -r pid name state ppid group session terminal foreground rest < /proc/self/stat
            [ "$group" = "$foreground" ] && echo in front || echo "$group behind $foreground"; read x; echo got $x"#;
        let terminal = scene.hold(&["--", "sh", "-c", script]).spawn_pty(24, 100);
        // It may read at once, and is not taken for one in the background.
        terminal.send(b"early\r");
        wait_line(&terminal, "in front");
        wait_line(&terminal, "got early");
        assert_eq!(terminal.wait(SOON).code(), Some(0), "{}", terminal.screen());
    }
}

#[test]
fn a_command_that_cannot_be_started_leaves_the_terminal_to_the_shell() {
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    // Found, and yet not to be started: that shows only after the command has taken the terminal.
    let command = scene.ns.script("orphan", "#!/no/such/interpreter\n");
    let hold = format!("kubectl-lease hold job -- {}", command.display());
    shell.send(format!("{hold}; echo status $?\r").as_bytes());
    wait_line(&shell, "status 127");
    wait_prompt(&shell);
    // A script without job control does not take the terminal for its next command.
    shell.send(format!("sh -c '{hold}; echo ask; read x; echo got $x'\r").as_bytes());
    wait_line(&shell, "ask");
    shell.send(b"words\r");
    wait_line(&shell, "got words");
}

#[test]
fn the_command_inherits_no_blocked_or_ignored_signals() {
    let scene = Scene::new(4);
    let words = ["-E", "^Sig(Blk|Ign)", "/proc/self/status"];
    let alone = lease_harness::Command::new("/bin/grep", words).spawn_pty(24, 100);
    assert_eq!(alone.wait(SOON).code(), Some(0));
    let held = scene
        .hold(&["--", "/bin/grep", words[0], words[1], words[2]])
        .spawn_pty(24, 100);
    assert_eq!(held.wait(SOON).code(), Some(0));
    assert_eq!(held.screen(), alone.screen());
}

/// A program in raw mode is killed; the next one finds the terminal as it was.
#[track_caller]
fn modes_come_back(end: impl FnOnce(&Scene, &Terminal), message: &str) {
    let scene = Scene::new(4);
    let program = "stty raw -echo; printf begun; exec sleep 600";
    let script = format!("kubectl-lease hold job -- sh -c '{program}'; echo status $?; stty -a");
    let terminal = scene
        .ns
        .program(&scene.user, "/bin/sh", ["-c", &script])
        .via(&scene.proxy)
        .spawn_pty(40, 100);
    terminal.wait_screen(|text| text.contains("begun"), SOON);
    end(&scene, &terminal);
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    let screen = terminal.screen();
    assert!(screen.contains(message), "{screen}");
    let words: Vec<&str> = screen.split_whitespace().collect();
    assert!(
        words.contains(&"icanon") && words.contains(&"echo"),
        "{screen}"
    );
}

#[test]
fn the_modes_come_back_after_a_fence_and_when_the_watchdog_is_killed() {
    let steal = |scene: &Scene, _: &Terminal| {
        let thief = json!("thief");
        scene.ns.edit("job", |lease| {
            lease["spec"]["holderIdentity"] = thief.clone()
        });
    };
    modes_come_back(steal, "status 123");
    let kill = |_: &Scene, terminal: &Terminal| {
        let watchdog = watchdog(&terminal.tree()).expect("it watches");
        signal(watchdog, Signal::SIGKILL);
    };
    modes_come_back(kill, "status 125");
}

#[test]
fn a_command_stopped_without_a_terminal_keeps_the_lease_and_goes_on() {
    let scene = Scene::new(2);
    let gate = scene.gate();
    let held = scene.start(&super::scene::until(&gate));
    signal(held.child, Signal::SIGSTOP);
    scene.wait_renewals(2);
    assert!(stopped(held.child));
    signal(held.child, Signal::SIGCONT);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.elapsed > Duration::from_millis(500), "{output}");
}
