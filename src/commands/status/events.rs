//! The Events about one Lease: asked for beside the Lease itself, and not waited for long.

use std::pin::pin;
use std::time::Duration;

use super::StatusArgs;
use crate::clock::{Clock, SystemClock};
use crate::commands::Session;
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::events::{Recorded, newest};
use crate::lease::operate::events;
use crate::lease::values::LeaseName;
use crate::output::format::{StatusFormat, ValueFormat};

/// So many are shown.
const MOST: usize = 10;

/// How long they are waited for once all else is there.
const PATIENCE: Duration = Duration::from_millis(700);

/// What is known of the Events about the Leases of a name.
pub enum Answer {
    /// Nothing: they were not asked for, or whoever asks may not see them.
    Nothing,
    /// Nothing, and why.
    Unknown(String),
    /// All of them.
    All(Vec<Recorded>),
}

impl Answer {
    /// The newest of the Lease with this uid; `None` where nothing is known, or why.
    pub fn of(self, lease_uid: &str) -> Option<Result<Vec<Recorded>, String>> {
        match self {
            Self::Nothing => None,
            Self::Unknown(why) => Some(Err(why)),
            Self::All(all) => Some(Ok(newest(all, lease_uid, MOST))),
        }
    }
}

/// Does `work`, and asks for the Events meanwhile, if they are wanted.
///
/// # Errors
/// That of `work`, at once.
pub async fn beside<T, E>(
    session: &Session,
    name: &LeaseName,
    args: &StatusArgs,
    work: impl Future<Output = Result<T, E>>,
) -> Result<(T, Answer), E> {
    if !wanted(args) {
        return Ok((work.await?, Answer::Nothing));
    }
    let store = session.store.aside();
    let asking = events::about(
        &store,
        &session.namespace,
        name.as_str(),
        session.request_limit,
    );
    let mut asking = pin!(asking);
    let mut work = pin!(work);
    let (done, answer) = tokio::select! {
        biased;
        done = &mut work => {
            let done = done?;
            let patience = SystemClock.sleep_until(SystemClock.now() + PATIENCE);
            tokio::select! {
                biased;
                answer = asking => (done, Some(answer)),
                () = patience => (done, None),
            }
        }
        answer = &mut asking => (work.await?, Some(answer)),
    };
    Ok((done, answer_of(answer)))
}

fn answer_of(answer: Option<Result<Option<Vec<Recorded>>, Fault>>) -> Answer {
    let fault = match answer {
        Some(Ok(Some(all))) => return Answer::All(all),
        Some(Ok(None)) => return Answer::Unknown("there are too many to read".to_owned()),
        None => return Answer::Unknown("no answer in time".to_owned()),
        Some(Err(fault)) => fault,
    };
    use RejectionKind::{Forbidden, NamespaceMissing, NotServed, Unauthorized};
    match fault.rejected() {
        // Most who may see the lease may not see Events: they asked about the lease.
        Some(Forbidden | NamespaceMissing | NotServed | Unauthorized) => {
            log::debug!("Events are not shown: {fault}");
            Answer::Nothing
        }
        _ => Answer::Unknown(fault.to_string()),
    }
}

/// They cost a request, so templates have them only where they speak of them.
fn wanted(args: &StatusArgs) -> bool {
    if args.no_events {
        return false;
    }
    let speaks = |template: &crate::jsonpath::Template| template.mentions("events");
    match &args.output {
        None | Some(StatusFormat::Wide | StatusFormat::Value(ValueFormat::Document(_))) => true,
        Some(StatusFormat::Name | StatusFormat::Prometheus) => false,
        Some(StatusFormat::Value(
            ValueFormat::JsonPath(template) | ValueFormat::JsonPathAsJson(template),
        )) => speaks(template),
        Some(StatusFormat::CustomColumns(columns)) => columns.templates().any(speaks),
    }
}
