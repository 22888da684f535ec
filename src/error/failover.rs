//! Why a failover has not come to what was wanted, and what to do about it.

use std::time::Duration;

use super::Subject;
use crate::exit::Exit;
use crate::hint;
use crate::hint::advised::{self, From};
use crate::lease::keeper::Other;
use crate::words;

/// Why a failover has not come to what was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFailedOver {
    /// Nobody holds it, so that nobody has to step down.
    Free,
    /// Nothing tells when this holder must have stopped.
    Endless(Other),
    /// It is no lock and no election: why.
    NotElected(String),
    /// Nobody has taken it in this time.
    Nobody(Duration),
    /// Somebody has taken it and released it again before it was seen who.
    Unseen,
    /// The control plane has not given it to this candidate in this time.
    NotPreferred {
        /// Who was to hold it.
        candidate: String,
        /// How long that was waited for.
        waited: Duration,
    },
    /// Another has taken it.
    Another {
        /// Who had it before.
        from: String,
        /// Who was to have it.
        wanted: String,
        /// Who has it.
        holder: String,
    },
    /// The very one that had it before has taken it again.
    Again(String),
    /// There is no candidate but the holder.
    NoCandidate,
    /// There is no candidate of that name; these are there.
    NoSuchCandidate {
        /// Who was named.
        named: String,
        /// Who is there.
        candidates: Vec<String>,
    },
    /// It was not said which of these candidates.
    Several(Vec<String>),
    /// The server has no LeaseCandidates.
    NoCandidates,
}

impl NotFailedOver {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Free | Self::Another { .. } | Self::Again(_) => Exit::NOT_HELD,
            Self::Nobody(_) | Self::Unseen | Self::NotPreferred { .. } => Exit::NOT_ACQUIRED,
            Self::Endless(_) | Self::NotElected(_) => Exit::DECLINED,
            Self::NoCandidate | Self::NoCandidates => Exit::API,
            Self::NoSuchCandidate { .. } | Self::Several(_) => Exit::USAGE,
        }
    }

    /// What happened, and then what to do, a line each.
    pub(super) fn lines(&self, subject: &Subject) -> Vec<String> {
        let (name, namespace) = (&subject.name, &subject.namespace);
        let again = |to: &str| subject.lease("failover").with(hint::flag("to", to));
        let named = |all: &[String]| {
            let all: Vec<String> = all.iter().map(|one| format!("{one:?}")).collect();
            all.join(", ")
        };
        match self {
            Self::Free => vec![
                format!("error: lease {name:?} is free: nobody has to step down"),
                format!("See who takes it: {} --watch", subject.lease("status")),
            ],
            Self::Endless(other) => vec![
                format!(
                    "error: lease {name:?} has no duration, so nothing tells when {:?} must have stopped",
                    other.holder
                ),
                format!(
                    "Nothing was written. {}",
                    match advised::steal(other, name, namespace, From::Holder) {
                        Ok(steal) => format!("To take it all the same: {steal}"),
                        Err(instead) => instead,
                    }
                ),
            ],
            Self::NotElected(why) => vec![
                format!("error: lease {name:?} has nobody who could step down: {why}"),
                format!("Nothing was written. To do it anyway: {}", subject.lease("failover").with("--force")),
            ],
            Self::Nobody(Duration::ZERO) => vec![
                format!("error: lease {name:?} is free, and who takes it was not waited for (--timeout 0)"),
                format!("See who takes it: {} --watch", subject.lease("status")),
            ],
            Self::Nobody(waited) => vec![
                format!("error: nobody has taken lease {name:?} in {}: it is free", words::duration(*waited)),
                format!(
                    "Its candidates may have gone, or wait for longer. Look: {} --watch",
                    subject.lease("status")
                ),
            ],
            Self::Unseen => vec![
                format!("error: lease {name:?} was taken over and released again before it was seen by whom: it is free"),
                format!("Its Events may tell who it was. Look: {}", subject.lease("status")),
            ],
            Self::NotPreferred { candidate, waited } => vec![
                format!(
                    "error: lease {name:?} has not come to {candidate:?} in {}: it is its preferred holder now",
                    words::duration(*waited)
                ),
                format!("The control plane decides when. Look: {} --watch", subject.lease("status")),
            ],
            Self::Another { from, wanted, holder } => vec![
                format!("error: lease {name:?} was taken by {holder:?}, not by {wanted:?}"),
                // Whoever was named as the holder is that no more.
                format!(
                    "{from:?} has stepped down. To try it again: {}",
                    again(wanted).instead("if-holder", holder)
                ),
            ],
            Self::Again(holder) => vec![
                format!("error: lease {name:?} was taken again by {holder:?}, who had stepped down"),
                "It is a candidate too, and no other was faster: see that others run, or stop this one by its own means (delete its Pod, or scale it down)".to_owned(),
            ],
            Self::NoCandidate => vec![
                format!("error: lease {name:?} has no other candidate"),
                format!("Nothing was written. See which there are: {}", hint::kubectl_in("get leasecandidates", namespace)),
            ],
            Self::NoSuchCandidate { named: who, candidates } => vec![
                format!("error: lease {name:?} has no candidate {who:?}"),
                match &candidates[..] {
                    [] => "Nothing was written. It has none at all".to_owned(),
                    all => format!("Nothing was written. It has: {}", named(all)),
                },
            ],
            Self::Several(candidates) => vec![
                format!("error: lease {name:?} has several candidates: say which one is to hold it"),
                format!(
                    "Nothing was written. There are {}: {}",
                    named(candidates),
                    again(candidates.first().map_or("", String::as_str))
                ),
            ],
            Self::NoCandidates => vec![
                format!("error: lease {name:?} has a strategy, and this server has no LeaseCandidates"),
                "Nothing was written. They come with Kubernetes 1.31 and its feature CoordinatedLeaderElection".to_owned(),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, lease_tests::subject};

    fn told(why: NotFailedOver) -> String {
        let error = Error::Failover(Box::new((subject(), why)));
        format!("{}\n{}", error.exit().0, error.lines().join("\n"))
    }

    #[test]
    fn each_says_what_stands_now_and_what_to_do() {
        let minute = Duration::from_secs(60);
        let all = [
            NotFailedOver::Free,
            NotFailedOver::Nobody(minute),
            NotFailedOver::Nobody(Duration::ZERO),
            NotFailedOver::Unseen,
            NotFailedOver::NotPreferred {
                candidate: "b".into(),
                waited: minute,
            },
            NotFailedOver::Another {
                from: "a".into(),
                wanted: "c d".into(),
                holder: "b".into(),
            },
            NotFailedOver::Again("a".into()),
            NotFailedOver::NoCandidate,
            NotFailedOver::NoSuchCandidate {
                named: "x".into(),
                candidates: vec!["b".into(), "c".into()],
            },
            NotFailedOver::Several(vec!["b".into(), "c".into()]),
            NotFailedOver::NoCandidates,
            NotFailedOver::NotElected("why".into()),
        ];
        let told: Vec<String> = all.into_iter().map(told).collect();
        insta::assert_snapshot!(told.join("\n\n"));
    }
}
