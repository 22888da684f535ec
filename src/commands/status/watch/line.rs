//! Follows who waits in line beside what is followed: what becomes of that stops nothing else.

use std::future::pending;

use crate::cli::StatusArgs;
use crate::clock::{Clock, Instant, SystemClock};
use crate::commands::Session;
use crate::commands::status::{listed, waiters};
use crate::lease::api::Fault;
use crate::lease::decide::in_line;
use crate::lease::operate::follow::{Followed, Follower, Known, News, PAUSE};
use crate::lease::operate::list::Listed;
use crate::lease::record::Keep;
use crate::lease::report::Row;
use crate::lease::values::{LeaseName, QueueName};
use crate::server::LeasesClient;

/// The line for a Lease, or for the slots of a name.
pub struct Line<'a> {
    session: &'a Session,
    args: &'a StatusArgs,
    /// Of what; `None` where nobody is to be shown.
    name: Option<&'a LeaseName>,
    follower: Option<Follower<LeasesClient, SystemClock>>,
    /// Whether there was a first list.
    begun: bool,
    /// When it is tried again.
    again_at: Option<Instant>,
}

impl<'a> Line<'a> {
    /// Nothing is asked for yet.
    pub fn new(session: &'a Session, args: &'a StatusArgs) -> Self {
        Self {
            session,
            args,
            name: args.names.first().filter(|_| waiters::are_wanted(args)),
            follower: None,
            begun: false,
            again_at: None,
        }
    }

    /// Begins to follow it, once what is `known` may have a line, and does so anew where the server was silent.
    pub fn follow(&mut self, known: &Known, news: &News) {
        let has_line = |row: Row| waiters::has_line(row.lease.class);
        match news {
            News::Changed(_) if self.follower.is_none() && self.again_at.is_none() => {
                let heard = known.silence.heard_at();
                if known.board.rows(heard, heard).any(has_line) {
                    self.begin();
                }
            }
            News::Heard(_) if self.follower.is_some() => self.begin(),
            News::Changed(_)
            | News::Heard(_)
            | News::Absent
            | News::Ticked
            | News::Silent(_)
            | News::Failed { .. }
            | News::Refused(_) => {}
        }
    }

    fn begin(&mut self) {
        let name = self.name.map(|name| match self.args.slots {
            true => QueueName::of_slots(name),
            false => QueueName::of(name),
        });
        let Some(name) = name else { return };
        let followed = Followed {
            api: waiters::tickets(self.session, &name),
            name: None,
            listed: Listed {
                keep: Keep::Facts,
                ..listed(self.session, self.args)
            },
            // What is followed beside it tells whether the server is heard.
            asks_if_silent: false,
        };
        self.follower = Some(Follower::new(followed, SystemClock));
        (self.begun, self.again_at) = (false, None);
    }

    /// Returns when there may be more to say; never, where nothing is followed. May be dropped and called again.
    pub async fn moved(&mut self) {
        if let Some(at) = self.again_at {
            SystemClock.sleep_until(at).await;
            self.begin();
        }
        let Some(follower) = &mut self.follower else {
            return pending().await;
        };
        match follower.next().await {
            Ok(news) => self.begun |= matches!(news, News::Changed(_)),
            Err(fault) => self.failed(&fault),
        }
    }

    fn failed(&mut self, fault: &Fault) {
        log::debug!("waiters are not shown: {fault}");
        self.follower = None;
        self.begun = false;
        // Where they may not be listed, that stays so.
        self.again_at = fault.is_transient().then(|| SystemClock.now() + PAUSE);
        if self.again_at.is_none() {
            self.name = None;
        }
    }

    /// Who waits, the first to be served first, when as much is `known` of the rest; `None` where that is not known.
    pub fn waiters(&self, known: &Known) -> Option<Vec<Row>> {
        let follower = self.follower.as_ref().filter(|_| self.begun)?;
        let heard = known.silence.heard_at();
        // Nothing goes on where nothing is known.
        let now = match known.silence.is_unknown() {
            true => heard,
            false => SystemClock.now(),
        };
        Some(in_line(follower.known.board.rows(now, heard)))
    }
}
