//! A lease that is held under one's own identity already.

use crate::support::{SOON, fresh, held, holder, stored, untouched};

#[test]
fn an_interrupted_wait_for_a_grant_of_ones_own_contradicts_nothing() {
    let (ns, user) = fresh();
    let before = ns.create(&held("job", "me", 600));
    let running = ns.spawn(&user, ["acquire", "job", "--holder=me"]);
    running.wait_stderr(|line| line.contains("held by yourself already"), SOON);
    // SIGINT
    running.signal(2);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(130), "{output}");
    let last = output.stderr.lines().last();
    let said = "interrupted: lease \"job\" was not acquired";
    assert_eq!(last, Some(said), "{output}");
    untouched(&ns, &before);
}

#[test]
fn who_steals_a_grant_of_ones_own_is_told_so() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 600));
    let output = ns.run(&user, ["steal", "job", "--holder=me", "--yes", "--now"]);
    assert_eq!(output.code, Some(0), "{output}");
    let first = output.stderr.lines().next();
    let said = "lease \"job\" is held by \"me\", which is your own identity";
    assert_eq!(first, Some(said), "{output}");
    let alive = ": what you run under it may be alive";
    assert!(output.stderr.contains(alive), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}
