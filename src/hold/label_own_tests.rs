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
