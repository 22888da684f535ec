//! The figures of docs/performance.md as one table, all from one real kube-apiserver in one run.

mod child;
mod contest;
mod handover;
mod idle;
mod list;
mod measure;
mod one;
mod program;
mod table;
mod waiters;
mod watch;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;

use lease_harness::Cluster;

use contest::Contest;
use list::Size;
use measure::{least, median};
use table::Table;

const USAGE: &str = "usage: bench RELEASE-BINARY [--quick] [LEASES…]";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if args.first().is_some_and(|arg| arg == child::MARK) {
        child::main();
        return Ok(());
    }
    let quick = args.iter().any(|arg| arg == "--quick");
    args.retain(|arg| arg != "--quick");
    let mut args = args.into_iter();
    let binary = PathBuf::from(args.next().ok_or(USAGE)?);
    lease_harness::set_binary(&binary);
    let sizes = args
        .map(|size| size.to_string_lossy().parse::<usize>())
        .collect::<Result<Vec<_>, _>>()?;
    let contest = Contest::new(Cluster::private().namespace(), binary)?;
    println!("kube-apiserver 1.{}\n", contest.minor()?);
    let mut table = Table::default();
    table::begin();
    match quick {
        true => few(&contest, &mut table)?,
        false => all(&contest, &sizes, &mut table)?,
    }
    match table.far_off() {
        far_off if quick && !far_off.is_empty() => {
            Err(format!("twice its goal or worse: {}", far_off.join("; ")).into())
        }
        _ => Ok(()),
    }
}

fn all(contest: &Contest, sizes: &[usize], table: &mut Table) -> Result<(), Box<dyn Error>> {
    program::run(contest, 100, table)?;
    one::status(contest, 100, median, table)?;
    one::hold(contest, 60, table)?;
    handover::run(contest, 100, table)?;
    idle::run(contest, true, table)?;
    let queue = waiters::has_queue(contest)?;
    for number in [50, 500] {
        waiters::run(contest, number, false, table)?;
        if queue {
            waiters::run(contest, number, true, table)?;
        }
    }
    let mut there = 0;
    for &leases in sizes {
        list::run(contest, there, &wanted(contest, leases)?, 45, median, table)?;
        there = leases;
    }
    watch::run(table);
    Ok(())
}

/// What takes under a minute, for every change. What fails one is [steady](table::Row::steady): sizes and requests, which no
/// other work changes, and ratios to what curl takes in turns with us, of the least times there are, because other work only
/// adds to a time. Other times are only printed: two busy cores double them.
fn few(contest: &Contest, table: &mut Table) -> Result<(), Box<dyn Error>> {
    program::run(contest, 20, table)?;
    one::status(contest, 40, least, table)?;
    one::hold(contest, 15, table)?;
    handover::run(contest, 15, table)?;
    idle::run(contest, false, table)?;
    if waiters::has_queue(contest)? {
        waiters::run(contest, 50, true, table)?;
    }
    list::run(contest, 0, &wanted(contest, 5000)?, 15, least, table)
}

/// Of so many leases. An older server encodes a list in less time, and curl has all the less to wait for.
fn wanted(contest: &Contest, leases: usize) -> Result<Size, Box<dyn Error>> {
    let (ratio, resident) = match leases {
        ..=10_000 if contest.minor()? > 20 => (0.60, 16.0),
        ..=10_000 => (1.0, 16.0),
        _ => (1.0, 20.0),
    };
    Ok(Size {
        leases,
        ratio,
        resident,
    })
}
