//! How a command can end, and what it can leave behind.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use lease_harness::wait_gone;

use super::scene::{SOON, Scene, measured};

#[test]
fn the_exit_status_is_the_commands_own_and_the_lease_is_released() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 139", 139),
        ("kill -SEGV $$", 139),
        ("kill -KILL $$", 137),
    ] {
        let scene = Scene::new(4);
        let output = scene.hold(&["--", "/bin/sh", "-c", script]).run();
        assert_eq!((output.code, output.signal), (Some(code), None), "{output}");
        assert_eq!(scene.ns.holder("job"), None, "{output}");
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    }
}

#[test]
fn a_command_that_is_not_found_is_127_and_nothing_is_sent() {
    let scene = Scene::new(4);
    for command in ["no-such-command-anywhere", "/no/such/command"] {
        let output = scene.hold(&["--", command]).run();
        assert_eq!(output.code, Some(127), "{output}");
        assert!(output.stderr.contains(command), "{output}");
    }
    assert_eq!(scene.proxy.requests().len(), 0);
}

#[test]
fn a_command_that_is_not_executable_is_126_and_nothing_is_sent() {
    let scene = Scene::new(4);
    let file = scene.ns.file("plain", "echo no\n");
    let folder = file.parent().expect("it is in a folder").to_owned();
    for command in [&file, &folder] {
        let command = command.to_str().expect("UTF-8");
        let output = scene.hold(&["--", command]).run();
        assert_eq!(output.code, Some(126), "{output}");
        assert!(output.stderr.contains(command), "{output}");
    }
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let output = scene.hold(&["--", "plain"]).env("PATH", path).run();
    assert_eq!(output.code, Some(126), "{output}");
    assert_eq!(scene.proxy.requests().len(), 0);
}

#[test]
fn a_command_whose_interpreter_is_missing_is_127_and_does_not_leave_the_lease_held() {
    let scene = Scene::new(4);
    let script = scene.ns.script("orphan", "#!/no/such/interpreter\n");
    let output = scene.hold(&["--", script.to_str().expect("UTF-8")]).run();
    assert_eq!(output.code, Some(127), "{output}");
    let why = "orphan: the interpreter that its first line names is not there\nIt asks for \"/no/such/interpreter\": ";
    assert!(output.stderr.contains(why), "{output}");
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn a_tool_replaced_on_disk_while_it_waits_still_starts_its_command() {
    let scene = Scene::new(2);
    let copy = scene.ns.file("kubectl-lease", "");
    std::fs::copy(lease_harness::binary(), &copy).expect("there is space");
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o700)).expect("ours");
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "before".into();
        lease["spec"]["leaseDurationSeconds"] = 3600.into();
    });
    let words = ["hold", "job", "--duration", "4s", "--", "echo", "ran"];
    let waiting = lease_harness::Command::new(&copy, words)
        .kubeconfig(scene.ns.kubeconfig(&scene.user))
        .spawn();
    waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    std::fs::remove_file(&copy).expect("it is there");
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "".into();
    });
    let output = waiting.wait(SOON);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), "ran\n"),
        "{output}"
    );
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn a_watchdog_that_died_while_the_lease_was_waited_for_does_not_leave_the_lease_held() {
    let scene = Scene::new(4);
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "before".into();
        lease["spec"]["leaseDurationSeconds"] = 3600.into();
    });
    let waiting = scene
        .hold(&["--duration", "4s", "--", "echo", "ran"])
        .spawn();
    waiting.wait_stderr(|line| line.contains("waiting for lease"), SOON);
    let watchdog = super::scene::watchdog(&waiting.tree()).expect("it waits too");
    super::scene::signal(watchdog, nix::sys::signal::Signal::SIGKILL);
    wait_gone(watchdog, SOON);
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "".into();
    });
    let output = waiting.wait(SOON);
    assert_eq!(output.code, Some(125), "{output}");
    assert!(output.stderr.contains("watchdog"), "{output}");
    assert_eq!(output.stdout, "", "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    assert_eq!(scene.writes(), 2, "the grant and the release");
}

#[test]
fn a_command_that_ignores_term_is_killed_when_the_lease_is_lost() {
    let scene = Scene::new(4);
    let held = scene.start("trap '' TERM; READY; while :; do sleep 0.05; done");
    scene.ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "thief".into();
    });
    let stolen = Instant::now();
    wait_gone(held.child, SOON);
    let took = stolen.elapsed();
    measured("TERM ignored, killed after a steal, D = 4 s", took);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(held.end().code, Some(123));
}

#[test]
fn a_command_that_ignores_term_keeps_the_lease_until_it_ends() {
    let scene = Scene::new(2);
    let gate = scene.gate();
    let held = scene.start(&format!(
        "trap '' TERM; READY; {}; exit 5",
        super::scene::until(&gate)
    ));
    held.running.signal(libc::SIGTERM);
    scene.wait_renewals(2);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(5), "{output}");
}

#[test]
fn grandchildren_in_sessions_of_their_own_die_with_the_lease() {
    let scene = Scene::new(4);
    let held = scene.start(
        "setsid sleep 601 & setsid sh -c 'trap \"\" TERM; (setsid sleep 602 &); sleep 603' & exec sleep 600",
    );
    scene.ns.delete("job");
    held.wait_tree_gone(&[held.running.pid(), held.watchdog], Duration::from_secs(1));
    assert_eq!(held.end().code, Some(123));
}

#[test]
fn a_daemon_left_behind_is_gone_before_the_release() {
    for daemon in [
        "echo up; exec sleep 601",
        "trap \"\" TERM HUP; echo up; while :; do sleep 0.05; done",
    ] {
        let scene = Scene::new(4);
        let gate = scene.gate();
        let until = super::scene::until(&gate);
        let held = scene.start(&format!("(setsid sh -c '{daemon}' &); {until}; exit 0"));
        held.running.wait_stdout(|line| line == "up", SOON);
        let survivors = scene.survivors_at_release(&held);
        std::fs::write(&gate, "").expect("the folder is ours");
        let output = held.end();
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(survivors(), Vec::<u32>::new());
        assert_eq!(scene.ns.holder("job"), None);
    }
}

#[test]
fn a_command_that_forks_while_it_is_killed_is_gone_before_the_release() {
    let scene = Scene::new(4);
    let gate = scene.gate();
    let until = super::scene::until(&gate);
    let forks = "trap \"\" TERM; echo up; while :; do sleep 0.3 & sleep 0.01; done";
    let held = scene.start(&format!(
        "sh -c '{forks}' & setsid sh -c '{forks}' & {until}; exit 0"
    ));
    let both = || held.running.stdout().matches("up\n").count() == 2;
    held.running.wait_stdout(|_| both(), SOON);
    let survivors = scene.survivors_at_release(&held);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(survivors(), Vec::<u32>::new());
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn a_chain_of_processes_that_fork_and_exit_is_gone_before_the_release() {
    let scene = Scene::new(4);
    let gate = scene.gate();
    let until = super::scene::until(&gate);
    let link = scene
        .ns
        .script("link", "#!/bin/sh\ntrap '' TERM\n\"$0\" &\n");
    let held = scene.start(&format!("{}; {until}; exit 0", link.display()));
    let survivors = scene.survivors_at_release(&held);
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = held.end();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(survivors(), Vec::<u32>::new());
}
