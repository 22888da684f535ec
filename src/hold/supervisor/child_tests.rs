//! The supervisor's end of the socket, with the watchdog's end in the test's own hands.

use std::io::{BufRead, BufReader, Write};

use super::*;
use crate::hold::timing::Timing;

/// A child whose watchdog is the other end of the socket.
fn start() -> (Child, BufReader<std::os::unix::net::UnixStream>) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("descriptors are left");
    ours.set_nonblocking(true).expect("a socket");
    theirs
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a socket");
    let prepared = Prepared {
        watchdog: Watchdog(None),
        control: UnixStream::from_std(ours).expect("a runtime"),
        deaths: signal(SignalKind::child()).expect("a runtime"),
    };
    let timing = Timing::new(Duration::from_secs(15), None, None).expect("fits");
    let orders = Orders::new(&timing, Instant::default(), 15, 0);
    let child = Child::start(prepared, &["true".into()], [], orders).expect("it is there");
    let mut theirs = BufReader::new(theirs);
    Start::receive(&mut theirs).expect("the first thing that is sent");
    (child, theirs)
}

fn line(theirs: &mut impl BufRead) -> String {
    let mut line = String::new();
    theirs.read_line(&mut line).expect("a line, soon");
    line
}

#[tokio::test]
async fn an_order_is_sent_at_once_even_if_the_runtime_has_not_looked_at_the_socket_yet() {
    let (mut child, mut theirs) = start();
    child.forward(10);
    assert_eq!(line(&mut theirs), "signal 10\n");
}

#[tokio::test]
async fn orders_that_a_watchdog_does_not_read_are_sent_when_it_does() {
    const ORDERS: u64 = 50_000;
    let (mut child, mut theirs) = start();
    for nanos in 0..ORDERS {
        child.held(Instant::from_origin(Duration::from_nanos(nanos)));
    }
    child.stop();
    let reader = std::thread::spawn(move || {
        for nanos in 0..ORDERS {
            assert_eq!(line(&mut theirs), format!("held {nanos}\n"));
        }
        assert_eq!(line(&mut theirs), "stop\n");
        writeln!(theirs.get_mut(), "exited 3").expect("it is heard");
        theirs
    });
    let news = tokio::time::timeout(Duration::from_secs(20), child.news()).await;
    assert_eq!(news, Ok(News::Ended(Ended::Exited(3))));
    assert!(child.orders.is_empty());
    reader.join().expect("all orders came, in order");
}

#[tokio::test]
async fn a_watchdog_that_woke_too_late_is_no_end_of_a_command() {
    let (mut child, mut theirs) = start();
    writeln!(theirs.get_mut(), "late").expect("it is heard");
    assert!(matches!(child.news().await, News::NoRoom(_)));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn the_dead_whom_a_frozen_watchdog_does_not_collect_are_not_named_as_alive() {
    let (mut child, _theirs) = start();
    // It collects nobody: its one child ends and stays.
    let mut frozen = std::process::Command::new("sh")
        .args(["-c", "sleep 0 & exec sleep 600"])
        .spawn()
        .expect("there is a shell");
    let pid = i32::try_from(frozen.id()).expect("process ids are small");
    child.watchdog = Watchdog(Some(Pid::from_raw(pid)));
    let named = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let named = child.unkilled();
            if named == [format!("the watchdog {pid} (is it frozen?)")] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let named = named.await;
    // Kills and collects it.
    drop(child);
    assert!(frozen.wait().is_err());
    named.expect("the watchdog alone is named");
}
