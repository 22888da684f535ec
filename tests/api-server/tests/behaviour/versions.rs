//! What servers of one version do and others do not: each difference by the last version without and the first with it, and
//! switched by itself.

use lease_api_server::{Difference, Options, Rule, User};
use serde_json::{Value, json};

use crate::client::{Client, LEASES, lease, of_kubernetes, path};

const CANDIDATES: &str = "/apis/coordination.k8s.io/v1beta1/namespaces/default/leasecandidates";

fn but(minor: u32, difference: Difference, does: bool) -> Client {
    Client::with(Options {
        tls: false,
        ..Options::of_kubernetes(minor).but(difference, does)
    })
}

/// Whether it is so on a server of the minor before, of this one, and where it is switched the other way on each.
#[track_caller]
fn begins_with(minor: u32, difference: Difference, is_so: impl Fn(&Client) -> bool) {
    for (client, expected) in [
        (of_kubernetes(minor - 1), false),
        (of_kubernetes(minor), true),
        (but(minor - 1, difference, true), true),
        (but(minor, difference, false), false),
    ] {
        assert_eq!(is_so(&client), expected, "{difference:?}");
    }
}

#[test]
fn what_is_unknown_is_dropped_in_silence_and_told_in_a_warning_from_1_25_on() {
    let unknown = json!({"metadata": {"name": "a"}, "spec": {"later": "x"}});
    begins_with(25, Difference::FieldValidation, |client| {
        let answer = client.post(LEASES, &unknown);
        assert_eq!(answer.code, 201, "{}", answer.body);
        assert_eq!(answer.body["spec"], json!({}));
        let warning = answer.headers.get("warning");
        assert!(warning.is_none_or(|it| it == "299 - \"unknown field \\\"spec.later\\\"\""));
        let strictly = client.post(&format!("{LEASES}?fieldValidation=Strict"), &unknown);
        let refused = strictly
            .message()
            .ends_with("strict decoding error: unknown field \"spec.later\"");
        assert_eq!(refused, warning.is_some(), "{}", strictly.body);
        let ignored = client.put(
            &format!("{}?fieldValidation=Ignore", path("a")),
            &answer.body,
        );
        assert_eq!(ignored.headers.get("warning"), None);
        let wrong = client.post(&format!("{LEASES}?fieldValidation=x"), &unknown);
        assert_eq!(wrong.code == 422, warning.is_some(), "{}", wrong.body);
        warning.is_some()
    });
    let client = of_kubernetes(30);
    let elected = json!({"spec": {"strategy": "OldestEmulationVersion"}});
    client.create("a", json!({}));
    let patched = client.merge(&path("a"), &elected);
    let warning = "299 - \"unknown field \\\"spec.strategy\\\"\"";
    assert_eq!(patched.headers["warning"], warning);
}

#[test]
fn the_fields_of_elections_are_known_from_1_31_on_and_stored_where_they_are_switched_on() {
    let elected = || {
        lease(
            "a",
            json!({"strategy": "OldestEmulationVersion", "preferredHolder": "x"}),
        )
    };
    for (minor, on, stored, told) in [
        (20, true, false, false),
        (24, true, false, false),
        (30, true, false, true),
        (31, false, false, false),
        (31, true, true, false),
        (37, false, false, false),
        (37, true, true, false),
    ] {
        let client = but(minor, Difference::CoordinatedElections, on);
        let answer = client.post(LEASES, &elected());
        assert_eq!(answer.code, 201, "{}", answer.body);
        assert_eq!(
            answer.body["spec"]["strategy"].is_string(),
            stored,
            "{minor} {on}"
        );
        assert_eq!(answer.headers.contains_key("warning"), told, "{minor} {on}");
    }
    // Switched off later, what there was stays until it is taken away.
    let client = but(37, Difference::CoordinatedElections, false);
    client.server.seed(elected());
    let mut kept = client.get(&path("a")).body;
    kept["spec"]["preferredHolder"] = Value::Null;
    kept = client.put(&path("a"), &kept).body;
    assert_eq!(kept["spec"], json!({"strategy": "OldestEmulationVersion"}));
    kept["spec"]["preferredHolder"] = "x".into();
    let again = client.put(&path("a"), &kept).body;
    assert_eq!(again["spec"], json!({"strategy": "OldestEmulationVersion"}));
}

#[test]
fn a_strategy_is_kubernetes_own_or_has_a_domain() {
    let client = Client::admin();
    let create = |name: &str, strategy: &str| {
        client.post(LEASES, &lease(name, json!({"strategy": strategy})))
    };
    assert_eq!(create("a", "OldestEmulationVersion").code, 201);
    assert_eq!(create("b", "example.com/mine").code, 201);
    assert_eq!(
        create("c", "Newest").message(),
        "Lease.coordination.k8s.io \"c\" is invalid: spec.strategy.strategy: Unsupported value: \"Newest\": \
         supported values: \"OldestEmulationVersion\""
    );
    assert_eq!(create("d", "a/b/c").code, 422);
}

#[test]
fn candidates_are_where_their_version_has_them_and_only_where_they_are_switched_on() {
    for (minor, versions) in [
        (30, &[][..]),
        (31, &["v1alpha1"]),
        (32, &["v1alpha2"]),
        (33, &["v1beta1", "v1alpha2"]),
        (37, &["v1beta1", "v1alpha2"]),
    ] {
        for on in [true, false] {
            let client = but(minor, Difference::CoordinatedElections, on);
            for version in ["v1beta1", "v1alpha2", "v1alpha1"] {
                let code = client.get(&CANDIDATES.replace("v1beta1", version)).code;
                let served = on && versions.contains(&version);
                assert_eq!(
                    code,
                    if served { 200 } else { 404 },
                    "{minor} {version} {on}"
                );
            }
        }
    }
}

#[test]
fn the_uid_of_whom_one_acts_as_is_known_from_1_22_on() {
    begins_with(22, Difference::ImpersonateUid, |client| {
        let rules = vec![Rule::new(&["impersonate"], &["users"])];
        client.server.add_user(User::new("dev", rules));
        let bob = client.user("dev").header("impersonate-user", "bob");
        let answer = bob.header("impersonate-uid", "u").get(LEASES);
        assert_eq!(answer.code, 403);
        let alone = client
            .user("dev")
            .header("impersonate-uid", "u")
            .get(LEASES);
        let known = answer
            .message()
            .starts_with("uids.authentication.k8s.io \"u\" is forbidden");
        assert_eq!(alone.code == 500, known, "{}", alone.body);
        known
    });
}

#[test]
fn acting_as_somebody_for_some_verbs_only_can_be_granted_from_1_36_on_and_is_told_first() {
    let constrained = |client: &Client| {
        client.server.add_user(User::new("dev", vec![]));
        client
            .server
            .add_user(User::new("bob", vec![Rule::leases(&["get", "list"])]));
        let dev = |user: &str| client.user("dev").header("impersonate-user", user);
        let refused = dev("bob").get(&path("a"));
        let rules = vec![
            Rule::leases(&["impersonate-on:user-info:list"]).within("default"),
            Rule::new(&["impersonate:user-info"], &["users"]).named("bob"),
        ];
        client.server.set_rules("dev", rules);
        let listed = dev("bob").get(LEASES).code;
        let message = refused.message().to_owned();
        if listed == 200 {
            let expected = "leases.coordination.k8s.io \"a\" is forbidden: User \"dev\" cannot impersonate-on:user-info:get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"default\"";
            assert_eq!(message, expected);
            // Neither another verb, nor another user, nor one of the kinds that are granted in their own way.
            assert_eq!(dev("bob").get(&path("a")).message(), expected);
            for (other, told) in [
                (
                    "eve",
                    "users.authentication.k8s.io \"eve\" is forbidden: User \"dev\" cannot impersonate:user-info resource \"users\" in API group \"authentication.k8s.io\" at the cluster scope",
                ),
                (
                    "system:node:n",
                    "leases.coordination.k8s.io is forbidden: User \"dev\" cannot impersonate-on:arbitrary-node:list resource",
                ),
                (
                    "system:serviceaccount:ci:bot",
                    "leases.coordination.k8s.io is forbidden: User \"dev\" cannot impersonate-on:serviceaccount:list resource",
                ),
            ] {
                let answer = dev(other).get(LEASES);
                assert!(answer.message().starts_with(told), "{}", answer.message());
            }
            let mut rules = vec![
                Rule::leases(&["*"]),
                Rule::new(&["*"], &["users", "groups"]),
            ];
            client.server.set_rules("dev", rules.clone());
            let masters = dev("bob").header("impersonate-group", "system:masters");
            assert_eq!(
                masters.get(LEASES).code,
                200,
                "for all verbs it may be granted"
            );
            rules.truncate(1);
            rules.push(Rule::new(&["impersonate:user-info"], &["users", "groups"]));
            client.server.set_rules("dev", rules);
            let answer = dev("bob")
                .header("impersonate-group", "system:masters")
                .get(LEASES);
            assert!(
                answer.message().ends_with("is not allowed"),
                "{}",
                answer.message()
            );
            assert_eq!(
                client
                    .user("dev")
                    .header("impersonate-group", "g")
                    .get(LEASES)
                    .code,
                400
            );
            return true;
        }
        let expected = "users \"bob\" is forbidden: User \"dev\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope";
        assert_eq!(message, expected);
        false
    };
    begins_with(36, Difference::ConstrainedImpersonation, constrained);
}

#[test]
fn the_server_tells_who_one_is_from_1_28_on_and_before_where_that_is_switched_on() {
    let review = |client: &Client, version: &str| {
        let path = format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews");
        client.post(&path, &json!({}))
    };
    begins_with(28, Difference::SelfSubjectReview, |client| {
        client.server.add_user(User::new("dev", vec![]));
        let answer = review(&client.user("dev"), "v1");
        let discovered = client.get("/apis/authentication.k8s.io/v1").body["resources"].clone();
        assert_eq!(discovered == json!([]), answer.code != 201);
        if answer.code == 201 {
            assert_eq!(answer.body["status"]["userInfo"]["username"], "dev");
            return true;
        }
        // Who may do everything hears that it is not there, everybody else that they may not.
        assert_eq!((answer.code, review(client, "v1").code), (403, 404));
        false
    });
    for (difference, version) in [
        (Difference::SelfSubjectReviewAlpha, "v1alpha1"),
        (Difference::SelfSubjectReviewBeta, "v1beta1"),
    ] {
        assert_eq!(review(&of_kubernetes(27), version).code, 404);
        assert_eq!(review(&but(27, difference, true), version).code, 201);
    }
}

#[test]
fn the_version_is_told_as_its_version_tells_it() {
    begins_with(33, Difference::EmulationVersion, |client| {
        let told = client.get("/version").body;
        told["emulationMajor"] == "1" && told["minCompatibilityMinor"].is_string()
    });
    let told = json!({"major": "1", "minor": "27+", "gitVersion": "v1.27.3-gke.100"});
    let client = Client::with(Options {
        tls: false,
        version_told: Some(told.clone()),
        ..Options::of_kubernetes(27)
    });
    assert_eq!(client.get("/version").body, told);
}

#[test]
fn what_was_never_created_has_no_time_of_it_from_1_34_on() {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    for (minor, metadata) in [(33, json!({"creationTimestamp": null})), (34, json!({}))] {
        let client = of_kubernetes(minor);
        let answer = client.post(path, &json!({"spec": {"namespace": "default"}}));
        assert_eq!(answer.body["metadata"], metadata);
    }
}

#[test]
fn there_may_be_no_managed_fields() {
    let client = but(20, Difference::ManagedFields, false);
    let mut lease = client.create("a", json!({}));
    lease["spec"]["holderIdentity"] = "x".into();
    let lease = client.put(&path("a"), &lease).body;
    assert_eq!(lease["metadata"]["managedFields"], Value::Null);
}

#[test]
fn a_server_becomes_another_version_over_what_is_stored() {
    let client = of_kubernetes(24);
    client.create("a", json!({"holderIdentity": "x"}));
    client.server.become_kubernetes(37);
    assert_eq!(client.get("/version").body["minor"], "37");
    let unknown = client.merge(&path("a"), &json!({"spec": {"later": "x"}}));
    assert!(unknown.headers.contains_key("warning"));
    client.server.become_kubernetes(24);
    assert_eq!(
        client.get(&path("a")).body["spec"],
        json!({"holderIdentity": "x"})
    );
}
