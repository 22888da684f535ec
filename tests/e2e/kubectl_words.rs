//! Words of kubectl's own that mean here what they mean there, or nothing.

use crate::support::{fresh, holder, stored};
use lease_harness::Proxy;

#[test]
fn a_boolean_dry_run_is_taken_and_said_to_be_deprecated() {
    let (ns, user) = fresh();
    for value in ["true", "1"] {
        let output = ns.run(&user, ["create", "job", &format!("--dry-run={value}")]);
        assert_eq!(output.code, Some(0), "{output}");
        assert_eq!(
            output.stderr,
            format!(
                "warning: --dry-run={value} is deprecated (boolean value) and can be replaced with --dry-run=client\n"
            )
        );
        assert!(ns.get("job").is_none(), "it was created");
    }
    let output = ns.run(&user, ["create", "job", "--dry-run=false", "--holder=me"]);
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stderr.contains("--dry-run=none"), "{output}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
    let output = ns.run(&user, ["create", "other", "--dry-run=foo"]);
    assert_eq!(output.code, Some(2), "{output}");
}

#[test]
fn a_user_and_a_password_are_sent_as_they_are_given() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let words = ["status", "job", "--username=ada", "--password=secret"];
    let output = ns.command(&user, words).via(&proxy).run();
    let requests = proxy.requests();
    let headers = requests.iter().flat_map(|request| &request.headers);
    let sent: Vec<&str> = headers
        .filter(|(name, _)| name == "authorization")
        .map(|(_, value)| value.as_str())
        .collect();
    // ada:secret
    assert_eq!(sent.first(), Some(&"Basic YWRhOnNlY3JldA=="), "{output}");
    assert!(!output.stderr.contains("secret"), "{output}");
}
