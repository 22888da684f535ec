//! `hold` where nobody reads what it says: it renews, ends and gives back all the same.

use crate::support::ended;
use std::time::Duration;

use lease_harness::{Outlet, Running};

use super::scene::{SOON, Scene};

const ACQUIRED: &str = "lease.coordination.k8s.io/job acquired\n";
const RELEASED: &str = "lease.coordination.k8s.io/job released\n";
const GIVEN_BACK: &str = "lease \"job\" was released: nobody holds it\n";
const SIGTERM: i32 = 15;

fn full() -> Outlet {
    Outlet::File("/dev/full".into())
}

/// A hold without a command whose stdout is full, and which has renewed by now.
#[track_caller]
fn blocked(scene: &Scene) -> Running {
    let running = scene.hold(&[]).stdout(Outlet::Full).spawn();
    scene.ns.wait_until(
        "job",
        |lease| lease["spec"]["holderIdentity"].is_string(),
        SOON,
    );
    scene.wait_renewals(3);
    running
}

#[track_caller]
fn is_free(scene: &Scene) {
    assert_eq!(scene.ns.holder("job"), None);
}

#[test]
fn a_hold_that_cannot_say_that_it_began_is_given_back_and_a_reader_that_has_heard_enough_is_no_error()
 {
    for (outlet, why) in [
        (
            full(),
            "error: cannot write to stdout: No space left on device (os error 28)\n",
        ),
        (
            Outlet::Broken,
            "error: nobody read the result: the reader of stdout has gone\n",
        ),
    ] {
        let scene = Scene::new(15);
        let output = scene.hold(&[]).stdout(outlet).run();
        assert_eq!(output.code, Some(1), "{output}");
        assert_eq!(output.stderr, format!("{why}{GIVEN_BACK}"));
        is_free(&scene);
    }
    let scene = Scene::new(15);
    let pipeline = "trap '' TERM; (trap - TERM; exec kubectl-lease hold job; ) | { read line; echo \"$line\"; }";
    let running = scene
        .ns
        .program(
            &scene.user,
            "bash",
            ["-c", &format!("{pipeline}; echo \"${{PIPESTATUS[0]}}\"")],
        )
        .spawn();
    running.wait_stdout(|line| line == ACQUIRED.trim(), SOON);
    let hold = running
        .tree()
        .into_iter()
        .find(|pid| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|words| String::from_utf8_lossy(&words).contains("kubectl-lease\0hold"))
        })
        .expect("the hold runs");
    super::scene::signal(hold, nix::sys::signal::Signal::SIGTERM);
    let output = running.wait(SOON);
    assert_eq!(output.stdout, format!("{ACQUIRED}143\n"), "{output}");
    is_free(&scene);
    let scene = Scene::new(4);
    let file = scene.ns.file("said", "");
    let under = |what: &str| {
        let line = format!("ulimit -f 0; exec \"$0\" {what}");
        let binary = lease_harness::binary().display().to_string();
        lease_harness::Command::new("/bin/bash", ["-c", &line, &binary])
            .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
            .run()
    };
    let output = under(&format!("acquire job > {}", file.display()));
    assert_eq!(output.code, Some(1), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
    let output = under(&format!(
        "hold job -- sh -c 'setsid sleep 601 & exit 3' 2> {}",
        file.display()
    ));
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(scene.ns.holder("job"), None, "{output}");
}

#[test]
fn a_hold_that_nobody_reads_goes_on_is_heard_once_somebody_does_and_given_back_without() {
    let scene = Scene::new(4);
    let running = blocked(&scene);
    running.read_on();
    running.wait_stdout(|line| ACQUIRED.trim() == line, SOON);
    running.signal(SIGTERM);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(143), "{output}");
    assert_eq!(output.stdout, format!("{ACQUIRED}{RELEASED}"));
    is_free(&scene);
    let scene = Scene::new(4);
    let running = blocked(&scene);
    running.hang_up();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.ends_with(GIVEN_BACK), "{output}");
    is_free(&scene);
}

/// Ctrl-S, as typed.
#[test]
fn a_hold_on_a_stopped_terminal_or_that_tells_all_it_does_to_nobody_goes_on() {
    let scene = Scene::new(4);
    let script = "echo ready; read go; exec kubectl-lease hold job";
    let terminal = scene
        .ns
        .program(&scene.user, "sh", ["-c", script])
        .via(&scene.proxy)
        .spawn_pty(24, 100);
    terminal.wait_screen(|text| text.contains("ready"), SOON);
    terminal.send(b"\x13");
    terminal.send(b"go\r");
    scene.wait_renewals(3);
    terminal.signal(SIGTERM);
    assert_eq!(terminal.wait(SOON).code(), Some(143));
    is_free(&scene);
    let scene = Scene::new(4);
    let running = scene
        .hold(&["-v", "--", "sleep", "5"])
        .stderr(Outlet::Full)
        .spawn();
    let output = running.wait(SOON);
    ended(&output, 0, "");
    assert!(output.elapsed >= Duration::from_secs(3));
    is_free(&scene);
}
