//! I7: a call's exit code tells what happened: the command's own status only if it ended so and the lease was given back, or it
//! was said that it could not be; the others only with what they stand for (docs/exit-codes.md). It ends at what was done to
//! the processes themselves: whoever sends them signals has these as the exit codes.

use std::time::Duration;

use super::author::Author;
use super::grants::{self, Ending};
use super::record::Record;
use super::story::{About, Story, Write, named};
use super::{Violation, faults, ghosts};
use crate::history::{Call, Exit, Injected, Role};
use crate::time::At;

const RULE: &str = "I7";

/// A command is seen at work from its first sign of life to its last: it has lived a little longer, and slept through both.
const UNSEEN: Duration = Duration::from_millis(500);

pub fn violations(story: &Story<'_>) -> Vec<Violation> {
    let ended = story.history.calls.iter().filter_map(|call| {
        let (exit, ended) = (call.exit?, call.ended?);
        let what = match exit {
            Exit::Signal(signal) => by_signal(story, call, signal),
            Exit::Code(code) if grants::holds(call) => of_hold(story, call, code, ended),
            Exit::Code(code) => of_others(story, call, code, ended),
        };
        Some(violation(story, call, ended, exit, &what?))
    });
    ended.collect()
}

fn violation(story: &Story<'_>, call: &Call, ended: At, exit: Exit, what: &str) -> Violation {
    let lease = story.grants_of(call).map(|grant| grant.lease).last();
    let lease = lease.or(call.leases.first().map(String::as_str));
    let about = About {
        lease,
        calls: &[call.id],
        from: ended - Duration::from_secs(6),
        at: ended,
    };
    let how = match exit {
        Exit::Code(code) => format!("with {code}"),
        Exit::Signal(signal) => format!("by signal {signal}"),
    };
    story.violation(RULE, about, format!("{} ended {how}: {what}", named(call)))
}

/// Nothing ends a process by a signal but whoever sends it; a program that dies by one of its own is broken.
fn by_signal(story: &Story<'_>, call: &Call, signal: i32) -> Option<String> {
    (!was_sent(story, call, signal)).then(|| format!("nobody sent it signal {signal}"))
}

/// What was done to its processes while it ran.
fn harms<'s>(story: &'s Story<'_>, call: &'s Call) -> impl Iterator<Item = &'s Injected> {
    let all = story.history.faults.iter();
    all.filter(|fault| faults::is_harm_to(fault, call) && faults::met(fault, call))
}

/// Whether something was.
fn harmed(story: &Story<'_>, call: &Call) -> bool {
    harms(story, call).next().is_some()
}

/// Whether this signal was sent to one of its processes; or it had to be killed at the end, which is told by itself.
fn was_sent(story: &Story<'_>, call: &Call, signal: i32) -> bool {
    let same =
        |fault: &Injected| faults::signal(fault).is_none_or(|sent| sent == i64::from(signal));
    let mut left = story.history.left.iter();
    let killed = signal == 9 && left.any(|left| left.call == Some(call.id));
    killed || harms(story, call).any(same)
}

/// Whether its surroundings are such that a process may not be started, a file not opened.
pub fn is_confined(call: &Call) -> bool {
    let starves = call
        .command
        .as_ref()
        .is_some_and(|of| of.manner.contains("pid-space"));
    let harmless = [
        "terminal",
        "clock",
        "hidepid",
        "pid-namespace",
        "user",
        "no-terminal",
    ];
    let confines = |what: &&String| !harmless.iter().any(|harmless| what.starts_with(harmless));
    starves || call.surroundings.iter().any(|what| confines(&what))
}

fn of_hold(story: &Story<'_>, call: &Call, code: i32, ended: At) -> Option<String> {
    let worked = story.trees_of(call).next().is_some();
    let own = call.command.as_ref().map(|command| match command.exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => 128 + signal,
    });
    let wrong = |so: bool, what: &str| so.then(|| what.to_owned());
    match code {
        // A command of which nothing was heard may not have begun, and the code be of the table.
        _ if Some(code) == own && (worked || !matches!(code, 1 | 2)) => {
            of_command(story, call, ended)
        }
        // Only `--again` asks anew when something has run.
        2 | 121 | 122 | 124 | 126 | 127 if worked && call.role != Role::HoldAgain => {
            Some("its command was at work, so it had the lease".to_owned())
        }
        121 => wrong(!was_absent(story, call), "no lease of it was ever absent"),
        122 => wrong(
            call.role != Role::HoldSteal,
            "it does not take what another holds, and cannot have been refused it",
        ),
        123 => wrong(
            story.grants_of(call).next().is_none() && !may_have_had(story, call),
            "it was never granted anything that it could have lost",
        ),
        124 => too_soon(call, ended).or(was_free_throughout(story, call, ended)),
        125..=127 => wrong(
            !harmed(story, call) && !is_confined(call),
            "nothing was done to its processes or their limits",
        ),
        1 => wrong(
            !faults::could_not_ask(story, call) && !is_confined(call),
            "nothing stood between it and the server",
        ),
        2 => wrong(
            !was_shortened(story, call),
            "its words are right, and the lease allowed it",
        ),
        129..=192 => wrong(
            !was_sent(story, call, code - 128) && !is_confined(call),
            "nobody sent that signal to it or to its command",
        ),
        // Whatever is done to a process makes it end by a signal, and no code of its own.
        _ => wrong(
            !is_confined(call),
            "neither its command nor the table of exit codes has that",
        ),
    }
}

/// The command's own status.
fn of_command(story: &Story<'_>, call: &Call, ended: At) -> Option<String> {
    let command = call.command.as_ref()?;
    let trees: Vec<_> = story.trees_of(call).collect();
    let (Some(first), Some(last)) = (
        trees.iter().map(|tree| tree.first).max(),
        trees.iter().map(|tree| tree.last).max(),
    ) else {
        if is_confined(call) || harmed(story, call) {
            return None;
        }
        return match story.grants_of(call).next() {
            None => Some("that is its command's own code, and it never held anything".to_owned()),
            // It says so before all else, and does not end so if nobody hears it.
            Some(_) => (command.works > 0)
                .then(|| "that is its command's own code, and its command never began".to_owned()),
        };
    };
    let works = Duration::from_millis(command.works);
    let seen = last.since(first);
    if seen + UNSEEN + works / 5 < works && !harmed(story, call) && !is_confined(call) {
        return Some(format!(
            "that is its command's own code, and its command worked for {} of {}",
            super::seconds(seen),
            super::seconds(works)
        ));
    }
    let kept = story.grants_of(call).filter(|grant| {
        !ghosts::says_so(call, grant.lease) && grant.token >= newest(story, call, grant.lease)
    });
    let mut kept = kept.filter(|grant| match grant.ending(&story.writes) {
        // Freed by its owner; or by somebody, at the very end, while it found the lease as it wanted it.
        Ending::Released => false,
        Ending::FreedByOther | Ending::Robbed | Ending::Expired => {
            let end = grant.ended(&story.writes);
            end.is_some_and(|end| {
                end.earliest < last && end.earliest + Duration::from_millis(500) < ended
            })
        }
        Ending::Stands => true,
    });
    kept.next().map(|grant| match grant.ending(&story.writes) {
        Ending::Stands => format!(
            "{:?} was not given back, and nothing was said of that",
            grant.lease
        ),
        _ => format!(
            "{:?} was lost before its command ended, which is 123",
            grant.lease
        ),
    })
}

/// Whether it cannot know that it was never granted the lease: it asked for it, and was not answered. Whoever reads later that
/// another has it may have lost it.
fn may_have_had(story: &Story<'_>, call: &Call) -> bool {
    let ended = call.ended.unwrap_or(story.history.run.ended);
    let mut own = story.requests_of(call.contender);
    own.any(|sent| {
        let writes = super::matched::lease_of(sent).is_some();
        let holder = Record(&sent.body).holder();
        let during = call.started <= sent.at && sent.at <= ended;
        writes
            && during
            && holder.is_some()
            && holder == call.holder.as_deref()
            && sent.status.is_none()
    })
}

/// The token of its last grant of a lease.
fn newest(story: &Story<'_>, call: &Call, lease: &str) -> u64 {
    let of = story.grants_of(call).filter(|grant| grant.lease == lease);
    of.map(|grant| grant.token).max().unwrap_or_default()
}

/// Not acquired in time, and the time was not over.
fn too_soon(call: &Call, ended: At) -> Option<String> {
    let Some(timeout) = call.timeout else {
        return Some("it was to wait for as long as it takes".to_owned());
    };
    let waited = ended.since(call.started);
    (waited + Duration::from_millis(20) < Duration::from_secs_f64(timeout))
        .then(|| format!("it waited for {}", super::seconds(waited)))
}

/// Not acquired, and yet it had seen in time that the lease is free, as it was all the time.
fn was_free_throughout(story: &Story<'_>, call: &Call, ended: At) -> Option<String> {
    let [lease] = &call.leases[..] else {
        return None;
    };
    let free = |state: Option<Record<'_>>| state.is_some_and(|state| state.holder().is_none());
    let of_slots = call.role == Role::HoldSlot;
    if of_slots || is_confined(call) || ever(story, call, |state| !free(state)) {
        return None;
    }
    let mut own = story.requests_of(call.contender);
    let has_looked = own.any(|sent| {
        let looks = sent.method == "GET" && sent.path.rsplit('/').next() == Some(lease);
        let answered = sent.answered.filter(|_| sent.status == Some(200));
        looks
            && sent.at >= call.started
            && answered.is_some_and(|answered| answered + UNSEEN < ended)
    });
    let (troubles, stalls) = (faults::troubles(story, call), faults::stalls(story));
    let disturbed = [troubles, stalls];
    let disturbed = disturbed.iter().flat_map(|all| all.iter());
    let mut disturbed = disturbed.chain(story.slow(call.contender));
    let is_disturbed = disturbed.any(|(from, to)| from <= ended && to >= call.started);
    (has_looked && ever(story, call, free) && !is_disturbed)
        .then(|| "the lease was free all the time, and it had seen that".to_owned())
}

/// Whether somebody else had what a failover took, before it ended.
fn was_taken_over(story: &Story<'_>, call: &Call, ended: At) -> bool {
    let taken = story.grants_of(call).map(|own| own.token).min();
    story.grants.iter().any(|next| {
        call.leases.iter().any(|lease| lease == next.lease)
            && taken.is_some_and(|own| next.token > own)
            && next.call.is_none_or(|by| by.id != call.id)
            && next.begun(&story.writes).earliest <= ended + UNSEEN
    })
}

fn of_others(story: &Story<'_>, call: &Call, code: i32, ended: At) -> Option<String> {
    let granted = || story.grants_of(call).next().is_some();
    let freed = || freed(story, call, ended);
    let wrong = |so: bool, what: &str| so.then(|| what.to_owned());
    let stood = || standing_after(story, call, ended);
    match (call.role, code) {
        (Role::Release | Role::ReleaseForce, 0) => {
            let spares = call.words.iter().any(|word| word == "--ignore-not-held");
            wrong(!freed() && !spares, "it freed nothing")
        }
        (Role::Release | Role::ReleaseForce, 120..=122) => wrong(
            freed(),
            "it freed the lease, and says that it wrote nothing",
        )
        .or(wrong(
            code == 122 && was_held_throughout(story, call),
            "whom it was to free had the lease all the time",
        ))
        .or(wrong(
            code == 121 && !was_absent(story, call),
            "the lease was never absent",
        )),
        (Role::Release | Role::ReleaseForce, 123) => Some("it never held anything".to_owned()),
        (Role::Acquire | Role::Steal | Role::StealNow, 0) => {
            wrong(!granted(), "it was never granted the lease")
        }
        (Role::Acquire, 124) => wrong(stood(), "it has the lease")
            .or(too_soon(call, ended))
            .or(was_free_throughout(story, call, ended)),
        (_, 120) if granted() => {
            Some("it says that it wrote nothing, and was granted it".to_owned())
        }
        (_, 121) => wrong(!was_absent(story, call), "the lease was never absent"),
        (Role::Acquire, 122) => Some("it asks for what anybody may have".to_owned()),
        (Role::Failover, 0) if !granted() => {
            Some("it never took the lease from anybody".to_owned())
        }
        (Role::Failover, 0) => wrong(
            !was_taken_over(story, call, ended),
            "nobody had the lease after it",
        ),
        (_, 1) => wrong(
            !faults::could_not_ask(story, call) && !is_confined(call),
            "nothing stood between it and the server",
        ),
        (_, 2) => wrong(!was_shortened(story, call), "its words are right"),
        (_, 123) => wrong(
            !granted() && !faults::could_not_ask(story, call),
            "it was never granted the lease",
        ),
        (_, 120..=122 | 124) => None,
        (_, 129..=192) => wrong(!harmed(story, call), "nobody sent it a signal"),
        _ => wrong(
            !harmed(story, call) && !is_confined(call),
            "the table of exit codes does not have that",
        ),
    }
}

/// Whether a grant of it stands after its end, and nothing was said of that.
fn standing_after(story: &Story<'_>, call: &Call, ended: At) -> bool {
    story.grants_of(call).any(|grant| {
        let end = grant.ended(&story.writes);
        end.is_none_or(|end| end.earliest > ended) && !ghosts::says_so(call, grant.lease)
    })
}

/// Whether it freed a lease that was held.
fn freed(story: &Story<'_>, call: &Call, ended: At) -> bool {
    let free = |write: &&Write<'_>| {
        write.author == Author::Contender(call.contender)
            && write.before().and_then(Record::holder).is_some()
            && write.after().is_some_and(|after| after.holder().is_none())
            && write.latest >= call.started
            && write.earliest <= ended
    };
    let leases = call.leases.iter();
    leases
        .flat_map(|lease| story.writes_of(lease))
        .any(|write| free(&write))
}

/// Whether what it was to free was held as it says from its start to its end. A thief's is not freed beside its victim.
fn was_held_throughout(story: &Story<'_>, call: &Call) -> bool {
    let mut words = call.words.iter();
    let named = words.find_map(|word| word.strip_prefix("--holder="));
    let Some(holder) = named.or(call.holder.as_deref()) else {
        return false;
    };
    let own = |state: Option<Record<'_>>| state.and_then(Record::holder) == Some(holder);
    let owner = story.owner(holder);
    owner.is_some_and(|owner| !grants::takes_what_is_held(owner))
        && ever(story, call, own)
        && !ever(story, call, |state| !own(state))
}

/// Whether one of its leases was not there at some time of its life: deleted, or not made yet.
fn was_absent(story: &Story<'_>, call: &Call) -> bool {
    let is_there = |name: &String| {
        let mut all = story.of_lease.keys();
        all.any(|lease| super::story::covers(name, lease))
    };
    !call.leases.iter().all(is_there) || ever(story, call, |state| state.is_none())
}

/// Whether one of its leases recorded less than anybody can hold it for at some time of its life.
fn was_shortened(story: &Story<'_>, call: &Call) -> bool {
    ever(story, call, |state| {
        let recorded = state.and_then(Record::duration);
        recorded.is_some_and(|of| of < Duration::from_secs(2))
    })
}

/// Whether one of its leases was ever so during its life.
fn ever(story: &Story<'_>, call: &Call, so: impl Fn(Option<Record<'_>>) -> bool) -> bool {
    let ended = call.ended.unwrap_or(story.history.run.ended);
    let covers = |lease: &&str| {
        let mut names = call.leases.iter();
        names.any(|name| super::story::covers(name, lease))
    };
    let mut leases = story.of_lease.keys().filter(|lease| covers(lease));
    leases.any(|lease| {
        let mut writes = story.writes_of(lease).peekable();
        let first = writes
            .peek()
            .is_some_and(|write| call.started <= write.latest && so(write.before()));
        first
            || writes.any(|write| {
                let next = story.after(write).map_or(ended, |next| next.latest);
                write.earliest <= ended && call.started <= next && so(write.after())
            })
    })
}
