//! Times and sizes of other processes.

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::table::{Figure, Unit};

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_micros(500);

/// How long it takes from its start until it is waited for.
pub fn time(command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let status = command.status()?;
    let took = start.elapsed();
    if status.success() {
        Ok(took)
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}

/// The peak of one run, as last seen before its end. What wait4(2) tells begins with the size of whoever started it.
pub fn peak_resident(command: &mut Command) -> Result<Figure, Box<dyn Error>> {
    let mut child = command.spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        // Of who has ended nothing is told any more.
        peak = kib(&status, "VmHWM:").ok().or(peak);
        if let Some(status) = child.try_wait()? {
            let peak = peak.filter(|_| status.success());
            return peak.ok_or_else(|| format!("{command:?}: {status}").into());
        }
        std::thread::sleep(LOOK);
    }
}

/// What is resident of a running process now.
pub fn resident(pid: u32) -> Result<Figure, Box<dyn Error>> {
    kib(&format!("/proc/{pid}/status"), "VmRSS:")
}

/// What of it was written to, and is in no file and in no other process.
pub fn own_memory(pid: u32) -> Result<Figure, Box<dyn Error>> {
    kib(&format!("/proc/{pid}/smaps_rollup"), "Private_Dirty:")
}

fn kib(file: &str, field: &str) -> Result<Figure, Box<dyn Error>> {
    let text = std::fs::read_to_string(file)?;
    let line = text.lines().find(|line| line.starts_with(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(mib(kib
        .ok_or_else(|| format!("{file}: no {field}"))?
        .parse()?))
}

/// The first child of a process.
pub fn child_of(pid: u32) -> Result<u32, Box<dyn Error>> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let first = children.split_whitespace().next();
    Ok(first.ok_or("it has no child")?.parse()?)
}

/// The processor time of a running process so far, threads that have ended included.
#[expect(unsafe_code, reason = "/proc counts in ticks of 10 ms")]
pub fn processor_time(pid: u32) -> Duration {
    let mut clock = 0;
    // SAFETY: plain integers, for which all zeroes is a value.
    let mut time: libc::timespec = unsafe { std::mem::zeroed() };
    // SAFETY: both only write into the local that they are given.
    let read = unsafe {
        libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    assert!(read, "process {pid} is gone");
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// The middle one.
pub fn median(times: &[Duration]) -> Figure {
    percentile(times, 0.5)
}

/// The least one.
pub fn least(times: &[Duration]) -> Figure {
    percentile(times, 0.0)
}

/// How one figure is made of many times.
pub type Typical = fn(&[Duration]) -> Figure;

/// The one that so much of all are not above.
pub fn percentile(times: &[Duration], share: f64) -> Figure {
    let mut times = times.to_vec();
    times.sort();
    let index = (times.len() as f64 * share) as usize;
    ms(times[index.min(times.len() - 1)])
}

pub fn ms(time: Duration) -> Figure {
    Figure(time.as_secs_f64() * 1000.0, Unit::Ms)
}

fn mib(kib: f64) -> Figure {
    Figure(kib / 1024.0, Unit::MiB)
}
