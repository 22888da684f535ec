//! `hold --label-pod` of several leases: the pod carries the label while all are held.

use crate::hold::label_pod::Labelled;
use crate::support::{SOON, pass_to, stored};
use lease_harness::lease;

#[test]
fn the_pod_is_labelled_while_all_are_held_and_not_after_the_loss_of_one() {
    let labelled = Labelled::new(60);
    let ns = labelled.ns();
    ns.create(&lease("other").duration(60).build());
    let running = labelled.hold(&["other"], "sleep 600").spawn();
    labelled.wait_label(Some("active"));
    for name in ["job", "other"] {
        assert!(stored(ns, name)["spec"]["holderIdentity"].is_string());
    }
    running.wait_stdout(|line| line.starts_with("child "), SOON);
    pass_to(ns, "other", "thief");
    labelled.wait_label(None);
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(123), "{output}");
    labelled.is_clean();
    assert_eq!(stored(ns, "job")["spec"].get("holderIdentity"), None);
    // And at its own end.
    crate::support::set_free(ns, "other");
    let output = labelled.hold(&["other"], "exit 3").run();
    assert_eq!(output.code, Some(3), "{output}");
    labelled.is_clean();
}
