//! `prune` beside a holder that is alive, or comes back to life, and beside others that write or delete.

use crate::prune::{DAY, VERBS, WATCHING, dead, later, object, old};
use crate::support::{
    SOON, ended, fresh_in_process, held, methods, renew, said, stored, untouched,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Fault, Match, Proxy};
use serde_json::json;
use std::time::Duration;

const LEFT: &str = "lease \"job\" is left: it has changed since it was listed\n";

#[test]
fn a_live_holder_whose_clock_is_wrong_is_never_pruned_whenever_it_renews() {
    let (ns, user) = old();
    let renewing = |name: &str| {
        ns.create(&dead(name, 3, 2 * DAY));
        stored(&ns, name)
    };
    // It renews while it is watched.
    renewing("job");
    let running = ns.spawn(&user, ["prune", "--yes"]);
    running.wait_stderr(|line| line.starts_with("watching the leases"), SOON);
    renew(&ns, "job", -2 * DAY);
    let before = stored(&ns, "job");
    let output = running.wait(SOON);
    said(&output, 0, "", &(WATCHING.replace("1s", "3s") + LEFT));
    untouched(&ns, &before);
    // It renews, or another has it made anew, at the very last moment: the deletion is on its way.
    let last_moment = |change: &dyn Fn()| {
        ns.delete("job");
        renewing("job");
        let proxy = Proxy::to(ns.cluster());
        let prune = ns.command(&user, ["prune", "--yes", "--request-timeout=20s"]);
        let running = prune.via(&proxy).spawn();
        running.wait_stderr(|line| line.starts_with("watching the leases"), SOON);
        proxy.freeze();
        proxy.wait_for(
            |all| all.iter().any(|request| request.method == "DELETE"),
            SOON,
        );
        change();
        let before = stored(&ns, "job");
        proxy.thaw();
        let output = running.wait(SOON);
        ended(&output, 0, "");
        assert!(output.stderr.ends_with(LEFT), "{output}");
        untouched(&ns, &before);
    };
    last_moment(&|| renew(&ns, "job", -2 * DAY));
    last_moment(&|| {
        ns.delete("job");
        renewing("job");
    });
}

#[test]
fn an_edit_of_a_label_makes_nobody_alive_and_what_is_gone_is_gone() {
    let (ns, user) = old();
    for name in ["a", "b"] {
        ns.create(&dead(name, 2, 2 * DAY));
    }
    let running = ns.spawn(&user, ["prune", "--yes"]);
    running.wait_stderr(|line| line.starts_with("watching the leases"), SOON);
    ns.edit("a", |lease| {
        lease["metadata"]["labels"] = json!({ "x": "y" })
    });
    ns.delete("b");
    let output = running.wait(SOON);
    ended(&output, 0, &format!("{} pruned\n", object("a")));
    assert!(
        output.stderr.ends_with("lease \"b\" was gone already\n"),
        "{output}"
    );
    assert_eq!(ns.get("a"), None);
}

#[test]
fn the_servers_stamps_prove_it_at_once_and_save_whoever_is_alive() {
    let (ns, _) = fresh_in_process(Options::default());
    let user = ns.user(&VERBS);
    for name in ["a", "b"] {
        ns.create(&held(name, "ada", 3600));
    }
    later(&ns, 2 * DAY);
    // By its own clock it died two days ago; by the server's it has just renewed.
    renew(&ns, "b", 0);
    let before = stored(&ns, "b");
    let proxy = Proxy::to(ns.cluster());
    let output = ns.command(&user, ["prune", "--yes"]).via(&proxy).run();
    said(&output, 0, &format!("{} pruned\n", object("a")), "");
    assert_eq!(
        methods(&proxy.requests()),
        ["GET", "GET", "PUT", "DELETE"],
        "list, version, dry run"
    );
    untouched(&ns, &before);
    // Between the proof and the deletion it comes back to life.
    ns.create(&held("job", "ada", 3));
    later(&ns, 4 * DAY);
    let proxy = Proxy::to(ns.cluster());
    let deletion = Match::when(|request| request.method == "DELETE");
    proxy.fault(deletion.path("/job"), Fault::Hang, 1);
    let words = ["prune", "job", "--yes"];
    let running = ns.command(&user, words).via(&proxy).spawn();
    proxy.wait_for(
        |all| all.iter().any(|request| request.method == "DELETE"),
        SOON,
    );
    renew(&ns, "job", 0);
    let before = stored(&ns, "job");
    let output = running.wait(SOON);
    ended(&output, 0, "");
    assert!(output.stderr.ends_with(LEFT), "{output}");
    untouched(&ns, &before);
    ns.delete("job");
    // Stamps are not believed, or may not be had: an hour is too long to watch.
    ns.delete("b");
    ns.create(&held("c", "ada", 3600));
    later(&ns, 6 * DAY);
    assert_eq!(
        ns.run(&user, ["prune", "--yes", "--proof=observed"]).code,
        Some(124)
    );
    let user = ns.user(&["list", "delete"]);
    assert_eq!(ns.run(&user, ["prune", "--yes"]).code, Some(124));
    assert!(ns.get("c").is_some());
}

#[test]
fn what_was_deleted_beside_one_that_stops_all_is_told_and_what_was_not_tried_is_named() {
    let (ns, user) = old();
    for number in 0..12 {
        ns.create(&dead(&format!("job-{number:02}"), 1, 2 * DAY));
    }
    let proxy = Proxy::to(ns.cluster());
    let deletion = || Match::when(|request| request.method == "DELETE");
    let page = Fault::Respond {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: "<html>log in</html>".to_owned(),
    };
    proxy.fault(deletion().path("/leases/job-00"), page, usize::MAX);
    let late = Fault::DelayReply(Duration::from_millis(700));
    proxy.fault(deletion(), late, usize::MAX);
    for format in [&[][..], &["-o", "json"]] {
        let prune = ["prune", "--yes"].iter().chain(format);
        let output = ns.command(&user, prune).via(&proxy).run();
        assert_eq!(output.code, Some(1), "{output}");
        let name = |number: usize| format!("job-{number:02}");
        let gone: Vec<String> = (0..12)
            .map(name)
            .filter(|name| ns.get(name).is_none())
            .collect();
        assert_eq!(gone.len(), 7, "{gone:?} {output}");
        let (told, unnamed): (Vec<_>, Vec<_>) = (0..12)
            .map(name)
            .partition(|name| output.stdout.contains(name));
        assert_eq!(told, gone, "{output}");
        let not_tried: Vec<String> = unnamed[1..]
            .iter()
            .map(|name| format!("{name:?}"))
            .collect();
        let line = format!("error: not tried after that: {}\n", not_tried.join(", "));
        assert!(output.stderr.ends_with(&line), "{output}");
        for name in gone {
            ns.create(&dead(&name, 1, 2 * DAY));
        }
    }
}
