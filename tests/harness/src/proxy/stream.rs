//! A watch's body on its way through the proxy: passed on at once, held back, told again, ended or cut.

use super::front::Reset;
use super::serve::Body;
use super::{Shared, Switches};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::body::{Bytes, Frame, Incoming};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How many events are told again.
const REMEMBERED: usize = 16;

/// The body of the watch with this number: it follows `upstream`, and the switches.
pub(super) fn pass(upstream: Incoming, number: u64, shared: Arc<Shared>, reset: Reset) -> Body {
    let (sender, body) = Channel::<_, io::Error>::new(1);
    // Read before the answer is on record: a test that saw it may end or cut the watch at once.
    let start = *shared.switches.borrow();
    let watch = Watch {
        number,
        upstream,
        sender,
        start,
        told: Told::default(),
        open: Open::new(shared.clone()),
        shared,
    };
    tokio::spawn(async move {
        if let Err((sender, End::Cut)) = watch.follow().await {
            reset.set();
            sender.abort(io::ErrorKind::ConnectionReset.into());
        }
    });
    body.boxed()
}

struct Watch {
    number: u64,
    upstream: Incoming,
    sender: Sender<Bytes, io::Error>,
    start: Switches,
    told: Told,
    open: Open,
    shared: Arc<Shared>,
}

/// How a watch ends before the server ends it.
enum End {
    Complete,
    Cut,
}

/// What the loop goes on with.
enum Next {
    Frame(Option<Result<Frame<Bytes>, hyper::Error>>),
    Again,
    End(End),
}

impl Watch {
    async fn follow(mut self) -> Result<(), (Sender<Bytes, io::Error>, End)> {
        let mut replays = self.start.watch_replays;
        let mut due = false;
        loop {
            let next = tokio::select! {
                frame = self.upstream.frame() => Next::Frame(frame),
                () = self.shared.until(|now| now.watch_replays != replays) => Next::Again,
                end = ordered(&self.shared, self.start) => Next::End(end),
            };
            tokio::select! {
                () = self.shared.until(|now| !now.frozen && !now.watches_paused) => {}
                end = ordered(&self.shared, self.start) => return Err((self.sender, end)),
            }
            match next {
                Next::End(end) => return Err((self.sender, end)),
                Next::Frame(Some(Err(_))) => {
                    self.ended();
                    return Err((self.sender, End::Cut));
                }
                Next::Frame(None) => {
                    self.ended();
                    return Ok(());
                }
                Next::Frame(Some(Ok(frame))) => {
                    self.told.hear(frame.data_ref());
                    if self.sender.send(frame).await.is_err() {
                        // The client has gone.
                        return Ok(());
                    }
                }
                Next::Again => {
                    replays = self.shared.switches.borrow().watch_replays;
                    due = true;
                }
            }
            // Not in the middle of a line.
            if due && self.told.line.is_empty() {
                due = false;
                for line in self.told.lines.clone() {
                    if self.sender.send(Frame::data(line)).await.is_err() {
                        return Ok(());
                    }
                    self.open
                        .shared
                        .counts
                        .replayed
                        .fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }

    /// On record before the client hears of it.
    fn ended(&self) {
        let record = &self.shared.record;
        record.update(self.number, |entry| entry.server_ended = true);
    }
}

async fn ordered(shared: &Arc<Shared>, start: Switches) -> End {
    tokio::select! {
        () = shared.until(|now| now.watch_ends != start.watch_ends) => End::Complete,
        () = shared.until(|now| now.watch_cuts != start.watch_cuts) => End::Cut,
    }
}

/// The last events, and the beginning of one whose end has not come.
#[derive(Default)]
struct Told {
    lines: VecDeque<Bytes>,
    line: Vec<u8>,
}

impl Told {
    fn hear(&mut self, bytes: Option<&Bytes>) {
        for part in bytes
            .map_or(&[][..], |bytes| bytes)
            .split_inclusive(|byte| *byte == b'\n')
        {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.lines.push_back(std::mem::take(&mut self.line).into());
            }
        }
        let old = self.lines.len().saturating_sub(REMEMBERED);
        self.lines.drain(..old);
    }
}

/// Counts a watch as open for as long as it is.
struct Open {
    shared: Arc<Shared>,
}

impl Open {
    fn new(shared: Arc<Shared>) -> Open {
        shared.counts.watches.fetch_add(1, Ordering::SeqCst);
        Open { shared }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.counts.watches.fetch_sub(1, Ordering::SeqCst);
    }
}
