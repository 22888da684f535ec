//! What is said of slots, of which any would do: what is in the way of them all, and why none can be had.

use std::time::Duration;

use super::Subject;
use crate::exit::Exit;
use crate::hint::{self, advised};
use crate::lease::decide::{Obstacle, SlotsHeld, SlotsRefusal};
use crate::lease::keeper::Nature;
use crate::lease::values::SlotCount;
use crate::words;

/// So many of them are named in a line.
const NAMED: usize = 8;

/// Who has them.
pub fn who(held: &SlotsHeld) -> String {
    if let Some(own) = held.own {
        return format!("you hold a slot already, slot {own}");
    }
    if let Some((0, Obstacle::Terminating)) = held.each.first() {
        return "slot 0, which says how many there are, is being deleted and waits for its finalizers".to_owned();
    }
    let each = held.each.iter().map(|(slot, obstacle)| match obstacle {
        Obstacle::HeldBy(other) => format!("slot {slot} by {:?}", other.holder),
        Obstacle::HeldByOneself(_) => format!("slot {slot} by you"),
        Obstacle::Terminating => format!("slot {slot} is being deleted"),
        Obstacle::Slots(_) | Obstacle::InLine(_) | Obstacle::LineIsFull { .. } => {
            format!("slot {slot}")
        }
    });
    let mut each: Vec<String> = each.collect();
    let more = each.len().saturating_sub(NAMED);
    if more > 1 {
        each.truncate(NAMED);
        each.push(format!("and {more} more"));
    }
    let goes = |(_, obstacle): &(usize, Obstacle)| matches!(obstacle, Obstacle::Terminating);
    let all = match held.count {
        count if held.each.iter().any(goes) => format!("none of the {count} slots is free"),
        1 => "the one slot is held".to_owned(),
        2 => "both slots are held".to_owned(),
        count => format!("all {count} slots are held"),
    };
    format!("{all}: {}", each.join(", "))
}

/// The same, and for how long at most.
pub fn until(held: &SlotsHeld, at_most: Option<Duration>) -> String {
    let who = who(held);
    match (at_most, held.own) {
        (None, _) => who,
        (Some(left), Some(_)) => {
            let left = words::duration(left);
            format!("{who}, for at most {left} more unless renewed")
        }
        (Some(left), None) => {
            let left = words::duration(left);
            format!("{who}; the next is free in at most {left} unless renewed")
        }
    }
}

/// What to do about it.
pub fn advice(held: &SlotsHeld, subject: &Subject) -> String {
    let (name, namespace) = (&subject.name, &subject.namespace);
    let own = held.own.map(|own| format!("{name}-{own}"));
    match own {
        Some(own) if subject.reenters => format!(
            "To keep it: {}; to begin a new grant for the same identity give --reenter, for another slot give --holder or --unique",
            hint::lease("renew", &own, namespace)
        ),
        Some(own) => format!(
            "Another process holds it under the same identity: {}. Without --holder each hold has one of its own",
            hint::lease("status", &own, namespace)
        ),
        None if matches!(held.each.first(), Some((0, Obstacle::Terminating))) => {
            let get = format!("get lease {name}-0");
            let get = hint::kubectl_in(&get, namespace);
            format!(
                "See which: {get} -o jsonpath='{{.metadata.finalizers}}'; no other slot is acquired before it is gone"
            )
        }
        None => {
            let look = subject.lease("status").with("--slots");
            let steal = held.each.iter().find_map(|(slot, obstacle)| {
                let Obstacle::HeldBy(other) = obstacle else {
                    return None;
                };
                let lease = format!("{name}-{slot}");
                advised::steal(other, &lease, namespace, advised::From::Holder).ok()
            });
            match steal {
                Some(steal) => format!(
                    "Look: {look}; wait longer with --timeout, or take one over by its own name, such as: {steal}"
                ),
                None => format!("Look: {look}; wait longer with --timeout"),
            }
        }
    }
}

/// The exit code of a refusal: how many there are is a word of the command line.
pub fn exit(refusal: &SlotsRefusal) -> Exit {
    match refusal {
        SlotsRefusal::Missing { .. } | SlotsRefusal::None => Exit::NOT_FOUND,
        SlotsRefusal::Differ { .. } => Exit::USAGE,
        SlotsRefusal::NoSlot { .. } => Exit::API,
    }
}

/// What was refused and why, and then what to do, a line each.
pub fn lines(subject: &Subject, refusal: &SlotsRefusal) -> Vec<String> {
    let (name, namespace) = (&subject.name, &subject.namespace);
    let create = |count: usize| {
        let command = subject.lease("create");
        command.with(format_args!("--slots {count}"))
    };
    match refusal {
        SlotsRefusal::Missing { names, asked } => {
            let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            let create = match names.len() == *asked {
                true => create(*asked),
                false => create(*asked).with("--ignore-existing"),
            };
            vec![
                format!(
                    "Error from server (NotFound): leases.coordination.k8s.io {} not found",
                    quoted.join(", ")
                ),
                match asked {
                    1 => format!("Create the one slot with --create, or: {create}"),
                    _ => format!(
                        "Create what is missing of the {asked} slots with --create, or: {create}"
                    ),
                },
            ]
        }
        SlotsRefusal::Differ {
            asked,
            lease,
            says,
            another,
        } => {
            let number = |says: &str| says.parse::<SlotCount>().map(SlotCount::get).ok();
            let known = number(says);
            let there = match known {
                Some(1) => "there is 1".to_owned(),
                Some(count) => format!("there are {count}"),
                None => format!("there are {:?}", words::cut(says, 20)),
            };
            let give = known.map_or_else(String::new, |count| format!(" Give --slots {count}."));
            let of_another = another.as_ref().and_then(|(_, says)| number(says));
            let most = known.max(of_another).unwrap_or(0).max(*asked);
            let all: Vec<String> = (0..most).map(|slot| format!("{name}-{slot}")).collect();
            let delete = format!("delete lease --ignore-not-found {}", all.join(" "));
            // Whichever number is given, another of them is against it.
            let (what, give) = match another {
                None => (
                    format!(
                        "error: {} for, and {there}, as lease {lease:?} says",
                        match asked {
                            1 => format!("1 slot of {name:?} was asked"),
                            count => format!("{count} slots of {name:?} were asked"),
                        }
                    ),
                    give,
                ),
                Some((other, number)) => (
                    format!(
                        "error: the slots of {name:?} do not agree how many there are: lease {lease:?} says {:?}, lease {other:?} says {:?}",
                        words::cut(says, 20),
                        words::cut(number, 20)
                    ),
                    String::new(),
                ),
            };
            // `create` has no holder.
            let nothing = match subject.holder {
                Some(_) => "Nothing was acquired",
                None => "No more are created",
            };
            vec![
                what,
                format!(
                    "{nothing}, so that there are never more holders than that.{give} To have {asked} from now on, stop whoever uses them, wait until all are free ({}), and make them anew: {} && {}",
                    subject.lease("status").with("--slots"),
                    hint::kubectl_in(&delete, namespace),
                    create(*asked)
                ),
            ]
        }
        SlotsRefusal::None => vec![
            format!(
                "Error from server (NotFound): leases.coordination.k8s.io \"{name}-0\" not found"
            ),
            format!(
                "There are no slots of {name:?}. To create some: {} --slots N",
                subject.lease("create")
            ),
        ],
        SlotsRefusal::NoSlot {
            lease,
            asked,
            nature,
        } => {
            let annotate = format!("annotate lease {lease} kubectl-lease/slots={asked}");
            let what = match nature {
                Nature::Kept(keeper) => advised::keeps(keeper),
                Nature::Election => "it elects the leader of a component".to_owned(),
                Nature::Lock | Nature::Terraform | Nature::Exhausted => {
                    "it is a lock of Terraform or OpenTofu".to_owned()
                }
            };
            vec![
                format!("error: lease {lease:?} is no slot of {name:?}: {what}"),
                format!(
                    "Nothing was acquired. Use another name; if it is to be a slot all the same: {}",
                    hint::kubectl_in(&annotate, namespace)
                ),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::keeper::Other;

    fn held(count: usize, own: Option<usize>) -> SlotsHeld {
        let each = (0..count).map(|slot| {
            let other = Other {
                holder: format!("h{slot}"),
                nature: Nature::Lock,
            };
            (slot, Obstacle::HeldBy(other))
        });
        SlotsHeld {
            count,
            each: each.collect(),
            own,
        }
    }

    #[test]
    fn some_holders_are_named_and_the_rest_counted() {
        assert_eq!(
            who(&held(1, None)),
            "the one slot is held: slot 0 by \"h0\""
        );
        let nine = who(&held(9, None));
        assert!(nine.ends_with("slot 8 by \"h8\""), "{nine}");
        let ten = who(&held(10, None));
        assert!(ten.starts_with("all 10 slots are held: slot 0 by \"h0\""));
        assert!(ten.ends_with("slot 7 by \"h7\", and 2 more"), "{ten}");
        let mut goes = held(3, None);
        goes.each[0].1 = Obstacle::Terminating;
        assert_eq!(
            who(&goes),
            "slot 0, which says how many there are, is being deleted and waits for its finalizers"
        );
        assert_eq!(
            until(&held(3, Some(2)), None),
            "you hold a slot already, slot 2"
        );
    }
}
