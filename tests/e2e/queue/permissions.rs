//! Without the permissions that a queue takes it is waited for without a place, and that is said.

use super::*;

#[test]
fn without_one_of_the_verbs_it_says_so_and_waits_without_a_place() {
    for missing in ["list", "create", "delete"] {
        let ns = crate::support::shared().namespace();
        let verbs = ["get", "update", "watch", "list", "create", "delete"];
        let verbs: Vec<&str> = verbs.into_iter().filter(|verb| *verb != missing).collect();
        let user = ns.user(&verbs);
        ns.create(&held("job", "other", 60));
        let log = ns.file("log", "");
        let waiting = waiter(&ns, &user, "a", &[], &log).spawn();
        let told = waiting.wait_stderr(|line| line.starts_with("no place in line"), SOON);
        assert!(
            told.contains(&format!("cannot {missing} resource")),
            "{told}"
        );
        let standing = || {
            let all = tickets(&ns, "job");
            all.iter()
                .filter(|ticket| !holder(ticket).is_empty())
                .count()
        };
        wait_until(|| standing() == 0);
        set_free(&ns, "job");
        ended(&waiting.wait(SOON), 0, "");
        assert_eq!(logged(&log), ["a"]);
    }
}

#[test]
fn a_role_of_the_lease_alone_is_enough_for_waiting_without_a_place() {
    let ns = crate::support::shared().namespace();
    let user = ns.user_with(&[Rule::leases(&["get", "update", "watch"]).named(&["job"])]);
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let waiting = waiter(&ns, &user, "a", &[], &log).spawn();
    waiting.wait_stderr(|line| line.starts_with("no place in line"), SOON);
    set_free(&ns, "job");
    ended(&waiting.wait(SOON), 0, "");
    assert_eq!(tickets(&ns, "job").len(), 0);
}

#[test]
fn without_the_verb_watch_the_order_is_kept_all_the_same() {
    let ns = crate::support::shared().namespace();
    let user = ns.user(&["get", "update", "list", "create", "delete"]);
    ns.create(&held("job", "other", 60));
    let log = ns.file("log", "");
    let all: Vec<Running> = ["a", "b", "c"]
        .iter()
        .map(|name| stands(&waiter(&ns, &user, name, &[], &log)))
        .collect();
    set_free(&ns, "job");
    all.into_iter()
        .for_each(|one| ended(&one.wait(SOON), 0, ""));
    assert_eq!(logged(&log), ["a", "b", "c"]);
}
