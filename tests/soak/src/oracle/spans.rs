//! Spans of time: put together, cut to a window, added up.

use std::time::Duration;

use crate::time::At;

/// Spans in order that do not meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(At, At)>);

impl Spans {
    /// What at least one of these covers.
    pub fn union(all: impl IntoIterator<Item = (At, At)>) -> Self {
        let mut all: Vec<_> = all.into_iter().filter(|(from, to)| from < to).collect();
        all.sort();
        let mut joined: Vec<(At, At)> = Vec::with_capacity(all.len());
        for (from, to) in all {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        Self(joined)
    }

    /// What both cover.
    pub fn both(&self, other: &Self) -> Self {
        let pairs = self.0.iter().flat_map(|one| {
            let others = other.0.iter();
            others.map(|other| (one.0.max(other.0), one.1.min(other.1)))
        });
        Self::union(pairs)
    }

    /// How much of a window they cover.
    pub fn within(&self, from: At, to: At) -> Duration {
        let all = self.0.iter();
        all.map(|span| span.1.min(to).since(span.0.max(from))).sum()
    }

    /// The longest part of a window that they leave.
    pub fn longest_gap(&self, from: At, to: At) -> (At, At) {
        let mut longest = (from, from);
        let mut free = from;
        let covered = self.0.iter().copied().chain([(to, to)]);
        for (begun, over) in covered {
            let until = begun.min(to);
            if until.since(free) > longest.1.since(longest.0) {
                longest = (free, until);
            }
            free = free.max(over);
        }
        longest
    }

    pub fn iter(&self) -> impl Iterator<Item = (At, At)> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(all: &[(u64, u64)]) -> Spans {
        Spans::union(all.iter().map(|(from, to)| (At(*from), At(*to))))
    }

    #[test]
    fn spans_that_meet_are_one_and_count_once() {
        let all = spans(&[(5, 9), (1, 3), (2, 4), (9, 10), (7, 7)]);
        assert_eq!(all, spans(&[(1, 4), (5, 10)]));
        assert_eq!(all.within(At(2), At(7)), Duration::from_nanos(4));
        assert_eq!(all.both(&spans(&[(3, 6)])), spans(&[(3, 4), (5, 6)]));
    }

    #[test]
    fn the_longest_gap_is_found_before_between_and_after() {
        let all = spans(&[(10, 20), (22, 30)]);
        for (from, to, gap) in [
            (0, 30, (0, 10)),
            (12, 28, (20, 22)),
            (12, 40, (30, 40)),
            (23, 29, (23, 23)),
        ] {
            let found = all.longest_gap(At(from), At(to));
            let length = found.1.since(found.0);
            assert_eq!(length, At(gap.1).since(At(gap.0)), "{from} {to}: {found:?}");
        }
    }
}
