//! What a server makes of a hold's writes: another holder, a shorter duration, nothing at all; and a loss that only the
//! release finds.

use lease_harness::{Fault, Match, Namespace, lease, wait_gone};
use serde_json::{Value, json};

use super::scene::{SOON, Scene, is_release, until};

fn renewals() -> Match {
    Match::when(|request| request.method == "PUT" && !is_release(request))
}

fn prefixed(object: &mut Value) {
    let holder = object["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default();
    if !holder.is_empty() {
        object["spec"]["holderIdentity"] = json!(format!("team-{holder}"));
    }
}

fn shortened(object: &mut Value) {
    object["spec"]["leaseDurationSeconds"] = json!(2);
}

fn free(ns: &Namespace) -> bool {
    ns.holder("job").as_deref().unwrap_or("").is_empty()
}

#[test]
fn a_renewal_that_is_stored_otherwise_is_a_loss_and_what_is_left_of_it_is_given_back() {
    // By its answer, or by the watch if that is faster.
    for (change, words) in [(shortened as fn(&mut Value), "2"), (prefixed, "\"team-")] {
        let scene = Scene::new(4);
        let held = scene.start("trap '' TERM; while :; do sleep 1; done");
        scene
            .proxy
            .fault(renewals(), Fault::Alter(change), usize::MAX);
        wait_gone(held.child, SOON);
        let output = held.end();
        assert_eq!(output.code, Some(123), "{output}");
        assert!(output.stderr.contains(words), "{output}");
        assert!(free(&scene.ns), "{output}");
    }
}

/// Without a watch and before a renewal, only the release can find out.
#[test]
fn what_only_the_release_finds_is_a_loss_all_the_same() {
    type Act = fn(&Namespace);
    fn steal(ns: &Namespace) {
        let words = ["steal", "job", "--holder", "thief", "--yes", "--now"];
        assert_eq!(ns.run(&ns.admin(), words).code, Some(0));
    }
    fn recreate(ns: &Namespace) {
        ns.delete("job");
        let next = lease("job").duration(15).holder("next").transitions(1);
        ns.create(&next.build());
    }
    for (act, words) in [
        (steal as Act, "taken over by \"thief\""),
        (recreate, "created again, held by \"next\""),
    ] {
        let scene = Scene::without_watch(60);
        let gate = scene.gate();
        let held = scene.start(&until(&gate));
        act(&scene.ns);
        let left = scene.ns.get("job");
        let output = held.end_at(&gate);
        assert_eq!(output.code, Some(123), "{output}");
        let lost = output.stderr.lines().find(|line| line.contains("lost"));
        assert!(lost.is_some_and(|line| line.contains(words)), "{output}");
        assert_eq!(scene.ns.get("job"), left, "{output}");
    }
}
