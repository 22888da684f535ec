//! Who may do what, and how the server says no.

use lease_api_server::{Options, Rule, User};
use serde_json::json;

use crate::client::{Client, LEASES, lease, path};

fn dev(rules: Vec<Rule>) -> Client {
    let client = Client::admin();
    client.server.add_user(User::new("dev", rules));
    client.user("dev")
}

#[test]
fn an_unknown_or_missing_token_is_unauthorized() {
    let client = Client::admin();
    for token in ["wrong", ""] {
        let answer = client.token(token).get(LEASES);
        assert_eq!(
            answer.body,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "Unauthorized", "reason": "Unauthorized", "code": 401})
        );
    }
    assert_eq!(client.token("").get("/readyz").code, 200);
    assert_eq!(client.token("").get("/version").code, 200);
}

#[test]
fn what_no_rule_allows_is_forbidden_in_the_words_of_rbac() {
    let client = dev(vec![]);
    let answer = client.get(&path("x"));
    assert_eq!(
        answer.body,
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "leases.coordination.k8s.io \"x\" is forbidden: User \"dev\" cannot get resource \"leases\" \
                in API group \"coordination.k8s.io\" in the namespace \"default\"",
            "reason": "Forbidden", "details": {"name": "x", "group": "coordination.k8s.io", "kind": "leases"}, "code": 403})
    );
    let forbidden = |answer: crate::client::Answer, start: &str, verb: &str, place: &str| {
        let message = format!(
            "{start} is forbidden: User \"dev\" cannot {verb} resource \"leases\" in API group \"coordination.k8s.io\" {place}"
        );
        assert_eq!((answer.code, answer.message()), (403, message.as_str()));
    };
    let (all, one, here) = (
        "leases.coordination.k8s.io",
        "leases.coordination.k8s.io \"x\"",
        "in the namespace \"default\"",
    );
    forbidden(client.get(LEASES), all, "list", here);
    forbidden(
        client.get("/apis/coordination.k8s.io/v1/leases"),
        all,
        "list",
        "at the cluster scope",
    );
    forbidden(
        client.get(&format!("{LEASES}?watch=true")),
        all,
        "watch",
        here,
    );
    forbidden(
        client.get(&format!("{LEASES}?watch=1&fieldSelector=metadata.name%3Dx")),
        one,
        "watch",
        here,
    );
    forbidden(
        client.post(LEASES, &lease("x", json!({}))),
        all,
        "create",
        here,
    );
    forbidden(
        client.put(&path("x"), &lease("x", json!({}))),
        one,
        "update",
        here,
    );
    forbidden(client.merge(&path("x"), &json!({})), one, "patch", here);
    forbidden(client.delete(&path("x")), one, "delete", here);
}

#[test]
fn the_core_group_is_named_as_the_empty_one() {
    let client = dev(vec![]);
    let answer = client.get("/api/v1/namespaces/foo");
    assert_eq!(
        answer.message(),
        "namespaces \"foo\" is forbidden: User \"dev\" cannot get resource \"namespaces\" in API group \"\" in the namespace \"foo\""
    );
    assert_eq!(
        answer.body["details"],
        json!({"name": "foo", "kind": "namespaces"})
    );
    assert_eq!(
        client.get("/foo").message(),
        "forbidden: User \"dev\" cannot get path \"/foo\""
    );
    assert_eq!(client.get("/apis").code, 200);
}

#[test]
fn rules_are_bound_to_namespaces_and_names() {
    let client = dev(vec![
        Rule::leases(&["get", "list", "watch", "create"])
            .within("default")
            .named("mine"),
    ]);
    assert_eq!(client.get(&path("mine")).code, 404);
    assert_eq!(client.get(&path("other")).code, 403);
    assert_eq!(
        client
            .get(&path("mine").replace("default", "kube-system"))
            .code,
        403
    );
    assert_eq!(client.get(LEASES).code, 403);
    assert_eq!(
        client
            .get(&format!("{LEASES}?fieldSelector=metadata.name%3Dmine"))
            .code,
        200
    );
    assert_eq!(client.post(LEASES, &lease("mine", json!({}))).code, 403);
}

#[test]
fn creating_by_update_needs_create_too() {
    let client = dev(vec![Rule::leases(&["get", "update"])]);
    let answer = client.put(&path("a"), &lease("a", json!({})));
    assert_eq!(
        (answer.code, answer.message()),
        (403, "leases.coordination.k8s.io \"a\" is forbidden: ")
    );
    let mut sent = lease("a", json!({}));
    sent["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111".into();
    assert_eq!(client.put(&path("a"), &sent).code, 409);
}

#[test]
fn users_change_while_the_server_runs() {
    let client = dev(vec![]);
    client.server.set_rules("dev", vec![Rule::leases(&["*"])]);
    assert_eq!(client.get(LEASES).code, 200);
    client.server.set_token("dev", "rotated");
    assert_eq!(
        (
            client.get(LEASES).code,
            client.token("rotated").get(LEASES).code
        ),
        (401, 200)
    );
    client.server.remove_user("dev");
    assert_eq!(client.token("rotated").get(LEASES).code, 401);
}

#[test]
fn impersonation_acts_as_the_other_user_with_permission_for_each_of_its_headers() {
    let admin = Client::admin();
    admin
        .server
        .add_user(User::new("dev", vec![Rule::leases(&["list"])]));
    let as_user = |user: &str| admin.user("admin").header("impersonate-user", user);
    assert_eq!(as_user("dev").get(LEASES).code, 200);
    let answer = as_user("bob").get(LEASES);
    assert!(
        answer
            .message()
            .contains("User \"bob\" cannot list resource"),
        "{}",
        answer.message()
    );
    assert_eq!(
        as_user("bob")
            .header("impersonate-group", "system:masters")
            .get(LEASES)
            .code,
        200
    );
    assert_eq!(
        admin
            .server
            .requests()
            .last()
            .and_then(|request| request.user.clone())
            .as_deref(),
        Some("bob")
    );
    let client = dev(vec![Rule::new(&["impersonate"], &["users"]).named("bob")]);
    let answer = client
        .user("dev")
        .header("impersonate-user", "eve")
        .get(LEASES);
    assert_eq!(
        answer.message(),
        "users \"eve\" is forbidden: User \"dev\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
    );
    let bob = || client.user("dev").header("impersonate-user", "bob");
    assert!(
        bob()
            .get(LEASES)
            .message()
            .contains("User \"bob\" cannot list")
    );
    let message = bob()
        .header("impersonate-group", "g")
        .get(LEASES)
        .message()
        .to_owned();
    assert!(message.starts_with(
        "groups \"g\" is forbidden: User \"dev\" cannot impersonate resource \"groups\""
    ));
    let message = bob()
        .header("impersonate-uid", "u")
        .get(LEASES)
        .message()
        .to_owned();
    assert!(
        message.starts_with("uids.authentication.k8s.io \"u\" is forbidden"),
        "{message}"
    );
    assert_eq!(
        client
            .user("dev")
            .header("impersonate-group", "g")
            .get(LEASES)
            .code,
        500
    );
}

#[test]
fn members_of_system_masters_may_do_anything() {
    let root = User {
        groups: vec!["system:masters".into()],
        ..User::new("root", vec![])
    };
    let client = Client::with(Options {
        tls: false,
        users: vec![root],
        ..Options::default()
    })
    .user("root");
    assert_eq!(client.get(LEASES).code, 200);
}
