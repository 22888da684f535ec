//! Follows Leases: a list, a watch from there on, and again whatever breaks off.

mod ask;
mod board;
mod silence;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use futures::stream::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::ask::Answer;
pub use self::ask::Followed;
use self::board::Board;
use self::silence::Silence;
use super::super::api::{Fault, Leases, Lines, RejectionKind};
use super::super::evidence::Stamps;
use super::super::report::Row;
use super::reconnect::Reconnect;
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
    /// The server answers again, of which nothing was known since then.
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

/// What is known, and since when.
pub struct Known {
    /// The Leases.
    pub board: Board,
    /// What was heard of the server.
    pub silence: Silence,
}

/// Follows the Leases of a selection, or the one that was named.
pub struct Follower<A, C> {
    followed: Followed<A>,
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
    /// Something is asked, or waited for.
    Asked(LocalBoxFuture<'static, Happened>),
    Watching(Watch),
}

struct Watch {
    lines: Lines,
    asked_at: Instant,
    /// The last one; empty as long as there is nothing.
    resource_version: String,
    /// Whether it has brought nothing yet.
    empty: bool,
    /// How things are is asked, as it is silent.
    asking: Option<LocalBoxFuture<'static, Result<Answer, Fault>>>,
}

enum Happened {
    Ticked,
    /// This is how things are.
    Answered(Result<Answer, Fault>),
    /// So they were at that instant, and this is what the server's stamps are worth: it may matter later on.
    Weighed(Answer, Instant, Stamps),
    Waited,
    Opened(Result<Watch, Fault>),
    Line(Option<Result<Bytes, Fault>>),
    /// This is how things are while a watch is silent.
    Told(Result<Answer, Fault>),
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
    async fn next(&mut self) -> Happened {
        match self {
            Self::Asked(happened) => happened.await,
            Self::Watching(watch) => tokio::select! {
                biased;
                line = watch.lines.next() => Happened::Line(line),
                Some(answer) = async { Some(watch.asking.as_mut()?.await) } => {
                    watch.asking = None;
                    Happened::Told(answer)
                }
            },
        }
    }
}

impl<A: Leases, C: Clock + Clone + 'static> Follower<A, C> {
    /// Nothing is asked for yet.
    pub fn new(followed: Followed<A>, clock: C) -> Self {
        let now = clock.now();
        Self {
            known: Known {
                board: Board::default(),
                silence: Silence::new(now),
            },
            news: VecDeque::new(),
            state: State::Asked(async { Happened::Waited }.boxed_local()),
            reconnect: Reconnect::of_a_collection(),
            watch_at: now,
            begun: false,
            next_tick: now + TICK,
            followed,
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
            if let State::Watching(watch) = &mut self.state
                && watch.asking.is_none()
                && self.followed.asks_if_silent
            {
                let now = self.clock.now();
                let Known { board, silence } = &self.known;
                // Where events come all the time, the next one tells soon enough.
                let quiet = now.since(silence.heard_at()) >= TICK;
                if silence.must_ask(now, quiet && board.is_due(now)) {
                    watch.asking = Some(self.followed.clone().ask(now, true).boxed_local());
                }
            }
            let happened = tokio::select! {
                biased;
                () = self.clock.sleep_until(self.next_tick) => Happened::Ticked,
                happened = self.state.next() => happened,
            };
            self.happened(happened)?;
        }
    }

    fn happened(&mut self, happened: Happened) -> Result<(), Fault> {
        match happened {
            Happened::Ticked => self.tick(),
            Happened::Waited => self.ask(),
            Happened::Weighed(answer, at, stamps) => self.known_anew(answer, at, stamps),
            Happened::Told(Ok(answer)) => self.told(answer),
            Happened::Told(Err(fault)) => self.failed(fault),
            Happened::Answered(Ok(answer)) => self.answered(answer),
            // Once it has worked, an outage is waited out.
            Happened::Answered(Err(fault)) if self.begun && fault.is_transient() => {
                self.failed(fault);
                self.pause();
            }
            Happened::Answered(Err(fault)) => return Err(fault),
            Happened::Opened(Ok(watch)) => self.state = State::Watching(watch),
            Happened::Opened(Err(fault)) if fault.rejected() == Some(RejectionKind::Gone) => {
                self.ask();
            }
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
            self.news
                .push_back(News::Silent(self.known.silence.heard_at()));
        }
        let changes = self.known.board.tick(self.known.silence.heard_at());
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

    fn go_on_after(&mut self, asked: impl Future<Output = Happened> + 'static) {
        self.state = State::Asked(asked.boxed_local());
    }

    fn ask(&mut self) {
        let answer = self.followed.clone().ask(self.clock.now(), false);
        self.go_on_after(answer.map(Happened::Answered));
    }

    fn pause(&mut self) {
        let (clock, until) = (self.clock.clone(), self.clock.now() + PAUSE);
        self.go_on_after(async move {
            clock.sleep_until(until).await;
            Happened::Waited
        });
    }

    fn answered(&mut self, answer: Answer) {
        if answer.leases.is_empty() && self.followed.name.is_some() && !self.begun {
            self.news.push_back(News::Absent);
        }
        let (at, known) = (self.clock.now(), answer.stamps);
        if known != Stamps::Unknown || self.known.board.knows_stamps() {
            return self.known_anew(answer, at, known);
        }
        let Followed { api, listed, .. } = self.followed.clone();
        self.go_on_after(async move {
            let version = api.version(listed.limit).await;
            Happened::Weighed(answer, at, Stamps::by_version(version))
        });
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
        let Followed { api, listed, .. } = self.followed.clone();
        self.go_on_after(async move {
            let lines = api.watch(&resource_version, listed.limit.min(OPENING));
            Happened::Opened(lines.await.map(|lines| Watch {
                lines,
                asked_at: now,
                resource_version,
                empty: true,
                asking: None,
            }))
        });
    }

    /// Reading may work where watching does not.
    fn unwatched(&mut self, fault: Fault) {
        let refused = self.reconnect.is_refusal(&fault);
        let pause = self.reconnect.pause(Duration::ZERO, refused);
        self.watch_at = self.clock.now() + pause;
        if !refused {
            self.failed(fault);
            return self.ask();
        }
        if !std::mem::replace(&mut self.reconnect.said_refused, true) {
            self.news.push_back(News::Refused(fault));
        }
        self.pause();
    }

    fn ended(&mut self) {
        let State::Watching(watch) = &self.state else {
            return;
        };
        let lasted = self.clock.now().since(watch.asked_at);
        match watch.empty {
            false => self.watch(watch.resource_version.clone()),
            // A server that ends each watch at once must not be asked without a pause.
            true if lasted < TICK => self.pause(),
            // It has brought nothing: what happened meanwhile has to be read.
            true => self.ask(),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let State::Watching(watch) = &mut self.state else {
            return;
        };
        // The watch is alive, and newer than any answer that is still on its way.
        (watch.asking, watch.empty) = (None, false);
        let keep = self.followed.listed.keep;
        let change = serde_json::from_slice(line).ok();
        let change = change.and_then(|Line { kind, object }| {
            let lease = keep.one(object.get().as_bytes()).ok()?;
            (kind != "ERROR").then_some((kind, lease))
        });
        let now = self.clock.now();
        // Where nothing was there, it is now: read, for the server's time comes with an answer only. After a silence more may
        // follow: how things are now is read, and not what they were when this was sent.
        let anew = watch.resource_version.is_empty() || self.known.silence.was_cut_off(now);
        // Or the server has forgotten that state.
        let Some((kind, lease)) = change.filter(|_| !anew) else {
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
        let hung = self.known.silence.fault().is_some();
        let board = &mut self.known.board;
        let same = board.agrees(&answer.leases, !answer.is_part);
        if answer.is_part && (!same || board.is_due(now)) {
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
