//! `kubectl lease hold`

use std::ffi::OsString;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{oneshot, watch};

use super::saying::{deaf, start};
use super::waiting::Waiting;
use super::{Session, acquire_terms, exported, identity, limits};
use crate::cli::{ConnectionArgs, HoldArgs};
use crate::clock::SystemClock;
use crate::error::{self, Error, Unsaid};
use crate::exit::Exit;
use crate::hold::machine::{Ended as CommandEnded, Outcome};
use crate::hold::supervisor::{self, HoldTerms, Job, Note, Prepared, Signals};
use crate::hold::timing::Timing;
use crate::lease::decide::{AcquireTerms, Refusal};
use crate::lease::operate::{End, Ended, Failure, Fate, Held, Interrupt};
use crate::output::document::object_name;
use crate::output::terminal::{self, Delivery};
use crate::signals::{self, Received};
use crate::words;

/// Ends a hold whose holder was told nothing, as `kill` would.
const SIGTERM: i32 = 15;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 15;

pub async fn run(args: HoldArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let identity = identity(&args.grant.holder.holder)?;
    // Two holds never share a grant, unless somebody wants to.
    let holder = if args.grant.holder.holder.is_some() {
        identity
    } else {
        identity.unique()
    };
    find(&args.command)?;
    if let Some(duration) = args.grant.duration {
        timing(duration.as_duration(), &args)?;
    }
    let min_duration =
        Timing::min_duration(args.kill_after, args.renew_every).map_err(Error::Usage)?;
    // Before there is a lease that would have to be given back.
    let prepared = (!args.command.is_empty()).then(Prepared::new).transpose();
    let prepared = prepared.map_err(Error::Hold)?;
    let session = Session::open(connection).await?;
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.conflict = Some(Exit(args.grant.conflict_exit_code));
    let terms = AcquireTerms {
        min_duration: Some(min_duration),
        ..acquire_terms(&subject, &args.grant, holder, DEFAULT_DURATION)
    };
    let operations = session
        .lease(&args.name)
        .observed_only(args.grant.proof.observed_only());
    start().map_err(ours)?;
    let unheard = |error| ours(deaf(error));
    let for_command = signals::listen_for_command().map_err(unheard)?;
    let signals = signals::listen().map_err(unheard)?;
    #[cfg(target_os = "linux")]
    crate::hold::supervisor::orphans::reap();
    let limits = limits(
        &SystemClock,
        args.grant.timeout,
        Interrupt::new(signals.clone()),
    );
    let waiting = Waiting::new(&subject);
    let progress = |progress| waiting.report(&progress);
    let name = object_name(args.name.as_str());
    let note = |note| tell(args.name.as_str(), note);
    let (tell_unsaid, mut unsaid) = oneshot::channel();
    let holding = operations.acquire(&terms, &limits, &progress, async |held: Held<'_>| {
        if let Some(waited) = waiting.over() {
            terminal::say(&format!(
                "lease {:?} acquired after {}",
                args.name.as_str(),
                words::duration(waited)
            ));
        }
        let duration = held.grant().duration().as_duration();
        let order = HoldTerms {
            environment: exported::environment(held.grant(), exported::KeptBy::Hold),
            command: args.command.clone(),
            // Checked before anything is written; an answer may still change the duration.
            timing: timing(duration, &args).map_err(ours)?,
            on_lost: args.on_lost,
        };
        crate::server::lease_is_held(order.timing.duration);
        let job = Job::new(!args.command.is_empty());
        let to_end = if args.command.is_empty() {
            let acquired = terminal::deliver(format!("{name} acquired\n"))
                .map_err(|error| Error::Unsaid(error.into()))?;
            until_unsaid(signals, acquired, tell_unsaid)
        } else {
            signals
        };
        let signals = Signals {
            to_end,
            for_command,
            job,
        };
        Ok(supervisor::hold(&operations, held, &order, prepared, signals, &note).await)
    });
    let held = waiting.reminding(holding).await;
    let report = match held {
        Ok(report) => report,
        // Only the Lease knew its duration; nothing was written.
        Err(Ended::Ungranted(End::Refused(Refusal::TooShort(duration)))) => {
            return Err(timing(duration.as_duration(), &args)
                .err()
                .unwrap_or_else(|| {
                    Error::Usage(format!("a lease duration of {duration} is too short"))
                }));
        }
        Err(ended) => return Err(session.ended(subject, ended, Error::Hold).await),
    };
    if let Some(error) = report.no_watchdog
        && report.outcome == Outcome::NotStarted
    {
        return Err(Error::Hold(error));
    }
    if report.watchdog_died {
        return Err(Error::Hold(
            "the watchdog process died, so the command was killed".to_owned(),
        ));
    }
    if let Ok(unsaid) = unsaid.try_recv() {
        // What became of it was said already, unless it was given back.
        let fate = if report.released {
            Fate::Free
        } else {
            Fate::None
        };
        let why = Failure::Failed(Error::Unsaid(unsaid));
        return Err(Error::given_up(&subject, why, &fate, Error::Hold));
    }
    if args.command.is_empty() && report.released {
        say_released(&name)?;
    }
    match report.outcome {
        Outcome::Ended(CommandEnded::Exited(status)) => Ok(Exit(status)),
        Outcome::Ended(CommandEnded::Signalled(signal)) | Outcome::Signalled(signal) => {
            Ok(Exit::signal(signal))
        }
        Outcome::EndUnseen => Err(Error::Hold(
            "the command has ended, and its exit status is unknown".to_owned(),
        )),
        Outcome::Lost => Ok(Exit::LOST),
        Outcome::NotStarted => Err(Error::Command {
            words: readable(&args.command),
            why: std::io::Error::from_raw_os_error(report.errno.unwrap_or_default()),
        }),
    }
}

/// What stands in the way of a hold on this machine, and is neither the lease nor the command.
fn ours(error: Error) -> Error {
    Error::Hold(
        error
            .lines()
            .iter()
            .map(|line| line.trim_start_matches("error: "))
            .collect::<Vec<_>>()
            .join("; "),
    )
}

/// The signals received, and one to end by should it turn out that `acquired` cannot be said: a lease is not held for
/// nobody. It is not waited for: the renewals must go on while nobody reads.
fn until_unsaid(
    mut received: Received,
    acquired: Delivery,
    tell_unsaid: oneshot::Sender<Unsaid>,
) -> Received {
    let (all, merged) = watch::channel(received.borrow_and_update().clone());
    tokio::spawn(async move {
        let (mut acquired, mut tell_unsaid) = (Some(acquired), Some(tell_unsaid));
        loop {
            let written = async {
                match &mut acquired {
                    Some(acquired) => acquired.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = received.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let (old, new) = (all.borrow().len(), received.borrow_and_update().clone());
                    // The one of our own making is the last.
                    if tell_unsaid.is_some() && new.len() > old {
                        let _ = all.send(new);
                    }
                }
                written = written => {
                    acquired = None;
                    if let Err(error) = written
                        && let Some(tell) = tell_unsaid.take()
                        && tell.send(error.into()).is_ok()
                    {
                        all.send_modify(|all| all.push(SIGTERM));
                    }
                }
            }
        }
    });
    merged
}

/// Nothing is held any more; whoever has stopped reading is not waited for.
fn say_released(name: &str) -> Result<(), Error> {
    let released = terminal::deliver(format!("{name} released\n"))
        .map_err(|error| Error::Unsaid(error.into()))?;
    terminal::drain();
    match released
        .now_or_never()
        .map(|written| written.map_err(Unsaid::from))
    {
        // A reader that has gone knew as much as it wanted.
        None | Some(Ok(()) | Err(Unsaid::NobodyReads)) => Ok(()),
        Some(Err(unsaid)) => Err(Error::Unsaid(unsaid)),
    }
}

fn timing(duration: Duration, args: &HoldArgs) -> Result<Timing, Error> {
    Timing::new(duration, args.kill_after, args.renew_every).map_err(Error::Usage)
}

/// Finds out before the lease is taken whether the command can be run.
fn find(words: &[OsString]) -> Result<(), Error> {
    let Some(command) = words.first() else {
        return Ok(());
    };
    // Without one, execvp(3) looks in these.
    let search = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    if which::which_in(command, Some(&search), ".").is_ok() {
        return Ok(());
    }
    let path = std::path::Path::new(command);
    let there = if path.components().count() > 1 {
        path.exists()
    } else {
        // As env(1) and timeout(1): a file on the PATH that cannot be executed is not "not found".
        std::env::split_paths(&search).any(|folder| folder.join(path).is_file())
    };
    let kind = if there {
        std::io::ErrorKind::PermissionDenied
    } else {
        std::io::ErrorKind::NotFound
    };
    Err(Error::Command {
        words: readable(words),
        why: kind.into(),
    })
}

fn readable(words: &[OsString]) -> Vec<String> {
    let words = words.iter();
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

fn tell(name: &str, note: Note) {
    let stops = matches!(note, Note::Stopped { .. });
    if matches!(note, Note::Stopped { echoed: true, .. }) {
        // The terminal has echoed `^Z` and is still on that line.
        terminal::say("");
    }
    terminal::say(&match note {
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
