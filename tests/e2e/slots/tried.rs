//! `--dry-run` with slots: which would be taken, and nothing stored.

use super::{acquire, hold, holders, pool, slot};
use crate::outcomes::document;
use crate::support::{ended, free, fresh, held, stored, untouched};
use serde_json::json;

const WHERE: [(&str, &str); 2] = [("client", "dry run"), ("server", "server dry run")];

#[test]
fn a_dry_run_says_which_slot_would_be_taken_and_stores_nothing() {
    for (place, words) in WHERE {
        let dry_run = format!("--dry-run={place}");
        let (ns, user) = pool(&["a", "", "b"], 60);
        let before = stored(&ns, "pool-1");
        let flags = ["--holder=me", &dry_run];
        let output = acquire(&ns, &user, "3", &flags).run();
        let line = |name: &str| format!("lease.coordination.k8s.io/{name} acquired ({words})\n");
        ended(&output, 0, &line("pool-1"));
        let json = [&flags[..], &["-ojson"]].concat();
        let outcome = document("Outcome", &acquire(&ns, &user, "3", &json).run());
        assert_eq!(outcome["dryRun"], json!(place));
        assert_eq!(outcome["after"]["spec"]["holderIdentity"], "me");
        untouched(&ns, &before);
        // None is free, as with the real thing.
        ns.edit("pool-1", |lease| {
            lease["spec"] = held("pool-1", "c", 60)["spec"].clone()
        });
        let output = acquire(&ns, &user, "3", &flags).run();
        ended(&output, 124, "");
        assert!(output.stderr.contains("all 3 slots are held"), "{output}");
        ended(&acquire(&ns, &user, "2", &flags).run(), 2, "");
        assert_eq!(holders(&ns, 3), ["a", "c", "b"]);
    }
}

#[test]
fn what_would_be_made_or_would_become_a_slot_is_tried_and_left() {
    for (place, words) in WHERE {
        let dry_run = format!("--dry-run={place}");
        let (ns, user) = fresh();
        let output = hold(&ns, &user, "2", "exit 7").run();
        assert_eq!(output.code, Some(7), "{output}");
        ns.delete("pool-0");
        ns.delete("pool-1");
        let output = acquire(&ns, &user, "2", &["--create", "--holder=me", &dry_run]).run();
        ended(
            &output,
            0,
            &format!("lease.coordination.k8s.io/pool-0 acquired ({words})\n"),
        );
        let output = acquire(&ns, &user, "2", &["--holder=me", &dry_run]).run();
        ended(&output, 121, "");
        assert_eq!(ns.get("pool-0"), None);
        // The first says nothing of slots yet.
        let first = ns.create(&held("pool-0", "a", 60));
        ns.create(&slot(free("pool-1"), 2));
        let output = acquire(&ns, &user, "2", &["--holder=me", &dry_run]).run();
        ended(
            &output,
            0,
            &format!("lease.coordination.k8s.io/pool-1 acquired ({words})\n"),
        );
        untouched(&ns, &first);
    }
}

#[test]
fn a_hold_that_is_tried_checks_its_times_against_the_slot() {
    let (ns, user) = pool(&["", ""], 60);
    let words = ["hold", "pool", "--slots=2", "--dry-run=server"];
    let run = |more: &[&str]| ns.run(&user, [&words[..], more].concat());
    let output = run(&["--", "true"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output.stdout.ends_with("acquired (server dry run)\n"),
        "{output}"
    );
    ended(&run(&["--kill-after=10m", "--", "true"]), 2, "");
    assert_eq!(holders(&ns, 2), ["", ""]);
}
