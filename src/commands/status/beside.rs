//! What is asked for beside a Lease, and is not waited for long.

use std::pin::pin;
use std::time::Duration;

use futures::future::{join, maybe_done};

use crate::clock::{Clock, SystemClock};
use crate::lease::api::{Fault, RejectionKind};

/// How long it is waited for once all else is there.
const PATIENCE: Duration = Duration::from_millis(700);

/// What was learned beside a Lease.
pub enum Answer<T> {
    /// Nothing: it was not asked for, or whoever asks may not see it.
    Nothing,
    /// Nothing, and why.
    Unknown(String),
    /// All of it.
    All(Vec<T>),
}

impl<T> Answer<T> {
    /// What it means that this was answered; `None` for too much to read. `what` cannot be shown.
    pub fn of(answer: Result<Option<Vec<T>>, Fault>, what: &str) -> Self {
        let fault = match answer {
            Ok(Some(all)) => return Self::All(all),
            Ok(None) => return Self::Unknown("there are too many to read".to_owned()),
            Err(fault) => fault,
        };
        use RejectionKind::{Forbidden, NamespaceMissing, NotServed, Unauthorized};
        match fault.rejected() {
            // Most who may see the lease may not see this: they asked about the lease.
            Some(Forbidden | NamespaceMissing | NotServed | Unauthorized) => {
                log::debug!("{what} are not shown: {fault}");
                Self::Nothing
            }
            _ => Self::Unknown(fault.to_string()),
        }
    }

    /// What is known, or why nothing is; `None` where nothing is to be said.
    pub fn told(self) -> Option<Result<Vec<T>, String>> {
        match self {
            Self::Nothing => None,
            Self::Unknown(why) => Some(Err(why)),
            Self::All(all) => Some(Ok(all)),
        }
    }
}

/// Does `work`, and asks for two things meanwhile.
///
/// # Errors
/// That of `work`, at once.
pub async fn beside<T, E, A, B>(
    work: impl Future<Output = Result<T, E>>,
    one: impl Future<Output = Answer<A>>,
    other: impl Future<Output = Answer<B>>,
) -> Result<(T, Answer<A>, Answer<B>), E> {
    let (mut one, mut other) = (pin!(maybe_done(one)), pin!(maybe_done(other)));
    let done = {
        let (mut work, both) = (pin!(work), join(one.as_mut(), other.as_mut()));
        tokio::select! {
            biased;
            done = &mut work => done?,
            _ = both => work.await?,
        }
    };
    let patience = SystemClock.sleep_until(SystemClock.now() + PATIENCE);
    tokio::select! {
        biased;
        _ = join(one.as_mut(), other.as_mut()) => {}
        () = patience => {}
    }
    let (one, other) = (one.as_mut().take_output(), other.as_mut().take_output());
    Ok((done, in_time(one), in_time(other)))
}

fn in_time<T>(answer: Option<Answer<T>>) -> Answer<T> {
    answer.unwrap_or_else(|| Answer::Unknown("no answer in time".to_owned()))
}
