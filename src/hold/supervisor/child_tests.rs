//! The supervisor's end of the socket, with the watchdog's end in the test's own hands.

use std::os::unix::net::UnixStream as Socket;

use tokio::signal::unix::{SignalKind, signal};

use super::*;
use crate::hold::timing::Timing;
use crate::hold::watchdog::wire::Orders;

/// What the watchdog's end does.
struct Theirs(Socket, Inbox);

impl Theirs {
    fn hear(&mut self) -> ToWatchdog {
        let message = self.1.wait(&self.0).expect("it comes soon");
        message.expect("a message")
    }

    fn tell(&mut self, message: &ToSupervisor) {
        let sent = Outbox::default().send(&self.0, message);
        sent.expect("it is heard");
    }
}

/// A child whose watchdog is the other end of the socket.
fn start() -> (Child, Theirs) {
    let (ours, theirs) = Socket::pair().expect("descriptors are left");
    ours.set_nonblocking(true).expect("a socket");
    theirs
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a socket");
    let prepared = Prepared {
        watchdog: Watchdog::new(None),
        control: UnixStream::from_std(ours).expect("a runtime"),
        deaths: signal(SignalKind::child()).expect("a runtime"),
    };
    let timing = Timing::new(Duration::from_secs(15), None, None).expect("fits");
    let start = Start {
        orders: Orders {
            sent_at: Instant::default(),
            timing,
            on_lost: 15,
        },
        terminal_of: None,
        environment: Vec::new(),
        command: Vec::new(),
        detaches: false,
    };
    let child = Child::start(prepared, start.clone()).expect("it is there");
    let mut theirs = Theirs(theirs, Inbox::default());
    assert_eq!(theirs.hear(), ToWatchdog::Start(Box::new(start)));
    (child, theirs)
}

#[tokio::test]
async fn an_order_is_sent_at_once_even_if_the_runtime_has_not_looked_at_the_socket_yet() {
    let (mut child, mut theirs) = start();
    child.forward(10);
    assert_eq!(theirs.hear(), ToWatchdog::Signal(10));
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
            let sent_at = Instant::from_origin(Duration::from_nanos(nanos));
            assert_eq!(theirs.hear(), ToWatchdog::Held(sent_at));
        }
        assert_eq!(theirs.hear(), ToWatchdog::Stop);
        theirs.tell(&ToSupervisor::Ended(Ended::Exited(3)));
        theirs
    });
    let news = tokio::time::timeout(Duration::from_secs(20), child.news()).await;
    assert_eq!(news, Ok(News::Ended(Ended::Exited(3))));
    assert!(child.outbox.is_empty());
    reader.join().expect("all orders came, in order");
}

#[tokio::test]
#[expect(clippy::zombie_processes, reason = "it is the child's own to collect")]
async fn a_last_word_is_believed_of_a_watchdog_that_ends_by_itself_and_of_no_other() {
    for (script, is_believed) in [("exit 0", true), ("exit 1", false), ("kill -9 $$", false)] {
        for word in [ToSupervisor::Late, ToSupervisor::Gone] {
            let (mut child, mut theirs) = start();
            let mut shell = std::process::Command::new("sh");
            let shell = shell.args(["-c", script]).spawn().expect("a shell");
            child.watchdog = Watchdog::new(i32::try_from(shell.id()).ok());
            theirs.tell(&word);
            let believed = match child.news().await {
                News::NoRoom(_) | News::Gone => true,
                News::WatchdogDied => false,
                news => panic!("{news:?}"),
            };
            assert_eq!(believed, is_believed, "{script} {word:?}");
        }
    }
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
    child.watchdog = Watchdog::new(Some(pid));
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
