//! Hear: asks a server that may be silent how things are, and says when nothing is known.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::api::Api;
use super::super::decide::{Obstacle, Seen};
use super::{End, Limits, OnProgress, Operations, Pause, Progress, Watcher};
use crate::clock::{Clock, Instant};

/// How long an answer may take before it is said that there is none. Where nothing hangs it takes no longer.
const ANSWER: Duration = Duration::from_secs(5);

impl<A: Api, C: Clock> Operations<A, C> {
    /// Reads while `obstacle` is waited for, until there is an answer. The watch that kept silent about what is read then,
    /// or whose server did not answer, is made anew.
    pub(super) async fn hear(
        &self,
        before: Seen,
        obstacle: &Obstacle,
        watcher: &mut Watcher,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Seen, End> {
        let heard = self.hear_again(before, watcher, limits, report).await;
        heard.map_err(|end| match end {
            End::TimedOut {
                at_most,
                fault,
                since,
                ..
            } => End::TimedOut {
                obstacle: Some(obstacle.clone()),
                at_most,
                fault,
                since,
            },
            end => end,
        })
    }

    /// The same where nothing stands in the way of anything.
    pub(super) async fn hear_again(
        &self,
        before: Seen,
        watcher: &mut Watcher,
        limits: &Limits,
        report: OnProgress<'_>,
    ) -> Result<Seen, End> {
        let mut pause = Pause::default();
        loop {
            let limit = self.clip(self.read_limit.min(ANSWER), limits);
            let asked_at = self.clock.now();
            let fault = tokio::select! {
                biased;
                signal = limits.interrupt.arrived() => return Err(End::Interrupted(signal)),
                answer = self.read(Some(before.clone()), limit) => match answer {
                    Ok(seen) => {
                        watcher.answered(asked_at);
                        if !pause.is_first() {
                            report(Progress::Heard);
                        }
                        if !pause.is_first() || version(&seen) != version(&before) {
                            watcher.distrust();
                        }
                        return Ok(seen);
                    }
                    Err(fault) => fault,
                },
            };
            let since = self.wall_at(watcher.heard_at());
            let silent = self.clock.now().since(asked_at) >= limit;
            let said = |progress| match progress {
                Progress::Retrying(_) if silent => report(Progress::Silent(since)),
                progress => report(progress),
            };
            let paused = self.pause_after(fault, &mut pause, limits, &said).await;
            paused.map_err(|end| match end {
                End::TimedOut { fault, .. } => End::TimedOut {
                    obstacle: None,
                    at_most: None,
                    fault,
                    since: Some(since),
                },
                end => end,
            })?;
        }
    }

    /// Does `work`, which asks the server, and says that there is no answer where it takes long. The server was last heard
    /// at `heard`.
    pub(super) async fn audibly<T, E>(
        &self,
        heard: Instant,
        report: OnProgress<'_>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = self.clock.sleep_until(self.clock.now() + ANSWER) => {}
        }
        report(Progress::Silent(self.wall_at(heard)));
        let done = work.await?;
        report(Progress::Heard);
        Ok(done)
    }

    /// What this machine's clock showed at an instant that has passed.
    fn wall_at(&self, instant: Instant) -> Timestamp {
        let ago = self.clock.now().since(instant);
        let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
        let wall = self.clock.wall();
        wall.checked_sub(ago).unwrap_or(Timestamp::MIN)
    }
}

fn version(seen: &Seen) -> Option<&str> {
    match seen {
        Seen::Absent => None,
        Seen::Lease(seen) => Some(seen.record().resource_version()),
    }
}
