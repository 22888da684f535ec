//! Writes of theirs that arrive late, when the Lease is ours: with a version they are refused, without one our command is dead at once.

use std::time::Duration;

use lease_harness::{Fault, Latch, Match, Request, alive};

use crate::candidate::{Candidate, Client, Terms, Writes, beside, beside_each, clients};
use crate::scene::{Hold, SOON, Scene, THEM, Work};
use crate::skewed::{Lost, at_once, fenced, watched};

/// Holds their next write back, if it is like this.
fn hold_back(scene: &Scene, like: fn(&Request) -> bool) -> Latch {
    let latch = Latch::closed();
    let matching = Match::when(move |request| {
        matches!(&*request.method, "PUT" | "PATCH" | "POST") && like(request)
    });
    let fault = Fault::HeldBack(latch.clone());
    scene.theirs.fault(matching, fault, 1);
    latch
}

fn is_held_back(all: &[Request]) -> bool {
    all.iter().any(|request| request.fault == Some("HeldBack"))
}

/// What of theirs is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    Renewal,
    Release,
}

fn frees(request: &Request) -> bool {
    let body = request.json();
    let holder = body["spec"].get("holderIdentity");
    holder.is_some_and(|holder| holder.as_str().unwrap_or_default().is_empty())
}

fn any(_: &Request) -> bool {
    true
}

/// Once they have been refused, ours goes on.
fn goes_on(client: &Client, scene: &Scene, hold: Hold, work: Work) {
    let refused = |request: &Request| request.status == Some(409);
    scene.theirs.wait_for(|all| all.iter().any(refused), SOON);
    // Also after the next acknowledged renewal.
    scene.wait_writes(&scene.ours, 1);
    assert!(alive(work.pid), "{client:?}");
    let output = hold.end();
    assert_eq!(output.code, Some(143), "{client:?} {output}");
}

fn blind() -> Vec<Client> {
    let mut all = clients();
    all.retain(|client| client.writes == Writes::Blindly);
    all
}

#[test]
fn an_acquisition_that_was_decided_before_ours() {
    beside_each(|client| {
        at_once(|| {
            let scene = Scene::new();
            let latch = hold_back(&scene, any);
            let _them = (client.start)(&scene, Terms::of(6));
            scene.theirs.wait_for(is_held_back, SOON);
            let (hold, work) = watched(&scene, &["--duration=6s"]);
            latch.open();
            match client.writes {
                Writes::WithVersion => {
                    goes_on(client, &scene, hold, work);
                    Duration::ZERO
                }
                Writes::Blindly => fenced(client.name, &scene, hold, work, Lost::To(THEM)),
            }
        });
    });
}

/// Ours after they were silent for their duration, with a write of theirs under way.
fn ours_beside_a_late_write(
    client: &Client,
    duration: &str,
    what: Late,
) -> (Scene, Box<dyn Candidate>, Latch, Hold, Work) {
    let scene = Scene::new();
    let mut them = (client.start)(&scene, Terms::of(6));
    them.wait_leads();
    let latch = match what {
        Late::Renewal => hold_back(&scene, any),
        Late::Release => hold_back(&scene, frees),
    };
    if what == Late::Release {
        them.release();
    }
    scene.theirs.wait_for(is_held_back, SOON);
    let (hold, work) = watched(&scene, &[duration]);
    (scene, them, latch, hold, work)
}

/// They have died, and their renewal is stored.
fn lands(scene: &Scene, them: Box<dyn Candidate>, latch: &Latch) {
    latch.open();
    let landed = |request: &Request| request.fault.is_some() && request.status == Some(200);
    let all = scene.theirs.wait_for(|all| all.iter().any(landed), SOON);
    assert!(all.iter().any(landed));
    them.die();
}

#[test]
fn a_renewal_changes_nothing_where_it_records_the_same_duration() {
    beside_each(|client| {
        let (scene, them, latch, hold, work) =
            ours_beside_a_late_write(client, "--duration=6s", Late::Renewal);
        if client.writes == Writes::WithVersion {
            latch.open();
            return goes_on(client, &scene, hold, work);
        }
        lands(&scene, them, &latch);
        scene.wait_writes(&scene.ours, 3);
        assert!(alive(work.pid), "{client:?}");
        let output = hold.end();
        assert_eq!(output.code, Some(143), "{client:?} {output}");
    });
}

/// It has the time at which it was sent. Whoever compares that with a clock takes ours for expired, until we renew next.
#[test]
fn a_renewal_that_sets_our_renewal_back_for_the_next_candidate() {
    beside(&blind(), |client| {
        at_once(|| {
            let (scene, them, latch, hold, work) =
                ours_beside_a_late_write(client, "--duration=6s", Late::Renewal);
            lands(&scene, them, &latch);
            scene.theirs.clear();
            let next = (client.start)(&scene, Terms::of(6));
            next.wait_leads();
            fenced(client.name, &scene, hold, work, Lost::To(THEM))
        });
    });
}

#[test]
fn a_renewal_that_shortens_our_duration() {
    beside(&blind(), |client| {
        at_once(|| {
            let (scene, _them, latch, hold, work) =
                ours_beside_a_late_write(client, "--duration=30s", Late::Renewal);
            latch.open();
            fenced(client.name, &scene, hold, work, Lost::Shortened)
        });
    });
}

#[test]
fn a_release() {
    let mut all = clients();
    all.retain(|client| client.releases);
    beside(&all, |client| {
        at_once(|| {
            let (scene, _them, latch, hold, work) =
                ours_beside_a_late_write(client, "--duration=6s", Late::Release);
            latch.open();
            match client.writes {
                Writes::WithVersion => {
                    goes_on(client, &scene, hold, work);
                    Duration::ZERO
                }
                Writes::Blindly => fenced(client.name, &scene, hold, work, Lost::Released),
            }
        });
    });
}
