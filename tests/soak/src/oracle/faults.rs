//! Whom a fault touches, and what it excuses: each excuse with its reason.

use std::collections::HashMap;
use std::time::Duration;

use super::spans::Spans;
use super::story::Story;
use crate::history::{Call, History, Injected, Sent};
use crate::time::At;

/// On waking, what kills by the deadline kills first. How long that takes where 25 others want two processors: observed
/// up to some tenths of a second.
const WAKES: Duration = Duration::from_secs(1);

/// A small object on the same machine is read and written in some milliseconds. From here on the machine is slow.
const SLOW: Duration = Duration::from_millis(150);

/// One attempt waits no shorter than a sixth of the shortest duration.
const ATTEMPT: Duration = Duration::from_millis(300);

/// The end of a call is told by another clock than what was done to it.
const READINGS: Duration = Duration::from_millis(50);

/// When somebody who was killed goes on.
const FOR_EVER: At = At(u64::MAX);

/// What stops a process until somebody continues it.
const STOP_SIGNALS: [i64; 4] = [19, 20, 21, 22];
/// What ends a supervisor or a watchdog at once: KILL, what the kernel sends for a fault of a program (docs/safety.md), and the
/// two that the C library keeps for its threads. They hear all others.
const FATAL_SIGNALS: [i64; 10] = [4, 5, 6, 7, 8, 9, 11, 31, 32, 33];

/// A machine that stood still, all of it: nobody's processes ran.
pub fn is_stall(fault: &Injected) -> bool {
    fault.family == "surroundings" && fault.kind.contains("stalled")
}

/// Whether a fault was meant for this call: by its number, by its contender, or for everybody.
pub fn touches(fault: &Injected, call: &Call) -> bool {
    match fault.call {
        Some(id) => id == call.id,
        None if !fault.contenders.is_empty() => fault.contenders.contains(&call.contender),
        None => fault.lease.is_none(),
    }
}

/// A way that is shut refuses whom it does not see: its count is of those who were there before.
const REFUSES_UNSEEN: &str = "client-cut-off";

/// What the faults of these kinds meet is no part of a renewal: a watch is a hint, an Event is for people, and a try is of those
/// who wait. Not so an acknowledgement: a thief may renew beside it.
const BESIDE: [&str; 3] = ["watch-", "event-", "try-"];

fn is_beside(fault: &Injected) -> bool {
    BESIDE.iter().any(|word| fault.kind.starts_with(word))
}

/// Whether it met nobody, as far as that was counted.
fn met_nobody(fault: &Injected) -> bool {
    if fault.kind == REFUSES_UNSEEN {
        return false;
    }
    let mut words = fault.detail.split([' ', ',', ';']);
    words.any(|word| word == "met=0")
}

/// Whether it is the API's, and this call's requests could meet it.
pub fn is_outage_of(fault: &Injected, call: &Call) -> bool {
    fault.family == "api" && touches(fault, call) && !met_nobody(fault)
}

/// Whether it was done to this call's own processes.
pub fn is_harm_to(fault: &Injected, call: &Call) -> bool {
    fault.family == "process"
        && (fault.call.is_some() || !fault.contenders.is_empty())
        && touches(fault, call)
}

/// While a call could not renew: something was wrong with its way to the server, the machine stood still, or its supervisor did.
pub fn outages(story: &Story<'_>, call: &Call) -> Spans {
    let all = story.history.faults.iter();
    let all = all.filter(|fault| {
        let outage = is_outage_of(fault, call) && !is_beside(fault);
        is_stall(fault) || outage || stops(fault, call, "supervisor")
    });
    let all = all.map(|fault| (fault.begun, fault.over));
    Spans::union(all.chain(story.slow(call.contender)))
}

/// While the machine was slow to each contender, as its proxy saw it: a request that met no fault took long. What a client asks
/// for cannot make that so; that many run at once on few processors can. One other's
/// says nothing of its own way; two at a time do ([`slow_to_all`]).
pub fn slow(history: &History) -> HashMap<u32, Spans> {
    let long = history.requests.iter().filter_map(|sent| {
        let answered = sent.answered?;
        let is_watch = sent.query.contains("watch=");
        let is_long = answered.since(sent.at) >= SLOW && sent.fault.is_none() && !is_watch;
        is_long.then_some((sent, answered))
    });
    let own = |(sent, answered): &(&Sent, At)| {
        let mut faults = history.faults.iter();
        faults.any(|fault| {
            // What met nobody, or only what is beside a renewal, made no request slow.
            fault.family == "api"
                && !met_nobody(fault)
                && !is_beside(fault)
                && (fault.contenders.is_empty() || fault.contenders.contains(&sent.contender))
                && fault.begun <= *answered
                && fault.over >= sent.at
        })
    };
    let mut unharmed: HashMap<u32, Vec<(At, At)>> = HashMap::new();
    for (sent, answered) in long.filter(|request| !own(request)) {
        let of = unharmed.entry(sent.contender).or_default();
        of.push((sent.at, answered));
    }
    let spans = unharmed.into_iter();
    spans
        .map(|(contender, all)| (contender, Spans::union(all)))
        .collect()
}

/// While the machine was slow to two of them at a time, and so to everybody: who wants to send then may not come to it.
pub fn slow_to_all(each: &HashMap<u32, Spans>) -> Spans {
    let (mut once, mut twice) = (Spans::default(), Spans::default());
    for spans in each.values() {
        twice = Spans::union(twice.iter().chain(once.both(spans).iter()));
        once = Spans::union(once.iter().chain(spans.iter()));
    }
    twice
}

/// Whether it stops this part of a call, until it is over.
fn stops(fault: &Injected, call: &Call, part: &str) -> bool {
    let stopped = signal(fault).is_some_and(|of| STOP_SIGNALS.contains(&of));
    is_harm_to(fault, call) && takes_out(fault, part) && stopped
}

/// Whether it came to a call while that ran.
pub fn met(fault: &Injected, call: &Call) -> bool {
    let ended = call.ended.unwrap_or(At(u64::MAX));
    fault.begun <= ended + READINGS && call.started <= fault.over
}

/// Whether a request of a call may have had no good answer, or none in time: something was wrong with its way to the server, or
/// the machine stood still for as long as one attempt waits.
pub fn could_not_ask(story: &Story<'_>, call: &Call) -> bool {
    let end = call.ended.unwrap_or(story.history.run.ended);
    let mut all = story.history.faults.iter();
    let harmed = all.any(|fault| {
        let long = is_stall(fault) && fault.over.since(fault.begun) >= ATTEMPT;
        let out = is_outage_of(fault, call) || stops(fault, call, "supervisor");
        (long || out) && met(fault, call)
    });
    let mut slow = story.slow(call.contender);
    let slow =
        slow.any(|(from, to)| from <= end && to >= call.started && to.since(from) >= ATTEMPT);
    harmed || slow
}

/// Whether its supervisor was stopped at some time of a window.
pub fn is_stopped(story: &Story<'_>, call: &Call, from: At, to: At) -> bool {
    let mut all = story.history.faults.iter();
    all.any(|fault| stops(fault, call, "supervisor") && fault.begun <= to && fault.over >= from)
}

/// Whether it can end a hold at once, however short it was: what was killed may die, and a watchdog that does not answer, or a
/// command that is stopped, is looked after before the lease is. Whoever hears a signal, or a supervisor that is stopped for a
/// moment, loses nothing by that; nor does a command that dies, as it may by itself.
pub fn can_end(fault: &Injected, call: &Call) -> bool {
    let signal = signal(fault).filter(|_| !fault.kind.contains("-and-"));
    let (kills, stops) = (
        signal.is_none_or(|of| FATAL_SIGNALS.contains(&of)),
        signal.is_none_or(|of| STOP_SIGNALS.contains(&of)),
    );
    let harmless = match fault.kind.split('-').next() {
        Some("supervisor") => !kills,
        Some("watchdog") => !kills && !stops,
        Some("command") => !stops,
        _ => false,
    };
    is_harm_to(fault, call) && !harmless
}

/// While anything was done to a call or to its way to the server: nothing is asked of it for so long, and what it does begins
/// anew afterwards. A machine that stands still for a moment only delays it: that is told by [`stalls`].
pub fn troubles(story: &Story<'_>, call: &Call) -> Spans {
    let all = story.history.faults.iter();
    let all = all
        .filter(|fault| matches!(fault.family.as_str(), "api" | "process") && touches(fault, call));
    Spans::union(all.map(|fault| (fault.begun, fault.over)))
}

/// While the machine stood still.
pub fn stalls(story: &Story<'_>) -> Spans {
    let all = story.history.faults.iter().filter(|fault| is_stall(fault));
    Spans::union(all.map(|fault| (fault.begun, fault.over)))
}

/// Which of a call's processes a fault takes out, by its name: `supervisor-stopped`, `supervisor-and-watchdog-killed`,
/// `all-stopped`, ….
fn takes_out(fault: &Injected, part: &str) -> bool {
    let named = |word: &str| fault.kind.contains(word) || fault.detail.contains(word);
    named(part)
        || ["all", "everything", "everybody", "tree"]
            .iter()
            .any(|word| {
                let mut words = fault.kind.split('-').chain(fault.detail.split([' ', ',']));
                words.any(|found| found == *word)
            })
}

/// The signal that was sent, where there was one: `signal 15 to …`.
pub fn signal(fault: &Injected) -> Option<i64> {
    let number = fault.detail.strip_prefix("signal ")?;
    let end = number.find(|letter: char| !letter.is_ascii_digit());
    number[..end.unwrap_or(number.len())].parse().ok()
}

/// While a part of a call could do nothing: until it was continued; once killed, for ever.
fn out(story: &Story<'_>, call: &Call, part: &str) -> Spans {
    let all = story.history.faults.iter();
    let all = all.filter(|fault| {
        // Supervisor and watchdog alike hear what others may mean for a whole service, and go on.
        let heard = signal(fault)
            .is_some_and(|of| !STOP_SIGNALS.contains(&of) && !FATAL_SIGNALS.contains(&of));
        is_harm_to(fault, call) && takes_out(fault, part) && !heard
    });
    Spans::union(all.map(|fault| {
        let stopped = stops(fault, call, part);
        let over = if stopped { fault.over } else { FOR_EVER };
        (fault.begun, over.max(fault.begun + Duration::from_nanos(1)))
    }))
}

/// How long what a command has started may work on after its deadline, each with its reason; at most until this.
pub fn works_until(story: &Story<'_>, call: &Call, deadline: At) -> At {
    // A frozen or dead supervisor and a frozen or dead watchdog: nobody is left to end the command until one of them goes on, and
    // that one kills first. Both dead: what it started lives on (docs/safety.md, Where it ends). The fencing token tells the
    // protected system.
    until(story, call, deadline, |(_, over)| over)
}

/// The same of the command itself, which the kernel ends if both are dead.
pub fn command_works_until(story: &Story<'_>, call: &Call, deadline: At) -> At {
    let until_killed = |(begun, over)| if over == FOR_EVER { begun } else { over };
    until(story, call, deadline, until_killed)
}

fn until(story: &Story<'_>, call: &Call, deadline: At, ended: impl Fn((At, At)) -> At) -> At {
    let mut until = deadline;
    let nobody = out(story, call, "supervisor").both(&out(story, call, "watchdog"));
    for (begun, over) in nobody.iter().map(|span| (span.0, ended(span))) {
        if begun <= until && over >= deadline {
            until = until.max(over + WAKES);
        }
    }
    // A machine that stood still killed nobody meanwhile, and by the longest that its clock was late it can have been later.
    let stalls = stalls(story);
    let late = stalls.within(deadline - Duration::from_millis(500), until + WAKES);
    until + late
}

/// Whether its supervisor was killed.
pub fn was_killed(story: &Story<'_>, call: &Call) -> bool {
    let out = out(story, call, "supervisor");
    out.iter().any(|(_, over)| over == FOR_EVER)
}

/// Whether supervisor and watchdog of a call were both killed: nobody ended what its command had started.
pub fn were_both_killed(story: &Story<'_>, call: &Call) -> bool {
    let nobody = out(story, call, "supervisor").both(&out(story, call, "watchdog"));
    nobody.iter().any(|(_, over)| over == FOR_EVER)
}
