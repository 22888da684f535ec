//! What is ours is taken off, whatever is said meanwhile, and what is a live hold's is not.

use super::*;

#[test]
fn a_pod_whose_name_says_uid_is_not_taken_for_another() {
    for refused in [409, 422] {
        let server = Server::with(pod());
        let label = labelled(&server);
        assert_eq!(set(&label), Ok(()));
        let said = Cell::new(0);
        let count = |_: &_| said.set(said.get() + 1);
        // For a while, and then no more.
        server.then(&[Fate::Refused(refused); 12]);
        assert_eq!(done(label.clear(PATIENCE, &count)), Ok(()));
        assert_eq!((server.value(), said.get()), (None, 1));
        // For ever.
        assert_eq!(set(&label), Ok(()));
        server.then(&[Fate::Refused(refused); 999]);
        assert!(done(label.clear(PATIENCE, &count)).is_err());
        assert_eq!((server.value().as_deref(), said.get()), (Some("active"), 2));
    }
}

#[test]
fn a_missing_permission_is_told_at_once_before_the_command_and_once_while_it_is_taken_off() {
    let server = Server::with(pod());
    let label = labelled(&server);
    server.then(&[Fate::Refused(403)]);
    assert!(matches!(
        done(label.prepare(PATIENCE)),
        Err(Trouble::Fault(_))
    ));
    assert_eq!(server.requests.get(), 1);
    assert_eq!(set(&label), Ok(()));
    let said = Cell::new(0);
    let count = |_: &_| said.set(said.get() + 1);
    // It comes back.
    server.then(&[Fate::Refused(403); 3]);
    assert_eq!(done(label.clear(PATIENCE, &count)), Ok(()));
    assert_eq!((server.value(), said.get()), (None, 1));
    // It does not.
    assert_eq!(set(&label), Ok(()));
    server.then(&[Fate::Refused(403); 99]);
    let began = server.now.get();
    assert!(done(label.clear(PATIENCE, &count)).is_err());
    assert_eq!(server.now.get() - began, PATIENCE);
    assert_eq!(said.get(), 2);
}

#[test]
fn what_we_have_set_is_taken_off_even_where_its_mark_was_removed() {
    let server = Server::with(pod());
    let label = labelled(&server);
    assert_eq!(set(&label), Ok(()));
    server.pod.borrow_mut().as_mut().expect("a pod")["metadata"]["annotations"] = json!({});
    server.change();
    cleared(&label);
    assert_eq!(server.value(), None);
    // What somebody sets afterwards is theirs.
    server.pod.borrow_mut().as_mut().expect("a pod")["metadata"]["labels"]["role"] =
        "active".into();
    server.change();
    let foreign = Err(Trouble::Foreign("active".to_owned()));
    assert_eq!(set(&label), foreign);
    cleared(&label);
    assert_eq!(server.value().as_deref(), Some("active"));
}

#[test]
fn the_label_of_a_hold_that_is_alive_is_left_and_that_of_a_dead_one_is_not() {
    let server = Server::with(pod());
    let mut live = labelled(&server);
    live.mark = "role=active 7/99".to_owned();
    assert_eq!(set(&live), Ok(()));
    let mut second = labelled(&server);
    second.is_alive = |process| process == "7/99";
    let occupied = Err(Trouble::Occupied("7/99".to_owned()));
    assert_eq!(done(second.prepare(PATIENCE)), occupied);
    assert_eq!(set(&second), occupied);
    cleared(&second);
    assert_eq!(server.value().as_deref(), Some("active"));
    // It dies.
    second.is_alive = |_| false;
    assert_eq!(done(second.prepare(PATIENCE)), Ok(()));
    assert_eq!(server.value(), None);
}
