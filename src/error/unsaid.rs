//! What to say where something was done and its result did not reach anybody: why, and what became of the lease.

use std::io;

use super::{Error, Subject};
use crate::exit::Exit;
use crate::lease::operate::{End, Failure, Fate};

/// Why a result was not said, or not while it was worth something.
#[derive(Debug)]
pub enum Unsaid {
    /// Whoever was to read it went away.
    NobodyReads,
    /// It could not be written.
    Failed(io::Error),
    /// It was not read in time.
    TooLate,
    /// A signal came first.
    Interrupted(i32),
}

impl From<io::Error> for Unsaid {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::Failed(error),
        }
    }
}

impl Unsaid {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::NobodyReads | Self::Failed(_) => Exit::API,
            Self::TooLate => Exit::LOST,
            Self::Interrupted(signal) => Exit::signal(*signal),
        }
    }

    /// What happened.
    pub fn line(&self) -> String {
        match self {
            Self::NobodyReads => {
                "error: nobody read the result: the reader of stdout has gone".to_owned()
            }
            Self::Failed(error) => format!("error: cannot write to stdout: {error}"),
            Self::TooLate => {
                "error: nobody read the result in time: stdout is blocked, or was for too long"
                    .to_owned()
            }
            Self::Interrupted(_) => "interrupted before the result was read".to_owned(),
        }
    }
}

impl Error {
    /// A grant was given up, with what became of it. `bug` makes an error of what a bug said.
    pub fn given_up(
        subject: &Subject,
        why: Failure<Self>,
        fate: &Fate,
        bug: fn(String) -> Self,
    ) -> Self {
        let why = failed(why, bug);
        if let Self::Unsaid(Unsaid::Interrupted(signal)) = why
            && matches!(fate, Fate::Free | Fate::Gone)
            && subject.conflict.is_some()
        {
            // As if it had come before the grant.
            return Self::lease(subject.clone(), End::Interrupted(signal));
        }
        Self::Despite {
            then: fate_lines(subject, fate),
            why: Box::new(why),
        }
    }

    /// The same of grants that were wanted together, in the order in which they were given back.
    pub fn all_given_up(
        why: Failure<Self>,
        fates: &[(&Subject, Fate)],
        bug: fn(String) -> Self,
    ) -> Self {
        match fates {
            [(subject, fate)] => Self::given_up(subject, why, fate, bug),
            _ => Self::others_given_up(failed(why, bug), fates),
        }
    }

    /// One of those that were wanted together was not granted, and so the others were given up.
    pub fn others_given_up(why: Self, fates: &[(&Subject, Fate)]) -> Self {
        let lines = |(subject, fate): &(&Subject, Fate)| fate_lines(subject, fate);
        let then: Vec<String> = fates.iter().flat_map(lines).collect();
        match then.is_empty() {
            true => why,
            false => Self::Despite {
                why: Box::new(why),
                then,
            },
        }
    }

    /// Something was done, and its result was not said; whoever asked must know what stands.
    pub fn done_all_the_same(subject: &Subject, why: Self, done: &str) -> Self {
        Self::Despite {
            then: vec![format!("lease {:?} was {done} anyway", subject.name)],
            why: Box::new(why),
        }
    }
}

fn failed(why: Failure<Error>, bug: fn(String) -> Error) -> Error {
    match why {
        Failure::Failed(error) => error,
        Failure::Panicked(text) => bug(format!("this is a bug in kubectl lease: {text}")),
    }
}

fn fate_lines(subject: &Subject, fate: &Fate) -> Vec<String> {
    let name = &subject.name;
    match fate {
        Fate::None => Vec::new(),
        Fate::Free => vec![format!("lease {name:?} was released: nobody holds it")],
        Fate::Gone => vec![format!("lease {name:?} is not yours any more")],
        Fate::Open(fault) => vec![
            match fault {
                Some(fault) => format!("error: lease {name:?} could not be released: {fault}"),
                None => format!("error: lease {name:?} was not released"),
            },
            may_be_held_line(subject),
        ],
        Fate::Shields => kept_lines(subject),
        Fate::Kept => vec![
            format!("error: lease {name:?} was not released: it may be in use"),
            format!(
                "Look: {}; when it is not in use any more, free it: {}",
                subject.lease("status"),
                subject.lease_as("release", subject.me())
            ),
        ],
    }
}

/// What was taken and could not be used is held all the same, and why.
pub fn kept_lines(subject: &Subject) -> Vec<String> {
    let (name, me) = (&subject.name, subject.me());
    vec![
        format!(
            "lease {name:?} is held by {me:?} until it expires: released now, somebody could take it while an earlier command still runs"
        ),
        format!("Until when: {}", subject.lease("status")),
        subject.freed_beside(),
    ]
}

/// Where to look, and how to free it.
pub fn may_be_held_line(subject: &Subject) -> String {
    let me = subject.me();
    let (look, release) = (subject.lease("status"), subject.lease_as("release", me));
    match subject.beside {
        true => format!(
            "It may be held by {me:?}, and then expires by itself. Look: {look}. {}",
            subject.freed_beside()
        ),
        false => format!("It may be held by {me:?}. Look: {look}; free it: {release}"),
    }
}

impl Subject {
    /// How to free what is held beside an earlier holder, whether the Lease names that one or not.
    pub fn freed_beside(&self) -> String {
        format!(
            "If the earlier holder is known to have stopped, free it: {}",
            self.lease_as("release", self.me()).with("--now")
        )
    }

    /// What whoever has stolen a Lease and did not wait for its victim can do about it.
    pub fn ways_out(&self, victim: &str) -> String {
        format!(
            "To wait for that and acquire it again: {}. If {victim:?} is known to have stopped: {}",
            self.lease("acquire").with("--reenter"),
            self.lease("release").with("--now")
        )
    }
}
