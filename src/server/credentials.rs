//! The credentials of a user: fixed, or had from a plugin, kept while they may do, had anew in the background.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use kube::config::AuthInfo;
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::plugin::{self, Circumstances, Given, Identity};
use super::{header, unusable};
use crate::clock::{Clock, Instant, SystemClock};
use crate::lease::api::Unusable;

/// How long before they expire credentials are had anew, at most.
const MARGIN: Duration = Duration::from_secs(60);

/// How long a plugin may take whose earlier credentials may still do.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a plugin may take that asks a person: to find a token, to log in with a browser.
pub const PERSON: Duration = Duration::from_secs(300);

/// The least that a plugin may take while a lease is held: a cloud's own tool takes seconds.
const LEAST_LIMIT: Duration = Duration::from_secs(10);

/// How long after a failure credentials that may still do are tried to be had anew.
const PAUSE: Duration = Duration::from_secs(1);

/// The duration of the lease that this process holds, milliseconds; 0 for none.
static HELD: AtomicU64 = AtomicU64::new(0);

/// Tells that a lease of this duration is held from now on: plugins ask nobody, and the lease does not wait for them.
pub fn lease_is_held(duration: Duration) {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    HELD.store(millis.max(1), Ordering::Relaxed);
}

/// The number of the last credentials that a plugin gave. One count for all, so that those of a user who takes another's
/// place in the kubeconfig are newer than the other's.
static LAST: AtomicU64 = AtomicU64::new(0);

/// Whether plugins ask nobody even though no lease is held.
static UNATTENDED: AtomicBool = AtomicBool::new(false);

/// Tells that there is nobody to ask: a shell completes a word.
pub fn nobody_to_ask() {
    UNATTENDED.store(true, Ordering::Relaxed);
}

/// Whether there is nobody whom a plugin may ask.
fn unattended() -> bool {
    held().is_some() || UNATTENDED.load(Ordering::Relaxed)
}

fn held() -> Option<Duration> {
    let millis = HELD.load(Ordering::Relaxed);
    (millis > 0).then(|| Duration::from_millis(millis))
}

/// Which credentials are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Those that may do.
    Kept,
    /// Newer ones than those of this number, which the server refused.
    NewerThan(u64),
}

/// Where credentials come from, and the last ones had.
pub struct Credentials {
    source: Source,
    state: Mutex<State>,
    /// How many runs are over.
    over: watch::Sender<u64>,
}

enum Source {
    /// They never change.
    Fixed(Result<Given, Unusable>),
    /// Of this user, who is called so in warnings.
    Plugin(Box<AuthInfo>, String),
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    /// When the run that is on its way began. There is one at a time.
    running: Option<Instant>,
    /// How many runs are over.
    runs: u64,
    /// How the last one failed, and when.
    failed: Option<(Instant, Unusable)>,
}

struct Kept {
    given: Given,
    /// Counts up, here and with every other owner.
    number: u64,
    /// When they are to be had anew, and when they are over, by this machine's wall clock.
    due: Option<(Timestamp, Timestamp)>,
}

impl Credentials {
    /// Those of `user`, who is called `whose`; nothing is read or run yet. `from` says where an inline token comes from.
    pub fn of(user: &AuthInfo, whose: &str, from: &str) -> Arc<Self> {
        let plugin = || Source::Plugin(Box::new(user.clone()), whose.to_owned());
        let secret = |text: &Option<secrecy::SecretString>| {
            let text = text.as_ref().map(|text| text.expose_secret().to_owned());
            text.filter(|text| !text.is_empty())
        };
        let fixed = |header: Result<HeaderValue, String>| {
            Source::Fixed(header.map_err(unusable).map(|header| Given {
                header: Some(header),
                ..Given::default()
            }))
        };
        let source = if user.auth_provider.is_some() {
            plugin()
        } else if let Some(name) = user.username.as_ref().filter(|name| !name.is_empty()) {
            // As client-go: a user without a password has an empty one, and a password alone says nothing.
            let password = secret(&user.password).unwrap_or_default();
            fixed(header::basic(name, &password))
        } else if let Some(token) = secret(&user.token) {
            fixed(header::bearer(&token, from))
        } else if user.exec.is_some() {
            plugin()
        } else {
            Source::Fixed(Ok(Given::default()))
        };
        Arc::new(Self {
            source,
            state: Mutex::default(),
            over: watch::Sender::new(0),
        })
    }

    /// Whether others may be had later.
    pub fn change(&self) -> bool {
        match self.source {
            Source::Fixed(_) => false,
            Source::Plugin(..) => true,
        }
    }

    /// Whether a person may be asked for them.
    pub fn asks_a_person(&self) -> bool {
        match &self.source {
            Source::Fixed(_) => false,
            Source::Plugin(user, _) => plugin::asks_a_person(user, unattended()),
        }
    }

    /// The number of the last credentials had, 0 before any.
    pub fn number(&self) -> u64 {
        self.state().kept.as_ref().map_or(0, |kept| kept.number)
    }

    /// The Authorization header now.
    pub fn header(&self) -> Option<HeaderValue> {
        match &self.source {
            Source::Fixed(given) => given.as_ref().ok()?.header.clone(),
            Source::Plugin(..) => self.state().kept.as_ref()?.given.header.clone(),
        }
    }

    /// The client certificate that `wanted` needs. Credentials that may still do are not waited for: a plugin may hang.
    ///
    /// # Errors
    /// With why there are none.
    pub async fn get(self: &Arc<Self>, wanted: Wanted) -> Result<Option<Identity>, Unusable> {
        if let Source::Fixed(given) = &self.source {
            return given.clone().map(|given| given.identity);
        }
        let mut over = self.over.subscribe();
        let (runs, patience) = {
            let mut state = self.state();
            let now = SystemClock.now();
            let usable = state.usable(wanted);
            let urgency = self.urgency(&state, usable, now);
            let identity = usable.map(|kept| kept.given.identity.clone());
            if urgency != Urgency::None && state.running.is_none() {
                state.running = Some(now);
                self.begin(state.kept.is_some());
            }
            match (identity, urgency) {
                (Some(identity), Urgency::None | Urgency::Background) => return Ok(identity),
                (Some(_), Urgency::Now) => {
                    // Of each run only the beginning is waited for.
                    let begun = state.running.unwrap_or(now);
                    (state.runs, Some((begun + patience()).since(now)))
                }
                (None, _) => (state.runs, None),
            }
        };
        // An error says that there is nobody left to send it, and we hold that ourselves.
        let done = async { drop(over.wait_for(|over| *over > runs).await) };
        match patience {
            Some(left) => drop(tokio::time::timeout(left, done).await),
            None => done.await,
        }
        let state = self.state();
        match (state.usable(wanted), &state.failed) {
            (Some(kept), _) => Ok(kept.given.identity.clone()),
            (None, Some((_, why))) => Err(why.clone()),
            (None, None) => Err(unusable("there are no credentials".to_owned())),
        }
    }

    /// Has credentials anew in the background, because the server took the last ones for another's.
    pub fn doubt(self: &Arc<Self>) {
        let mut state = self.state();
        if let Source::Plugin(..) = self.source
            && state.running.is_none()
        {
            state.running = Some(SystemClock.now());
            self.begin(state.kept.is_some());
        }
    }

    fn urgency(&self, state: &State, usable: Option<&Kept>, now: Instant) -> Urgency {
        let Some(kept) = usable else {
            return Urgency::Now;
        };
        let Some((due, over)) = kept.due else {
            return Urgency::None;
        };
        let wall = SystemClock.wall();
        let failed = state.failed.as_ref();
        if wall < due || failed.is_some_and(|(at, _)| now.since(*at) < PAUSE) {
            Urgency::None
        } else if wall < over {
            Urgency::Background
        } else {
            Urgency::Now
        }
    }

    fn begin(self: &Arc<Self>, again: bool) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let given = this.have(again).await;
            let now = SystemClock.now();
            let mut state = this.state();
            state.running = None;
            state.runs += 1;
            match given {
                Ok(given) => {
                    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
                    let due = due(given.expires, SystemClock.wall());
                    state.kept = Some(Kept { given, number, due });
                    state.failed = None;
                }
                Err(why) => {
                    log::debug!("no new credentials: {}", why.detail);
                    state.failed = Some((now, why));
                }
            }
            let runs = state.runs;
            drop(state);
            this.over.send_replace(runs);
        });
    }

    async fn have(&self, again: bool) -> Result<Given, Unusable> {
        match &self.source {
            Source::Fixed(given) => given.clone(),
            Source::Plugin(user, whose) => {
                let held = held();
                let limit = match held {
                    Some(duration) => Some((duration / 2).clamp(LEAST_LIMIT, LIMIT)),
                    None if self.asks_a_person() => Some(PERSON),
                    // Whoever waits has a deadline of their own.
                    None => again.then_some(LIMIT),
                };
                let circumstances = Circumstances {
                    unattended: unattended(),
                    limit,
                };
                plugin::ask(user, whose, circumstances).await
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgency {
    /// They will do.
    None,
    /// They do still.
    Background,
    /// They may do still.
    Now,
}

impl State {
    fn usable(&self, wanted: Wanted) -> Option<&Kept> {
        let newer = |kept: &&Kept| match wanted {
            Wanted::Kept => true,
            Wanted::NewerThan(number) => kept.number > number,
        };
        self.kept.as_ref().filter(newer)
    }
}

/// How long new credentials are waited for where the last ones may still do.
fn patience() -> Duration {
    held().map_or(Duration::from_secs(2), |duration| duration / 20)
}

/// When credentials that expire are had anew: a minute before, or in the middle of a shorter life. Those that are over
/// as they come are not believed to be (this clock is wrong, or nothing better is to be had): the server will say.
fn due(expires: Option<Timestamp>, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let expires = expires?;
    let life = Duration::try_from(expires.duration_since(now)).ok()?;
    if life.is_zero() {
        return None;
    }
    let due = expires.checked_sub(MARGIN.min(life / 2)).ok()?;
    Some((due, expires))
}
