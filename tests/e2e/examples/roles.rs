//! The Roles of docs/examples: each lets its commands work, and refuses the first one outside of its job.

use super::{all_rules, rules};
use crate::support::{
    SOON, VERBS, forbidden, free, fresh_in_process, held, said, set_free, shared, stored, watching,
};
use lease_harness::lease_api_server::Options;
use lease_harness::{Namespace, Proxy, User};
use std::collections::BTreeSet;

/// Each file with its subcommands, as the README's table of permissions names them, beside watching.
const JOBS: [(&str, &[&str]); 6] = [
    ("rbac-look.yaml", &["status", "status NAME"]),
    ("rbac-look-everywhere.yaml", &["status", "status NAME"]),
    (
        "rbac-use-one.yaml",
        &[
            "acquire",
            "hold",
            "renew",
            "release",
            "steal",
            "status NAME",
            "check",
        ],
    ),
    (
        "rbac-use-any.yaml",
        &[
            "create",
            "acquire",
            "hold",
            "renew",
            "release",
            "steal",
            "status NAME",
            "check",
        ],
    ),
    ("rbac-failover.yaml", &["failover", "status NAME"]),
    (
        "rbac-operate.yaml",
        &[
            "status",
            "status NAME",
            "check",
            "create",
            "acquire",
            "hold",
            "renew",
            "release",
            "steal",
        ],
    ),
];

/// The README's table: a row's subcommands, and the verbs they need whatever their flags.
fn permissions() -> Vec<(Vec<String>, Vec<String>)> {
    let readme = include_str!("../../../README.md");
    let section = readme.split("\n## Permissions\n").nth(1);
    let section = section.expect("the README has a section on permissions");
    let section = section.split("\n## ").next().unwrap_or_default();
    assert!(section.contains("`watch`"), "{section}");
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|');
        let jobs = cells.next()?.split(',').map(|job| job.trim().to_owned());
        let always = cells.next()?.split('(').next()?;
        // Every second piece is between backticks.
        let verbs = always.split('`').skip(1).step_by(2).map(str::to_owned);
        Some((jobs.collect(), verbs.collect()))
    };
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.filter_map(row).collect()
}

#[test]
fn the_verbs_of_each_role_are_those_that_the_readme_says_its_commands_need() {
    let table = permissions();
    for (file, jobs) in JOBS {
        let mut needed = BTreeSet::from(["watch".to_owned()]);
        for job in jobs {
            let row = table
                .iter()
                .find(|(names, _)| names.iter().any(|name| name == job));
            let (_, verbs) = row.unwrap_or_else(|| panic!("the README's table has no {job:?}"));
            needed.extend(verbs.iter().cloned());
        }
        let granted: BTreeSet<String> = rules(file)
            .into_iter()
            .flat_map(|rule| rule.verbs)
            .collect();
        assert_eq!(granted, needed, "{file}");
    }
    for file in super::manifest_files() {
        if super::documents(&file)
            .iter()
            .any(|object| super::kind(object).ends_with("Role"))
        {
            for verb in rules(&file).iter().flat_map(|rule| &rule.verbs) {
                // Only prune deletes.
                let known = VERBS.contains(&verb.as_str()) || file == "rbac-prune.yaml";
                assert!(known, "{file}: {verb}");
            }
        }
    }
}

/// A namespace, and a user with what the file grants.
fn scene(file: &str) -> (Namespace, User) {
    let ns = shared().namespace();
    let user = ns.user_with(&rules(file));
    (ns, user)
}

#[track_caller]
fn works(ns: &Namespace, user: &User, arguments: &str) {
    let output = ns.run(user, arguments.split(' '));
    assert_eq!(output.code, Some(0), "{output}");
    assert!(!output.stderr.contains("rror"), "{output}");
}

#[track_caller]
fn refused(ns: &Namespace, user: &User, arguments: &str, verb: &str, lease: Option<&str>) {
    let output = ns.run(user, arguments.split(' '));
    said(&output, 1, "", &forbidden(ns, user, verb, lease, arguments));
}

/// Who locks: waits by a watch, renews, holds, gives back.
#[track_caller]
fn locks(ns: &Namespace, user: &User, lease: &str) {
    ns.create(&held(lease, "other", 600));
    let proxy = Proxy::to(ns.cluster());
    let acquire = ["acquire", lease, "--holder=me"];
    let waiting = ns.command(user, acquire).via(&proxy).spawn();
    watching(&proxy);
    set_free(ns, lease);
    assert_eq!(waiting.wait(SOON).code, Some(0));
    works(ns, user, &format!("renew {lease} --holder=me"));
    works(ns, user, &format!("check {lease} --holder=me"));
    works(ns, user, &format!("status {lease}"));
    works(ns, user, &format!("release {lease} --holder=me"));
    works(ns, user, &format!("hold {lease} -- true"));
}

/// The first line of a watch that shows `lease`, without any complaint.
#[track_caller]
fn follows(ns: &Namespace, user: &User, arguments: &str, lease: &str) {
    let proxy = Proxy::to(ns.cluster());
    let running = ns.command(user, arguments.split(' ')).via(&proxy).spawn();
    running.wait_stdout(|line| line.contains(lease), SOON);
    watching(&proxy);
    assert_eq!(running.stderr(), "");
}

#[test]
fn who_may_look_sees_one_and_all_and_changes_and_locks_nothing() {
    let (ns, user) = scene("rbac-look.yaml");
    ns.create(&held("job", "me", 600));
    works(&ns, &user, "status");
    works(&ns, &user, "status job");
    // Who may not renew cannot have the server try it.
    let check = ns.run(&user, ["check", "job", "--holder=me"]);
    assert_eq!(check.code, Some(122), "{check}");
    follows(&ns, &user, "status -w", "job");
    follows(&ns, &user, "status job -w", "job");
    refused(&ns, &user, "renew job --holder=me", "update", Some("job"));
    ns.create(&free("spare"));
    refused(&ns, &user, "hold spare -- true", "update", Some("spare"));
    refused(&ns, &user, "create new", "create", None);
    refused_everywhere(&ns, &user);
    // In all namespaces.
    let (ns, user) = scene("rbac-look-everywhere.yaml");
    ns.create(&held("job", "me", 600));
    works(&ns, &user, "status -A");
    works(&ns, &user, "status job");
    follows(&ns, &user, "status -A -w", "job");
    refused(&ns, &user, "release job --holder=me", "update", Some("job"));
}

#[test]
fn who_may_use_one_lease_or_any_locks_with_it_and_lists_none() {
    let (ns, user) = scene("rbac-use-one.yaml");
    locks(&ns, &user, "deploy");
    works(&ns, &user, "acquire deploy --holder=me");
    works(&ns, &user, "steal deploy --holder=thief --yes --now");
    ns.create(&held("other", "me", 600));
    refused(&ns, &user, "acquire other", "get", Some("other"));
    refused(&ns, &user, "status", "list", None);
    let watching = forbidden(&ns, &user, "list", None, "status")
        .replace("lease-list", "lease-list-watch")
        .replace("--verb=list", "--verb=list,watch");
    said(&ns.run(&user, ["status", "-w"]), 1, "", &watching);
    refused(&ns, &user, "create new", "create", None);
    ns.delete("deploy");
    refused(
        &ns,
        &user,
        "hold deploy --create -- true",
        "create",
        Some("deploy"),
    );
    let (ns, user) = scene("rbac-use-any.yaml");
    locks(&ns, &user, "one");
    works(&ns, &user, "create two");
    works(&ns, &user, "hold three --create -- true");
    works(&ns, &user, "acquire two --holder=me");
    works(&ns, &user, "steal two --holder=thief --yes --now");
    refused(&ns, &user, "status", "list", None);
}

#[test]
fn who_operates_looks_makes_steals_and_releases_for_others_and_deletes_nothing() {
    let (ns, user) = scene("rbac-operate.yaml");
    locks(&ns, &user, "one");
    works(&ns, &user, "create two");
    works(&ns, &user, "status");
    follows(&ns, &user, "status -w", "two");
    works(&ns, &user, "acquire two --holder=other");
    works(&ns, &user, "release two --holder=other");
    works(&ns, &user, "acquire two --holder=other");
    works(&ns, &user, "steal two --yes --now");
    refused_everywhere(&ns, &user);
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases/two",
        ns.name()
    );
    let delete = ns.cluster().api(&user).call("DELETE", &path, None);
    assert_eq!(delete.expect("the server answers").status, 403);
}

#[test]
fn who_makes_leaders_step_down_names_who_is_preferred_in_a_coordinated_election_and_makes_no_lease()
{
    // Only servers of 1.31 and newer have those.
    let (ns, _) = fresh_in_process(Options::default());
    let user = ns.user_with(&all_rules("rbac-failover.yaml"));
    for candidate in ["first", "second"] {
        ns.create_candidate(candidate, "job");
    }
    let mut lease = held("job", "first", 600);
    lease["spec"]["strategy"] = "OldestEmulationVersion".into();
    ns.create(&lease);
    let output = ns.run(&user, ["failover", "job", "--yes", "--timeout=0"]);
    assert!(!output.stderr.contains("orbidden"), "{output}");
    let spec = &stored(&ns, "job")["spec"];
    assert_eq!(spec["preferredHolder"], "second", "{output}");
    works(&ns, &user, "status job");
    refused(&ns, &user, "create new", "create", None);
    refused(&ns, &user, "status", "list", None);
}

/// A Role is about one namespace.
#[track_caller]
fn refused_everywhere(ns: &Namespace, user: &User) {
    let output = ns.run(user, ["status", "-A"]);
    let expected = format!(
        "Error from server (Forbidden): leases.coordination.k8s.io is forbidden: User \"{user}\" cannot list resource \
         \"leases\" in API group \"coordination.k8s.io\" at the cluster scope\n\
         The verb \"list\" is missing in all namespaces; give -n, or let a cluster admin grant it: kubectl create clusterrole lease-list \
         --verb=list --resource=leases.coordination.k8s.io --dry-run=client -o yaml | kubectl apply -f - && \
         kubectl create clusterrolebinding lease-list:{user} --clusterrole=lease-list --user={user} --dry-run=client -o yaml \
         | kubectl apply -f -\n",
        user = user.name
    );
    said(&output, 1, "", &expected);
}
