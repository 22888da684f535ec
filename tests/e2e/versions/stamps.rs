//! The server's own stamps: what they prove on which version, told in what vendor's words, and over an upgrade.

use super::{MINORS, of, on};
use crate::support::{each, fresh, held, holder, renew, set_free, stored, wait_until};
use jiff::SignedDuration;
use lease_harness::lease_api_server::{Difference, Options};
use lease_harness::{Namespace, User, portable};
use serde_json::{Value, json};
use std::ffi::OsString;

/// The first version that stamps each renewal.
const STAMPS: u32 = 25;

fn later(ns: &Namespace, seconds: i64) {
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(seconds));
    server.clear_requests();
}

/// Whether it is taken at first sight.
fn is_taken(ns: &Namespace, user: &User, flags: &[&str]) -> bool {
    let take = ["acquire", "job", "--holder=me", "--timeout=0"];
    let output = ns.command(user, take.iter().chain(flags)).run();
    let taken = holder(&stored(ns, "job")) == "me";
    assert_eq!(output.code, Some(if taken { 0 } else { 124 }), "{output}");
    taken
}

/// Held for 15 s at a time by somebody who renewed a minute ago, an hour after they had acquired it.
fn renewed_once(ns: &Namespace) {
    ns.create(&held("job", "other", 15));
    later(ns, 3600);
    renew(ns, "job", 0);
    later(ns, 3660);
}

#[test]
fn a_stamp_proves_an_expiry_from_1_25_on_and_a_live_holder_is_taken_for_dead_by_none() {
    for minor in MINORS {
        let (ns, user) = of(minor);
        ns.create(&held("job", "other", 15));
        later(&ns, 3600);
        renew(&ns, "job", 0);
        // Before 1.25 the stamp is an hour old here.
        assert!(!is_taken(&ns, &user, &[]));
        later(&ns, 3660);
        let taken = is_taken(&ns, &user, &[]);
        assert_eq!(taken, minor >= STAMPS, "{minor}");
        let server = ns.cluster().api_server().expect("in-process");
        let tried = server.requests();
        let tried = tried.iter().any(|asked| asked.query.contains("dryRun=All"));
        assert_eq!(tried, minor >= STAMPS, "{minor}");
    }
}

/// The oldest of the suite: there watching alone is proof, on the real server too.
#[test]
fn on_1_20_a_stamp_stays_where_it_was_whatever_is_renewed() {
    let (ns, _) = match fresh() {
        real if real.0.cluster().is_real() => real,
        _ => of(20),
    };
    let created = ns.create(&held("job", "other", 15));
    let stamp = |lease: &Value| lease["metadata"]["managedFields"][0]["time"].clone();
    // Stamps are of whole seconds.
    let second = || jiff::Timestamp::now().as_second();
    let before = second();
    wait_until(|| second() > before);
    renew(&ns, "job", 0);
    let renewed = stored(&ns, "job");
    assert_ne!(created["spec"]["renewTime"], renewed["spec"]["renewTime"]);
    assert_eq!(stamp(&created), stamp(&renewed));
}

#[test]
fn every_vendors_version_is_read_and_what_cannot_be_read_is_old() {
    let version = |major: &str, minor: &str, git: &str| json!({"major": major, "minor": minor, "gitVersion": git});
    let rows = [
        (version("1", "27", "v1.27.3-gke.100"), true),
        (version("1", "24+", "v1.24.17-gke.200"), false),
        (version("1", "30+", "v1.30.2-eks-db838b0"), true),
        (version("1", "24+", "v1.24.17-eks-f8587cb"), false),
        (version("1", "31", "v1.31.4+k3s1"), true),
        (version("1", "24", "v1.24.1+k3s1"), false),
        (version("1", "25+", "v1.25.11-aliyun.1"), true),
        (version("1", "29", "v1.29.6+aba1e8d"), true),
        (
            version("1", "37", "v1.37.0-beta.0.12+8d1a2b3c4d5e6f-dirty"),
            true,
        ),
        // 1.33 and newer also tell what they pretend to be: the program is 1.37's.
        (
            json!({
                "major": "1", "minor": "37", "emulationMajor": "1", "emulationMinor": "34",
                "minCompatibilityMajor": "1", "minCompatibilityMinor": "34", "gitVersion": "v1.37.1",
            }),
            true,
        ),
        // Built without being told its own number.
        (version("", "", "v0.0.0-master+$Format:%H$"), false),
        (json!({"gitVersion": "v1.30.0"}), false),
        (json!({"major": 1, "minor": 30}), false),
        (json!("v1.30.0"), false),
        (Value::Null, false),
    ];
    each(rows, |(told, believed)| {
        let (ns, user) = on(Options {
            version_told: Some(told.clone()),
            ..Options::of_kubernetes(30)
        });
        ns.create(&held("job", "other", 15));
        later(&ns, 3600);
        assert_eq!(is_taken(&ns, &user, &[]), believed, "{told}");
    });
}

/// Until 1.21 that could be switched off.
#[test]
fn where_nobody_notes_who_wrote_what_watching_is_the_proof() {
    each([20, 37], |minor| {
        let (ns, user) = on(Options::of_kubernetes(minor).but(Difference::ManagedFields, false));
        ns.create(&held("job", "other", 15));
        later(&ns, 3600);
        assert!(!is_taken(&ns, &user, &[]));
        set_free(&ns, "job");
        assert!(is_taken(&ns, &user, &[]));
        let renewed = ns.run(&user, ["renew", "job", "--holder=me"]);
        assert_eq!(renewed.code, Some(0), "{renewed}");
    });
}

#[test]
fn stamps_are_worth_what_the_server_that_is_asked_makes_them() {
    // Each version by itself: the other difference there is does not count.
    for (minor, stamps, taken) in [(24, true, false), (25, true, true), (37, true, true)] {
        let (ns, user) = on(Options::of_kubernetes(minor).but(Difference::Restamps, stamps));
        renewed_once(&ns);
        assert_eq!(is_taken(&ns, &user, &[]), taken, "{minor}");
    }
}

#[test]
fn over_an_upgrade_past_1_25_watching_alone_is_proof_and_over_a_downgrade_stamps_are_left_out_again()
 {
    let (ns, user) = of(24);
    ns.create(&held("job", "other", 15));
    later(&ns, 3600);
    renew(&ns, "job", 0);
    let server = ns.cluster().api_server().expect("in-process");
    server.become_kubernetes(25);
    // The stamp is from before the upgrade, and an hour old: docs/safety.md says what to do until all are upgraded.
    assert!(!is_taken(&ns, &user, &["--proof=observed"]));
    renew(&ns, "job", 1);
    assert!(!is_taken(&ns, &user, &[]), "it was stamped just now");
    server.become_kubernetes(24);
    later(&ns, 7200);
    assert!(!is_taken(&ns, &user, &[]));
    server.become_kubernetes(37);
    assert!(is_taken(&ns, &user, &[]));
}

#[test]
fn a_hold_goes_on_over_upgrades_and_downgrades() {
    let (ns, user) = of(20);
    ns.create(&crate::support::free("job"));
    let end = ns.file("end", "");
    std::fs::remove_file(&end).expect("just written");
    let hold = ["hold", "job", "--duration=3s", "--holder=me", "--"];
    let command = portable(&["until", &end.display().to_string()]);
    let running = ns.spawn(&user, hold.map(OsString::from).into_iter().chain(command));
    ns.wait_until("job", |lease| holder(lease) == "me", crate::support::SOON);
    let server = ns.cluster().api_server().expect("in-process");
    for minor in [31, 24, 37, 33] {
        let before = stored(&ns, "job")["spec"]["renewTime"].clone();
        server.become_kubernetes(minor);
        ns.wait_until(
            "job",
            |lease| lease["spec"]["renewTime"] != before && holder(lease) == "me",
            crate::support::SOON,
        );
    }
    std::fs::write(&end, "").expect("a folder of the test's own");
    let output = running.wait(crate::support::SOON);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "");
}
