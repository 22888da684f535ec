//! Commands that ask for the terminal, whatever their stdin is: they get it, and the programs around them keep it
//! until then.

use crate::support::each;
use std::time::Duration;

use lease_harness::{Command, Terminal};
use nix::sys::signal::Signal;

use super::others::{Open, may_unshare, skipped};
use super::scene::{SOON, Scene, signal, watchdog};
use super::terminal::{
    assert_cooked, enter, entered, has_line, outer_shell, wait_line, wait_prompt,
};

/// Asks as ssh, sudo and psql do.
const ASK: &str = "read p </dev/tty; echo got $p";

/// The same without an echo, which a program must change the terminal for.
const ASK_UNSEEN: &str = "stty -echo </dev/tty; printf unseen: >/dev/tty; read p </dev/tty; stty echo </dev/tty; echo got $p";

/// The last line that the shell runs: that it comes shows that the terminal is the shell's again, and its modes with it.
#[track_caller]
fn all_is_as_before(shell: &Terminal, status: i32) {
    wait_prompt(shell);
    enter(shell, "echo status $?");
    wait_line(shell, &format!("status {status}"));
    wait_prompt(shell);
    enter(shell, "clear; stty -a | tr ';' '\\n'");
    let screen = shell.wait_screen(|text| text.contains("echoke"), SOON);
    assert_cooked(&screen);
}

#[test]
fn a_question_on_the_terminal_is_answered_whatever_is_a_pipe_or_a_file() {
    each([">out", "</dev/null 2>err", "| cat"], |around| {
        let scene = Scene::new(60);
        let shell = entered(
            &scene,
            &format!("cd {}", scene.gate().parent().expect("a folder").display()),
        );
        let ask = "echo asking >/dev/tty; read p </dev/tty; echo got $p >/dev/tty; exit 0";
        enter(
            &shell,
            &format!("kubectl-lease hold job -- sh -c '{ask}' {around}"),
        );
        wait_line(&shell, "asking");
        enter(&shell, "words");
        wait_line(&shell, "got words");
        all_is_as_before(&shell, 0);
        let raw = String::from_utf8_lossy(&shell.raw()).into_owned();
        assert!(!raw.contains("topped"), "{around}: {raw}");
        assert_eq!(scene.ns.holder("job"), None);
    });
    let scene = Scene::new(60);
    let shell = entered(
        &scene,
        &format!("kubectl-lease hold job -- sh -c '{ASK_UNSEEN}' | cat"),
    );
    shell.wait_screen(|text| text.contains("\nunseen:"), SOON);
    enter(&shell, "secret");
    let screen = shell.wait_screen(|text| text.contains("got secret"), SOON);
    assert!(!screen.contains("unseen:secret"), "{screen}");
    all_is_as_before(&shell, 0);
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    let twice = format!(
        "read a </dev/tty; sh -c \"{}\"; echo first $a",
        ASK.replace('$', "\\$")
    );
    let hold = format!("kubectl-lease hold job -- sh -c '{twice}' </dev/null");
    enter(&shell, &hold);
    shell.send(b"one\ntwo\n");
    wait_line(&shell, "got two");
    wait_line(&shell, "first one");
    all_is_as_before(&shell, 0);
}

#[test]
fn ctrl_c_at_a_question_or_before_it_ends_the_command_and_a_new_size_is_told_to_it() {
    let ask = "stty -echo </dev/tty; printf \"begun\\n\" >/dev/tty; read p </dev/tty";
    each([ask, "echo begun >/dev/tty; exec sleep 600"], |script| {
        let scene = Scene::new(60);
        let shell = outer_shell(&scene);
        let hold = format!("kubectl-lease hold job -- sh -c '{script}' </dev/null");
        enter(&shell, &hold);
        wait_line(&shell, "begun");
        shell.send(b"\x03");
        all_is_as_before(&shell, 130);
        assert_eq!(scene.ns.holder("job"), None);
    });
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    let script = "trap \"echo resized\" WINCH; echo begun; while :; do sleep 0.02; done";
    enter(
        &shell,
        &format!("kubectl-lease hold job -- sh -c '{script}' | cat"),
    );
    wait_line(&shell, "begun");
    shell.resize(30, 90);
    wait_line(&shell, "resized");
    shell.send(b"\x03");
    wait_prompt(&shell);
}

#[test]
fn ctrl_z_at_a_pager_behind_the_command_stops_both_and_fg_continues_both() {
    let scene = Scene::new(60);
    let shell = entered(&scene, "kubectl-lease hold job -- seq 100000 | less");
    shell.wait_screen(|text| has_line(text, "23") && text.ends_with(':'), SOON);
    // less forgets a Ctrl-Z that comes between its prompt and its read, without hold too: it is typed again then.
    let begun = std::time::Instant::now();
    while !shell.screen().contains("Stopped") && begun.elapsed() < SOON {
        shell.send(b"\x1a");
        let asked = std::time::Instant::now();
        while !shell.screen().contains("Stopped") && asked.elapsed() < Duration::from_secs(1) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    // On a busy machine the pager may put the screen back only after it was said.
    let raw = String::from_utf8_lossy(&shell.raw()).into_owned();
    assert!(raw.contains("continue it within"), "{raw}");
    enter(&shell, "echo outer");
    wait_line(&shell, "outer");
    enter(&shell, "fg");
    shell.wait_screen(|text| text.ends_with(':'), SOON);
    shell.send(b"G");
    shell.wait_screen(|text| has_line(text, "100000"), SOON);
    shell.send(b"q");
    all_is_as_before(&shell, 0);
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn a_pager_as_the_command_or_after_a_question_of_it_has_the_terminal() {
    let scene = Scene::new(60);
    let shell = entered(
        &scene,
        "seq 1000 | kubectl-lease hold job -- less 2>/dev/null",
    );
    shell.wait_screen(|text| has_line(text, "23") && text.ends_with(':'), SOON);
    shell.send(b"G");
    shell.wait_screen(|text| has_line(text, "1000"), SOON);
    shell.send(b"q");
    all_is_as_before(&shell, 0);
    assert_eq!(scene.ns.holder("job"), None);
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    let ask = "echo asking >/dev/tty; read p </dev/tty; seq 100000; exec sleep 600";
    enter(
        &shell,
        &format!("kubectl-lease hold job -- sh -c '{ask}' | less"),
    );
    wait_line(&shell, "asking");
    shell.send(b"words\n");
    shell.wait_screen(|text| has_line(text, "23"), SOON);
    shell.send(b" ");
    shell.wait_screen(|text| has_line(text, "40"), SOON);
    shell.send(b"q");
    // Ctrl-C would discard what was typed and not read yet.
    shell.wait_screen(|text| text.contains("hold job"), SOON);
    // As in a pipeline without hold: the command ends when it writes next, or by Ctrl-C.
    shell.send(b"\x03");
    all_is_as_before(&shell, 0);
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn an_interactive_shell_has_job_control_behind_a_pipe_or_not() {
    let scene = Scene::new(60);
    let shell = entered(
        &scene,
        "kubectl-lease hold job -- env PS1='in> ' bash --norc -i | cat",
    );
    // Prompts go to stderr, which is the terminal.
    shell.wait_screen(|text| text.trim_end().ends_with("in>"), SOON);
    enter(&shell, "sh -c 'echo begun; exec sleep 600'");
    wait_line(&shell, "begun");
    shell.send(b"\x03");
    enter(&shell, "echo status $?");
    // Typed early, it may come behind a prompt.
    shell.wait_screen(|text| text.contains("status 130"), SOON);
    enter(&shell, "exit 0");
    all_is_as_before(&shell, 0);
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
fn an_editor_that_is_killed_leaves_the_modes_as_they_were() {
    each(["</dev/null", "| cat"], |around| {
        let scene = Scene::new(60);
        let shell = outer_shell(&scene);
        let editor = "stty raw -echo </dev/tty; printf begun >/dev/tty; exec sleep 600";
        enter(
            &shell,
            &format!(
                "sh -c \"kubectl-lease hold job -- sh -c '{editor}' {around}; stty -a | tr ';' '\\n'\""
            ),
        );
        shell.wait_screen(|text| text.contains("\nbegun"), SOON);
        let watchdog = watchdog(&shell.tree()).expect("it watches");
        signal(watchdog, Signal::SIGKILL);
        let screen = shell.wait_screen(|text| text.contains("echoke"), SOON);
        assert_cooked(&screen);
    });
}

#[test]
fn a_script_without_job_control_may_hold_in_its_own_background() {
    let scene = Scene::new(60);
    let shell = outer_shell(&scene);
    // Such a shell leaves the terminal to the group of both.
    let inner = ASK.replace('$', "\\\\\\$");
    enter(
        &shell,
        &format!(
            "sh -c \"kubectl-lease hold job -- sh -c \\\"{inner}\\\" & wait; read q; echo and \\$q\""
        ),
    );
    wait_prompt_gone(&shell);
    enter(&shell, "words");
    wait_line(&shell, "got words");
    enter(&shell, "more");
    wait_line(&shell, "and more");
    all_is_as_before(&shell, 0);
}

/// Waits until the line was taken.
fn wait_prompt_gone(shell: &Terminal) {
    shell.wait_screen(|text| !text.trim_end().ends_with('>'), SOON);
}

#[test]
fn a_session_leader_of_its_own_terminal_is_answered_and_does_not_stop() {
    // As `docker run -t` or `script` start it: nobody is above that could continue it.
    let scene = Scene::new(60);
    let terminal = scene
        .hold(&[
            "--",
            "sh",
            "-c",
            "exec </dev/null; echo asking; read p </dev/tty; echo got $p; exec sleep 600",
        ])
        .spawn_pty(24, 100);
    wait_line(&terminal, "asking");
    terminal.send(b"words\r");
    wait_line(&terminal, "got words");
    terminal.send(b"\x1a");
    terminal.send(b"\x03");
    assert_eq!(
        terminal.wait(SOON).code(),
        Some(130),
        "{}",
        terminal.screen()
    );
}

#[test]
fn a_process_that_nobody_may_see_is_continued_with_the_command() {
    let unshare = ["--mount", "--pid", "--fork"];
    let python = Command::new("python3", ["-c", "import ctypes"]).run();
    if !may_unshare(&unshare) || python.code != Some(0) {
        return skipped("needs root for another user with hidepid=2, and python3");
    }
    let scene = Scene::new(60);
    let open = Open::new(&scene);
    // As one with other rights is, sudo say: with hidepid=2 it is not seen, nor are its children.
    let hidden = "import ctypes, os
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
if os.fork() == 0:
    print(\"got\", open(\"/dev/tty\").readline(), flush=True)
else:
    os.wait()
";
    let asking = scene.ns.file("asking.py", hidden);
    let outer = "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups \
                 \"$0\" hold job -- /bin/sh -c 'python3 -c \"$(cat <&3)\"; echo over' </dev/null 3<\"$1\"";
    let binary = open.binary.display().to_string();
    let asking = asking.display().to_string();
    let words = ["/bin/sh", "-c", outer, binary.as_str(), asking.as_str()];
    let terminal = Command::new("unshare", unshare.iter().chain(&words))
        .kubeconfig(&open.config)
        .spawn_pty(24, 100);
    terminal.send(b"words\r");
    wait_line(&terminal, "got words");
    wait_line(&terminal, "over");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    assert_eq!(scene.ns.holder("job"), None);
}
