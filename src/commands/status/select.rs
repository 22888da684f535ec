//! Which rows of a list are shown, and in which order.

use std::cmp::Reverse;

use jiff::SignedDuration;

use crate::cli::{ClassArg, SortBy, StateArg, StatusArgs};
use crate::lease::condition::State;
use crate::lease::summary::Class;
use crate::output::status::Row;

/// Whether a row is asked for.
pub fn wanted(row: &Row, args: &StatusArgs) -> bool {
    let state = || {
        args.state.is_empty()
            || args
                .state
                .iter()
                .any(|state| is_state(row.condition.state, *state))
    };
    let class = || {
        args.class.is_empty()
            || args
                .class
                .iter()
                .any(|class| is_class(row.lease.class, *class))
    };
    let holder = || {
        args.holder.as_deref().is_none_or(|pattern| {
            row.lease
                .holder
                .as_deref()
                .is_some_and(|holder| matches(pattern, holder))
        })
    };
    state() && class() && holder()
}

fn is_state(state: State, asked: StateArg) -> bool {
    match asked {
        StateArg::Held => matches!(state, State::Held | State::HeldWithoutExpiry),
        StateArg::Expired => state == State::Expired,
        StateArg::Free => state == State::Free,
        StateArg::Terminating => state == State::Terminating,
    }
}

fn is_class(class: Class, asked: ClassArg) -> bool {
    match asked {
        ClassArg::Node => class == Class::Node,
        ClassArg::ApiServer => class == Class::ApiServer,
        ClassArg::Election => class == Class::LeaderElection,
        ClassArg::Lock => class == Class::Lock,
    }
}

/// Shell patterns: `*` is any text, `?` any character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == '?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            // The last star takes one character more.
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Sorts rows; the server's own order is by name.
pub fn sort(rows: &mut [Row], by: SortBy) {
    match by {
        SortBy::Name => rows.sort_by(|a, b| {
            (&a.lease.namespace, &a.lease.name).cmp(&(&b.lease.namespace, &b.lease.name))
        }),
        SortBy::Renewed => rows
            .sort_by_key(|row| Reverse(row.condition.renewed_ago.unwrap_or(SignedDuration::MIN))),
        SortBy::Expires => {
            rows.sort_by_key(|row| row.condition.expires_in.unwrap_or(SignedDuration::MAX))
        }
        SortBy::Transitions => rows.sort_by_key(|row| Reverse(row.lease.transitions)),
        SortBy::Age => rows.sort_by_key(|row| Reverse(row.age())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holder_patterns_match_as_a_shells() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("ci-*", "ci-7", true),
            ("ci-?", "ci-7", true),
            ("ci-?", "ci-17", false),
            ("*@host", "me@host", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("me", "me2", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
