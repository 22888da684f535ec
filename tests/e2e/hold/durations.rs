//! Which duration a hold has: what is recorded when none is asked for, what does not fit it, and edits of it meanwhile.

use crate::support::ended;
use serde_json::json;

use super::scene::Scene;

#[test]
fn times_that_do_not_fit_are_refused_before_anything_is_written() {
    let scene = Scene::new(4);
    let admin = scene.ns.admin();
    let refused = |words: &[&str], named: &[&str]| {
        let words = [&["hold", "job"], words, &["--", "echo", "ran"]].concat();
        let output = scene.ns.command(&admin, words).via(&scene.proxy).run();
        ended(&output, 2, "");
        assert!(
            named.iter().all(|word| output.stderr.contains(word)),
            "{output}"
        );
    };
    // Not those that are asked for, of which nothing need be read.
    refused(&["--duration", "4s", "--kill-after", "3s"], &["3s", "4s"]);
    refused(&["--renew-every", "0"], &["must be longer than 0s"]);
    assert_eq!(scene.proxy.requests().len(), 0);
    // Not those that are recorded, and not the default.
    refused(&["--kill-after", "3s"], &["3s", "4s"]);
    let default = ["a lease duration of 15s"];
    scene.ns.edit("job", |lease| lease["spec"] = json!({}));
    refused(&["--kill-after", "20s"], &default);
    scene.ns.delete("job");
    refused(&["--create", "--renew-every", "14s"], &default);
    assert_eq!(scene.writes(), 0);
    assert!(scene.ns.get("job").is_none());
}
