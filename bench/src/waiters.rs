//! Many who wait for one lease, and what one release costs.

use std::error::Error;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lease_harness::lease;
use serde_json::{Value, json};

use crate::contest::Contest;
use crate::measure::median;
use crate::table::{Figure, Row, Table, Unit};

const ROUNDS: usize = 5;

/// Far longer than their start takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// In which all that a release causes has happened, and no renewal of a place in the queue: at a duration of ten minutes
/// each of them is due every 200 s.
const WINDOW: Duration = Duration::from_millis(500);

const WRITES: [&str; 4] = ["PUT", "POST", "PATCH", "DELETE"];

/// `number` of them, in a queue or not.
pub fn run(
    contest: &Contest,
    number: usize,
    queue: bool,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    let name = format!("wanted-{number}{}", if queue { "-queued" } else { "" });
    let first = lease(&name).holder("first").duration(600);
    contest.namespace.create(&first.renewed_ago(0, 0).build());
    let watches = contest.watches()?;
    let mut waiters = Waiters::default();
    for index in 0..number {
        let mut waiter = contest.plugin(&["acquire", &name, "--duration=10m", "--no-events"]);
        waiter.args(["--holder", &format!("waiter-{index}")]);
        waiter.args(queue.then_some("--queue"));
        waiters.0.push(waiter.stderr(Stdio::null()).spawn()?);
    }
    let begun = Instant::now();
    while contest.watches()? < watches + number as u64 {
        if begun.elapsed() > PATIENCE {
            return Err(format!("not all of {number} wait after {PATIENCE:?}").into());
        }
        sleep(Duration::from_millis(200));
    }
    let (mut times, mut writes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sleep(2 * WINDOW);
        let before = contest.requests(&WRITES)?;
        let mut lease: Value = contest.namespace.get(&name).ok_or("no lease")?;
        lease["spec"]["holderIdentity"] = json!(null);
        let begun = Instant::now();
        let released = contest.namespace.replace(&lease);
        released.map_err(|(status, answer)| format!("{status}: {answer}"))?;
        waiters.wait_for_one()?;
        times.push(begun.elapsed());
        sleep(WINDOW);
        // Of which one was the release.
        writes.push(contest.requests(&WRITES)? - before - 1);
    }
    writes.sort();
    let writes = Figure(writes[ROUNDS / 2] as f64, Unit::Requests);
    let what = match queue {
        true => format!("{number} waiters with `--queue`, one release"),
        false => format!("{number} waiters, one release"),
    };
    let mut rows = [
        Row::new(format!("{what}: writes"), writes),
        Row::new(
            format!("{what}: until the next one has returned"),
            median(&times),
        ),
    ];
    if queue {
        let [writes, time] = rows;
        rows = [writes.at_most(3.0).steady(), time.at_most(20.0)];
    }
    rows.into_iter().for_each(|row| table.add(row));
    Ok(())
}

/// Whether the program has queues.
pub fn has_queue(contest: &Contest) -> Result<bool, Box<dyn Error>> {
    let mut help = contest.plugin(&["acquire", "--help"]);
    let help = help.stdout(Stdio::piped());
    Ok(String::from_utf8_lossy(&help.output()?.stdout).contains("--queue"))
}

/// They end with this.
#[derive(Default)]
struct Waiters(Vec<Child>);

impl Waiters {
    /// Waits until one of them has ended.
    fn wait_for_one(&mut self) -> Result<(), Box<dyn Error>> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            for index in 0..self.0.len() {
                if let Some(status) = self.0[index].try_wait()? {
                    // Waited for already, which costs nothing.
                    self.0.swap_remove(index).wait()?;
                    return match status.success() {
                        true => Ok(()),
                        false => Err(format!("a waiter: {status}").into()),
                    };
                }
            }
            sleep(Duration::from_micros(200));
        }
        Err("nobody has it".into())
    }
}

impl Drop for Waiters {
    fn drop(&mut self) {
        for waiter in &mut self.0 {
            let _ = waiter.kill();
        }
        for waiter in &mut self.0 {
            let _ = waiter.wait();
        }
    }
}
