//! Records Kubernetes Events of what is done to Leases, as far as that goes: nothing waits for one that matters, and
//! nothing fails for one.

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use serde_json::Value;
use tokio::sync::Notify;

use super::Session;
use crate::cli::EventArgs;
use crate::clock::{Clock, SystemClock};
use crate::lease::api::RejectionKind;
use crate::lease::events::{Event, EventReason};
use crate::lease::operate::{Interrupt, events};
use crate::lease::record::Record;
use crate::server::Client;

/// How long after something was done its Event is sent, unless all is over before: a command that begins, a handover and the
/// stop of what has lost its lease have the processor and the server to themselves.
const SETTLED: Duration = Duration::from_millis(200);

/// How long an end waits for what was not recorded yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many are sent at a time.
const AT_A_TIME: usize = 4;

/// The Events of one call.
pub struct Recorder {
    store: Client,
    /// Who does it.
    by: String,
    /// What its `--reason` says.
    because: Option<String>,
    queue: RefCell<Vec<Value>>,
    /// Something has come, or the end.
    changed: Notify,
    over: Cell<bool>,
    /// None are wanted, or the server takes none.
    off: Cell<bool>,
    /// Where it takes none.
    refused: RefCell<Vec<String>>,
    patience: Cell<Duration>,
    /// So many signals came before the end began: they were for what ran then.
    before_end: Cell<usize>,
}

impl Recorder {
    /// For what `by` does, `because` of what `--reason` says.
    pub fn new(session: &Session, args: EventArgs, by: &str, because: Option<&str>) -> Self {
        Self {
            store: session.store.aside(),
            by: by.to_owned(),
            because: because.filter(|text| !text.is_empty()).map(str::to_owned),
            queue: RefCell::default(),
            changed: Notify::new(),
            over: Cell::new(false),
            off: Cell::new(args.no_events),
            refused: RefCell::default(),
            patience: Cell::new(PATIENCE),
            before_end: Cell::new(0),
        }
    }

    /// Records that this was done to the Lease, beside everything else.
    pub fn record(&self, reason: EventReason, lease: &Record) {
        if self.off.get() {
            return;
        }
        let event = Event {
            reason,
            lease,
            by: &self.by,
            because: self.because.as_deref(),
            at: SystemClock.wall(),
            mark: fastrand::u16(..1000),
        };
        self.queue.borrow_mut().push(event.to_json());
        self.changed.notify_one();
    }

    /// The end waits no longer than an eighth of the time that whoever was granted this goes by; of several, of the shortest.
    pub fn hurry(&self, lease: &Record) {
        if let Some(duration) = lease.duration() {
            let most = duration.as_duration() / 8;
            self.patience.set(self.patience.get().min(most));
        }
    }

    /// The end begins: who has sent the signals until now, so many, did not ask for it to be cut short.
    pub fn end_begins(&self, signals: usize) {
        self.before_end.set(signals);
    }

    /// Does `work` and records its Events meanwhile. What is left then is given a moment, unless a second signal comes once the
    /// end has begun.
    pub async fn beside<T>(&self, work: impl Future<Output = T>, interrupt: &Interrupt) -> T {
        // A bug in what is only said ends no hold: a grant would be left to nobody.
        let sending = AssertUnwindSafe(self.send()).catch_unwind();
        let mut sending = pin!(sending);
        let mut work = pin!(work);
        let done = tokio::select! {
            biased;
            done = &mut work => done,
            // It has no end before the work has, but by a bug.
            _ = &mut sending => return work.await,
        };
        self.over.set(true);
        self.changed.notify_one();
        let interrupt = interrupt.after(self.before_end.get());
        tokio::select! {
            biased;
            _ = interrupt.insisted() => {}
            _ = sending => {}
            () = SystemClock.sleep_until(SystemClock.now() + self.patience.get()) => {
                log::debug!("an Event could not be recorded in time");
            }
        }
        done
    }

    /// Sends what comes, until all is over and sent.
    async fn send(&self) {
        loop {
            while self.queue.borrow().is_empty() {
                if self.over.get() {
                    return;
                }
                self.changed.notified().await;
            }
            tokio::select! {
                biased;
                () = self.ended() => {}
                () = SystemClock.sleep_until(SystemClock.now() + SETTLED) => {}
            }
            let events = futures::stream::iter(self.queue.take());
            let sending = events.for_each_concurrent(AT_A_TIME, |event| self.send_one(event));
            sending.await;
        }
    }

    async fn ended(&self) {
        while !self.over.get() {
            self.changed.notified().await;
        }
    }

    async fn send_one(&self, event: Value) {
        let namespace = event["metadata"]["namespace"].as_str();
        let namespace = namespace.unwrap_or_default();
        if self.off.get() || self.refused.borrow().iter().any(|one| one == namespace) {
            return;
        }
        let recorded = events::record(&self.store, &SystemClock, &event).await;
        let Err(fault) = recorded else { return };
        let reason = event["reason"].as_str().unwrap_or_default();
        log::debug!("the Event {reason} was not recorded: {fault}");
        match fault.rejected() {
            Some(RejectionKind::Unauthorized | RejectionKind::NotServed) => self.off.set(true),
            // The next one there will be refused too.
            Some(RejectionKind::Forbidden | RejectionKind::NamespaceMissing) => {
                self.refused.borrow_mut().push(namespace.to_owned());
            }
            Some(_) | None => {}
        }
    }
}
