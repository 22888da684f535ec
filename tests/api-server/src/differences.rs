//! What differs between the versions of Kubernetes as far as a client of Leases can see it: a table, and nothing that acts
//! on it. docs/kubernetes.md says of each row where it was seen; a test compares the two.

use std::collections::BTreeMap;

/// Something that servers of some versions do and others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// There is `events.k8s.io/v1`.
    Events,
    /// Who wrote which field is noted in managedFields.
    ManagedFields,
    /// `Impersonate-Uid` is known; else it is ignored.
    ImpersonateUid,
    /// A write of a manager that changes a field it owns already sets the time of its managedFields entry. Else the time
    /// changes only with the set of fields.
    Restamps,
    /// `fieldValidation` is known, and what is unknown in a body is told in a `Warning`. Else it is dropped in silence.
    FieldValidation,
    /// `authentication.k8s.io/v1` tells who one is.
    SelfSubjectReview,
    /// The same in `v1beta1`, where that is switched on.
    SelfSubjectReviewBeta,
    /// The same in `v1alpha1`, where that is switched on.
    SelfSubjectReviewAlpha,
    /// `spec` has `strategy` and `preferredHolder`.
    ElectionFields,
    /// The feature gate CoordinatedLeaderElection and its APIs are on: what of `ElectionFields` is new is stored, and there
    /// are LeaseCandidates.
    CoordinatedElections,
    /// LeaseCandidates are in `v1alpha1`, where they are at all.
    CandidatesAlpha1,
    /// LeaseCandidates are in `v1alpha2`, where they are at all.
    CandidatesAlpha2,
    /// LeaseCandidates are in `v1beta1`, where they are at all.
    CandidatesBeta1,
    /// `/version` tells the emulated version and the oldest that it is compatible with.
    EmulationVersion,
    /// An object that was never created has a `creationTimestamp` of `null`.
    NullCreationTimestamp,
    /// Impersonation may be granted for some verbs only, and what is missing of that is told first.
    ConstrainedImpersonation,
}

/// A row: which minor versions of Kubernetes 1 do it unless they are told otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What they do.
    pub difference: Difference,
    /// The first that does.
    pub since: u32,
    /// The first that does not any more.
    pub before: u32,
}

/// No version yet.
const NEVER: u32 = u32::MAX;

const fn row(difference: Difference, since: u32, before: u32) -> Row {
    Row {
        difference,
        since,
        before,
    }
}

/// Every difference.
pub const TABLE: [Row; 16] = [
    row(Difference::Events, 19, NEVER),
    row(Difference::ManagedFields, 18, NEVER),
    row(Difference::ImpersonateUid, 22, NEVER),
    row(Difference::Restamps, 25, NEVER),
    row(Difference::FieldValidation, 25, NEVER),
    row(Difference::SelfSubjectReview, 28, NEVER),
    row(Difference::SelfSubjectReviewBeta, NEVER, NEVER),
    row(Difference::SelfSubjectReviewAlpha, NEVER, NEVER),
    row(Difference::ElectionFields, 31, NEVER),
    row(Difference::CoordinatedElections, NEVER, NEVER),
    row(Difference::CandidatesAlpha1, 31, 32),
    row(Difference::CandidatesAlpha2, 32, NEVER),
    row(Difference::CandidatesBeta1, 33, NEVER),
    row(Difference::EmulationVersion, 33, NEVER),
    row(Difference::NullCreationTimestamp, 0, 34),
    row(Difference::ConstrainedImpersonation, 36, NEVER),
];

/// What one server does of it.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    pub version: (u32, u32),
    /// What it does or does not, whatever its version.
    pub switched: BTreeMap<Difference, bool>,
}

impl Behaviour {
    pub fn does(&self, wanted: Difference) -> bool {
        let (major, minor) = self.version;
        let by_version = || {
            let row = TABLE.iter().find(|row| row.difference == wanted);
            row.is_some_and(|row| major > 1 || (row.since..row.before).contains(&minor))
        };
        (self.switched.get(&wanted).copied()).unwrap_or_else(by_version)
    }

    pub fn does_all(&self, wanted: &[Difference]) -> bool {
        wanted.iter().all(|wanted| self.does(*wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, Difference, TABLE};
    use std::collections::BTreeMap;

    fn of(minor: u32) -> Behaviour {
        Behaviour {
            version: (1, minor),
            switched: BTreeMap::new(),
        }
    }

    #[test]
    fn each_difference_has_one_row_and_begins_and_ends_where_that_says() {
        for row in TABLE {
            let same = TABLE.iter().filter(|it| it.difference == row.difference);
            assert_eq!(same.count(), 1, "{row:?}");
            let does = |minor: u32| of(minor).does(row.difference);
            for minor in [row.since, row.before] {
                assert_eq!(does(minor), (row.since..row.before).contains(&minor));
                let last = minor.saturating_sub(1);
                assert_eq!(does(last), (row.since..row.before).contains(&last));
            }
        }
    }

    #[test]
    fn what_is_switched_is_so_in_any_version() {
        for on in [true, false] {
            for minor in 20..38 {
                let mut behaviour = of(minor);
                behaviour.switched.insert(Difference::Restamps, on);
                assert_eq!(behaviour.does(Difference::Restamps), on);
                let both = [Difference::Events, Difference::Restamps];
                assert_eq!(behaviour.does_all(&both), on);
            }
        }
    }
}
