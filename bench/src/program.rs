//! What the program costs before it does anything: its file, its help.

use std::error::Error;

use crate::contest::Contest;
use crate::measure::{median, time};
use crate::table::{Figure, Row, Table, Unit};

/// The file's size, and how long `--help` takes.
pub fn run(contest: &Contest, rounds: usize, table: &mut Table) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::metadata(&contest.binary)?.len();
    let size = Figure(bytes as f64 / f64::from(1 << 20), Unit::MiB);
    table.add(Row::new("the binary", size).at_most(6.0).steady());
    let mut times = Vec::new();
    for _ in 0..rounds {
        times.push(time(&mut contest.plugin(&["--help"]))?);
    }
    table.add(Row::new("`--help`", median(&times)).at_most(2.0));
    Ok(())
}
