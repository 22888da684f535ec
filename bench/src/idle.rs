//! What a hold costs whose command does nothing.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use lease_harness::lease;

use crate::child::Held;
use crate::contest::Contest;
use crate::measure::{child_of, ms, own_memory, processor_time, resident};
use crate::table::{Figure, Row, Table, Unit};

/// Until everything that is done once is done.
const SETTLED: Duration = Duration::from_secs(1);

/// Its memory after some renewals, and with `a_minute` what it costs in one.
pub fn run(contest: &Contest, a_minute: bool, table: &mut Table) -> Result<(), Box<dyn Error>> {
    contest.namespace.create(&lease("idle").build());
    let before = contest.requests(&[])?;
    let mut held = Held::start(contest.plugin(&["hold", "idle", "--duration=15s", "--"]))?;
    let begun = std::time::Instant::now();
    held.stamp()?;
    sleep(SETTLED);
    let supervisor = held.hold.id();
    let watchdog = child_of(supervisor)?;
    let spent = || processor_time(supervisor) + processor_time(watchdog);
    let spent_before = spent();
    let length = Duration::from_secs(if a_minute { 60 } else { 6 });
    sleep(length.saturating_sub(begun.elapsed()));
    let spent = spent() - spent_before;
    let row = |what: &str, figure: Figure| Row::new(format!("idle hold: {what}"), figure);
    let sizes = [supervisor, watchdog].map(|pid| (resident(pid), own_memory(pid)));
    held.end();
    held.hold.wait()?;
    if a_minute {
        // A watch that was open is counted once the server has seen its connection close.
        sleep(SETTLED);
        let requests = Figure((contest.requests(&[])? - before) as f64, Unit::Requests);
        let counted = row("requests in a minute, beginning and end included", requests);
        table.add(counted.at_most(14.0).steady());
        let of_a_minute = spent.mul_f64(60.0 / (length - SETTLED).as_secs_f64());
        table.add(row("processor time a minute, both processes", ms(of_a_minute)).at_most(30.0));
    }
    // Not steady: with each page of the program that is touched the kernel maps those around it that are in its cache.
    let [of_supervisor, of_watchdog] = sizes;
    table.add(row("resident", of_supervisor.0?).at_most(7.0));
    table.add(row("resident of its watchdog", of_watchdog.0?).at_most(2.0));
    let own = "of that, memory of its own, which no other process shares";
    table.add(row(own, of_supervisor.1?));
    table.add(row(&format!("the watchdog: {own}"), of_watchdog.1?));
    Ok(())
}
