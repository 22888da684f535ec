//! `kubectl lease hold`

use std::ffi::OsString;
use std::time::Duration;

use super::{Session, grant_terms, limits, say};
use crate::cli::{ConnectionArgs, HoldArgs};
use crate::clock::SystemClock;
use crate::error::{self, Error};
use crate::exit::Exit;
use crate::hold::Prepared;
use crate::hold::machine::{Ended, Outcome};
use crate::hold::run::{self, Note, Order};
use crate::hold::timing::Timing;
use crate::identity::Sources;
use crate::lease::decide::{AcquireTerms, Refusal};
use crate::lease::operate::{End, Interrupt};
use crate::output::document::object_name;
use crate::output::{terminal, words};
use crate::signals;

/// Recorded when none is asked for and the Lease has none, seconds.
const DEFAULT_DURATION: u32 = 15;

pub async fn run(args: HoldArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let sources = Sources::from_process(args.grant.holder.holder.clone());
    let identity = sources.identity().map_err(Error::Usage)?;
    // Two holds never share a grant, unless somebody wants to.
    let holder = if sources.flag.is_some() {
        identity
    } else {
        identity.unique()
    };
    if let Some(command) = args.command.first() {
        find(command)?;
    }
    if let Some(duration) = args.grant.duration {
        timing(duration.as_duration(), &args)?;
    }
    // Before there is a lease that would have to be given back.
    let prepared = (!args.command.is_empty()).then(Prepared::new).transpose();
    let prepared = prepared.map_err(Error::Hold)?;
    let session = Session::open(connection).await?;
    let mut subject = session.subject(&args.name, Some(&holder));
    subject.conflict = Some(Exit(args.grant.conflict_exit_code));
    let terms = AcquireTerms {
        namespace: session.namespace.clone(),
        name: args.name.to_string(),
        grant: grant_terms(&args.grant, holder, DEFAULT_DURATION),
        create: args.grant.create,
        reenter: false,
        least_duration: Timing::least_duration(args.kill_after, args.renew_every),
    };
    let operations = session.lease(&args.name);
    let for_command = signals::listen_for_command()?;
    let signals = signals::listen()?;
    #[cfg(target_os = "linux")]
    crate::hold::orphans::reap();
    let limits = limits(
        &SystemClock,
        args.grant.timeout,
        Interrupt::new(signals.clone()),
    );
    let grant = match operations
        .acquire(&terms, &limits, &|progress| say(&subject, &progress))
        .await
    {
        Ok(grant) => grant,
        // Only the Lease knew its duration; nothing was written.
        Err(End::Refused(Refusal::TooShort(duration))) => {
            return Err(timing(duration.as_duration(), &args)
                .err()
                .unwrap_or_else(|| {
                    Error::Usage(format!("a lease duration of {duration} is too short"))
                }));
        }
        Err(end) => return Err(session.error(subject, end).await),
    };
    let timing = timing(grant.duration().as_duration(), &args)?;
    let name = object_name(args.name.as_str());
    if args.command.is_empty() {
        terminal::print(&format!("{name} acquired\n"))?;
    }
    terminal::say_without_waiting();
    let order = Order {
        environment: super::acquire::environment(&grant).into(),
        command: args.command.clone(),
        timing,
        on_lost: args.on_lost,
    };
    let lease = args.name.as_str();
    let report = run::hold(
        &operations,
        grant,
        &order,
        prepared,
        signals,
        for_command,
        &|note| tell(lease, note),
    )
    .await;
    if let Some(error) = report.no_watchdog {
        return Err(Error::Hold(error));
    }
    if report.watchdog_died {
        return Err(Error::Hold(
            "the watchdog process died, so the command was killed".to_owned(),
        ));
    }
    if args.command.is_empty() && report.released {
        terminal::print(&format!("{name} released\n"))?;
    }
    match report.outcome {
        Outcome::Ended(Ended::Exited(status)) => Ok(Exit(status)),
        Outcome::Ended(Ended::Signalled(signal)) | Outcome::Signalled(signal) => {
            Ok(Exit::signal(signal))
        }
        Outcome::Lost => Ok(Exit::LOST),
        Outcome::NotStarted => Err(Error::Command {
            command: args
                .command
                .first()
                .map(|command| command.to_string_lossy().into_owned())
                .unwrap_or_default(),
            why: std::io::Error::from_raw_os_error(report.errno.unwrap_or_default()),
        }),
    }
}

fn timing(duration: Duration, args: &HoldArgs) -> Result<Timing, Error> {
    Timing::new(duration, args.kill_after, args.renew_every).map_err(Error::Usage)
}

/// Finds out before the lease is taken whether the command can be run.
fn find(command: &OsString) -> Result<(), Error> {
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
        command: command.to_string_lossy().into_owned(),
        why: kind.into(),
    })
}

fn tell(name: &str, note: Note) {
    let stops = matches!(note, Note::Stopped { .. });
    if stops {
        // The terminal has echoed `^Z` and is still on that line.
        terminal::say("");
    }
    terminal::say(&match note {
        Note::Lost(loss) => format!("lease {name:?} lost: {}", error::loss_text(&loss)),
        Note::Trouble { why, left } => format!(
            "lease {name:?} could not be renewed: {why}; trying for {} more",
            words::duration(left)
        ),
        Note::Stopped { left } => format!(
            "lease {name:?} is not renewed while this job is stopped: continue it within {}, or the command is killed",
            words::duration(left)
        ),
        Note::Left(names) => {
            format!("lease {name:?}: the command has ended; stopping what it left behind: {names}")
        }
        Note::Unkilled(left) => format!(
            "lease {name:?} is not given back yet: the kill does not end {}",
            if left.is_empty() {
                "the command".to_owned()
            } else {
                left.join(", ")
            }
        ),
        Note::Unwatched => format!(
            "lease {name:?} cannot be watched (no permission for watch): a loss is noticed at the next renewal"
        ),
        Note::NotReleased => format!("lease {name:?} could not be released; it expires by itself"),
    });
    if stops {
        // We stop next: said later, it would come amid the output of what runs then.
        terminal::drain();
    }
}
