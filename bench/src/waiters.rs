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

/// In which all that a release causes has happened. Places in the queue are renewed meanwhile, as they are without one.
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
    // Of the lease, and in line of who comes before.
    let wanted = watches + number as u64 * if queue { 2 } else { 1 };
    let begun = Instant::now();
    while contest.watches()? < wanted {
        if begun.elapsed() > PATIENCE {
            return Err(format!("not all of {number} wait after {PATIENCE:?}").into());
        }
        sleep(Duration::from_millis(200));
    }
    let (mut times, mut writes) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sleep(2 * WINDOW);
        let (before, from) = (contest.requests(&WRITES)?, version(contest)?);
        let mut lease: Value = contest.namespace.get(&name).ok_or("no lease")?;
        lease["spec"]["holderIdentity"] = json!(null);
        let begun = Instant::now();
        let released = contest.namespace.replace(&lease);
        released.map_err(|(status, answer)| format!("{status}: {answer}"))?;
        waiters.wait_for_one()?;
        times.push(begun.elapsed());
        sleep(WINDOW);
        // Of which one was the release.
        let all = contest.requests(&WRITES)? - before - 1;
        writes.push(all.saturating_sub(renewals(contest, from, version(contest)?)?));
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

/// The resourceVersion that there is now.
fn version(contest: &Contest) -> Result<u64, Box<dyn Error>> {
    let admin = contest.namespace.cluster().admin();
    let list = admin.call("GET", &format!("{}?limit=1", contest.leases()), None)?;
    let version = list.body["metadata"]["resourceVersion"].as_str();
    Ok(version.ok_or("no resourceVersion")?.parse()?)
}

/// How often a place in the queue was renewed after the one version and until the other.
fn renewals(contest: &Contest, from: u64, until: u64) -> Result<u64, Box<dyn Error>> {
    let admin = contest.namespace.cluster().admin();
    let watch = "labelSelector=kubectl-lease/queue-of&watch=true&timeoutSeconds=1";
    let path = format!("{}?{watch}&resourceVersion={from}", contest.leases());
    let events = admin.call("GET", &path, None)?.body;
    // One event alone is JSON; more are a text, one in each line.
    let lines = match events.as_str() {
        Some(lines) => lines.to_owned(),
        None => events.to_string(),
    };
    let mut renewals = 0;
    for line in lines
        .lines()
        .filter(|line| !line.is_empty() && *line != "null")
    {
        let event: Value = serde_json::from_str(line)?;
        let ticket = &event["object"];
        let version = ticket["metadata"]["resourceVersion"].as_str();
        let version: u64 = version.ok_or("no resourceVersion")?.parse()?;
        let renewed = event["type"] == "MODIFIED" && ticket["spec"]["holderIdentity"].is_string();
        renewals += u64::from(renewed && version <= until);
    }
    Ok(renewals)
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
