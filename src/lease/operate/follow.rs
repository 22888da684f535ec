//! Follows Leases: a list, a watch from there on, and again whatever breaks off.

mod ask;
mod board;
mod known;
mod silence;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::ask::Answer;
pub use self::ask::Asking;
pub use self::known::Known;
use super::super::api::{Fault, Leases, Lines};
use super::super::evidence::Stamps;
use super::super::report::Row;
use super::reconnect::{Reconnect, Watched};
use crate::clock::{Clock, Instant};

/// How often time is looked at: a Lease becomes Expired without any event.
const TICK: Duration = Duration::from_secs(1);

/// Between tries to watch again, and between lists where watching is not allowed.
pub const PAUSE: Duration = Duration::from_secs(2);

/// How long a watch may take to begin: until then nothing is heard.
const OPENING: Duration = Duration::from_secs(5);

/// What there is to say. It is to be said before the next is asked for.
pub enum News {
    /// The Lease that was named is not there; it is waited for.
    Absent,
    /// At first everything, then what has changed.
    Changed(Vec<Row>),
    /// Time has passed.
    Ticked,
    /// Nothing is known any more, since then.
    Silent(Instant),
    /// The server is heard again, of which nothing was known since then.
    Heard(Instant),
    /// Something is in the way, and it is tried again.
    Failed {
        /// What.
        fault: Fault,
        /// Whether it is the first since the server was heard.
        first: bool,
    },
    /// Watching is refused; they are listed instead, every [`PAUSE`]. Said once.
    Refused(Fault),
}

/// Follows the Leases of a selection, or the one that was named.
pub struct Follower<A, C> {
    asking: Asking<A>,
    clock: C,
    /// What is known.
    pub known: Known,
    /// What is still to be said.
    news: VecDeque<News>,
    state: State,
    reconnect: Reconnect,
    watch_at: Instant,
    /// Whether there was a first list.
    begun: bool,
    next_tick: Instant,
}

enum State {
    /// How things are is asked.
    Asking(LocalBoxFuture<'static, Result<Answer, Fault>>),
    /// It is known, and what the server's stamps are worth is asked, because it may matter later on.
    Weighing(LocalBoxFuture<'static, (Answer, Instant, Stamps)>),
    /// Until then nothing is asked.
    Paused(Instant),
    /// A watch is asked for.
    Opening(LocalBoxFuture<'static, Result<Lines, Fault>>, Begun),
    /// It has opened.
    Open(Watch),
}

/// When a watch was asked for, and from which resourceVersion: an empty one where there was nothing yet.
#[derive(Clone)]
struct Begun(Instant, String);

struct Watch {
    lines: Lines,
    begun: Begun,
    /// The resourceVersion that came last.
    resource_version: String,
    /// Whether it has brought nothing yet.
    empty: bool,
    /// How things are is asked, as it is silent.
    asking: Option<LocalBoxFuture<'static, Result<Answer, Fault>>>,
}

enum Happened {
    Ticked,
    Answered(Result<Answer, Fault>),
    Weighed(Answer, Instant, Stamps),
    Waited,
    Opened(Result<Lines, Fault>),
    Line(Option<Result<Bytes, Fault>>),
}

/// One line of a watch.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl State {
    /// What comes next; may be dropped and called again.
    async fn next(&mut self, clock: &impl Clock) -> Happened {
        match self {
            Self::Asking(answer) => Happened::Answered(answer.await),
            Self::Weighing(weighed) => {
                let (answer, at, stamps) = weighed.await;
                Happened::Weighed(answer, at, stamps)
            }
            Self::Paused(until) => {
                clock.sleep_until(*until).await;
                Happened::Waited
            }
            Self::Opening(lines, _) => Happened::Opened(lines.await),
            Self::Open(watch) => tokio::select! {
                biased;
                line = watch.lines.next() => Happened::Line(line),
                Some(answer) = async { Some(watch.asking.as_mut()?.await) } => {
                    watch.asking = None;
                    Happened::Answered(answer)
                }
            },
        }
    }
}

impl<A: Leases, C: Clock> Follower<A, C> {
    /// Nothing is asked for yet.
    pub fn new(asking: Asking<A>, clock: C) -> Self {
        let now = clock.now();
        Self {
            known: Known::new(now),
            news: VecDeque::new(),
            state: State::Asking(asking.whole(now)),
            reconnect: Reconnect::new(Watched::Collection),
            watch_at: now,
            begun: false,
            next_tick: now + TICK,
            asking,
            clock,
        }
    }

    /// What there is to say next.
    ///
    /// # Errors
    /// When they cannot be read, and waiting does not help; at first whatever it is.
    pub async fn next(&mut self) -> Result<News, Fault> {
        loop {
            if let Some(news) = self.news.pop_front() {
                return Ok(news);
            }
            if let State::Open(watch) = &mut self.state
                && watch.asking.is_none()
            {
                let now = self.clock.now();
                let must = self.known.must_ask(now);
                watch.asking = must.then(|| self.asking.soon(now));
            }
            let happened = tokio::select! {
                biased;
                () = self.clock.sleep_until(self.next_tick) => Happened::Ticked,
                happened = self.state.next(&self.clock) => happened,
            };
            self.happened(happened)?;
        }
    }

    fn happened(&mut self, happened: Happened) -> Result<(), Fault> {
        match happened {
            Happened::Ticked => self.tick(),
            Happened::Waited => self.ask(),
            Happened::Weighed(answer, at, stamps) => self.known_anew(answer, at, stamps),
            Happened::Answered(answer) if matches!(self.state, State::Open(_)) => match answer {
                Ok(answer) => self.told(answer),
                Err(fault) => self.failed(fault),
            },
            Happened::Answered(Ok(answer)) => self.answered(answer),
            // Once it has worked, an outage is waited out.
            Happened::Answered(Err(fault)) if self.begun && fault.is_transient() => {
                self.failed(fault);
                self.pause();
            }
            Happened::Answered(Err(fault)) => return Err(fault),
            Happened::Opened(Ok(lines)) => self.opened(lines),
            Happened::Opened(Err(fault)) if fault.is_gone() => self.ask(),
            Happened::Opened(Err(fault)) => self.unwatched(fault),
            Happened::Line(Some(Ok(line))) => self.line(&line),
            Happened::Line(Some(Err(fault @ Fault::Foreign { .. }))) => self.unwatched(fault),
            Happened::Line(Some(Err(_)) | None) => self.ended(),
        }
        Ok(())
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        self.next_tick = now + TICK;
        if !self.begun {
            return;
        }
        if self.known.silence.begins(now) {
            self.news.push_back(News::Silent(self.known.heard_at()));
        }
        let changes = self.known.board.tick(self.known.heard_at());
        self.changed(changes);
        self.news.push_back(News::Ticked);
    }

    /// The server was heard: what is known is how things were at this instant.
    fn heard(&mut self, at: Instant) {
        let since = self.known.silence.heard(at, self.clock.now());
        self.news.extend(since.map(News::Heard));
    }

    fn changed(&mut self, rows: Vec<Row>) {
        let first = !std::mem::replace(&mut self.begun, true);
        if first || !rows.is_empty() {
            self.news.push_back(News::Changed(rows));
        }
    }

    fn failed(&mut self, fault: Fault) {
        let now = self.clock.now();
        let first = self.known.silence.failed(fault.to_string(), now);
        self.news.push_back(News::Failed { fault, first });
    }

    fn ask(&mut self) {
        self.state = State::Asking(self.asking.whole(self.clock.now()));
    }

    fn pause(&mut self) {
        self.state = State::Paused(self.clock.now() + PAUSE);
    }

    fn answered(&mut self, answer: Answer) {
        if answer.leases.is_empty() && self.asking.name.is_some() && !self.begun {
            self.news.push_back(News::Absent);
        }
        let at = self.clock.now();
        let known = answer.stamps;
        if known == Stamps::Unknown && !self.known.board.knows_stamps() {
            let weighed = self.asking.stamps();
            let weighed = weighed.map(move |stamps| (answer, at, stamps));
            self.state = State::Weighing(weighed.boxed_local());
        } else {
            self.known_anew(answer, at, known);
        }
    }

    fn known_anew(&mut self, answer: Answer, at: Instant, stamps: Stamps) {
        self.known.board.set_clock(answer.date, at, stamps);
        self.heard(answer.asked_at);
        let now = self.clock.now();
        let changes = self.known.board.replace(answer.leases, now);
        self.changed(changes);
        self.watch(answer.resource_version);
    }

    fn watch(&mut self, resource_version: String) {
        let now = self.clock.now();
        if now < self.watch_at {
            return self.pause();
        }
        let lines = self.asking.watch(resource_version.clone(), OPENING);
        self.state = State::Opening(lines, Begun(now, resource_version));
    }

    fn opened(&mut self, lines: Lines) {
        if let State::Opening(_, begun) = &self.state {
            self.state = State::Open(Watch {
                lines,
                resource_version: begun.1.clone(),
                begun: begun.clone(),
                empty: true,
                asking: None,
            });
        }
    }

    /// Reading may work where watching does not.
    fn unwatched(&mut self, fault: Fault) {
        let refused = self.reconnect.is_refusal(&fault);
        let pause = self.reconnect.pause(Duration::ZERO, refused);
        self.watch_at = self.clock.now() + pause.unwrap_or_default();
        if !refused {
            self.failed(fault);
            return self.ask();
        }
        if self.reconnect.says_refused() {
            self.news.push_back(News::Refused(fault));
        }
        self.pause();
    }

    fn ended(&mut self) {
        let State::Open(watch) = &self.state else {
            return;
        };
        let lasted = self.clock.now().since(watch.begun.0);
        match watch.empty {
            false => self.watch(watch.resource_version.clone()),
            // A server that ends each watch at once must not be asked without a pause.
            true if lasted < TICK => self.pause(),
            // It has brought nothing: what happened meanwhile has to be read.
            true => self.ask(),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let State::Open(watch) = &mut self.state else {
            return;
        };
        // The watch is alive, and newer than any answer that is still on its way.
        (watch.asking, watch.empty) = (None, false);
        let lease = match serde_json::from_slice(line) {
            Ok(Line { kind, object }) if kind != "ERROR" => self
                .asking
                .listed
                .keep
                .one(object.get().as_bytes())
                .map(|lease| (kind, lease)),
            Ok(_) => return self.ask(),
            Err(error) => Err(error),
        };
        let now = self.clock.now();
        // Where nothing was there, it is now: read, for the server's time comes with an answer only. After a silence more may
        // follow: how things are now is read, and not what they were when this was sent.
        let anew = watch.begun.1.is_empty() || self.known.silence.was_cut_off(now);
        // Or the server has forgotten that state.
        let Some((kind, lease)) = lease.ok().filter(|_| !anew) else {
            return self.ask();
        };
        watch.resource_version.clone_from(&lease.resource_version);
        self.heard(now);
        let change = match kind {
            "ADDED" | "MODIFIED" => self.known.board.put(lease, now),
            "DELETED" => self.known.board.remove(&lease, now),
            _ => None,
        };
        self.changed(change.into_iter().collect());
    }

    /// What an answer means for a silent watch.
    fn told(&mut self, answer: Answer) {
        let now = self.clock.now();
        let hung = self.known.fault().is_some();
        let board = &mut self.known.board;
        let same = board.agrees(&answer.leases, answer.all);
        if !answer.all && (!same || board.is_due(now)) {
            // It does not tell all.
            return self.ask();
        }
        self.heard(answer.asked_at);
        let board = &mut self.known.board;
        let changes = if same {
            board.tick(answer.asked_at)
        } else {
            board.set_clock(answer.date, now, Stamps::Unknown);
            board.replace(answer.leases, now)
        };
        self.changed(changes);
        if !same || hung {
            // The watch has missed something, or hangs: it goes on anew from here.
            self.watch(answer.resource_version);
        }
    }
}
