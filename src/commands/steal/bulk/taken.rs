//! Taking many leases: a few at a time, each kept renewed from then on, until the last of the earlier holders must have stopped.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use super::Bulk;
use super::text::text;
use super::wait::{Place, Together};
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::chosen::{AT_ONCE, Choice, Chosen, some};
use crate::commands::saying::{good_until, say_by};
use crate::commands::several::{Errors, Next, next};
use crate::commands::{SHORT_PATIENCE, limits, say};
use crate::error::Error;
use crate::exit::Exit;
use crate::hint;
use crate::lease::decide::Refusal;
use crate::lease::events::EventReason;
use crate::lease::evidence::{Expiry, Observation};
use crate::lease::keeper::{Keeper, Other};
use crate::lease::operate::{End, Grant, Limits, Operations, Stolen, Turns};
use crate::output::Failure;
use crate::output::outcome::{Action, Outcome};
use crate::output::terminal;
use crate::server::LeaseClient;
use crate::words;

/// So many are renewed at once.
const RENEWED_AT_ONCE: usize = 16;

/// So many are watched at once, for what their earlier holders acknowledge.
const WATCHED_AT_ONCE: usize = 32;

/// What became of one lease.
enum Fate {
    /// It is ours: the record as it was chosen is beside it.
    Ours(Grant),
    /// It is ours, and a signal came before its earlier holder must have stopped.
    Kept,
    /// It is not.
    Failed(Error),
    /// It was not tried after what happened to another.
    NotTried,
}

/// The leases that are being taken.
pub struct Taking<'a> {
    bulk: &'a Bulk<'a>,
    choice: &'a Choice,
    operations: Vec<Operations<LeaseClient, SystemClock>>,
    /// Those whose earlier holder may still run, or that are not taken yet.
    waiting: Together,
    /// Those that have not begun with their full time.
    beginning: Together,
    turns: Turns,
    begins: Semaphore,
    stopped: Cell<bool>,
    /// Since when all are taken.
    taken_at: Cell<Option<Instant>>,
}

/// What one is waited for at: until its earlier holder must have stopped, and until it has begun with its full time.
type Places<'a> = (Place<'a>, Place<'a>);

/// Whom a lease was taken from, and how long that one may still run; `None` if nothing tells.
struct Victim {
    holder: String,
    wait: Option<Duration>,
}

impl<'a> Taking<'a> {
    /// Nothing is written yet.
    pub fn new(bulk: &'a Bulk<'a>, choice: &'a Choice) -> Self {
        let observed_only = bulk.args.proof.observed_only();
        let operations = choice.all.iter().map(|chosen| {
            let session = choice.session(&bulk.session, chosen);
            let operations = session.lease(&chosen.name);
            operations
                .observed_only(observed_only)
                .knowing(choice.stamps)
        });
        Self {
            bulk,
            choice,
            operations: operations.collect(),
            waiting: Together::new(),
            beginning: Together::new(),
            turns: Turns {
                renewals: Semaphore::new(RENEWED_AT_ONCE),
                watches: Semaphore::new(WATCHED_AT_ONCE),
            },
            begins: Semaphore::new(RENEWED_AT_ONCE),
            stopped: Cell::new(false),
            taken_at: Cell::new(None),
        }
    }

    /// Takes them, waits, and says which are ours.
    pub async fn run(&self, errors: &mut Errors) -> Exit {
        let count = self.choice.all.len();
        let place = |_| Some((self.waiting.place(), self.beginning.place()));
        let mut places: Vec<_> = (0..count).map(place).collect();
        let mut fates: Vec<Option<Fate>> = (0..count).map(|_| None).collect();
        let mut victims: Vec<Option<Victim>> = (0..count).map(|_| None).collect();
        let taking = stream::iter(0..count).map(async |at| (at, self.take(at).await));
        let mut taking = std::pin::pin!(taking.buffer_unordered(AT_ONCE));
        let mut keeping = FuturesUnordered::new();
        let mut all_tried = false;
        loop {
            tokio::select! {
                biased;
                Some((at, fate)) = keeping.next() => fates[at] = Some(fate),
                taken = taking.next(), if !all_tried => match taken {
                    Some((at, Ok(stolen))) => {
                        self.record(&stolen);
                        victims[at] = victim(&stolen);
                        keeping.push(self.keep(at, stolen, places[at].take()));
                    }
                    Some((at, Err(fate))) => {
                        places[at] = None;
                        fates[at] = Some(fate);
                    }
                    None => {
                        all_tried = true;
                        self.taken_at.set(Some(SystemClock.now()));
                        say_failures(&mut fates, errors);
                        if self.bulk.terms.waits && self.bulk.interrupt.received().is_none() {
                            self.say_waiting(&victims);
                        }
                    }
                },
                else => break,
            }
        }
        say_failures(&mut fates, errors);
        let interrupted = self.say_interrupted(&fates, &victims);
        if interrupted.is_none() {
            self.say_ours(&fates, errors).await;
        }
        let exit = interrupted.or(errors.exit());
        exit.unwrap_or(Exit::DONE)
    }

    /// Tells others.
    fn record(&self, stolen: &Stolen) {
        let reason = match stolen.victim.clone() {
            Some(from) => EventReason::Stolen { from },
            // It was free.
            None => EventReason::Acquired,
        };
        self.bulk.recorder.record(reason, &stolen.grant.record);
    }

    /// Takes one, as it was listed.
    async fn take(&self, at: usize) -> Result<Stolen, Fate> {
        let (bulk, chosen) = (self.bulk, &self.choice.all[at]);
        if self.stopped.get() || bulk.interrupt.received().is_some() {
            return Err(Fate::NotTried);
        }
        let agreement = chosen.agreement();
        let agree = async |seen: &Observation, _: &Expiry| {
            let record = seen.record();
            let keeper = Keeper::of(record).filter(|_| !bulk.args.force);
            let is_agreed = bulk.terms.if_holder.is_some() || agreement.covers(record);
            match (keeper, Other::of(record)) {
                (Some(keeper), _) => Err(End::Refused(Refusal::NoLock(keeper))),
                (None, Some(now)) if !is_agreed => Err(End::Refused(agreement.broken_by(now))),
                (None, Some(_) | None) => Ok(()),
            }
        };
        let subject = bulk.subject(self.choice, chosen);
        let report = |progress| say(&subject, &progress);
        let short = limits(&SystemClock, Some(SHORT_PATIENCE), bulk.interrupt.clone());
        let first = Some(chosen.seen());
        let operations = &self.operations[at];
        let stolen = operations.steal_as_seen(first, &bulk.terms, &short, &report, agree);
        match stolen.await {
            Ok(stolen) => Ok(stolen),
            Err(end) => Err(self.failed(chosen, end).await),
        }
    }

    async fn failed(&self, chosen: &Chosen, end: End) -> Fate {
        let session = self.choice.session(&self.bulk.session, chosen);
        let subject = self.bulk.subject(self.choice, chosen);
        let error = session.error(subject, end).await;
        if next(&error) == Next::Stop {
            self.stopped.set(true);
        }
        Fate::Failed(error)
    }

    /// Keeps one renewed until it can be handed out with all the others.
    async fn keep(&self, at: usize, stolen: Stolen, places: Option<Places<'_>>) -> (usize, Fate) {
        let fate = match self.kept(at, stolen, places).await {
            Ok(grant) => Fate::Ours(grant),
            Err(End::Interrupted(_)) => Fate::Kept,
            Err(end) => self.failed(&self.choice.all[at], end).await,
        };
        (at, fate)
    }

    async fn kept(
        &self,
        at: usize,
        stolen: Stolen,
        places: Option<Places<'_>>,
    ) -> Result<Grant, End> {
        let bulk = self.bulk;
        let waits = bulk.terms.waits;
        let (waiting, beginning) = places.unzip();
        let patient = Limits {
            deadline: None,
            once: false,
            insist: false,
            interrupt: bulk.interrupt.clone(),
        };
        let subject = bulk.subject(self.choice, &self.choice.all[at]);
        let report = |progress| say(&subject, &progress);
        let (operations, renewals) = (&self.operations[at], &self.turns.renewals);
        let grant = match waits {
            true => {
                let alone = operations.wait_in_turn(stolen, &self.turns, &patient, &report);
                alone.await?
            }
            false => stolen.grant,
        };
        let turn = Cell::new(None);
        let over = async {
            drop(waiting);
            self.waiting.over().await;
            turn.set(self.begins.acquire().await.ok());
        };
        let kept = operations.keep_until(grant, over, renewals, &patient, &report);
        let grant = kept.await?;
        let duration = bulk.args.duration.filter(|_| waits);
        let grant = operations.begin_in_full(grant, duration, &patient).await?;
        drop((turn.take(), beginning));
        let all_begin = self.beginning.over();
        let kept = operations.keep_until(grant, all_begin, renewals, &patient, &report);
        kept.await
    }

    /// Says how long it takes until all must have stopped, and who may run on for ever.
    fn say_waiting(&self, victims: &[Option<Victim>]) {
        let all = || victims.iter().flatten();
        let waits = all()
            .filter_map(|victim| victim.wait)
            .filter(|wait| !wait.is_zero());
        let waits: Vec<Duration> = waits.collect();
        if let Some(longest) = waits.iter().max() {
            let holders = match waits.len() {
                1 => "the earlier holder of one of them".to_owned(),
                count => format!("{count} earlier holders"),
            };
            terminal::say(&format!(
                "waiting {} until {holders} must have stopped; all of them are kept renewed (--now skips this)",
                words::duration(*longest)
            ));
        }
        let endless = all().filter(|victim| victim.wait.is_none());
        let endless: Vec<String> = endless
            .map(|victim| format!("{:?}", victim.holder))
            .collect();
        if !endless.is_empty() {
            terminal::say(&format!(
                "these holders had no duration, so they may still run: make sure that they have stopped: {}",
                some(&endless)
            ));
        }
    }

    /// After a signal: which leases are ours, and beside whom. With how the process ends.
    fn say_interrupted(&self, fates: &[Option<Fate>], victims: &[Option<Victim>]) -> Option<Exit> {
        let signal = self.bulk.interrupt.received()?;
        let is_cut_short = |fate: &Option<Fate>| matches!(fate, Some(Fate::Kept | Fate::NotTried));
        if !fates.iter().any(is_cut_short) {
            return None;
        }
        let mut not_tried = Vec::new();
        let mut beside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for ((chosen, fate), victim) in self.choice.all.iter().zip(fates).zip(victims) {
            let label = self.choice.label(chosen);
            match (fate, victim) {
                (Some(Fate::Kept), Some(victim)) => {
                    let record = chosen.record();
                    let names = beside.entry(record.namespace()).or_default();
                    names.push(record.name());
                    terminal::say(&format!(
                        "interrupted: lease {label} stays yours until it expires; {:?} may still be running",
                        victim.holder
                    ));
                }
                (Some(Fate::Kept | Fate::Ours(_)), _) => terminal::say(&format!(
                    "interrupted: lease {label} stays yours until it expires"
                )),
                (Some(Fate::NotTried), _) => not_tried.push(label),
                (Some(Fate::Failed(_)) | None, _) => {}
            }
        }
        for (namespace, names) in beside {
            let command = |verb| hint::lease(verb, &names.join(" "), namespace);
            terminal::say(&format!(
                "To wait for that and acquire what stays yours again: {} --reenter. If its earlier holders are known to have stopped: {} --now",
                command("acquire"),
                command("release")
            ));
        }
        if !not_tried.is_empty() {
            terminal::say(&format!(
                "interrupted: not tried any more: {}",
                some(&not_tried)
            ));
        }
        Some(Exit::signal(signal))
    }

    /// Says those that are ours, all at once. What could not be said is ours all the same.
    async fn say_ours(&self, fates: &[Option<Fate>], errors: &mut Errors) {
        let mut grants = Vec::new();
        let (mut labels, mut not_tried) = (Vec::new(), Vec::new());
        for (chosen, fate) in self.choice.all.iter().zip(fates) {
            match fate {
                Some(Fate::Ours(grant)) => {
                    grants.push(grant);
                    labels.push(self.choice.label(chosen));
                }
                Some(Fate::NotTried) => not_tried.push(self.choice.label(chosen)),
                Some(Fate::Kept | Fate::Failed(_)) | None => {}
            }
        }
        if !not_tried.is_empty() {
            terminal::say(&format!(
                "error: not tried after that: {}",
                some(&not_tried)
            ));
        }
        let Some(until) = grants.iter().map(|grant| good_until(grant)).min() else {
            return;
        };
        let said = match self.text(&grants) {
            Ok(text) => say_by(text, until, &self.bulk.interrupt)
                .await
                .map_err(Error::Unsaid),
            Err(why) => Err(why.into()),
        };
        if let Err(why) = said {
            let me = self.bulk.terms.grant.holder.as_str();
            let then = vec![
                format!(
                    "held by {me:?} anyway, until they expire: {}",
                    some(&labels)
                ),
                format!("Look: {}", hint::kubectl("lease status")),
            ];
            let why = Box::new(why);
            let _ = errors.say(&Error::Despite { why, then });
        }
    }

    fn text(&self, grants: &[&Grant]) -> Result<String, Failure> {
        let waited = self.taken_at.get().map(|at| SystemClock.now().since(at));
        let outcomes = grants.iter().map(|grant| {
            let outcome = Outcome::of_grant(Action::Stolen, grant);
            outcome.after_waiting(waited.unwrap_or_default())
        });
        text(
            &outcomes.collect::<Vec<_>>(),
            self.choice,
            &self.bulk.args.output,
        )
    }
}

fn victim(stolen: &Stolen) -> Option<Victim> {
    let now = SystemClock.now();
    let wait = stolen.victim_stops.ok().map(|stops| stops.since(now));
    let holder = stolen.victim.clone()?;
    Some(Victim { holder, wait })
}

/// Says what has failed so far, in the order of the leases.
fn say_failures(fates: &mut [Option<Fate>], errors: &mut Errors) {
    for fate in fates {
        if let Some(Fate::Failed(error)) = fate {
            let _ = errors.say(error);
            *fate = None;
        }
    }
}
