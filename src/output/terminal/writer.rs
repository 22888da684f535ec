//! The threads that write to stdout and stderr, so that nobody else ever waits for a terminal that is stopped or a pipe
//! that nobody reads.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::stream::{Stream, has_room, write_all};
use crate::clock::{Clock, SystemClock};
use crate::signals;

/// More lines than this wait for nobody: what comes then is not said.
const QUEUE: usize = 1000;

/// How long a line waits for what was said before it on the other stream: with a reader on both, both keep their order.
const IN_TURN: Duration = Duration::from_millis(100);

/// Whoever reads nothing for so long, and leaves no room for more, is not waited for at the end.
const PATIENCE: Duration = Duration::from_millis(300);

/// A busy machine may not let the threads run for a while, though there is room: so many patiences.
const PATIENCES: u32 = 10;

/// Linux sends the signal of a Ctrl-C before it throws away what is on its way to the terminal (n_tty.c, isig): what is
/// said in between is lost. That takes microseconds, and longer on a busy machine.
const THROWN_AWAY: Duration = Duration::from_millis(20);

static WRITER: OnceLock<Arc<Writer>> = OnceLock::new();

/// Starts the threads, once in a process; from then on nobody waits for stderr, and a result can be waited for as a
/// future.
///
/// # Errors
/// When the system has no thread left for this user.
pub fn start() -> io::Result<()> {
    if WRITER.get().is_some() {
        return Ok(());
    }
    let writer = Arc::new(Writer::default());
    for stream in [Stream::Out, Stream::Err] {
        let writer = Arc::clone(&writer);
        let name = match stream {
            Stream::Out => "stdout",
            Stream::Err => "stderr",
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                never_stop_for_output();
                writer.serve(stream, |text| {
                    outlast_flush(stream);
                    write_all(stream, text)
                });
            })?;
    }
    // Only the main thread starts it.
    let _ = WRITER.set(writer);
    Ok(())
}

/// The threads, if they were started.
pub fn started() -> Option<&'static Arc<Writer>> {
    WRITER.get()
}

/// Waits until what is written to a terminal after a Ctrl-C stays there.
fn outlast_flush(stream: Stream) {
    if stream.is_terminal()
        && let Some(typed) = signals::typed()
    {
        std::thread::sleep(THROWN_AWAY.saturating_sub(SystemClock.now().since(typed)));
    }
}

/// Output to a terminal from the background must not stop this process (SIGTTOU, where `stty tostop` is set).
#[cfg(unix)]
fn never_stop_for_output() {
    use nix::sys::signal::{SigSet, Signal};
    // If it fails, such a terminal may stop us, as it may stop any other program.
    let _ = SigSet::from(Signal::SIGTTOU).thread_block();
}

#[cfg(not(unix))]
fn never_stop_for_output() {}

/// Told whether a text was written.
type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

struct Job {
    ticket: u64,
    text: String,
    done: Option<Done>,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Job>,
    /// The ticket of what is being written.
    writing: Option<u64>,
    /// The other lane has waited for tickets up to this one for long enough.
    not_waited_for: Option<u64>,
}

impl Lane {
    /// The oldest ticket that is not written yet.
    fn oldest(&self) -> Option<u64> {
        self.writing
            .or_else(|| self.waiting.front().map(|job| job.ticket))
    }
}

#[derive(Default)]
struct State {
    tickets: u64,
    lanes: [Lane; 2],
    /// Counts the texts that were written.
    written: u64,
}

impl State {
    fn is_busy(&self, stream: Stream) -> bool {
        self.lanes[stream as usize].oldest().is_some()
    }

    /// Whether something that was said before `ticket` is still to be written on `stream`, by a reader that reads.
    fn comes_first(&self, stream: Stream, ticket: u64) -> bool {
        let lane = &self.lanes[stream as usize];
        lane.oldest()
            .is_some_and(|oldest| oldest < ticket && lane.not_waited_for < Some(oldest))
    }
}

/// Texts on their way to stdout and stderr.
#[derive(Default)]
pub struct Writer {
    state: Mutex<State>,
    changed: Condvar,
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between lock and unlock can leave half a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a text into the queue; `None` if that is full.
    fn enqueue(&self, stream: Stream, text: String, done: Option<Done>) -> Option<u64> {
        let mut state = self.lock();
        state.tickets += 1;
        let ticket = state.tickets;
        let lane = &mut state.lanes[stream as usize];
        if lane.waiting.len() >= QUEUE {
            return None;
        }
        lane.waiting.push_back(Job { ticket, text, done });
        self.changed.notify_all();
        Some(ticket)
    }

    /// Writes `text` when its turn comes; nobody waits, and nobody hears whether it was written.
    pub fn say(&self, stream: Stream, text: String) {
        let _ = self.enqueue(stream, text, None);
    }

    /// Writes `text` when its turn comes, to be waited for as a future.
    pub fn deliver(self: &Arc<Self>, stream: Stream, text: String) -> Delivery {
        let (sender, receiver) = oneshot::channel();
        let done: Done = Box::new(move |result| {
            // Whoever asked may have gone.
            let _ = sender.send(result);
        });
        let ticket = self.enqueue(stream, text, Some(done));
        Delivery {
            writer: Arc::clone(self),
            stream,
            ticket,
            receiver,
        }
    }

    /// Writes `text` when its turn comes, and waits for it with the whole thread.
    ///
    /// # Errors
    /// As write(2).
    pub fn write(&self, stream: Stream, text: String) -> io::Result<()> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let done: Done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        let _ = self.enqueue(stream, text, Some(done));
        receiver.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// The work of a thread.
    fn serve(&self, stream: Stream, mut write: impl FnMut(&str) -> io::Result<()>) {
        loop {
            let job = self.next(stream);
            let result = write(&job.text);
            let mut state = self.lock();
            state.lanes[stream as usize].writing = None;
            state.written += 1;
            self.changed.notify_all();
            drop(state);
            if let Some(done) = job.done {
                done(result);
            }
        }
    }

    /// The next text of `stream`, once its turn has come.
    fn next(&self, stream: Stream) -> Job {
        let mut state = self.lock();
        loop {
            let Some(ticket) = state.lanes[stream as usize]
                .waiting
                .front()
                .map(|job| job.ticket)
            else {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let other = stream.other();
            if state.comes_first(other, ticket) {
                let (after, waited) = self
                    .changed
                    .wait_timeout_while(state, IN_TURN, |state| state.comes_first(other, ticket))
                    .unwrap_or_else(PoisonError::into_inner);
                state = after;
                if waited.timed_out() {
                    let lane = &mut state.lanes[other as usize];
                    lane.not_waited_for = lane.oldest();
                }
                // The text may have been taken back meanwhile.
                continue;
            }
            let lane = &mut state.lanes[stream as usize];
            if let Some(job) = lane.waiting.pop_front() {
                lane.writing = Some(job.ticket);
                return job;
            }
        }
    }

    /// Gives what is still to be written a last chance: whoever has left no room by then will not hear the rest.
    pub fn drain(&self) {
        let busy = |state: &State| state.is_busy(Stream::Out) || state.is_busy(Stream::Err);
        let mut state = self.lock();
        for _ in 0..PATIENCES {
            let written = state.written;
            state = self
                .changed
                .wait_timeout_while(state, PATIENCE, |state| {
                    busy(state) && state.written == written
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            let stuck = |stream| state.is_busy(stream) && !has_room(stream);
            if !busy(&state)
                || state.written == written && (stuck(Stream::Out) || stuck(Stream::Err))
            {
                return;
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that writes is gone")
}

/// A text on its way. Dropped before its turn, it is not written.
pub struct Delivery {
    writer: Arc<Writer>,
    stream: Stream,
    ticket: Option<u64>,
    receiver: oneshot::Receiver<io::Result<()>>,
}

impl Future for Delivery {
    type Output = io::Result<()>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.receiver)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(gone())))
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let mut state = self.writer.lock();
        state.lanes[self.stream as usize]
            .waiting
            .retain(|job| Some(job.ticket) != self.ticket);
        self.writer.changed.notify_all();
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
