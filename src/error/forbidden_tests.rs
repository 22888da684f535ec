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
    let text = said("system:serviceaccount:n:ci", "get");
    assert!(
        text.ends_with(
            ": kubectl create role lease-get:x -n n --verb=get --resource=leases.coordination.k8s.io --resource-name=x \
             --dry-run=client -o yaml | kubectl apply -f - && kubectl create rolebinding lease-get:x:n+ci -n n \
             --role=lease-get:x --serviceaccount=n:ci --dry-run=client -o yaml | kubectl apply -f -"
        ),
        "{text}"
    );
    let text = said("jane o'neill", "update");
    assert!(text.contains(" --user='jane o'\\''neill' "), "{text}");
    let text = said("a&lt;b&amp;lt;", "update");
    assert!(text.contains(" --user='a<b&lt;' "), "{text}");
    let text = said("jane", "impersonate-on:user-info:get");
    assert!(
        text.contains("create role lease-impersonate-on:user-info:get:x -n n --verb=impersonate-on:user-info:get "),
        "{text}"
    );
}

#[test]
fn two_who_ask_are_never_bound_by_one_binding() {
    let names: Vec<String> = [
        "a b",
        "a-b",
        "a_20b",
        "a:b",
        "a+b",
        "system:serviceaccount:a:b",
        "A B",
    ]
    .iter()
    .map(|user| {
        let text = said(user, "get");
        let binding = text.split("create rolebinding ").nth(1).unwrap_or_default();
        binding.split(' ').next().unwrap_or_default().to_owned()
    })
    .collect();
    for (at, name) in names.iter().enumerate() {
        assert!(!names[..at].contains(name), "{names:?}");
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
    // What looks like the end of a name is part of it.
    let text = said("a\" cannot $(x) resource \"b", "get");
    assert!(text.contains(" --verb=get "), "{text}");
    assert!(
        text.contains(" --user='a\" cannot $(x) resource \"b' "),
        "{text}"
    );
}

#[test]
fn nobody_is_granted_anything_that_everybody_would_have() {
    let text = said("system:anonymous", "get");
    assert!(
        text.contains("no credentials") && !text.contains("create"),
        "{text}"
    );
}

fn impersonating(what: &str, verb: &str, resource: &str, group: &str, place: &str) -> String {
    let message = denied(what, "alice", verb, resource, group, place);
    advice(&message, Some("n"), Some("x")).unwrap_or_default()
}

#[test]
fn impersonation_is_granted_for_the_very_name() {
    let authentication = "authentication.k8s.io";
    for (what, resource, group, flags) in [
        (
            "users \"bob\"",
            "users",
            "",
            "--resource=users --resource-name=bob ",
        ),
        (
            "groups \"it's\"",
            "groups",
            "",
            "--resource=groups --resource-name='it'\\''s' ",
        ),
        (
            "userextras.authentication.k8s.io \"x y\"",
            "userextras/team/a",
            authentication,
            "--resource=userextras.authentication.k8s.io/team/a --resource-name='x y' ",
        ),
    ] {
        let text = impersonating(what, "impersonate", resource, group, AT_ALL);
        assert!(
            text.contains(&format!("--verb=impersonate {flags}")),
            "{text}"
        );
        assert!(
            text.contains(" create clusterrole ") && text.contains(" && "),
            "{text}"
        );
    }
    // In its own namespace: another may have an account of that name.
    let account = impersonating(
        "serviceaccounts \"ci\"",
        "impersonate",
        "serviceaccounts",
        "",
        " in the namespace \"b\"",
    );
    assert!(
        account.contains("create role impersonate-serviceaccounts:ci -n b --verb=impersonate --resource=serviceaccounts --resource-name=ci "),
        "{account}"
    );
    let unnamed = impersonating("users", "impersonate", "users", "", AT_ALL);
    assert!(!unnamed.contains("kubectl"), "{unnamed}");
}

#[test]
fn what_kubectl_refuses_to_create_is_applied() {
    let group = "authentication.k8s.io";
    for (what, verb, resource, rule) in [
        (
            "uids.authentication.k8s.io \"u\"",
            "impersonate",
            "uids",
            "{\"apiGroups\":[\"authentication.k8s.io\"],\"resourceNames\":[\"u\"],\"resources\":[\"uids\"],\"verbs\":[\"impersonate\"]}",
        ),
        (
            "users.authentication.k8s.io \"bob\"",
            "impersonate:user-info",
            "users",
            "{\"apiGroups\":[\"authentication.k8s.io\"],\"resourceNames\":[\"bob\"],\"resources\":[\"users\"],\"verbs\":[\"impersonate:user-info\"]}",
        ),
    ] {
        let text = impersonating(what, verb, resource, group, AT_ALL);
        assert!(text.contains(": printf %s '{"), "{text}");
        assert!(text.contains(rule), "{text}");
        assert!(!text.contains("create clusterrole "), "{text}");
    }
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
