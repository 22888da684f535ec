//! A leader of client-go's: takes what is free or has not changed for its duration while it looked, renews, releases with
//! a duration of 1 s. It asks the server directly.

use std::time::Duration;

use std::cell::Cell;

use jiff::Timestamp;
use lease_harness::Api;
use serde_json::{Value, json};

use super::Stage;
use crate::time::At;

/// What client-go records, in seconds, and goes by.
const SECONDS: u64 = 3;
const RETRY: Duration = Duration::from_millis(400);

/// One candidate.
pub struct Candidate<'a> {
    pub stage: &'a Stage,
    pub api: &'a Api,
    pub identity: String,
    pub lease: &'a str,
    /// Whether a write of its own had no answer.
    pub unanswered: Cell<bool>,
}

impl Candidate<'_> {
    /// Tries to lead for at most this time, and leads for as long as it was told. Says whether it led.
    pub fn run(&self, patience: Duration, leads: Duration) -> bool {
        let began = At::now();
        let mut observed: Option<(Value, At)> = None;
        while At::now().since(began) < patience && !self.stage.starts_over() {
            if self.try_to_lead(&mut observed) {
                self.lead(leads);
                return true;
            }
            self.stage.pass(RETRY, Stage::starts_over);
        }
        false
    }

    /// One round of client-go's tryAcquireOrRenew, as one who does not lead.
    fn try_to_lead(&self, observed: &mut Option<(Value, At)>) -> bool {
        let Some(mut lease) = self.read() else {
            return false;
        };
        let spec = lease["spec"].clone();
        if observed.as_ref().is_none_or(|(seen, _)| *seen != spec) {
            *observed = Some((spec.clone(), At::now()));
        }
        let since = observed.as_ref().map_or(At::now(), |(_, since)| *since);
        let held = spec["holderIdentity"]
            .as_str()
            .is_some_and(|it| !it.is_empty());
        // client-go goes by the recorded duration since 0.27.
        let seconds = spec["leaseDurationSeconds"]
            .as_u64()
            .unwrap_or(u64::MAX / 4);
        if held && since + Duration::from_secs(seconds) > At::now() {
            return false;
        }
        let transitions = spec["leaseTransitions"].as_u64().unwrap_or(0) + 1;
        lease["spec"]["holderIdentity"] = json!(self.identity);
        lease["spec"]["leaseDurationSeconds"] = json!(SECONDS);
        lease["spec"]["acquireTime"] = json!(micro_time());
        lease["spec"]["renewTime"] = json!(micro_time());
        lease["spec"]["leaseTransitions"] = json!(transitions);
        self.write(&lease)
    }

    fn lead(&self, leads: Duration) {
        let end = At::now() + leads;
        while At::now() < end && !self.stage.starts_over() {
            self.stage
                .pass(Duration::from_secs(SECONDS) / 3, Stage::starts_over);
            let mine = |lease: &Value| lease["spec"]["holderIdentity"] == self.identity;
            let Some(mut lease) = self.read().filter(mine) else {
                return;
            };
            lease["spec"]["renewTime"] = json!(micro_time());
            self.write(&lease);
        }
        let Some(mut lease) = self.read() else {
            return;
        };
        if lease["spec"]["holderIdentity"] == self.identity {
            lease["spec"]["holderIdentity"] = json!("");
            lease["spec"]["leaseDurationSeconds"] = json!(1);
            lease["spec"]["renewTime"] = json!(micro_time());
            lease["spec"]["acquireTime"] = json!(micro_time());
            self.write(&lease);
        }
    }

    fn read(&self) -> Option<Value> {
        let answer = self.api.call("GET", &self.stage.path_of(self.lease), None);
        let answer = answer.ok().filter(|answer| answer.status == 200)?;
        Some(answer.body)
    }

    fn write(&self, lease: &Value) -> bool {
        let path = self.stage.path_of(self.lease);
        let answer = self.api.call("PUT", &path, Some(lease));
        if answer.is_err() {
            self.unanswered.set(true);
        }
        answer.is_ok_and(|answer| answer.status == 200)
    }
}

/// The wall clock, which has exactly six digits in a MicroTime.
#[allow(clippy::disallowed_methods, reason = "what any other client does")]
fn micro_time() -> String {
    Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        .to_string()
}
