//! `-o name|json|yaml|env` of what is done to a Lease.

use crate::support::{free, fresh, said, stored};
use lease_harness::{Namespace, User};
use serde_json::Value;

/// Runs the subcommand with this format and returns what it printed.
#[track_caller]
fn printed(ns: &Namespace, user: &User, arguments: &[&str], format: &str) -> String {
    let output = ns.command(user, arguments).arg("-o").arg(format).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    output.stdout
}

/// Each subcommand that changes a Lease, in an order that succeeds.
const CHANGES: [&[&str]; 5] = [
    &["create", "job"],
    &["acquire", "job", "--holder=me"],
    &["renew", "job", "--holder=me"],
    &["release", "job", "--holder=me"],
    &["steal", "job", "--holder=me"],
];

#[test]
fn name_is_the_name_alone() {
    let (ns, user) = fresh();
    for arguments in CHANGES {
        let name = printed(&ns, &user, arguments, "name");
        assert_eq!(name, "lease.coordination.k8s.io/job\n", "{arguments:?}");
    }
}

#[test]
fn json_is_the_lease_as_stored_laid_out_as_kubectl_does() {
    let (ns, user) = fresh();
    for arguments in CHANGES {
        let text = printed(&ns, &user, arguments, "json");
        let lease: Value = serde_json::from_str(&text).expect("JSON");
        let mut stored = stored(&ns, "job");
        if let Some(metadata) = stored["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        assert_eq!(lease, stored, "{arguments:?}");
        assert!(
            text.starts_with(
                "{\n    \"apiVersion\": \"coordination.k8s.io/v1\",\n    \"kind\": \"Lease\","
            ),
            "{text}"
        );
        assert!(text.ends_with("\n}\n"), "{text}");
    }
}

#[test]
fn yaml_is_the_lease_as_stored() {
    let (ns, user) = fresh();
    for arguments in CHANGES {
        let text = printed(&ns, &user, arguments, "yaml");
        assert!(
            text.starts_with("apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n"),
            "{text}"
        );
        let lease = stored(&ns, "job");
        let version = lease["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default();
        assert!(
            text.contains(&format!("\n  resourceVersion: \"{version}\"\n")),
            "{text}"
        );
        assert!(text.contains("\nspec:\n"), "{text}");
    }
}

#[test]
fn env_is_what_a_shell_can_eval() {
    let (ns, user) = fresh();
    ns.create(&free("job"));
    let text = printed(&ns, &user, &["acquire", "job", "--holder=it's me"], "env");
    let lease = stored(&ns, "job");
    let expected = format!(
        "export KUBECTL_LEASE_NAME=job\n\
         export KUBECTL_LEASE_NAMESPACE={}\n\
         export KUBECTL_LEASE_HOLDER='it'\\''s me'\n\
         export KUBECTL_LEASE_UID={}\n\
         export KUBECTL_LEASE_TRANSITIONS=4\n\
         export KUBECTL_LEASE_FENCING_TOKEN={}\n",
        ns.name(),
        lease["metadata"]["uid"].as_str().unwrap_or_default(),
        lease["metadata"]["resourceVersion"]
            .as_str()
            .unwrap_or_default(),
    );
    assert_eq!(text, expected);
}

#[test]
fn nothing_is_printed_on_stdout_by_what_fails() {
    let (ns, user) = fresh();
    for format in ["name", "json", "yaml", "env"] {
        let output = ns.run(&user, ["acquire", "job", "--holder=me", "-o", format]);
        said(
            &output,
            121,
            "",
            &crate::support::not_found_to_take(&ns, "job"),
        );
    }
}
