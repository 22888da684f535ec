//! Signals while several are taken, at each stage: all is given back, or it is said what could not be.

use super::scene::{Scene, is};
use crate::support::{SOON, each, ended, pass_to};
use lease_harness::{Fault, Match};

#[test]
fn at_whatever_write_a_signal_comes_nothing_is_left_held() {
    let stages = ["+a", "+b", "+c"];
    let faults = [Fault::HangAfterCommit, Fault::Hang, Fault::DropReply];
    // After a lost reply the command may run by then, and Wine's consoles do not reach it.
    let faults = faults.into_iter().take(if cfg!(unix) { 3 } else { 2 });
    let rows = stages
        .into_iter()
        .flat_map(|stage| faults.clone().map(move |fault| (stage, fault)));
    each(rows, |(stage, fault)| {
        let scene = Scene::new(3);
        let met = match fault {
            Fault::Hang => "Hang",
            Fault::DropReply => "DropReply",
            _ => "HangAfterCommit",
        };
        scene.proxy.fault(Match::when(is(stage)), fault, 1);
        if met == "DropReply" {
            // What comes next hangs, so that the signal comes in between.
            scene
                .proxy
                .fault(Match::get().path("leases/c"), Fault::Hang, 0);
        }
        let running = scene.hold("hold a b c", "sleep 600").own_console().spawn();
        let met =
            |all: &[lease_harness::Request]| all.iter().any(|request| request.fault == Some(met));
        scene.proxy.wait_for(met, SOON);
        running.interrupt();
        let output = running.wait(SOON);
        assert_eq!(output.code, Some(130), "{output}");
        assert_eq!(scene.holders(), ["", "", ""], "{output}");
    });
}

#[test]
fn a_signal_while_one_is_waited_for_gives_the_others_back_in_reverse() {
    let scene = Scene::new(60);
    pass_to(&scene.ns, "c", "other");
    let running = scene.command("acquire a b c").own_console().spawn();
    running.wait_stderr(|line| line.starts_with("waiting for lease \"c\""), SOON);
    running.interrupt();
    let output = running.wait(SOON);
    ended(&output, 130, "");
    let expected = "interrupted: lease \"c\" was not acquired\n\
        lease \"b\" was released: nobody holds it\nlease \"a\" was released: nobody holds it\n";
    assert!(output.stderr.ends_with(expected), "{output}");
    assert_eq!(scene.taken_and_given(), "+a +b -b -a");
}

#[test]
fn who_asks_twice_leaves_at_once_and_is_told_what_may_be_held() {
    let scene = Scene::new(60);
    pass_to(&scene.ns, "c", "other");
    scene
        .proxy
        .fault(Match::when(is("-b")), Fault::Hang, usize::MAX);
    let running = scene.command("acquire a b c").own_console().spawn();
    running.wait_stderr(|line| line.starts_with("waiting for lease \"c\""), SOON);
    running.interrupt();
    let hangs =
        |all: &[lease_harness::Request]| all.iter().any(|request| request.fault == Some("Hang"));
    scene.proxy.wait_for(hangs, SOON);
    running.interrupt();
    let output = running.wait(SOON);
    ended(&output, 130, "");
    for name in ["a", "b"] {
        let said = format!("error: lease \"{name}\" was not released\nIt may be held by \"me\"");
        assert!(output.stderr.contains(&said), "{output}");
    }
}

#[cfg(unix)] // /dev/full
#[test]
fn a_result_that_nobody_reads_gives_all_back() {
    let scene = Scene::new(60);
    for words in ["acquire a b", "hold a b"] {
        let command = scene
            .command(words)
            .stdout(lease_harness::Outlet::File("/dev/full".into()));
        let output = command.run();
        assert_eq!(output.code, Some(1), "{output}");
        for name in ["b", "a"] {
            let said = format!("lease \"{name}\" was released: nobody holds it");
            assert!(output.stderr.contains(&said), "{output}");
        }
        assert_eq!(scene.holders(), ["", "", ""]);
    }
}
