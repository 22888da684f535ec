//! Waiters that die or stand still: others get past them, and one that comes back finds out.

use super::*;
use std::collections::VecDeque;
use std::time::Instant;

#[test]
fn a_killed_waiter_keeps_the_line_no_longer_than_its_ticket_lasts() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let flags = ["--duration", "3s"];
    let all: Vec<Running> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| stands(&waiter(&ns, &user, name, &flags, &log)))
        .collect();
    for dead in &all[..3] {
        dead.kill();
    }
    set_free(&ns, "job");
    let freed = Instant::now();
    let mut all = VecDeque::from(all);
    ended(&all.pop_back().expect("a waiter").wait(SOON), 0, "");
    let took = freed.elapsed();
    // Its own ticket lasts for 3 s: whoever is dead is proven to be in as much, and all are at once.
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert_eq!(logged(&log), ["d"]);
    assert_eq!(
        tickets(&ns, "job").len(),
        0,
        "those of the dead are deleted"
    );
}

#[test]
fn a_waiter_that_stood_still_for_too_long_goes_to_the_end_of_the_line_and_says_so() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let flags = ["--duration", "3s"];
    let frozen = stands(&waiter(&ns, &user, "a", &flags, &log));
    let awake = stands(&waiter(&ns, &user, "b", &flags, &log));
    frozen.signal(libc::SIGSTOP);
    awake.wait_stderr(|line| line.starts_with("1st in line"), SOON);
    frozen.signal(libc::SIGCONT);
    frozen.wait_stderr(
        |line| line.contains("is lost: it was not renewed in time"),
        SOON,
    );
    frozen.wait_stderr(|line| line.starts_with("2nd in line"), SOON);
    set_free(&ns, "job");
    ended(&awake.wait(SOON), 0, "");
    ended(&frozen.wait(SOON), 0, "");
    assert_eq!(logged(&log), ["b", "a"]);
}

/// So many handovers, so many in line at a time, and every so many of them is killed while it waits.
const HANDOVERS: usize = 200;
const IN_LINE: usize = 50;
const KILLED: usize = 10;

#[test]
fn two_hundred_handovers_through_a_queue_of_fifty_are_in_order_whoever_is_killed_on_the_way() {
    let (ns, user) = lined();
    ns.create(&held("job", "other", 600));
    let log = ns.file("log", "");
    let start = |number: usize| {
        let name = number.to_string();
        let flags = ["--duration", "6s", "--no-events"];
        (
            name.clone(),
            stands(&waiter(&ns, &user, &name, &flags, &log)),
        )
    };
    let mut next = 0;
    let mut line = VecDeque::new();
    let mut expected = Vec::new();
    let mut killed = Vec::new();
    let mut begin = |line: &mut VecDeque<(String, Running)>, expected: &mut Vec<String>| {
        let (name, running) = start(next);
        next += 1;
        if next % KILLED == 0 {
            // Far from the head: there is time for whoever comes next to find out.
            running.kill();
            killed.push(running);
        } else {
            expected.push(name.clone());
            line.push_back((name, running));
        }
    };
    while line.len() < IN_LINE {
        begin(&mut line, &mut expected);
    }
    set_free(&ns, "job");
    let began = Instant::now();
    while expected.len() < HANDOVERS {
        let (_, first) = line.pop_front().expect("a waiter");
        ended(&first.wait(SOON * 3), 0, "");
        begin(&mut line, &mut expected);
    }
    for (_, one) in line {
        ended(&one.wait(SOON * 3), 0, "");
    }
    let took = began.elapsed();
    assert_eq!(logged(&log), expected);
    assert!(
        killed.len() >= HANDOVERS / KILLED,
        "{} were killed",
        killed.len()
    );
    println!("{} handovers in {took:?}", expected.len());
}
