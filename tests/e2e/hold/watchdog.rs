//! The watchdog by itself, started as the supervisor starts it, in moments that a whole hold meets only by chance.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use command_fds::{CommandFdExt, FdMapping};
use lease_harness::{binary, tagged};
use serde_json::json;

use super::scene::SOON;

/// A watchdog whose lease was granted when the machine booted, lasts for `renew_deadline` from then on, and is sent this
/// script; its processes carry `tag`.
fn start(
    mut ours: &UnixStream,
    control: UnixStream,
    renew_deadline: Duration,
    script: &str,
    tag: &str,
) -> Child {
    let span = |span: Duration| json!({"secs": span.as_secs(), "nanos": span.subsec_nanos()});
    let (fence, nothing) = (span(renew_deadline), span(Duration::ZERO));
    let timing = json!({
        "duration": fence, "renew_every": fence, "attempt": nothing, "renew_deadline": fence,
        "kill_after": span(Duration::from_millis(100)), "kill_at": fence, "dead_after": fence,
    });
    let words = ["/bin/sh", "-c", script].map(|word| BASE64_STANDARD.encode(word));
    let message = json!({"start": {
        "orders": {"sent_at": nothing, "timing": timing, "on_lost": 15},
        "terminal_of": null,
        "environment": [],
        "command": words,
    }});
    std::io::Write::write_all(&mut ours, format!("{message}\n").as_bytes()).expect("a buffer");
    let number = control.as_raw_fd();
    Command::new(binary())
        .args(["--watchdog", &number.to_string()])
        .env("LEASE_HARNESS_TAG", tag)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .fd_mappings(vec![FdMapping {
            parent_fd: OwnedFd::from(control),
            child_fd: number,
        }])
        .expect("one descriptor, once")
        .spawn()
        .expect("it can be started")
}

/// Longer than any machine has been up.
const AN_AGE: Duration = Duration::from_secs(100 * 365 * 86_400);

#[track_caller]
fn wait_all_gone(tag: &str) {
    let began = Instant::now();
    loop {
        let left = tagged(tag);
        let Some(one) = left.first() else { return };
        let patience = SOON.saturating_sub(began.elapsed());
        lease_harness::wait_gone(*one, patience);
    }
}

#[test]
fn a_supervisor_dead_before_the_command_runs_leaves_no_grandchild() {
    let (ours, theirs) = UnixStream::pair().expect("descriptors are left");
    let tag = format!("watchdog-early-{}", std::process::id());
    let script = "setsid sleep 601 & (setsid sleep 602 &); exec sleep 600";
    let mut watchdog = start(&ours, theirs, AN_AGE, script, &tag);
    let mut ready = [0; "\"ready\"\n".len()];
    std::io::Read::read_exact(&mut &ours, &mut ready).expect("it says so");
    drop(ours);
    let status = watchdog.wait().expect("it is our child");
    wait_all_gone(&tag);
    assert!(status.success(), "{status}");
}

#[test]
fn a_supervisor_that_does_not_read_for_a_while_is_not_taken_for_dead_and_hears_all() {
    let (ours, theirs) = UnixStream::pair().expect("descriptors are left");
    // Full after a few lines, and not only after some hundred.
    nix::sys::socket::setsockopt(&theirs, nix::sys::socket::sockopt::SndBuf, &1).expect("a socket");
    ours.set_read_timeout(Some(SOON)).expect("a socket");
    let tag = format!("watchdog-unread-{}", std::process::id());
    let file = std::env::temp_dir().join(&tag);
    // Waits for each stop, so that each is told.
    let script = format!(
        "command=$$
        state() {{ cut -d' ' -f3 </proc/$command/stat; }}
        (for one in $(seq 30); do
            kill -STOP $command; while [ $(state) != T ]; do sleep 0.01; done
            sleep 0.05; kill -CONT $command; while [ $(state) = T ]; do sleep 0.01; done
        done) &
        wait $!; echo done > {}; exit 7",
        file.display()
    );
    let mut watchdog = start(&ours, theirs, AN_AGE, &script, &tag);
    let began = Instant::now();
    while !file.exists() && !tagged(&tag).is_empty() && began.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Nothing is read until the command has ended, and the watchdog has had time to find that it is all alone.
    while tagged(&tag).len() > 1 && began.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut said = String::new();
    std::io::Read::read_to_string(&mut &ours, &mut said).expect("text");
    let _ = std::fs::remove_file(&file);
    let status = watchdog.wait().expect("it is our child");
    assert!(status.success(), "{status}");
    assert!(
        said.ends_with("{\"ended\":{\"exited\":7}}\n\"gone\"\n"),
        "{said}"
    );
    let stopped = format!("{{\"stopped\":{}}}\n", libc::SIGSTOP);
    assert!(said.matches(&stopped).count() > 10, "{said}");
}

/// The time by which the program counts, here too: that of the hardware's clock, and of suspend.
fn elapsed() -> Duration {
    let read = |clock| Duration::from(nix::time::clock_gettime(clock).expect("this kernel has it"));
    let raw = read(nix::time::ClockId::from_raw(libc::CLOCK_MONOTONIC_RAW));
    // Elsewhere it is in that already.
    #[cfg(target_os = "linux")]
    let raw = raw
        + read(nix::time::ClockId::CLOCK_BOOTTIME)
            .saturating_sub(read(nix::time::ClockId::CLOCK_MONOTONIC));
    raw
}

#[test]
fn a_command_that_is_stopped_for_want_of_a_renewal_is_said_to_be_before_it_ends() {
    let (ours, theirs) = UnixStream::pair().expect("descriptors are left");
    ours.set_read_timeout(Some(SOON)).expect("a socket");
    let tag = format!("watchdog-fences-{}", std::process::id());
    let deadline = elapsed() + Duration::from_secs(2);
    let mut watchdog = start(&ours, theirs, deadline, "exec sleep 600", &tag);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut &ours, &mut said).expect("text");
    let status = watchdog.wait().expect("it is our child");
    wait_all_gone(&tag);
    assert!(status.success(), "{status}");
    let (_, after_start) = said.split_once("{\"started\":").expect("it has begun");
    let (_, end) = after_start.split_once('\n').expect("a line");
    assert!(
        end.starts_with("\"fenced\"\n{\"ended\":{\"signalled\":"),
        "{said}"
    );
}
