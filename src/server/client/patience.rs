//! How long a request is waited for: its limit, and besides it the time that a person takes to answer a credential plugin.

use std::time::Duration;

use super::Client;
use crate::clock::{Clock, SystemClock};
use crate::lease::api::Fault;
use crate::server::PERSON;
use crate::server::faults::late;
use crate::server::progress::RequestProgress;

impl Client {
    /// What comes of a request within `limit`; the time that a person takes to answer a credential plugin does not count if
    /// it is `patient`.
    pub(super) async fn in_time<T>(
        &self,
        limit: Duration,
        patient: bool,
        progress: &RequestProgress,
        whole: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let begun = SystemClock.now();
        let patient = patient && self.connection.asks_a_person();
        tokio::pin!(whole);
        loop {
            let asked = match patient {
                true => progress.asked().min(PERSON),
                false => Duration::ZERO,
            };
            let whole_limit = limit + asked;
            let left = (begun + whole_limit).since(SystemClock.now());
            if left.is_zero() {
                let stage = progress.before_sending();
                return Err(late(stage, whole_limit, &self.connection));
            }
            if let Ok(outcome) = tokio::time::timeout(left, &mut whole).await {
                return outcome;
            }
        }
    }
}
