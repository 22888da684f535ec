//! The variables by which a grant is handed on, to the command of `hold` or by `acquire -o env`: written and read here.

use serde::{Deserialize, Serialize};

use super::Session;
use crate::identity::HOLDER;
use crate::lease::decide::{Exported, Ours};
use crate::lease::operate::Grant;
use crate::lease::record::Record;
use crate::lease::values::{HolderIdentity, LeaseName};

const NAME: &str = "KUBECTL_LEASE_NAME";
const NAMESPACE: &str = "KUBECTL_LEASE_NAMESPACE";
const UID: &str = "KUBECTL_LEASE_UID";
const TRANSITIONS: &str = "KUBECTL_LEASE_TRANSITIONS";
const SLOT: &str = "KUBECTL_LEASE_SLOT";
const FENCING_TOKEN: &str = "KUBECTL_LEASE_FENCING_TOKEN";

/// The grants that were handed on before this one, the last first, as JSON: each hands on only its own in the others.
const OUTER: &str = "KUBECTL_LEASE_OUTER";

/// Of grants that were made together: the names of all, the first of which is the one in the others; and their fencing tokens,
/// NAME=TOKEN each. With blanks between them, which no name has.
const NAMES: &str = "KUBECTL_LEASE_NAMES";
const FENCING_TOKENS: &str = "KUBECTL_LEASE_FENCING_TOKENS";

/// `hold` in the environment of a hold's command: it is not the command's to release. Nothing where a shell has taken it.
const KEPT_BY: &str = "KUBECTL_LEASE_KEPT_BY";

/// So many of them are handed on: a shell that takes one lease after another must not fill its environment.
const MOST_OUTER: usize = 32;

#[derive(Deserialize, Serialize)]
struct Outer {
    holder: String,
    uid: String,
    transitions: i64,
    /// Whether a hold keeps it.
    #[serde(default)]
    held: bool,
    /// What is known of it if it was made together with the one in the other variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    together: Option<Together>,
}

/// A grant that was made together with the one in the variables.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Together {
    name: String,
    namespace: String,
    token: String,
}

/// A grant that was handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    grant: Exported,
    /// Whether the hold that handed it on releases it.
    held: bool,
    /// Whether it was made together with the one in the variables, and is as much the present one.
    together: Option<Together>,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The grants that this process runs under: of the hold around it, or taken by the shell that started it, and those
/// around these in turn. Some may be over.
pub fn grants() -> Vec<Exported> {
    let all = all(variable).into_iter();
    all.map(|known| known.grant).collect()
}

/// Those of them that a hold keeps, which stops this process when it loses its lease.
pub fn held() -> Vec<Exported> {
    let all = all(variable).into_iter();
    let held = all.filter(|known| known.held);
    held.map(|known| known.grant).collect()
}

fn all(variable: impl Fn(&str) -> Option<String>) -> Vec<Known> {
    let own = || {
        let grant = Exported {
            holder: variable(HOLDER)?.parse().ok()?,
            uid: variable(UID).filter(|uid| !uid.is_empty())?,
            transitions: variable(TRANSITIONS)?.parse().ok()?,
        };
        let held = variable(KEPT_BY).as_deref() == Some("hold");
        Some(Known {
            grant,
            held,
            together: None,
        })
    };
    // Whatever else it is, it is not ours.
    let outer: Vec<Outer> = variable(OUTER)
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let outer = outer.into_iter().filter_map(|outer| {
        let grant = Exported {
            holder: outer.holder.parse().ok()?,
            uid: outer.uid,
            transitions: outer.transitions,
        };
        let Outer { held, together, .. } = outer;
        Some(Known {
            grant,
            held,
            together,
        })
    });
    let mut all: Vec<Known> = Vec::new();
    for known in own().into_iter().chain(outer) {
        // A Lease has one grant at a time: an earlier one of the same is over.
        if all.iter().all(|newer| newer.grant.uid != known.grant.uid) {
            all.push(known);
        }
    }
    all
}

/// The fencing token of the grant that a Lease shows, where that grant was handed on to this process: nobody else knows
/// it, because every renewal and every edit makes another resourceVersion.
pub fn token(lease: &Record) -> Option<String> {
    let is = |name: &str, value: &str| variable(name).as_deref() == Some(value);
    let same = is(HOLDER, lease.holder()?)
        && is(UID, lease.uid())
        && is(TRANSITIONS, &lease.transitions().to_string());
    let own = variable(FENCING_TOKEN).filter(|_| same);
    let others = || {
        let mut all = all(variable).into_iter();
        let found = all.find(|known| known.together.is_some() && known.grant.is_granted(lease));
        found?.together.map(|together| together.token)
    };
    own.or_else(others).filter(|token| !token.is_empty())
}

/// Who releases a grant that is handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBy {
    /// The hold around the command.
    Hold,
    /// Whoever it is handed to.
    Caller,
}

/// The variables that hand `grants` on, which were made together: the first in variables of its own.
pub fn environment(grants: &[Grant], kept_by: KeptBy) -> Vec<(&'static str, String)> {
    let Some((first, others)) = grants.split_first() else {
        return Vec::new();
    };
    let record = &first.record;
    let mut variables = vec![
        (NAME, record.name().to_owned()),
        (NAMESPACE, record.namespace().to_owned()),
        (HOLDER, record.holder().unwrap_or_default().to_owned()),
        (UID, record.uid().to_owned()),
        (TRANSITIONS, record.transitions().to_string()),
        (FENCING_TOKEN, first.fencing_token.clone()),
    ];
    match record.slot() {
        Some(slot) => variables.push((SLOT, slot.to_string())),
        // What a grant around this one has said was of another.
        None if variable(SLOT).is_some() => variables.push((SLOT, String::new())),
        None => {}
    }
    let beside = others.iter().filter_map(|grant| beside(grant, kept_by));
    variables
        .extend(outer(beside.collect(), all(variable), record.uid()).map(|text| (OUTER, text)));
    match kept_by {
        KeptBy::Hold => variables.push((KEPT_BY, "hold".to_owned())),
        // What a hold around this shell has said was of another grant.
        KeptBy::Caller if variable(KEPT_BY).is_some() => variables.push((KEPT_BY, String::new())),
        KeptBy::Caller => {}
    }
    // What a call of several around this one has said was of other grants.
    if !others.is_empty() || variable(NAMES).is_some() {
        let all = |of: fn(&Grant) -> String| {
            let all: Vec<String> = grants.iter().map(of).collect();
            all.join(" ")
        };
        let token = |grant: &Grant| format!("{}={}", grant.record.name(), grant.fencing_token);
        variables.push((NAMES, all(|grant| grant.record.name().to_owned())));
        variables.push((FENCING_TOKENS, all(token)));
    }
    variables
}

/// A grant that was made together with the one in the variables.
fn beside(grant: &Grant, kept_by: KeptBy) -> Option<Known> {
    let record = &grant.record;
    Some(Known {
        grant: Exported {
            holder: record.holder()?.parse().ok()?,
            uid: record.uid().to_owned(),
            transitions: record.transitions(),
        },
        held: kept_by == KeptBy::Hold,
        together: Some(Together {
            name: record.name().to_owned(),
            namespace: record.namespace().to_owned(),
            token: grant.fencing_token.clone(),
        }),
    })
}

/// What to hand on beside a grant of the Lease `uid`: those made together with it, and `all` that were handed on before;
/// `None` where nothing is, or was, to be said.
fn outer(beside: Vec<Known>, all: Vec<Known>, uid: &str) -> Option<String> {
    if beside.is_empty() && all.is_empty() {
        return None;
    }
    let is_new = |known: &Known| {
        let uid_of = |other: &Known| other.grant.uid == known.grant.uid;
        known.grant.uid != uid && !beside.iter().any(uid_of)
    };
    let before = all.into_iter().filter(is_new).take(MOST_OUTER);
    let before = before.map(|known| Known {
        together: None,
        ..known
    });
    let before: Vec<Known> = before.collect();
    let outer = beside.into_iter().chain(before);
    let outer = outer.map(|known| Outer {
        holder: known.grant.holder.to_string(),
        uid: known.grant.uid,
        transitions: known.grant.transitions,
        held: known.held,
        together: known.together,
    });
    serde_json::to_string(&outer.collect::<Vec<_>>()).ok()
}

/// Whether `ours` is the grant of the hold around this process, which releases it itself.
pub fn is_kept_by_hold(ours: &Ours) -> bool {
    matches!(ours, Ours::Exported(_)) && variable(KEPT_BY).as_deref() == Some("hold")
}

/// What is ours: exactly the grant that `acquire -o env` exported, if it is about this Lease and identity, else whatever
/// the identity holds.
pub fn ours(session: &Session, name: &LeaseName, holder: HolderIdentity) -> Ours {
    let exported = variable(NAME).as_deref() == Some(name.as_str())
        && variable(NAMESPACE).as_deref() == Some(&session.namespace)
        && variable(HOLDER).as_deref() == Some(holder.as_str());
    let transitions = variable(TRANSITIONS).and_then(|text| text.parse().ok());
    let uid = variable(UID).filter(|uid| !uid.is_empty());
    match (exported, uid, transitions) {
        (true, Some(uid), Some(transitions)) => Ours::Exported(Exported {
            holder,
            uid,
            transitions,
        }),
        // Whichever of them it is about, and by whatever namespace, shows when the Lease is read.
        _ => {
            let all = all(variable);
            let together = all.iter().find(|known| {
                let is_it =
                    |it: &Together| it.name == name.as_str() && it.namespace == session.namespace;
                known.together.as_ref().is_some_and(is_it) && known.grant.holder == holder
            });
            if let Some(known) = together {
                return Ours::Exported(known.grant.clone());
            }
            let around = all.into_iter().filter(|known| known.held);
            match around.map(|known| known.grant).collect::<Vec<_>>() {
                around if around.is_empty() => Ours::Identity(holder),
                around => Ours::Within(holder, around),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(holder: &str, uid: &str, transitions: i64) -> Known {
        let grant = Exported {
            holder: holder.parse().expect("a holder"),
            uid: uid.to_owned(),
            transitions,
        };
        Known {
            grant,
            held: holder == "held",
            together: None,
        }
    }

    /// The environment of a process that runs under `own`, with this list of outer ones.
    fn within<'a>(own: &'a Known, list: Option<&'a str>) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| match name {
            HOLDER => Some(own.grant.holder.to_string()),
            UID => Some(own.grant.uid.clone()),
            TRANSITIONS => Some(own.grant.transitions.to_string()),
            KEPT_BY => own.held.then(|| "hold".to_owned()),
            OUTER => list.map(str::to_owned),
            _ => None,
        }
    }

    #[test]
    fn grants_are_handed_on_through_any_number_of_others_whatever_their_holders_are_called() {
        let hostile = "it's \"me\",\n{}[] $(x)";
        let first = grant(hostile, "uid-a", 3);
        let (second, third) = (grant("held", "uid-b", 1), grant("c", "uid-c", 9));
        let list = outer(Vec::new(), all(within(&first, None)), "uid-b").expect("one");
        let inside = all(within(&second, Some(&list)));
        assert_eq!(inside, [second.clone(), first.clone()]);
        let list = outer(Vec::new(), inside, "uid-c").expect("two");
        let inside = all(within(&third, Some(&list)));
        assert_eq!(inside, [third, second, first]);
    }

    #[test]
    fn what_was_made_together_is_the_present_one_until_another_is_and_none_is_left_out_for_its_number()
     {
        let together = |n: i64| Known {
            together: Some(Together {
                name: format!("lease-{n}"),
                namespace: "default".to_owned(),
                token: n.to_string(),
            }),
            ..grant("held", &format!("uid-{n}"), n)
        };
        let first = grant("held", "uid-0", 0);
        let beside: Vec<Known> = (1..40).map(together).collect();
        let before = vec![grant("old", "uid-7", 3), grant("a", "uid-a", 1)];
        let list = outer(beside.clone(), before, "uid-0").expect("many");
        let inside = all(within(&first, Some(&list)));
        let expected = std::iter::once(first)
            .chain(beside)
            .chain([grant("a", "uid-a", 1)]);
        assert_eq!(inside, expected.collect::<Vec<_>>());
        // They do not hide a grant that a call inside makes.
        let list = outer(Vec::new(), inside, "uid-b").expect("many");
        let own = grant("c", "uid-b", 1);
        let inside = all(within(&own, Some(&list)));
        assert!(inside.iter().all(|known| known.together.is_none()));
        assert_eq!(inside.iter().filter(|known| known.held).count(), MOST_OUTER);
    }

    #[test]
    fn of_one_lease_only_the_last_grant_is_handed_on_and_of_many_leases_only_so_many() {
        let (old, new) = (grant("a", "uid-a", 3), grant("a", "uid-a", 4));
        assert_eq!(
            outer(Vec::new(), all(within(&old, None)), "uid-a").as_deref(),
            Some("[]")
        );
        let list = outer(Vec::new(), vec![old], "uid-b").expect("one");
        assert_eq!(all(within(&new, Some(&list))), [new]);
        let many = (0..100)
            .map(|n| grant("a", &format!("uid-{n}"), n))
            .collect();
        let list = outer(Vec::new(), many, "none").expect("many");
        let own = grant("me", "own", 1);
        assert_eq!(all(within(&own, Some(&list))).len(), MOST_OUTER + 1);
    }

    #[test]
    fn without_grants_nothing_is_handed_on_and_nonsense_is_no_grant() {
        assert_eq!(outer(Vec::new(), all(|_| None), "uid"), None);
        for nonsense in [
            "",
            "x",
            "{}",
            "[1]",
            "[{\"holder\":\"\",\"uid\":\"u\",\"transitions\":1}]",
        ] {
            let nonsense = |name: &str| (name == OUTER).then(|| nonsense.to_owned());
            assert_eq!(all(nonsense), []);
        }
    }
}
