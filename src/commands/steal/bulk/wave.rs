//! Waves: in each as many leases as can be kept renewed, from the write that takes each until the last of their earlier holders must
//! have stopped.

use std::cell::Cell;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::fate::{Fate, Fates, Victim, say_failures, say_not_tried};
use super::taken::Taking;
use super::wait::{Place, Together};
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::several::{AT_ONCE, Errors};
use crate::exit::Exit;
use crate::lease::operate::{End, Grant, Limits, Stolen};

/// The leases from the first on, as many as there is room for.
pub struct Wave<'a> {
    taking: &'a Taking<'a>,
    first: usize,
    /// Those whose earlier holder may still run, or that are not taken yet.
    waiting: Together,
    /// Those that have not begun with their full time.
    beginning: Together,
    /// Since when all are taken.
    taken_at: Cell<Option<Instant>>,
}

/// What one is waited for at: until its earlier holder must have stopped, and until it has begun with its full time.
type Places<'a> = (Place<'a>, Place<'a>);

impl Taking<'_> {
    /// Takes them, waits, and says which are ours: all at once, or as many at a time as can be kept.
    pub async fn run(&self, errors: &mut Errors) -> Exit {
        let count = self.choice.all.len();
        let mut fates = Fates {
            all: (0..count).map(|_| None).collect(),
            victims: (0..count).map(|_| None).collect(),
        };
        let mut first = 0;
        while first < count && self.goes_on() {
            let wave = Wave::new(self, first);
            let end = wave.run(&mut fates, errors).await;
            say_failures(&self.choice.all, &mut fates.all, errors);
            if let Some(interrupted) = self.say_interrupted(first..end, &fates) {
                return interrupted;
            }
            self.say_ours(first..end, &fates.all, wave.waited(), errors)
                .await;
            first = end;
        }
        let not_tried = self.choice.all[first..].iter();
        let not_tried = not_tried.map(|chosen| self.choice.label(chosen));
        let signal = self.bulk.interrupt.received();
        if !say_not_tried(&not_tried.collect::<Vec<_>>(), signal) {
            return errors.exit().unwrap_or(Exit::DONE);
        }
        let interrupted = signal.map(Exit::signal);
        interrupted.or(errors.exit()).unwrap_or(Exit::DONE)
    }
}

impl<'a> Wave<'a> {
    /// Nothing of it is taken yet.
    pub fn new(taking: &'a Taking<'a>, first: usize) -> Self {
        Self {
            taking,
            first,
            waiting: Together::new(),
            beginning: Together::new(),
            taken_at: Cell::new(None),
        }
    }

    /// How long all of them have been waited for.
    pub fn waited(&self) -> Duration {
        let since = self.taken_at.get();
        since.map_or(Duration::ZERO, |at| SystemClock.now().since(at))
    }

    fn places(&self) -> Places<'_> {
        (self.waiting.place(), self.beginning.place())
    }

    /// Takes them and keeps them until all can be handed out; where it ended.
    pub async fn run(&self, fates: &mut Fates, errors: &mut Errors) -> usize {
        let (taking, count) = (self.taking, self.taking.choice.all.len());
        // Those that are taken wait for those that are not yet.
        let mut more = Some(self.places());
        let mut next = self.first;
        let mut begun = FuturesUnordered::new();
        let mut keeping = FuturesUnordered::new();
        loop {
            while more.is_some() && begun.len() < AT_ONCE {
                if next == count || !taking.goes_on() || !self.keeps(next) {
                    more = None;
                    break;
                }
                let (at, places) = (next, self.places());
                begun.push(async move { (at, places, taking.take(at).await) });
                next += 1;
            }
            if more.is_none() && begun.is_empty() && self.taken_at.get().is_none() {
                self.taken_at.set(Some(SystemClock.now()));
                say_failures(&self.taking.choice.all, &mut fates.all, errors);
                if next < count && taking.goes_on() {
                    taking.say_wave(next - self.first, count - next);
                }
                if taking.bulk.terms.waits && taking.bulk.interrupt.received().is_none() {
                    taking.say_waiting(&fates.victims[self.first..next]);
                }
            }
            tokio::select! {
                biased;
                Some((at, fate)) = keeping.next() => {
                    if matches!(fate, Fate::Failed(_)) {
                        taking.turns.window().let_go();
                    }
                    fates.all[at] = Some(fate);
                }
                Some((at, places, taken)) = begun.next() => match taken {
                    Ok(stolen) => {
                        taking.record(&stolen);
                        fates.victims[at] = victim(&stolen);
                        keeping.push(self.keep(at, stolen, places));
                    }
                    Err(fate) => {
                        taking.turns.window().let_go();
                        fates.all[at] = Some(fate);
                    }
                },
                else => break,
            }
        }
        for fate in &fates.all[self.first..next] {
            if matches!(fate, Some(Fate::Ours(_) | Fate::Kept | Fate::GivenBack)) {
                taking.turns.window().let_go();
            }
        }
        next
    }

    /// Whether this one can be kept too; then it is.
    fn keeps(&self, at: usize) -> bool {
        let duration = self.taking.duration(at);
        let mut window = self.taking.turns.window();
        let has_room = window.has_room(duration);
        if has_room {
            window.keep(duration);
        }
        has_room
    }

    /// Keeps one renewed until it can be handed out with all the others.
    async fn keep(&self, at: usize, stolen: Stolen, places: Places<'_>) -> (usize, Fate) {
        let fate = match self.kept(at, stolen, places).await {
            Ok(grant) => Fate::Ours(grant),
            Err(End::Interrupted(_)) => Fate::GivenBack,
            Err(end) if end.kept_by().is_some() => Fate::Kept,
            Err(end) => {
                let taking = self.taking;
                taking.failed(&taking.choice.all[at], end).await
            }
        };
        (at, fate)
    }

    async fn kept(&self, at: usize, mut stolen: Stolen, places: Places<'_>) -> Result<Grant, End> {
        let (taking, bulk) = (self.taking, self.taking.bulk);
        let waits = bulk.terms.waits;
        let patient = Limits {
            deadline: None,
            once: false,
            insist: false,
            interrupt: bulk.interrupt.clone(),
        };
        let report = taking.report(at);
        let (operations, turns) = (&taking.operations[at], &taking.turns);
        let kept = async {
            if waits {
                let alone = operations.wait_in_turn(&mut stolen, turns, &patient, &report);
                alone.await?;
            }
            self.begun(at, &mut stolen.grant, places, &patient).await
        };
        match kept.await {
            Ok(()) => Ok(stolen.grant),
            Err(end @ End::Interrupted(_)) => {
                let (grant, interrupt) = (&stolen.grant, &bulk.interrupt);
                Err(operations
                    .give_back_in_turn(grant, end, turns, interrupt)
                    .await)
            }
            Err(end) => Err(end),
        }
    }

    /// Keeps one, which nobody runs beside any more, until all can begin.
    async fn begun(
        &self,
        at: usize,
        grant: &mut Grant,
        (waiting, beginning): Places<'_>,
        patient: &Limits,
    ) -> Result<(), End> {
        let (taking, bulk) = (self.taking, self.taking.bulk);
        let (operations, turns) = (&taking.operations[at], &taking.turns);
        let report = taking.report(at);
        let turn = Cell::new(None);
        let over = async {
            drop(waiting);
            self.waiting.over().await;
            turn.set(taking.begins.acquire().await.ok());
        };
        let kept = operations.keep_until(grant, over, turns, patient, &report);
        kept.await?;
        let duration = bulk.args.duration.filter(|_| bulk.terms.waits);
        operations.begin_in_full(grant, duration, patient).await?;
        drop((turn.take(), beginning));
        let all_begin = self.beginning.over();
        let kept = operations.keep_until(grant, all_begin, turns, patient, &report);
        kept.await
    }
}

fn victim(stolen: &Stolen) -> Option<Victim> {
    Some(Victim {
        holder: stolen.victim.clone()?,
        wait: stolen.stops().since(SystemClock.now()),
        untold: stolen.untold(),
    })
}
