//! What `hold` says while it holds.

use super::label;
use crate::error;
use crate::hold::label::Place;
use crate::hold::supervisor::Note;
use crate::output::terminal;
use crate::words;

/// Says it, of the lease `name` and the pod that is labelled, if one is.
pub fn tell(name: &str, place: Option<&Place>, note: Note) {
    let stops = matches!(note, Note::Stopped { .. });
    let say = match note {
        // Errors: what the exit status is about, and what stays as it should not.
        Note::Lost(_)
        | Note::NotReleased(_)
        | Note::Unkilled(_)
        | Note::LabelStays(..)
        | Note::Kept => terminal::say_always,
        // Nothing goes on before somebody does something.
        Note::Stopped { .. } | Note::WaitsForTerminal => terminal::say_always,
        Note::RenewalFailed { .. }
        | Note::ReleasedAfterLoss
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
        Note::Lost(loss) => format!("lease {name:?} lost: {}", error::loss_text(&loss)),
        Note::RenewalFailed { why, left } => format!(
            "lease {name:?} could not be renewed: {why}; trying for {} more",
            words::duration(left)
        ),
        Note::Stopped { left, command, .. } => format!(
            "lease {name:?} is not renewed while this job is stopped: continue it within {}, or {}",
            words::duration(left),
            if command {
                "the command is killed"
            } else {
                "it is lost"
            }
        ),
        Note::WaitsForTerminal => format!(
            "the command is stopped: it asks for the terminal, and no shell is left to give it. Lease {name:?} is kept"
        ),
        Note::ReleasedAfterLoss => {
            format!("lease {name:?} was not taken by anybody else: released")
        }
        Note::Left(names) => {
            format!("lease {name:?}: the command has ended; stopping what it left behind: {names}")
        }
        Note::Detached(names) if names.is_empty() => return,
        Note::Detached(names) => format!(
            "lease {name:?}: the command has ended; what it left behind runs on without the lease: {names}"
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
            "lease {name:?} is still held, because SIGKILL has not ended {}",
            if left.is_empty() {
                "the command".to_owned()
            } else {
                left.join(", ")
            }
        ),
        Note::Unwatched => format!(
            "lease {name:?} cannot be watched (no permission for watch?): until it can, a loss is noticed at the next renewal"
        ),
        Note::Watched => format!("lease {name:?} can be watched again"),
        Note::Kept => format!(
            "lease {name:?} stays held until it expires: released now, somebody could take it while an earlier command still runs"
        ),
        Note::NotReleased(None) => {
            format!("lease {name:?} could not be released; it expires by itself")
        }
        Note::NotReleased(Some(why)) => {
            format!("lease {name:?} could not be released: {why}; it expires by itself")
        }
    });
    if stops {
        // We stop next: said later, it would come amid the output of what runs then.
        terminal::drain();
    }
}
