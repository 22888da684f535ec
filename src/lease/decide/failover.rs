//! The decisions of `failover`: whom a coordinated election is to prefer, and whether who holds a Lease afterwards is who should.

use crate::lease::record::Record;
use crate::lease::summary::instance;

/// Who holds a Lease after its holder has stepped down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Succession {
    /// Whoever was to.
    AsWanted,
    /// Another than was asked for.
    Another,
    /// The very one that has stepped down.
    Again,
}

/// Whether `holder` is who was to follow on `victim`: who was named, or anybody else.
pub fn succession(victim: &str, to: Option<&str>, holder: &str) -> Succession {
    match to {
        Some(to) if is_named(holder, to) => Succession::AsWanted,
        _ if holder == victim => Succession::Again,
        Some(_) => Succession::Another,
        None => Succession::AsWanted,
    }
}

/// Whether somebody has had a Lease since it was freed for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nobody has.
    Nobody,
    /// Somebody has it.
    Somebody,
    /// Somebody has had it for a moment: the transitions count that.
    Unseen,
}

/// Who has come since the grant that is `taken`, which was taken from the holder, was freed. Another grant is another's,
/// whatever its holder is called.
pub fn next(taken: &Record, record: &Record) -> Next {
    match record.holder() {
        Some(_) if !taken.same_grant(record) => Next::Somebody,
        None if record.transitions() > taken.transitions() => Next::Unseen,
        Some(_) | None => Next::Nobody,
    }
}

/// Whether a holder is the one that was named: by its identity, or by the instance in it (`pod-1` of `pod-1_<uuid>`), as nobody
/// knows the rest of it before.
pub fn is_named(holder: &str, named: &str) -> bool {
    holder == named || instance(holder) == Some(named)
}

/// Whom a coordinated election is to prefer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This candidate.
    Candidate(String),
    /// It holds the Lease already.
    Already(String),
    /// None is called so. These are there.
    NoSuch(Vec<String>),
    /// There is none but the holder.
    NoOther,
    /// It must be said which of these.
    Several(Vec<String>),
}

/// The candidate named `to`, or else the only one that does not hold the Lease.
pub fn candidate(all: &[String], holder: Option<&str>, to: Option<&str>) -> Choice {
    if let Some(to) = to {
        let exact = all.iter().find(|candidate| *candidate == to);
        let mut named = all.iter().filter(|candidate| is_named(candidate, to));
        return match (exact.or(named.next()), named.next()) {
            (Some(one), _) if Some(one.as_str()) == holder => Choice::Already(one.clone()),
            (Some(one), None) => Choice::Candidate(one.clone()),
            (Some(one), Some(_)) if one == to => Choice::Candidate(one.clone()),
            (Some(_), Some(_)) => Choice::Several(all.to_vec()),
            (None, _) => Choice::NoSuch(all.to_vec()),
        };
    }
    let others = all.iter().filter(|one| Some(one.as_str()) != holder);
    let others: Vec<String> = others.cloned().collect();
    match &others[..] {
        [] => Choice::NoOther,
        [one] => Choice::Candidate(one.clone()),
        _ => Choice::Several(others),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::testing::held;

    const RUN: &str = "pod-1_9ca3a9c7-610d-4b47-91bb-2d916d1307ed";

    #[test]
    fn whoever_follows_is_right_unless_another_was_named_or_it_is_the_same_again() {
        for (to, holder, expected) in [
            (None, "b", Succession::AsWanted),
            (None, "a", Succession::Again),
            (Some("b"), "b", Succession::AsWanted),
            (Some("b"), "c", Succession::Another),
            (Some("b"), "a", Succession::Again),
            (Some("a"), "a", Succession::AsWanted),
            (Some("pod-1"), RUN, Succession::AsWanted),
            (Some("pod"), RUN, Succession::Another),
            (Some("pod-1"), "pod-1_x", Succession::Another),
        ] {
            assert_eq!(succession("a", to, holder), expected, "{to:?} {holder}");
        }
    }

    #[test]
    fn whoever_has_another_grant_has_taken_it_by_whatever_name() {
        let taken = held("me", 15);
        let freed = taken.with(|object| {
            object["spec"]["holderIdentity"].take();
        });
        let count = |record: &Record, count: i64| {
            record.with_spec("leaseTransitions", (record.transitions() + count).into())
        };
        let renewed = taken.with_spec("renewTime", "2020-01-01T00:00:09.000000Z".into());
        for (record, expected) in [
            (taken.clone(), Next::Nobody),
            // A watch may replay it.
            (renewed, Next::Nobody),
            (freed.clone(), Next::Nobody),
            (count(&freed, 1), Next::Unseen),
            (count(&held("other", 15), 1), Next::Somebody),
            (count(&taken, 1), Next::Somebody),
        ] {
            assert_eq!(next(&taken, &record), expected, "{record:?}");
        }
    }

    #[test]
    fn the_candidate_is_the_one_that_was_named_or_the_only_other() {
        let all = ["a", "b", RUN].map(str::to_owned);
        let two = &all[..2];
        let candidate = |all: &[String], holder, to| candidate(all, Some(holder), to);
        assert_eq!(candidate(two, "a", None), Choice::Candidate("b".into()));
        assert_eq!(candidate(&all[..1], "a", None), Choice::NoOther);
        assert_eq!(candidate(&[], "a", None), Choice::NoOther);
        assert_eq!(
            candidate(&all, "a", None),
            Choice::Several(all[1..].to_vec())
        );
        assert_eq!(
            candidate(&all, "a", Some("pod-1")),
            Choice::Candidate(RUN.into())
        );
        assert_eq!(candidate(two, "a", Some("c")), Choice::NoSuch(two.to_vec()));
        assert_eq!(candidate(two, "a", Some("a")), Choice::Already("a".into()));
        // Of two runs of one instance nobody knows which; unless one is called exactly so, wherever it stands.
        let other_run = RUN.replace("9ca3a9c7", "00000000");
        let runs = [RUN.to_owned(), other_run.clone()];
        let several = Choice::Several(runs.to_vec());
        assert_eq!(candidate(&runs, "a", Some("pod-1")), several);
        let [run, other_run] = runs;
        for all in [
            ["pod-1".to_owned(), run.clone(), other_run.clone()],
            [run, "pod-1".to_owned(), other_run],
        ] {
            let exact = Choice::Candidate("pod-1".into());
            assert_eq!(candidate(&all, "a", Some("pod-1")), exact, "{all:?}");
        }
        // A holder that is no candidate any more.
        assert_eq!(candidate(two, "z", None), Choice::Several(two.to_vec()));
    }
}
