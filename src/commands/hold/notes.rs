//! What `hold` says while it holds.

use super::label;
use crate::error;
use crate::hold::label::Place;
use crate::hold::supervisor::Note;
use crate::output::terminal;
use crate::words;

/// Says it, of `leases`: `lease "a"`, or `leases "a", "b"` for what is of all; and of the pod that is labelled, if one is.
pub fn tell(leases: &str, place: Option<&Place>, note: Note) {
    let several = leases.starts_with("leases");
    let (is, they) = if several {
        ("are", "they are")
    } else {
        ("is", "it is")
    };
    let stops = matches!(note, Note::Stopped { .. });
    let say = match note {
        // Errors: what the exit status is about, and what stays as it should not.
        Note::Lost(_)
        | Note::NotReleased { .. }
        | Note::Unkilled(_)
        | Note::LabelStays(..)
        | Note::Kept => terminal::say_always,
        // Nothing goes on before somebody does something.
        Note::Stopped { .. } | Note::WaitsForTerminal => terminal::say_always,
        Note::RenewalFailed { .. }
        | Note::ReleasedAfterLoss
        | Note::ReleasedToo
        | Note::Left(_)
        | Note::Detached(_)
        | Note::LabelLeft
        | Note::Unwatched
        | Note::Watched => terminal::say,
    };
    if matches!(note, Note::Stopped { echoed: true, .. }) {
        // The terminal has echoed `^Z` and is still on that line.
        say("");
    }
    say(&match note {
        Note::Lost(loss) => format!("{leases} lost: {}", error::loss_text(&loss)),
        Note::RenewalFailed { why, left } => format!(
            "{leases} could not be renewed: {why}; trying for {} more",
            words::duration(left)
        ),
        Note::Stopped { left, command, .. } => format!(
            "{leases} {is} not renewed while this job is stopped: continue it within {}, or {}",
            words::duration(left),
            if command {
                "the command is killed".to_owned()
            } else {
                format!("{they} lost")
            }
        ),
        Note::WaitsForTerminal => format!(
            "the command is stopped: it asks for the terminal, and no shell is left to give it. L{} {is} kept",
            leases.trim_start_matches('l')
        ),
        Note::ReleasedAfterLoss => {
            format!("{leases} was not taken by anybody else: released")
        }
        Note::ReleasedToo => {
            format!("{leases} was released: it is held with the lost one or not at all")
        }
        Note::Left(names) => {
            format!("{leases}: the command has ended; stopping what it left behind: {names}")
        }
        Note::Detached(names) if names.is_empty() => return,
        Note::Detached(names) => format!(
            "{leases}: the command has ended; what it left behind runs on without {}: {names}",
            if several { "them" } else { "the lease" }
        ),
        Note::LabelStays(trouble, left) => match place {
            Some(place) => label::stays(place, &trouble, left),
            None => return,
        },
        Note::LabelLeft => match place {
            Some(place) => label::left(place),
            None => return,
        },
        Note::Unkilled(left) => format!(
            "{leases} {is} still held, because SIGKILL has not ended {}",
            if left.is_empty() {
                "the command".to_owned()
            } else {
                left.join(", ")
            }
        ),
        Note::Unwatched => format!(
            "{leases} cannot be watched (no permission for watch?): until it can, a loss is noticed at the next renewal"
        ),
        Note::Watched => format!("{leases} can be watched again"),
        Note::Kept => format!(
            "{leases} stays held until it expires: released now, somebody could take it while an earlier command still runs"
        ),
        Note::NotReleased { why, is_open } => {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            if is_open {
                format!(
                    "it is not known whether {leases} could be released{why}; if not, it expires by itself"
                )
            } else {
                format!("{leases} could not be released{why}; it expires by itself")
            }
        }
    });
    if stops {
        // We stop next: said later, it would come amid the output of what runs then.
        terminal::drain();
    }
}
