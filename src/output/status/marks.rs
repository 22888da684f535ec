//! What stands out in a list: a word for a row, and the line that counts them.

use super::Row;
use crate::lease::report::State;

/// What stands out about a row, in one word.
pub fn note(row: &Row) -> String {
    let skewed = row.condition.skew.map(|_| "skewed");
    let flapping = row.flaps_per_hour().map(|_| "flapping");
    let notes: Vec<&str> = skewed.into_iter().chain(flapping).collect();
    notes.join(",")
}

/// Counts what stands out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    all: usize,
    expired: usize,
    skewed: usize,
    flapping: usize,
}

impl Counts {
    /// Takes a row into account.
    pub fn add(&mut self, row: &Row) {
        self.all += 1;
        self.expired += usize::from(row.condition.state == State::Expired);
        self.skewed += usize::from(row.condition.skew.is_some());
        self.flapping += usize::from(row.flaps_per_hour().is_some());
    }

    /// One line; `None` if nothing stands out.
    pub fn line(&self) -> Option<String> {
        let parts: Vec<String> = [
            (self.expired, "expired"),
            (self.skewed, "skewed"),
            (self.flapping, "flapping"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        let leases = if self.all == 1 { "lease" } else { "leases" };
        (!parts.is_empty()).then(|| format!("Of {} {leases}: {}", self.all, parts.join(", ")))
    }
}
