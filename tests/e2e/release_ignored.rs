//! `release --ignore-not-held`, end to end.

use crate::outcomes::document;
use crate::support::{fresh, held, holder, pass_to, said, set_free, stored, untouched};

const RELEASED: &str = "lease.coordination.k8s.io/job released\n";

#[test]
fn release_is_idempotent_where_that_is_asked_for_and_errors_stay_errors() {
    let (ns, user) = fresh();
    let release = |names: &[&str]| {
        let flags = ["release", "--holder=me", "--ignore-not-held"];
        let words = flags.iter().chain(names).copied();
        ns.run(&user, words)
    };
    let absent = "lease \"job\" is not there: nothing to release\n";
    said(&release(&["job"]), 0, "", absent);
    ns.create(&held("job", "me", 60));
    said(&release(&["job"]), 0, RELEASED, "");
    said(
        &release(&["job"]),
        0,
        "",
        "lease \"job\" is free: nothing to release\n",
    );
    let before = ns.create(&held("other", "ada", 60));
    pass_to(&ns, "job", "me");
    let left = "lease \"other\" is held by \"ada\", not by \"me\": nothing to release\n\
        lease \"gone\" is not there: nothing to release\n";
    said(&release(&["other", "gone", "job"]), 0, RELEASED, left);
    untouched(&ns, &before);
    // Not mine by what I was handed, though by its name.
    ns.edit("job", |lease| {
        lease["spec"]["holderIdentity"] = "me".into();
        lease["spec"]["leaseTransitions"] = 8.into();
    });
    let newer = ns.command(
        &user,
        ["release", "job", "--holder=me", "--ignore-not-held"],
    );
    let uid = stored(&ns, "job")["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let newer = newer
        .env("KUBECTL_LEASE_NAME", "job")
        .env("KUBECTL_LEASE_NAMESPACE", ns.name())
        .env("KUBECTL_LEASE_HOLDER", "me")
        .env("KUBECTL_LEASE_UID", &uid)
        .env("KUBECTL_LEASE_TRANSITIONS", "3")
        .run();
    let left = "lease \"job\" belongs to a newer grant of \"me\": nothing to release\n";
    said(&newer, 0, "", left);
    assert_eq!(holder(&stored(&ns, "job")), "me");
    let nobody = ns.user_with(&[]);
    let forbidden = ns.run(&nobody, ["release", "job", "--ignore-not-held"]);
    assert_eq!(forbidden.code, Some(1), "{forbidden}");
    let missing = [
        "release",
        "job",
        "--ignore-not-held",
        "-n",
        "no-such-namespace",
    ];
    let missing = ns.run(&ns.admin(), missing);
    assert_eq!(missing.code, Some(1), "{missing}");
    // Whoever reads a document has one, of nothing.
    let absent = |words: &[&str]| {
        let words = [&["release", "-ojson", "--ignore-not-held"], words].concat();
        let list = document("OutcomeList", &ns.run(&user, words));
        assert_eq!(list["items"], serde_json::json!([]));
    };
    absent(&["gone"]);
    absent(&["gone", "gone-too"]);
    absent(&["gone", "--force", "--yes"]);
    let empty = ns.run(&user, ["release", "gone", "--ignore-not-held", "-oname"]);
    assert_eq!(
        (empty.code, empty.stdout.as_str()),
        (Some(0), ""),
        "{empty}"
    );
    // A victim that may run is no reason to say that all is well.
    set_free(&ns, "job");
}
