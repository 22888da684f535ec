//! A place in line is no lease of its own in lists, and none to take.

use super::{VERBS, left_behind, scene};
use crate::prune::{DAY, old};
use crate::support::{ended, free, said, stored, untouched};
use serde_json::Value;

const COUNTED: &str = "2 in line (--class waiter lists them)\n";

#[test]
fn lists_count_places_and_show_them_only_as_a_class_of_their_own() {
    let (ns, user) = scene();
    ns.create(&free("spare"));
    let mut second = left_behind("job", 0);
    second["metadata"]["name"] = "job.waiter-b".into();
    ns.create(&left_behind("job", 0));
    ns.create(&second);
    let listed = ns.run(&user, ["status"]);
    assert_eq!(listed.stderr, COUNTED, "{listed}");
    assert_eq!(listed.stdout.lines().count(), 3, "{listed}");
    let names = |words: &[&str]| {
        let words = [&["status", "-o", "name"], words].concat();
        let output = ns.run(&user, words).stdout;
        let names = output
            .lines()
            .map(|line| line.rsplit('/').next().unwrap_or_default());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["job", "spare"]);
    assert_eq!(
        names(&["--class=waiter"]),
        ["job.waiter-b", "job.waiter-left"]
    );
    assert_eq!(names(&["--class=waiter,lock"]).len(), 4);
    assert_eq!(names(&["--state=held"]), ["job"]);
    let json = ns.run(&user, ["status", "-o", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["items"].as_array().map(Vec::len), Some(2));
    let samples = ns.run(&user, ["status", "-o", "prometheus"]).stdout;
    assert!(!samples.contains("waiter"), "{samples}");
    let whole = ns.run(&user, ["status", "job.waiter-b"]).stdout;
    assert!(
        whole.contains("\nClass:       waiter\n") && whole.contains("\nIn line for: job\n"),
        "{whole}"
    );
    let watch = ns.command(&user, ["status", "-w"]).own_console().spawn();
    watch.wait_stdout(|line| line.starts_with("spare "), crate::support::SOON);
    assert!(!watch.stdout().contains("waiter"), "{}", watch.stdout());
    super::leave(vec![watch]);
}

#[test]
fn a_place_is_not_to_be_taken_by_its_name_nor_by_what_selects_it() {
    let (ns, user) = scene();
    let mut ticket = left_behind("job", 0);
    ticket["spec"]["holderIdentity"] = "me".into();
    ns.create(&ticket);
    let before = stored(&ns, "job.waiter-left");
    let why = format!(
        "error: lease \"job.waiter-left\" is not a lock: it is somebody's place in line for \"job\", which is what to acquire, to steal or to release; to take whoever waits there out of line: kubectl delete lease job.waiter-left -n {}\nNothing was written.\n",
        ns.name()
    );
    let me = "--holder=me";
    for (words, code) in [
        (&["acquire", "job.waiter-left", me][..], 1),
        (
            &["acquire", "job.waiter-left", "--holder=x", "--timeout=0"],
            1,
        ),
        (&["hold", "job.waiter-left", me, "--", "true"], 1),
        (&["steal", "job.waiter-left", "--holder=x", "--yes"], 120),
        (
            &["hold", "job.waiter-left", "--steal", "--yes", "--", "true"],
            120,
        ),
    ] {
        said(&ns.run(&user, words), code, "", &why);
    }
    let selected = ["-l", "kubectl-lease/queue-of=job"];
    let left = "left as they are, of 1 lease: 1 in line for another lease\n";
    for words in [
        &["release", me][..],
        &["release", "--force", "--yes"],
        &["steal", "--holder=x", "--yes"],
    ] {
        let output = ns.run(&user, [words, &selected].concat());
        assert!(output.stderr.contains(left), "{words:?} {output}");
    }
    untouched(&ns, &before);
}

#[test]
fn prune_deletes_what_killed_waiters_have_left_and_calls_it_that() {
    let (ns, _) = old();
    let user = ns.user(&VERBS);
    let mut ticket = left_behind("job", 2 * DAY);
    ticket["spec"]["leaseDurationSeconds"] = 1.into();
    ns.create(&ticket);
    let listed = ns.run(&user, ["prune"]);
    assert!(
        listed.stdout.contains("job.waiter-left")
            && listed
                .stderr
                .starts_with("Places in line that nobody renews any more: 1\n"),
        "{listed}"
    );
    let pruned = ns.run(&user, ["prune", "--yes", "--class=waiter"]);
    let line = "lease.coordination.k8s.io/job.waiter-left pruned, a place in line for \"job\"\n";
    ended(&pruned, 0, line);
    assert_eq!(ns.get("job.waiter-left"), None);
}

#[test]
fn what_can_i_prints_is_enough_to_stand_in_line() {
    let (ns, _) = scene();
    let user = ns.user_with(&[]);
    let asked = ["can-i", "job", "--for", "hold --queue", "-o", "json"];
    let asked = ns.run(&user, asked);
    assert_eq!(asked.code, Some(1), "{asked}");
    let list: Value = serde_json::from_str(&asked.stdout).expect("JSON");
    ns.set_rules(&user, &lease_harness::Rule::of_role(&list["items"][0]));
    let allowed = ["can-i", "job", "--for", "hold --queue"];
    let allowed = ns.run(&user, allowed);
    assert_eq!(allowed.code, Some(0), "{allowed}");
    let waiter = super::waiter(&ns, &user, "ada", &[]);
    assert!(
        !waiter.stderr().contains("no place in line"),
        "{}",
        waiter.stderr()
    );
    super::leave(vec![waiter]);
}
