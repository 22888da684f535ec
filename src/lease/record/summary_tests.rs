//! Decoding of Leases: odd fields, pages in any order, classes.

use serde_json::json;

use super::*;

#[test]
fn absent_null_and_odd_fields_are_no_error() {
    for body in [
        "{}",
        r#"{"metadata":null,"spec":null}"#,
        r#"{"metadata":{"name":"x","labels":null,"managedFields":null,"ownerReferences":null},"spec":{"holderIdentity":null,"renewTime":"yesterday","leaseDurationSeconds":-1}}"#,
    ] {
        let lease = one(body.as_bytes()).expect(body);
        assert_eq!(
            (lease.holder, lease.renewed, lease.duration),
            (None, None, None)
        );
    }
    assert!(
        page(br#"{"kind":"LeaseList","items":null,"metadata":{}}"#)
            .expect("a list")
            .items
            .is_empty()
    );
}

#[test]
fn the_next_page_is_read_from_the_head() {
    let body = br#"{"kind":"LeaseList","apiVersion":"x","metadata":{"resourceVersion":"7","continue":"abc\u003d"},"items":[{}]}"#;
    let next = |body: &[u8]| next_page(body).map(|next| (next.from, next.left));
    assert_eq!(next(body), Some(("abc=".to_owned(), None)));
    assert_eq!(page(body).expect("a list").resource_version, "7");
    assert_eq!(
        next(br#"{"metadata":{"resourceVersion":"7"},"items":[]}"#),
        None
    );
    // Whatever comes behind it: it need not even be there yet.
    let head = br#"{"kind":"LeaseList","metadata":{"continue":"abc"},"items":[{"meta"#;
    assert_eq!(next(head), Some(("abc".to_owned(), None)));
    assert_eq!(next(br#"{"items":[{"metadata":{"continue":"abc"}"#), None);
    let sorted = br#"{"items":[{"metadata":{"name":"x"}}],"metadata":{"continue":"abc"}}"#;
    assert_eq!(next(sorted), Some(("abc".to_owned(), None)));
    for (count, left) in [
        ("9500", Some(9500)),
        ("-1", None),
        ("1e99", None),
        ("{}", None),
        ("null", None),
    ] {
        let body = format!(
            r#"{{"metadata":{{"continue":"abc","remainingItemCount":{count}}},"items":[]}}"#
        );
        assert_eq!(
            next(body.as_bytes()),
            Some(("abc".to_owned(), left)),
            "{count}"
        );
    }
}

#[test]
fn the_class_is_told_by_namespace_owner_labels_and_holder() {
    let identity = json!({"apiserver.kubernetes.io/identity": "kube-apiserver"});
    for (meta, spec, class) in [
        (
            json!({"namespace": "kube-node-lease"}),
            json!({}),
            Class::Node,
        ),
        (
            json!({"ownerReferences": [{"kind": "Node"}]}),
            json!({}),
            Class::Node,
        ),
        (json!({"labels": identity}), json!({}), Class::ApiServer),
        (
            json!({"labels": {"kubectl-lease/queue-of": "job"}, "namespace": "kube-node-lease"}),
            json!({"holderIdentity": INSTANCE}),
            Class::Waiter,
        ),
        (
            json!({}),
            json!({"strategy": "Other"}),
            Class::LeaderElection,
        ),
        (
            json!({}),
            json!({"holderIdentity": INSTANCE}),
            Class::LeaderElection,
        ),
        (json!({}), json!({"holderIdentity": "me@host"}), Class::Lock),
    ] {
        let body = json!({"metadata": meta, "spec": spec}).to_string();
        assert_eq!(
            one(body.as_bytes()).expect("a lease").class,
            class,
            "{body}"
        );
    }
}

/// The class of a Lease held so, whose fields these managers own.
fn class_of(holder: &str, managers: &[(&str, &str)], annotations: &str) -> Class {
    let entries: Vec<String> = managers
        .iter()
        .map(|(manager, fields)| format!(r#"{{"manager":"{manager}","fieldsV1":{{{fields}}}}}"#))
        .collect();
    let text = format!(
        r#"{{"metadata":{{"name":"cilium-l2announce","managedFields":[{}],"annotations":{{{annotations}}}}},"spec":{{"holderIdentity":"{holder}","leaseTransitions":3}}}}"#,
        entries.join(",")
    );
    one(text.as_bytes()).expect("a lease").class
}

const INSTANCE: &str = "pod-1_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10";
const ALL: &str = r#""f:spec":{"f:acquireTime":{},"f:holderIdentity":{},"f:leaseDurationSeconds":{},"f:leaseTransitions":{},"f:renewTime":{}}"#;

#[test]
fn only_a_holder_that_this_program_wrote_makes_an_election_a_lock() {
    let (label, duration) = (
        r#""f:metadata":{"f:labels":{"f:a":{}}}"#,
        r#""f:spec":{"f:leaseDurationSeconds":{}}"#,
    );
    for kubectl in ["kubectl-label", "kubectl-edit", "kubectl-create", "kubectl"] {
        for owned in [label, duration, ALL] {
            let class = class_of(INSTANCE, &[(kubectl, owned)], "");
            assert_eq!(class, Class::LeaderElection, "{kubectl} {owned}");
        }
    }
    for owned in [label, duration] {
        // It made the Lease, or held it once.
        let both = [("kubectl-lease", owned), ("manager", ALL)];
        assert_eq!(
            class_of(INSTANCE, &both, ""),
            Class::LeaderElection,
            "{owned}"
        );
        assert_eq!(class_of("", &[("kubectl-lease", owned)], ""), Class::Lock);
    }
    let both = [("manager", duration), ("kubectl-lease", ALL)];
    assert_eq!(class_of(INSTANCE, &both, ""), Class::Lock);
}

#[test]
fn a_grant_of_this_program_is_one_though_nobody_keeps_who_wrote_it() {
    let of = |grant: &str| {
        let annotation = format!(r#""kubectl-lease/duration-of-grant":"{grant}""#);
        class_of(INSTANCE, &[], &annotation)
    };
    assert_eq!(of(&format!("3 {INSTANCE}")), Class::Lock);
    assert_eq!(of(&format!("2 {INSTANCE}")), Class::LeaderElection);
    assert_eq!(of("3 other"), Class::LeaderElection);
    let account = INSTANCE.replace("pod-1", "me@host");
    assert_eq!(class_of(&account, &[], ""), Class::Lock);
}

#[test]
fn a_leader_without_an_id_of_its_run_is_told_by_the_program_that_renews_it() {
    let held = r#""f:spec":{"f:holderIdentity":{},"f:leaseTransitions":{}}"#;
    let web = "web-6d8f7c9b5-abcde";
    let manager = "cert-manager-5d7f97b46d-x2x9k-external";
    let fleetlock = "a6a0f8b1c2d34e5f8091a2b3c4d5e6f7";
    let scaler = "cluster-autoscaler";
    for (holder, manager, owned, class) in [
        (
            &*format!("{scaler}-6d8f7c9b5-abcde"),
            scaler,
            ALL,
            Class::LeaderElection,
        ),
        ("kind-worker", "cilium-agent", ALL, Class::LeaderElection),
        (fleetlock, "fleetlock", held, Class::Lock),
        (manager, "controller", ALL, Class::LeaderElection),
        ("ci-7", "some-tool", ALL, Class::Lock),
        ("ada@laptop", "some-tool", ALL, Class::Lock),
        ("ada", "some-tool", ALL, Class::Lock),
        (web, "kubectl-create", ALL, Class::Lock),
        (web, "curl", ALL, Class::Lock),
        (web, "", ALL, Class::Lock),
        (web, "unknown", ALL, Class::Lock),
        ("", scaler, ALL, Class::Lock),
    ] {
        let found = class_of(holder, &[(manager, owned)], "");
        assert_eq!(found, class, "{holder} {manager}");
    }
}

#[test]
fn one_manager_must_write_who_leads_and_since_when_and_renew_to_make_it_an_election() {
    let fields = ["f:holderIdentity", "f:acquireTime", "f:renewTime"];
    for absent in fields {
        let owned: Vec<String> = (fields.iter())
            .filter(|field| **field != absent)
            .map(|field| format!(r#""{field}":{{}}"#))
            .collect();
        let owned = format!(r#""f:spec":{{{}}}"#, owned.join(","));
        let class = class_of("kind-worker", &[("cilium-agent", &owned)], "");
        assert_eq!(class, Class::Lock, "without {absent}");
    }
    // The name of the program and that of the Lease have a word of some length in common.
    for (program, class) in [
        ("l2announce", Class::LeaderElection),
        ("my-CILIUM", Class::LeaderElection),
        ("l2-agent", Class::Lock),
    ] {
        assert_eq!(
            class_of("kind-worker", &[(program, ALL)], ""),
            class,
            "{program}"
        );
    }
    for (word, class) in [("core", Class::LeaderElection), ("dns", Class::Lock)] {
        let text = format!(
            r#"{{"metadata":{{"name":"{word}-lock","managedFields":[{{"manager":"{word}-agent","fieldsV1":{{{ALL}}}}}]}},"spec":{{"holderIdentity":"kind-worker"}}}}"#
        );
        assert_eq!(
            one(text.as_bytes()).expect("a lease").class,
            class,
            "{word}"
        );
    }
}

#[test]
fn a_pod_of_a_deployment_is_told_by_the_parts_that_are_added_to_its_name() {
    for (holder, class) in [
        ("web-6d8f7c9b5-abcde", Class::LeaderElection),
        ("web-6d8f7-abcde", Class::Lock),
        ("web-6d8f7c-abcde", Class::LeaderElection),
        ("web-6d8f7c9b5f1-abcde", Class::Lock),
        ("web-6d8f7c9b5f-abcde", Class::LeaderElection),
        // No digit in the set's part; another length of the pod's.
        ("web-abcdefghi-abcde", Class::Lock),
        ("web-6d8f7c9b5-abcd", Class::Lock),
        ("web-6d8f7c9b5-abcdef", Class::Lock),
    ] {
        assert_eq!(class_of(holder, &[("program", ALL)], ""), class, "{holder}");
    }
}

#[test]
fn an_api_server_is_told_by_the_name_that_it_gives_itself_and_its_lease() {
    let class = |namespace: &str, name: &str, holder: &str| {
        let meta = json!({ "namespace": namespace, "name": name });
        let spec =
            json!({ "holderIdentity": format!("{holder}_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10") });
        let body = json!({ "metadata": meta, "spec": spec }).to_string();
        one(body.as_bytes()).expect("a lease").class
    };
    let (long, short) = ("apiserver-0123456789abcdef0", "apiserver-0123456789abcdef");
    let old = "kube-apiserver-0123456789abcdef0";
    assert_eq!(class("kube-system", long, long), Class::ApiServer);
    assert_eq!(class("kube-system", old, old), Class::ApiServer);
    for (namespace, name, holder) in [
        ("kube-system", short, short),
        ("default", long, long),
        ("kube-system", long, "pod-1"),
    ] {
        assert_eq!(
            class(namespace, name, holder),
            Class::LeaderElection,
            "{name}"
        );
    }
}

#[test]
fn only_what_looks_like_the_name_of_an_object_may_be_one() {
    for (holder, may_be) in [
        ("node-1", true),
        ("a.b", true),
        ("ci7", true),
        ("ada", false),
        ("ada@laptop", false),
        ("Ada-1", false),
        ("", false),
    ] {
        assert_eq!(may_be_an_objects_name(holder), may_be, "{holder}");
    }
}

/// Whether the times of acquisition and renewal are the holder's, by what each manager owns and when it wrote.
fn times(entries: &[(&str, &str, &str)], annotations: &str) -> (bool, bool) {
    let entries: Vec<String> = entries
        .iter()
        .map(|(manager, owned, second)| {
            let fields: Vec<String> = owned.split(' ').map(|f| format!(r#""f:{f}":{{}}"#)).collect();
            format!(
                r#"{{"manager":"{manager}","time":"2026-01-01T00:00:{second}Z","fieldsV1":{{"f:spec":{{{}}}}}}}"#,
                fields.join(",")
            )
        })
        .collect();
    let text = format!(
        r#"{{"metadata":{{"managedFields":[{}],"annotations":{{{annotations}}}}},"spec":{{"holderIdentity":"7","acquireTime":"2026-01-01T00:00:10Z","renewTime":"2026-01-01T00:00:10Z"}}}}"#,
        entries.join(",")
    );
    let lease = one(text.as_bytes()).expect("a lease");
    (lease.acquired.is_some(), lease.renewed.is_some())
}

#[test]
fn times_that_were_there_before_the_holder_are_not_the_holders() {
    let ours = (
        "kubectl-lease",
        "acquireTime renewTime leaseTransitions",
        "10",
    );
    for (holder, both) in [
        (("terraform", "holderIdentity", "20"), false),
        (
            ("fleetlock", "holderIdentity leaseTransitions", "20"),
            false,
        ),
        // In the same second.
        (("terraform", "holderIdentity", "10"), false),
        (("terraform", "holderIdentity", "05"), true),
    ] {
        assert_eq!(times(&[ours, holder], ""), (both, both), "{holder:?}");
        assert_eq!(times(&[holder, ours], ""), (both, both), "{holder:?}");
    }
    // A library that says who and renews, and not since when.
    let renews = [
        ("kubectl-lease", "acquireTime", "10"),
        ("js", "holderIdentity renewTime", "20"),
    ];
    assert_eq!(times(&renews, ""), (false, true));
    // Somebody renews for another, in the second of the grant.
    let helped = [
        ("me", "holderIdentity acquireTime", "10"),
        ("kubectl-patch", "renewTime", "10"),
    ];
    assert_eq!(times(&helped, ""), (true, true));
    let one_owner = [("x", "holderIdentity acquireTime renewTime", "10")];
    for unknown in [
        &[][..],
        &[ours],
        &[("x", "holderIdentity", "10")],
        &one_owner,
    ] {
        assert_eq!(times(unknown, ""), (true, true), "{unknown:?}");
    }
}

#[test]
fn a_lock_of_terraforms_has_no_times_whoever_wrote_them() {
    let info = r#""app.terraform.io/lock-info":"{\"ID\":\"7\"}""#;
    let all = "holderIdentity acquireTime renewTime";
    assert_eq!(times(&[], info), (false, false));
    assert_eq!(times(&[("x", all, "10")], info), (false, false));
    assert_eq!(times(&[("kubectl-lease", all, "10")], info), (true, true));
    let others = info.replace('7', "8");
    assert_eq!(times(&[], &others), (true, true));
}

/// The holder was written alone, by another than who wrote the times; the stamps are of whole seconds.
#[test]
fn a_renewal_later_than_the_holder_is_its_own_whatever_the_stamps_of_an_old_server_say() {
    let lease = |acquired: &str, renewed: &str, stamp: &str| {
        let body = format!(
            r#"{{"metadata":{{"managedFields":[
                {{"manager":"kubectl-lease","time":"2026-01-01T00:00:{stamp}Z","fieldsV1":{{"f:spec":{{"f:acquireTime":{{}},"f:renewTime":{{}}}}}}}},
                {{"manager":"kubectl-patch","time":"2026-01-01T00:00:10Z","fieldsV1":{{"f:spec":{{"f:holderIdentity":{{}}}}}}}}]}},
              "spec":{{"holderIdentity":"carl","acquireTime":"2026-01-01T00:00:{acquired}Z","renewTime":"2026-01-01T00:00:{renewed}Z"}}}}"#
        );
        one(body.as_bytes()).expect("a lease").left_behind
    };
    let left_behind = |acquired, renewed| LeftBehind { acquired, renewed };
    // Before 1.25 the stamp of who renews stays.
    assert_eq!(lease("05.5", "12.9", "05"), left_behind(true, false));
    assert_eq!(lease("05.5", "12.9", "13"), left_behind(false, false));
    assert_eq!(lease("05.5", "07.5", "07"), left_behind(true, true));
    // In the same second only the stamps tell.
    assert_eq!(lease("10.2", "10.9", "09"), left_behind(true, true));
    assert_eq!(lease("10.2", "10.9", "11"), left_behind(false, false));
    // A renewal a second after the holder's stamp is a later one, and less is not.
    assert_eq!(lease("10.2", "10.999", "09"), left_behind(true, true));
    assert_eq!(lease("10.2", "11.0", "09"), left_behind(true, false));
}
