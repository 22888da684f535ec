//! How late this machine is: a tick of 20 ms that comes much later says that everybody stood still.

use std::time::Duration;

use super::Stage;
use crate::history::Injected;
use crate::time::At;

const TICK: Duration = Duration::from_millis(20);
/// From here on it is noted, as a fault of the machine: some of these add up to an outage.
const LATE: Duration = Duration::from_millis(100);

/// Ticks until `over`, and notes each tick that came late.
pub fn tick(stage: &Stage, over: impl Fn() -> bool) {
    let mut before = At::now();
    while !over() {
        std::thread::sleep(TICK);
        let now = At::now();
        let took = now.since(before);
        if took > TICK + LATE {
            stage.note_fault(Injected {
                kind: "machine-stalled".to_owned(),
                family: "surroundings".to_owned(),
                begun: before,
                over: now,
                contenders: Vec::new(),
                call: None,
                lease: None,
                detail: format!("{} ms", took.as_millis()),
            });
        }
        before = now;
    }
}
