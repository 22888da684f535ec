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
    in_line: usize,
}

impl Counts {
    /// Takes a row into account.
    pub fn add(&mut self, row: &Row) {
        self.all += 1;
        self.expired += usize::from(row.condition.state == State::Expired);
        self.skewed += usize::from(row.condition.skew.is_some());
        self.flapping += usize::from(row.flaps_per_hour().is_some());
    }

    /// Takes into account who waits for one of them in line, which no row says.
    pub fn add_in_line(&mut self, waiters: usize) {
        self.in_line += waiters;
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
        let of_all =
            (!parts.is_empty()).then(|| format!("Of {} {leases}: {}", self.all, parts.join(", ")));
        let in_line = (self.in_line > 0)
            .then(|| format!("{} in line (--class waiter lists them)", self.in_line));
        let lines: Vec<String> = of_all.into_iter().chain(in_line).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{expired, held, row};
    use super::*;

    #[test]
    fn who_waits_in_line_is_counted_beside_what_stands_out() {
        let mut counts = Counts::default();
        counts.add(&row(&held()));
        counts.add_in_line(0);
        assert_eq!(counts.line(), None);
        counts.add_in_line(2);
        let line = counts.line();
        assert_eq!(
            line.as_deref(),
            Some("2 in line (--class waiter lists them)")
        );
        counts.add(&row(&expired()));
        let line = counts.line();
        let expected = "Of 2 leases: 1 expired; 2 in line (--class waiter lists them)";
        assert_eq!(line.as_deref(), Some(expected));
    }
}
