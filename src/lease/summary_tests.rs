//! Decoding of Leases: odd fields, pages in any order, classes.

use super::*;

#[test]
fn absent_null_and_odd_fields_are_no_error() {
    for body in [
        "{}",
        r#"{"metadata":null,"spec":null}"#,
        r#"{"metadata":{"name":"x","labels":null,"managedFields":null,"ownerReferences":null},"spec":{"holderIdentity":null,"renewTime":"yesterday","leaseDurationSeconds":-1}}"#,
    ] {
        let lease = one(body.as_bytes()).expect(body);
        assert_eq!(
            (lease.holder, lease.renewed, lease.duration),
            (None, None, None)
        );
    }
    assert!(
        page(br#"{"kind":"LeaseList","items":null,"metadata":{}}"#)
            .expect("a list")
            .items
            .is_empty()
    );
}

#[test]
fn the_next_page_is_read_from_the_head() {
    let body = br#"{"kind":"LeaseList","apiVersion":"x","metadata":{"resourceVersion":"7","continue":"abc\u003d"},"items":[{}]}"#;
    let next = |body: &[u8]| next_page(body).map(|next| (next.from, next.left));
    assert_eq!(next(body), Some(("abc=".to_owned(), None)));
    assert_eq!(page(body).expect("a list").resource_version, "7");
    assert_eq!(
        next(br#"{"metadata":{"resourceVersion":"7"},"items":[]}"#),
        None
    );
    let sorted = br#"{"items":[{"metadata":{"name":"x"}}],"metadata":{"continue":"abc"}}"#;
    assert_eq!(next(sorted), Some(("abc".to_owned(), None)));
    for (count, left) in [
        ("9500", Some(9500)),
        ("-1", None),
        ("1e99", None),
        ("{}", None),
        ("null", None),
    ] {
        let body = format!(
            r#"{{"metadata":{{"continue":"abc","remainingItemCount":{count}}},"items":[]}}"#
        );
        assert_eq!(
            next(body.as_bytes()),
            Some(("abc".to_owned(), left)),
            "{count}"
        );
    }
}

#[test]
fn the_class_is_told_by_namespace_owner_labels_and_holder() {
    let of = |meta: &str, spec: &str| {
        one(format!(r#"{{"metadata":{meta},"spec":{spec}}}"#).as_bytes())
            .expect("a lease")
            .class
    };
    assert_eq!(of(r#"{"namespace":"kube-node-lease"}"#, "{}"), Class::Node);
    assert_eq!(
        of(r#"{"ownerReferences":[{"kind":"Node"}]}"#, "{}"),
        Class::Node
    );
    assert_eq!(
        of(
            r#"{"labels":{"apiserver.kubernetes.io/identity":"kube-apiserver"}}"#,
            "{}"
        ),
        Class::ApiServer
    );
    assert_eq!(
        of("{}", r#"{"strategy":"OldestEmulationVersion"}"#),
        Class::LeaderElection
    );
    let instance = r#"{"holderIdentity":"pod-1_2f8d3b1e-6c1f-4a53-9a55-0d8f2c1b7a10"}"#;
    assert_eq!(of("{}", instance), Class::LeaderElection);
    assert_eq!(
        of(
            r#"{"managedFields":[{"manager":"kubectl-lease"}]}"#,
            instance
        ),
        Class::Lock
    );
    assert_eq!(of("{}", r#"{"holderIdentity":"me@host"}"#), Class::Lock);
}
