//! Why a request was refused before anything was written, and what to do about it.

use super::{Subject, TakesBy, slots, unfreed};
use crate::exit::Exit;
use crate::hint;
use crate::hint::advised::{self, From};
use crate::lease::decide::Refusal;
use crate::lease::keeper::{Keeper, Nature, Other};

/// The exit code of a refusal.
pub fn exit(subject: &Subject, refusal: &Refusal) -> Exit {
    match refusal {
        Refusal::NotFound => Exit::NOT_FOUND,
        Refusal::Slots(refusal) => slots::exit(refusal),

        Refusal::HolderIs(_)
        | Refusal::NotAsShown { .. }
        | Refusal::VictimMayRun(_)
        | Refusal::BeingTakenOver { .. }
        | Refusal::KeptByHold => Exit::NOT_HELD,

        Refusal::Coordinated(_)
        | Refusal::TransitionsExhausted
        | Refusal::LastTransition
        | Refusal::Terminating => Exit::API,
        // Nothing can be given that would have it acquired.
        Refusal::NoLock(Keeper::Waiter(_)) if subject.conflict.is_some() && !subject.beside => {
            Exit::API
        }
        Refusal::NoLock(_) | Refusal::NotFreed(_) | Refusal::VictimIsAncestor(_) => Exit::DECLINED,
        Refusal::TooShort(_) | Refusal::SlotStays(_) => Exit::USAGE,
        Refusal::HeldByAncestor(_) => subject.conflict.unwrap_or(Exit::API),
    }
}

/// What was refused and why, and then what to do, a line each.
pub fn lines(subject: &Subject, refusal: &Refusal) -> Vec<String> {
    let freeing = unfreed::lines(subject, refusal);
    let lines = freeing.unwrap_or_else(|| all_lines(subject, refusal));
    if !subject.only_asks {
        return lines;
    }
    without_outcome(lines)
}

/// The same where nothing was to be written, or where that is not known.
pub fn without_outcome(lines: Vec<String>) -> Vec<String> {
    let words = |line: String| {
        if let Some(rest) = line.strip_prefix("Nothing was written.") {
            return rest.trim_start().to_owned();
        }
        if let Some(why) = line.strip_suffix("; nothing was written") {
            return why.to_owned();
        }
        match line.split_once(": the yes was for ") {
            Some((_, rest)) => format!("The yes was for {rest}"),
            None => line,
        }
    };
    let lines = lines.into_iter().map(words);
    lines.filter(|line| !line.is_empty()).collect()
}

fn all_lines(subject: &Subject, refusal: &Refusal) -> Vec<String> {
    let (namespace, name, me) = (&subject.namespace, &subject.name, subject.me());
    match refusal {
        Refusal::Slots(refusal) => slots::lines(subject, refusal),
        Refusal::NotFound => vec![
            format!("Error from server (NotFound): leases.coordination.k8s.io {name:?} not found"),
            match subject.conflict {
                Some(_) => format!("Create it with --create, or: {}", subject.lease("create")),
                // There is nothing to keep, to give back or to look at of a lease that is created now.
                None => format!(
                    "See which there are: {}",
                    hint::kubectl_in("lease status", namespace)
                ),
            },
        ],
        Refusal::HolderIs(None) => vec![
            format!(
                "error: lease {name:?} is not held by {:?}: it is free",
                subject.if_holder.as_deref().unwrap_or(me)
            ),
            "Nothing was written.".to_owned(),
        ],
        Refusal::HolderIs(Some(other)) if subject.if_holder.is_some() => vec![
            format!(
                "error: lease {name:?} is not held by {:?}: it is held by {:?}",
                subject.if_holder.as_deref().unwrap_or_default(),
                other.holder
            ),
            format!(
                "Nothing was written. {}",
                to_take_by(subject, other)
            ),
        ],
        Refusal::HolderIs(Some(other)) if other.holder == me => vec![
            format!(
                "error: lease {name:?} now belongs to a newer grant of {me:?}, not to the one that KUBECTL_LEASE_TRANSITIONS names"
            ),
            "Nothing was written. If you acquired it again yourself: unset KUBECTL_LEASE_UID KUBECTL_LEASE_TRANSITIONS".to_owned(),
        ],
        Refusal::HolderIs(Some(other)) => vec![
            format!(
                "error: lease {name:?} is not held by {me:?}: it is held by {:?}",
                other.holder
            ),
            format!(
                "Nothing was written. {}",
                to_take(subject, other, From::Anybody)
            ),
        ],
        Refusal::NoLock(keeper) => vec![
            format!(
                "error: lease {name:?} is not a lock: {}",
                advised::keeps(keeper)
            ),
            match (keeper, subject.takes_by) {
                (Keeper::Waiter(_), _) => "Nothing was written.".to_owned(),
                (_, takes_by) => format!(
                    "Nothing was written. To steal it anyway: {}",
                    match takes_by {
                    TakesBy::Hold => subject.lease("hold").with("--steal --force").running(),
                    TakesBy::Failover => subject.lease("failover").with("--force"),
                    TakesBy::Steal => subject.lease("steal").with("--force"),
                }
                ),
            },
        ],
        Refusal::NotFreed(keeper) => vec![
            format!(
                "error: lease {name:?} is not a lock: {}",
                advised::keeps(keeper)
            ),
            "Nothing was written: what is not a lock is not freed by force".to_owned(),
        ],
        Refusal::Coordinated(strategy) => vec![
            format!(
                "error: lease {name:?} has strategy {strategy:?}: the control plane elects its holder"
            ),
            "It cannot be acquired or stolen; use a lease of your own.".to_owned(),
        ],
        Refusal::TransitionsExhausted => vec![
            format!(
                "error: lease {name:?} has counted {} transitions, the most there can be",
                i32::MAX
            ),
            advised::exhausted(name, namespace),
        ],
        Refusal::LastTransition => vec![
            format!(
                "error: lease {name:?} has counted {} transitions, and there can be one more: the failover would take it, and nobody could follow",
                i32::MAX - 1
            ),
            format!("Nothing was written. {}", advised::exhausted(name, namespace)),
        ],
        Refusal::Terminating => vec![
            format!("error: lease {name:?} is being deleted and waits for its finalizers"),
            format!(
                "See which: {} -o jsonpath='{{.metadata.finalizers}}'",
                hint::kubectl_in(&format!("get lease {name}"), namespace)
            ),
        ],
        Refusal::TooShort(duration) => vec![format!(
            "error: the duration of lease {name:?}, {duration}, is too short"
        )],
        Refusal::SlotStays(of) => vec![
            format!(
                "error: lease {name:?} is a slot of {of:?}: --cleanup would delete it, and with it the record of how many slots there are"
            ),
            format!(
                "Nothing was written. Hold it without --cleanup. To delete the slots, wait until all are free: {}",
                hint::lease("status", of, namespace).with("--slots")
            ),
        ],
        Refusal::NotAsShown {
            change,
            now: now @ Other { holder, .. },
        } => vec![
            unfreed::changed(name, change, holder),
            format!(
                "It was not taken from {holder:?}: --yes agrees only to what was shown. {}",
                to_try_again(subject, now)
            ),
        ],
        Refusal::BeingTakenOver { by, victim } => vec![
            format!(
                "error: lease {name:?} is being taken over already: by {:?}, who waits until {victim:?} must have stopped",
                by.holder
            ),
            format!(
                "Nothing was written. Look: {}. Should {:?} be gone, it expires by itself. {}",
                subject.lease("status"),
                by.holder,
                to_take_by(subject, by)
            ),
        ],
        Refusal::VictimMayRun(victim) => vec![
            format!(
                "error: lease {name:?} was stolen from {victim:?}, who may still run: the steal did not wait to the end"
            ),
            format!(
                "Nothing was written: it stays held and expires by itself. {}",
                subject.ways_out(victim)
            ),
        ],
        Refusal::KeptByHold => vec![
            format!(
                "error: lease {name:?} not released: a hold around this command keeps it"
            ),
            "It is released when the command has ended and nothing of it runs any more: end the command".to_owned(),
        ],
        Refusal::VictimIsAncestor(holder) if subject.takes_by == TakesBy::Failover => vec![
            format!(
                "error: lease {name:?} cannot be failed over from here: this process runs under it, held by {holder:?}, and would be stopped half-way"
            ),
            format!(
                "Nothing was written. End the command of the hold, or, from another shell: {}",
                subject.lease("failover")
            ),
        ],
        Refusal::VictimIsAncestor(holder) => vec![
            format!(
                "error: lease {name:?} not stolen: this process runs under it, held by {holder:?}, and would be stopped half-way"
            ),
            "Nothing was written. Steal it from another shell, or end the command of the hold. To take it at once and be stopped: --now".to_owned(),
        ],
        Refusal::HeldByAncestor(holder) => vec![
            format!(
                "error: lease {name:?} not acquired: this process already runs under it, held by {holder:?}, so it would wait for itself"
            ),
            if subject.reenters {
                format!(
                    "This process has it already: go on, or use another lease. To keep it: {}; to begin a new grant, which ends the present one, give --reenter",
                    subject.lease("renew")
                )
            } else {
                "This process has it already: run the command without this hold, or use another lease".to_owned()
            },
        ],
    }
}

/// How to try it again, now that somebody else has it, by the subcommand that was called.
fn to_try_again(subject: &Subject, now: &Other) -> String {
    let (name, namespace) = (&subject.name, &subject.namespace);
    match (subject.takes_by, &now.nature) {
        (TakesBy::Failover, Nature::Lock | Nature::Election | Nature::Kept(Keeper::Election)) => {
            format!("Look, and make it step down: {}", subject.lease("failover"))
        }
        (TakesBy::Hold, Nature::Lock) => format!(
            "Look, and take it again: {}",
            subject.lease("hold").with("--steal").running()
        ),
        (TakesBy::Failover | TakesBy::Hold | TakesBy::Steal, _) => {
            match advised::steal(now, name, namespace, From::Anybody) {
                Ok(steal) => format!("Look, and steal it again: {steal}"),
                Err(instead) => instead,
            }
        }
    }
}

/// How to take it from the one who holds it, by the subcommand that was called.
fn to_take_by(subject: &Subject, other: &Other) -> String {
    let from = hint::flag("if-holder", &other.holder);
    match (subject.takes_by, &other.nature) {
        (TakesBy::Failover, Nature::Lock | Nature::Election) => format!(
            "To make {:?} step down: {}",
            other.holder,
            subject.lease("failover").with(from)
        ),
        (TakesBy::Hold, Nature::Lock) => format!(
            "To take it from {:?}: {}",
            other.holder,
            subject
                .lease("hold")
                .with(format_args!("--steal {from}"))
                .running()
        ),
        (TakesBy::Failover | TakesBy::Hold | TakesBy::Steal, _) => {
            to_take(subject, other, From::Holder)
        }
    }
}

/// How to take it from another, or what to do instead.
fn to_take(subject: &Subject, other: &Other, from: From) -> String {
    match advised::steal(other, &subject.name, &subject.namespace, from) {
        Ok(steal) => match from {
            From::Anybody => format!("To take it over: {steal}"),
            From::Holder => format!("To take it from {:?}: {steal}", other.holder),
        },
        Err(instead) => instead,
    }
}
