//! What a user may do, asked by themselves.

use lease_api_server::{Rule, User};
use serde_json::{Value, json};

use crate::client::Client;

const ACCESS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const RULES: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

fn dev() -> Client {
    let admin = Client::admin();
    let rules = vec![
        Rule::leases(&["get"]).within("default"),
        Rule::leases(&["update"]).within("default").named("x"),
        Rule::new(&["create"], &["events"]).within("default"),
    ];
    admin.server.add_user(User::new("dev", rules));
    admin.user("dev")
}

fn allowed(client: &Client, attributes: Value) -> bool {
    let answer = client.post(ACCESS, &json!({"spec": {"resourceAttributes": attributes}}));
    assert_eq!(answer.code, 201, "{}", answer.body);
    answer.body["status"]["allowed"]
        .as_bool()
        .expect("an answer")
}

#[test]
fn a_user_is_told_what_their_rules_allow() {
    let client = dev();
    let lease = |verb: &str, namespace: &str, name: &str| json!({"verb": verb, "group": "coordination.k8s.io", "resource": "leases", "namespace": namespace, "name": name});
    assert!(allowed(&client, lease("get", "default", "")));
    assert!(allowed(&client, lease("update", "default", "x")));
    assert!(!allowed(&client, lease("update", "default", "")));
    assert!(!allowed(&client, lease("update", "default", "y")));
    assert!(!allowed(&client, lease("get", "other", "")));
    assert!(!allowed(&client, lease("get", "", "")));
    let event = |group: &str| json!({"verb": "create", "group": group, "resource": "events", "namespace": "default"});
    assert!(allowed(&client, event("events.k8s.io")) && allowed(&client, event("")));
    let core = json!({"verb": "get", "group": "", "resource": "leases", "namespace": "default"});
    assert!(!allowed(&client, core), "leases are in no other group");
    let part = json!({"verb": "get", "group": "coordination.k8s.io", "resource": "leases", "subresource": "status", "namespace": "default"});
    assert!(!allowed(&client, part));
    assert!(allowed(&client.user("admin"), lease("*", "", "")));
}

#[test]
fn a_review_asks_about_exactly_one_thing() {
    let client = dev();
    let answer = client.post(ACCESS, &json!({"spec": {}}));
    assert_eq!(
        (answer.code, answer.message()),
        (
            422,
            ".authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: \"null\": exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    );
    for (path, may) in [("/version", true), ("/foo", false)] {
        let spec = json!({"spec": {"nonResourceAttributes": {"verb": "get", "path": path}}});
        assert_eq!(client.post(ACCESS, &spec).body["status"]["allowed"], may);
    }
    assert_eq!(client.get(ACCESS).code, 405);
    assert_eq!(client.token("").post(ACCESS, &json!({})).code, 401);
}

#[test]
fn the_rules_of_a_namespace_are_listed() {
    let client = dev();
    let answer = client
        .post(RULES, &json!({"spec": {"namespace": "default"}}))
        .body;
    let rules = answer["status"]["resourceRules"].as_array().expect("rules");
    assert!(rules.contains(&json!({
        "verbs": ["update"], "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["x"]
    })));
    assert!(rules.contains(
        &json!({"verbs": ["create"], "apiGroups": ["", "events.k8s.io"], "resources": ["events"]})
    ));
    let other = client
        .post(RULES, &json!({"spec": {"namespace": "other"}}))
        .body;
    assert_eq!(
        other["status"]["resourceRules"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        client.post(RULES, &json!({"spec": {}})).message(),
        "no namespace on request"
    );
}
