//! Two callers that name the same leases in opposite order, time and again: never both, and never each waiting for the other.

use super::scene::Scene;
use std::time::{Duration, Instant};

const ROUNDS: usize = 100;

/// As long as a machine that is busy with other things takes for all rounds. A deadlock lasts for ever.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn two_callers_that_want_both_in_opposite_order_are_never_both_in_and_both_get_in_each_time() {
    let scene = Scene::new(15);
    let inside = scene.ns.file("inside", "");
    std::fs::remove_file(&inside).expect("just written");
    let script = format!(
        "mkdir {0} || exit 99; echo ran; rmdir {0}",
        inside.display()
    );
    let began = Instant::now();
    std::thread::scope(|scope| {
        for names in ["a b", "b a"] {
            let (scene, script) = (&scene, &script);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let output = scene.hold(&format!("hold {names}"), script).run();
                    let ended = (output.code, output.stdout.as_str());
                    assert_eq!(ended, (Some(0), "ran\n"), "{names}, {round}: {output}");
                    assert!(began.elapsed() < PATIENCE, "{names}, {round}: {output}");
                }
            });
        }
    });
    crate::hold::scene::measured("200 times both leases", began.elapsed());
    let writes = scene.taken_and_given();
    let mut writes = writes.split(' ');
    // Whoever has the first has the second before it gives anything back.
    for _ in 0..2 * ROUNDS {
        let four: Vec<&str> = writes.by_ref().take(4).collect();
        assert_eq!(four, ["+a", "+b", "-b", "-a"]);
    }
}
