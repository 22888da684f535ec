//! What a fault has met and let go, and a record that is drained.

use super::{SILENCE, SOON, Scene};
use lease_harness::{Fault, Match};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_fault_counts_what_it_meets_and_can_be_withdrawn_alone() {
    let scene = Scene::new();
    let slow = Fault::status(429, "TooManyRequests", "slow down");
    let gone = Fault::status(503, "ServiceUnavailable", "gone");
    let first = scene.proxy.program(Match::get(), slow, usize::MAX);
    let second = scene.proxy.program(Match::get(), gone, usize::MAX);
    assert_eq!(first.released(Duration::ZERO), None);
    let start = Instant::now();
    let told = [(), ()].map(|()| scene.get().expect("an answer"));
    assert_eq!((told, first.met(), second.met()), ([429; 2], 2, 0));
    assert!(first.wait_met(2, SOON) && !first.wait_met(3, Duration::ZERO));
    let released = first.released(SOON).expect("it has met some");
    assert!(start <= released && released <= Instant::now());
    first.withdraw();
    assert_eq!(scene.get().expect("an answer"), 503);
    second.withdraw();
    assert_eq!(scene.get().expect("an answer"), 200);
    assert_eq!((first.met(), second.met()), (2, 1));
}

#[test]
fn what_would_hang_for_ever_can_be_let_go() {
    for fault in [Fault::Hang, Fault::HangAfterCommit] {
        let scene = Scene::new();
        let active = scene.proxy.program(Match::put(), fault, 1);
        let (sender, answer) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| sender.send(scene.put("me").is_ok()));
            assert!(active.wait_met(1, SOON));
            assert_eq!(active.released(SILENCE), None);
            assert!(answer.try_recv().is_err());
            active.let_go();
            assert_eq!(answer.recv_timeout(SOON), Ok(false));
            assert!(active.released(SOON).is_some());
        });
    }
}

#[test]
fn a_drained_record_keeps_only_what_is_not_over() {
    let scene = Scene::new();
    let hang = scene.proxy.program(Match::put(), Fault::Hang, 1);
    thread::scope(|scope| {
        scope.spawn(|| scene.put("me"));
        assert!(hang.wait_met(1, SOON));
        scene.get().expect("an answer");
        assert!(scene.proxy.wait_over_unharmed(2, SOON));
        assert!(!scene.proxy.wait_over(2, SILENCE));
        let drained = scene.proxy.drain();
        let drained: Vec<_> = drained.iter().map(|r| (r.number, r.status)).collect();
        assert_eq!(drained, [(2, Some(200))]);
        assert_eq!((scene.proxy.arrived(), scene.proxy.under_way()), (2, 1));
        hang.let_go();
        assert!(scene.proxy.wait_over(2, SOON));
        let drained = scene.proxy.drain();
        let drained: Vec<_> = drained.iter().map(|r| (r.number, r.status)).collect();
        assert_eq!(drained, [(1, None)]);
    });
    assert_eq!(scene.proxy.under_way(), 0);
    assert!(scene.proxy.requests().is_empty());
}
