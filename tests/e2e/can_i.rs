//! `can-i`: which subcommands a user's permissions allow, and the Role that is missing: applied as it is printed, it is enough.

use crate::support::{each, fresh, held, said_like, shared};
use lease_harness::{Fault, Match, Output, Proxy, Request, Rule};
use serde_json::Value;

/// The Role, and what binds it, of `-o json`.
#[track_caller]
fn missing(output: &Output) -> Vec<Value> {
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(list["kind"], "List", "{output}");
    list["items"].as_array().expect("items").clone()
}

/// What a call is told to need is all that it needs, and no more: with the Role that is printed it succeeds, and without any one of
/// its verbs it does not.
#[test]
fn with_the_role_that_is_printed_each_call_succeeds_and_with_less_it_does_not() {
    let rows = [
        ("create", "create new"),
        ("acquire", "acquire job"),
        ("acquire --create", "acquire job --create"),
        ("hold", "hold job -- true"),
        ("hold --create", "hold job --create -- true"),
        ("hold --cleanup", "hold job --cleanup -- true"),
        (
            "hold --label-pod",
            "hold job --label-pod=role=active --pod=web -- true",
        ),
        ("renew", "renew job"),
        ("check", "check job"),
        ("release", "release job"),
        ("release --force", "release job --force --yes"),
        ("steal", "steal job --yes --now"),
        ("status", "status job"),
    ];
    each(rows, |(asked, call)| {
        let (ns, _) = fresh();
        let user = ns.user_with(&[]);
        let by = match call.split(' ').next() {
            Some("acquire" | "hold") => "",
            Some("steal") => "ada",
            _ if asked == "release --force" => "ada",
            _ => "me",
        };
        ns.create_pod("web");
        let reset = |there: bool| {
            for name in ["job", "new"] {
                if ns.get(name).is_some() {
                    ns.delete(name);
                }
            }
            if there {
                ns.create(&held("job", by, 60));
            }
        };
        let can_i = |more: &[&str]| {
            let words = ["can-i", "job", "--for", asked];
            ns.run(&user, [&words[..], more].concat())
        };
        let output = can_i(&["-ojson"]);
        assert_eq!(output.code, Some(1), "{output}");
        let objects = missing(&output);
        assert_eq!(objects[0]["kind"], "Role", "{output}");
        let rules = Rule::of_role(&objects[0]);
        // With --create, on a lease that is not there too.
        let run = || {
            let command = ns.command(&user, call.split(' '));
            let command = command.env("KUBECTL_LEASE_HOLDER", "me");
            if call.contains("--create") {
                reset(false);
                let output = command.run();
                if output.code != Some(0) {
                    return output;
                }
            }
            reset(true);
            command.run()
        };
        // With less.
        let verbs: Vec<(usize, usize)> = rules
            .iter()
            .enumerate()
            .flat_map(|(rule, all)| (0..all.verbs.len()).map(move |verb| (rule, verb)))
            .collect();
        for (rule, verb) in verbs {
            let mut less = rules.clone();
            less[rule].verbs.remove(verb);
            less.retain(|rule| !rule.verbs.is_empty());
            ns.set_rules(&user, &less);
            let output = run();
            if rules[rule].verbs[verb] == "delete" {
                // What the command did counts.
                assert!(output.stderr.contains("could not be deleted"), "{output}");
            } else {
                assert_ne!(
                    output.code,
                    Some(0),
                    "without {}: {output}",
                    rules[rule].verbs[verb]
                );
            }
            assert!(output.stderr.contains("Forbidden"), "{output}");
            assert_eq!(can_i(&["-q"]).code, Some(1));
        }
        // With all of it.
        ns.set_rules(&user, &rules);
        let output = run();
        assert_eq!(output.code, Some(0), "{output}");
        let output = can_i(&["-ojson"]);
        assert_eq!(
            (output.code, missing(&output)),
            (Some(0), Vec::new()),
            "{output}"
        );
        // Of another lease nothing is known, but that a create has no name.
        let other = ns.run(&user, ["can-i", "other", "--for", asked, "-q"]);
        let allowed = if asked == "create" { 0 } else { 1 };
        assert_eq!(other.code, Some(allowed), "{other}");
    });
}

#[test]
fn the_table_stands_in_comments_above_what_is_missing_and_alone_where_nothing_is() {
    let (ns, _) = fresh();
    let user = ns.user_with(&[
        Rule::leases(&["get", "watch"]).named(&["job"]),
        Rule::leases(&["get"]).on(&["pods"]),
    ]);
    let calls = ["can-i", "job", "--for=renew,acquire --create,status"];
    let output = ns.run(&user, calls);
    let (name, whose) = (ns.name(), &user.name);
    let expected = format!(
        "# For lease \"job\" in namespace \"{name}\":
#
# CALL               ALLOWED   MISSING          BETTER WITH
# acquire --create   no        update, create   create events
# renew              no        update
# status NAME        yes                        get nodes, list events, list tickets, watch tickets
#
# What is missing, for a cluster admin to apply: kubectl apply -f -
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: lease-update-create:job
  namespace: {name}
rules:
- apiGroups:
  - coordination.k8s.io
  resourceNames:
  - job
  resources:
  - leases
  verbs:
  - update
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - create
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: lease-update-create:job:{whose}
  namespace: {name}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: lease-update-create:job
subjects:
- apiGroup: rbac.authorization.k8s.io
  kind: User
  name: {whose}
"
    );
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), expected.as_str()),
        "{output}"
    );
    ns.set_rules(
        &user,
        &[Rule::leases(&["get", "update", "create", "watch"])],
    );
    let output = ns.run(&user, calls);
    let expected = format!(
        "For lease \"job\" in namespace \"{name}\":

CALL               ALLOWED   MISSING   BETTER WITH
acquire --create   yes                 create events
renew              yes
status NAME        yes                 get pods, get nodes, list events, list tickets
"
    );
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(0), expected.as_str()),
        "{output}"
    );
    // Without a name: any lease, and the list.
    let output = ns.run(&user, ["can-i"]);
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stdout.contains("no        list\n"), "{output}");
    let listed = ns.run(
        &user,
        [
            "can-i",
            "--for=status",
            "-ojsonpath={.items[0].rules[0].verbs}",
        ],
    );
    assert_eq!(
        (listed.code, listed.stdout.as_str()),
        (Some(1), "[\"list\"]"),
        "{listed}"
    );
    let everywhere = ns.run(&user, ["can-i", "-A", "--for=status", "-ojson"]);
    let objects = missing(&everywhere);
    let kinds: Vec<&Value> = objects.iter().map(|object| &object["kind"]).collect();
    assert_eq!(kinds, ["ClusterRole", "ClusterRoleBinding"], "{everywhere}");
    // Who may do everything.
    let admin = ns.run(&ns.admin(), ["can-i", "-q"]);
    assert_eq!(
        (admin.code, admin.stdout.as_str()),
        (Some(0), ""),
        "{admin}"
    );
    // What is about many cannot be answered for one.
    let many = ns.run(&ns.admin(), ["can-i", "job", "--for=steal -l"]);
    let expected = "error: steal -l is not about lease \"job\" alone: leave the name out";
    assert_eq!(many.code, Some(2), "{many}");
    assert!(many.stderr.starts_with(expected), "{many}");
    let wrong = ns.run(&user, ["can-i", "--for=fly"]);
    assert_eq!(wrong.code, Some(2), "{wrong}");
}

/// Each permission is asked about once, whatever many calls need it.
#[test]
fn a_permission_is_asked_about_once_and_a_server_that_does_not_tell_is_said_to() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let output = ns.command(&user, ["can-i", "job"]).via(&proxy).run();
    let asked = proxy.requests();
    let mut reviews: Vec<&str> = asked
        .iter()
        .filter(|one| one.path.ends_with("/selfsubjectaccessreviews"))
        .map(|one| one.body.as_str())
        .collect();
    let count = reviews.len();
    reviews.sort_unstable();
    reviews.dedup();
    // Five of the lease; its holder's Pod and Node; all Nodes; what else there is to one; and of tickets all but create.
    let elects = usize::from(output.stdout.contains("failover (election)"));
    let all = 16 + elects;
    assert_eq!((count, reviews.len()), (all, all), "{output}");
    // Not what the server does not have.
    proxy.clear();
    let other_versions = |one: &Request| {
        ["v1beta1", "v1alpha2"].iter().any(|version| {
            one.path
                .ends_with(&format!("coordination.k8s.io/{version}"))
        })
    };
    let absent = Fault::status(
        404,
        "NotFound",
        "the server could not find the requested resource",
    );
    proxy.fault(Match::when(other_versions), absent, usize::MAX);
    let output = ns.command(&user, ["can-i", "job"]).via(&proxy).run();
    assert!(!output.stdout.contains("leasecandidates"), "{output}");
    let named = ["can-i", "job", "--for=failover (election)"];
    let output = ns.command(&user, named).via(&proxy).run();
    assert!(output.stdout.contains("leasecandidates"), "{output}");
    proxy.clear();
    let refused = Fault::status(
        403,
        "Forbidden",
        "selfsubjectaccessreviews.authorization.k8s.io is forbidden: no",
    );
    proxy.fault(Match::post(), refused, usize::MAX);
    let output = ns
        .command(&user, ["can-i", "job", "-ojson"])
        .via(&proxy)
        .run();
    let expected = "Error from server (Forbidden): selfsubjectaccessreviews.authorization.k8s.io is forbidden: no\n…The server does not tell you what you may do (SelfSubjectAccessReview). A cluster admin can ask for you: kubectl auth can-i --list --as=…\n";
    assert_eq!(output.stdout, "", "{output}");
    said_like(&output, 1, "", expected);
    proxy.down();
    let output = ns.command(&user, ["can-i", "job"]).via(&proxy).run();
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output}"
    );
}

#[test]
fn what_reaches_further_counts_only_where_it_is_named_and_slots_are_named_by_their_number() {
    let (ns, _) = fresh();
    let user = ns.user_with(&[]);
    for words in [&["can-i", "job"][..], &["can-i"]] {
        let output = ns.run(&user, words);
        let left =
            "Counts only where --for names it: acquire --queue, hold --cleanup, hold --label";
        assert!(output.stdout.contains(left), "{output}");
        let rules = missing(&ns.run(&user, [words, &["-ojson"]].concat()))[0]["rules"].to_string();
        for granted in ["delete", "patch", "pods", "leasecandidates"] {
            assert!(!rules.contains(granted), "{rules}");
        }
        assert!(rules.contains("update"), "{rules}");
    }
    let most = Rule::leases(&["get", "update", "create", "list"]);
    ns.set_rules(&user, &[most]);
    assert_eq!(ns.run(&user, ["can-i", "job"]).code, Some(0));
    let cleaning = ns.run(&user, ["can-i", "job", "--for=hold --cleanup", "-q"]);
    assert_eq!(cleaning.code, Some(1), "{cleaning}");
    // Slots: their names.
    ns.set_rules(&user, &[]);
    for asked in ["hold --slots 3", "hold  --slots=3"] {
        let output = ns.run(&user, ["can-i", "m", "--for", asked, "-ojson"]);
        let objects = missing(&output);
        let rules = &objects[0]["rules"];
        let names = serde_json::json!(["m-0", "m-1", "m-2"]);
        assert_eq!(rules[0]["resourceNames"], names, "{output}");
        assert_eq!(rules.as_array().map(Vec::len), Some(1), "{output}");
    }
    let output = ns.run(&user, ["can-i", "m", "--for=hold --slots 3", "-ojson"]);
    ns.set_rules(&user, &Rule::of_role(&missing(&output)[0]));
    let made = ns.run(&ns.admin(), ["create", "m", "--slots=3"]);
    assert_eq!(made.code, Some(0), "{made}");
    let held = ns.run(&user, ["hold", "m", "--slots=3", "--", "true"]);
    assert_eq!(held.code, Some(0), "{held}");
    let more = ns.run(&user, ["can-i", "m", "--for=hold --slots 4", "-q"]);
    assert_eq!(more.code, Some(1), "{more}");
    let mixed = ns.run(&user, ["can-i", "m", "--for=hold,hold --slots 3"]);
    assert_eq!(mixed.code, Some(2), "{mixed}");
}

/// A heartbeat is deleted only where it is known that its Node is gone.
#[test]
fn among_heartbeats_a_prune_takes_the_nodes_which_a_cluster_role_grants() {
    let ns = crate::support::fresh_in_process(Default::default()).0;
    let server = ns.cluster().api_server().expect("in-process");
    let mut lease = held("n-1", "n-1", 1);
    lease["metadata"]["namespace"] = "kube-node-lease".into();
    lease["metadata"]["ownerReferences"] =
        serde_json::json!([{ "apiVersion": "v1", "kind": "Node", "name": "n-1", "uid": "u" }]);
    server.seed(lease);
    server.set_clock_offset(jiff::SignedDuration::from_hours(49));
    let most = Rule::leases(&["get", "list", "update", "delete"]).everywhere();
    let user = ns.user_with(std::slice::from_ref(&most));
    let there = ["-n", "kube-node-lease"];
    for (prune, asked) in [
        (&["prune", "n-1"][..], &["can-i", "n-1", "--for=prune"][..]),
        (&["prune"], &["can-i", "--for=prune"]),
    ] {
        ns.set_rules(&user, std::slice::from_ref(&most));
        let run = |words: &[&str]| ns.run(&user, [words, &there].concat());
        let output = run(prune);
        assert_eq!(output.code, Some(1), "{output}");
        let output = run(&[asked, &["-ojson"]].concat());
        assert_eq!(output.code, Some(1), "{output}");
        let objects = missing(&output);
        assert_eq!(objects[0]["kind"], "ClusterRole", "{output}");
        let more = Rule::of_role(&objects[0]);
        ns.set_rules(&user, &[&[most.clone()][..], &more].concat());
        let output = run(asked);
        assert_eq!(output.code, Some(0), "{output}");
        let output = run(prune);
        assert_eq!(output.code, Some(0), "{output}");
    }
}

#[cfg(unix)] // finds kubectl by a shell
#[test]
fn what_is_printed_is_applied_by_kubectl_as_it_is() {
    let found = lease_harness::Command::new("/bin/sh", ["-c", "command -v kubectl"]).run();
    if !shared().is_real() || found.code != Some(0) {
        println!("SKIPPED: it takes a real server and kubectl");
        return;
    }
    let (ns, _) = fresh();
    let user = ns.user_with(&[]);
    ns.create(&held("job", "", 60));
    for words in [&["can-i", "job"][..], &["can-i", "-oyaml"]] {
        let output = ns.run(&user, words);
        assert_eq!(output.code, Some(1), "{output}");
        let apply = ["apply", "--validate=false", "-f", "-"];
        let applied = ns
            .program(&ns.admin(), "kubectl", apply)
            .stdin(&output.stdout)
            .run();
        assert_eq!(applied.code, Some(0), "{applied}\n{output}");
        let again = ns.run(&user, words);
        assert_eq!(again.code, Some(0), "{again}");
    }
}
