//! Commands on a terminal: the foreground is theirs, job control works, and the modes come back.

use crate::support::pass_to;
use std::io::Write;

use lease_harness::{Terminal, wait_gone};

use super::scene::{SOON, Scene};

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

/// Types a line. A line feed ends one in every mode of the terminal: while the shell edits, and before it has left that.
pub fn enter(shell: &Terminal, line: &str) {
    shell.send(format!("{line}\n").as_bytes());
}

/// An interactive shell that runs this line.
pub fn entered(scene: &Scene, line: &str) -> Terminal {
    let shell = outer_shell(scene);
    enter(&shell, line);
    shell
}

/// What `stty -a` shows is a terminal whose lines are edited, and shown.
#[track_caller]
pub fn assert_cooked(shown: &str) {
    let words: Vec<&str> = shown.split_whitespace().collect();
    assert!(
        ["icanon", "echo", "isig"]
            .iter()
            .all(|mode| words.contains(mode)),
        "{shown}"
    );
}

#[test]
fn ctrl_z_returns_to_the_outer_shell_and_fg_or_bg_continues() {
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
fn the_command_is_in_the_foreground_from_its_first_instruction_and_inherits_no_blocked_or_ignored_signals()
 {
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

/// A program in raw mode is killed; the next one finds the terminal as it was.
#[test]
fn the_modes_come_back_after_a_fence() {
    let scene = Scene::new(4);
    let program = "stty raw -echo; printf begun; exec sleep 600";
    let script = format!("kubectl-lease hold job -- sh -c '{program}'; echo status $?; stty -a");
    let terminal = scene
        .ns
        .program(&scene.user, "/bin/sh", ["-c", &script])
        .via(&scene.proxy)
        .spawn_pty(40, 100);
    terminal.wait_screen(|text| text.contains("begun"), SOON);
    pass_to(&scene.ns, "job", "thief");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    let screen = terminal.screen();
    assert!(screen.contains("status 123"), "{screen}");
    assert_cooked(&screen);
}
