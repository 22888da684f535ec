//! What is advised about a missing permission, for each form that the server's words have.

use super::*;

const AT_ALL: &str = " at the cluster scope";

fn denied(what: &str, user: &str, verb: &str, resource: &str, group: &str, place: &str) -> String {
    format!(
        "{what} is forbidden: User {user:?} cannot {verb} resource \"{resource}\" in API group \"{group}\"{place}"
    )
}

fn of_lease(user: &str, verb: &str) -> String {
    let group = "coordination.k8s.io";
    let place = " in the namespace \"n\"";
    denied(
        "leases.coordination.k8s.io \"x\"",
        user,
        verb,
        "leases",
        group,
        place,
    )
}

fn said(user: &str, verb: &str) -> String {
    advice(&of_lease(user, verb), Some("n"), Some("x")).unwrap_or_default()
}

#[test]
fn a_binding_names_who_asked_and_is_not_made_without_its_role() {
    let mut all = String::new();
    for (user, verb) in [
        ("system:serviceaccount:n:ci", "get"),
        ("jane o'neill", "update"),
        ("a&lt;b&amp;lt;", "update"),
        ("jane", "impersonate-on:user-info:get"),
        // What looks like the end of a name is part of it.
        ("a\" cannot $(x) resource \"b", "get"),
        // Nobody is granted anything that everybody would have.
        ("system:anonymous", "get"),
    ] {
        all += &format!("## {user} {verb}\n{}\n\n", said(user, verb));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_a_cleanup_lacks_is_granted_for_its_lease_alone() {
    let denied = of_lease("jane", "delete");
    assert_eq!(
        advice_for_one(&denied, "n", "x").as_deref(),
        Some(
            "The verb \"delete\" is missing. A cluster admin grants it: kubectl create role lease-delete:x -n n --verb=delete \
             --resource=leases.coordination.k8s.io --resource-name=x --dry-run=client -o yaml | kubectl apply -f - && \
             kubectl create rolebinding lease-delete:x:jane -n n --role=lease-delete:x --user=jane --dry-run=client -o yaml | \
             kubectl apply -f -"
        )
    );
}

#[test]
fn looking_at_nodes_is_granted_in_the_cluster() {
    let message = denied("nodes", "jane", "list", "nodes", "", AT_ALL);
    assert_eq!(
        advice(&message, None, None).as_deref(),
        Some(
            "The verb \"list\" on nodes is missing. A cluster admin grants it: kubectl create clusterrole list-nodes --verb=list \
             --resource=nodes --dry-run=client -o yaml | kubectl apply -f - && kubectl create clusterrolebinding \
             list-nodes:jane --clusterrole=list-nodes --user=jane --dry-run=client -o yaml | kubectl apply -f -"
        )
    );
}

#[test]
fn labelling_a_pod_is_granted_in_its_namespace() {
    let place = " in the namespace \"n\"";
    let account = "system:serviceaccount:n:web";
    let message = denied("pods \"web-0\"", account, "patch", "pods", "", place);
    assert_eq!(
        advice(&message, Some("n"), None).as_deref(),
        Some(
            "The verb \"patch\" is missing. A cluster admin grants it: kubectl create role patch-pods -n n --verb=patch --resource=pods \
             --dry-run=client -o yaml | kubectl apply -f - && kubectl create rolebinding patch-pods:n+web -n n --role=patch-pods \
             --serviceaccount=n:web --dry-run=client -o yaml | kubectl apply -f -"
        )
    );
}

#[test]
fn two_who_ask_are_never_bound_by_one_binding() {
    let account = "system:serviceaccount:a:b";
    let users = ["a b", "a-b", "a_20b", "a:b", "a+b", account, "A B"];
    let names = users.map(|user| {
        let text = said(user, "get");
        let binding = text.split("create rolebinding ").nth(1);
        binding
            .and_then(|rest| rest.split(' ').next())
            .map(str::to_owned)
    });
    for (at, name) in names.iter().enumerate() {
        assert!(name.is_some() && !names[..at].contains(name), "{names:?}");
    }
}

#[test]
fn words_that_are_no_servers_make_no_command() {
    for message in [
        "a policy says no".to_owned(),
        of_lease("a", "get $(touch x)"),
        of_lease("a", ""),
        of_lease("a", "get").replace(" cannot ", " could not "),
    ] {
        assert_eq!(advice(&message, Some("n"), Some("x")), None, "{message}");
    }
}

#[test]
fn impersonation_is_granted_for_the_very_name() {
    let group = "authentication.k8s.io";
    let own_namespace = " in the namespace \"b\"";
    let (plain, on_user) = ("impersonate", "impersonate:user-info");
    let mut all = String::new();
    for (what, verb, resource, group, place) in [
        ("users \"bob\"", plain, "users", "", AT_ALL),
        ("groups \"it's\"", plain, "groups", "", AT_ALL),
        (
            "userextras.authentication.k8s.io \"x y\"",
            plain,
            "userextras/team/a",
            group,
            AT_ALL,
        ),
        // In its own namespace: another may have an account of that name.
        (
            "serviceaccounts \"ci\"",
            plain,
            "serviceaccounts",
            "",
            own_namespace,
        ),
        // Nobody is granted all names.
        ("users", plain, "users", "", AT_ALL),
        // What kubectl refuses to create is applied.
        (
            "uids.authentication.k8s.io \"u\"",
            plain,
            "uids",
            group,
            AT_ALL,
        ),
        (
            "users.authentication.k8s.io \"bob\"",
            on_user,
            "users",
            group,
            AT_ALL,
        ),
    ] {
        let message = denied(what, "alice", verb, resource, group, place);
        let said = advice(&message, Some("n"), Some("x")).unwrap_or_default();
        all += &format!("## {verb} {what}, {resource}{place}\n{said}\n\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_go_has_quoted_is_read() {
    for (text, read) in [
        ("a\\\"b\\\\c", Some("a\"b\\c")),
        (
            "\\t\\x1b\\u202e\\U0001f600",
            Some("\t\u{1b}\u{202e}\u{1f600}"),
        ),
        ("\\xff", None),
        ("\\u12", None),
        ("\\q", None),
        ("\\", None),
    ] {
        assert_eq!(unquoted(text).as_deref(), read, "{text}");
    }
}
