//! `hold --outcome-file`: the document of what was done, written when the lease is held and when all is over. A file that cannot
//! be written is told before there is a lease; later that is said, and nothing of the hold waits for it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::clock::{Clock, SystemClock};
use crate::error::{self, Error};
use crate::exit::Exit;
use crate::hold::supervisor::Note;
use crate::lease::operate::Grant;
use crate::output::format::{DocumentFormat, ObjectFormat, ValueFormat};
use crate::output::outcome::{self, Action, Outcome, Phase};
use crate::output::terminal;

#[cfg(windows)]
mod windows;

#[cfg(unix)]
use fs::{remove_file, rename};
#[cfg(windows)]
use windows::{is_our_own, remove_file, rename};

/// So long the command waits for the file, which it may want to read: the lease is held meanwhile.
const BEFORE_THE_COMMAND: Duration = Duration::from_millis(300);

/// So long the end waits for it, when nothing is held any more.
const AT_THE_END: Duration = Duration::from_secs(5);

/// The file, if there is to be one, and what is known so far.
pub struct OutcomeFile {
    path: Option<PathBuf>,
    /// One for each lease.
    held: RefCell<Vec<Outcome>>,
    /// Why those of these numbers are lost.
    lost: RefCell<BTreeMap<usize, String>>,
    /// Which were given back.
    released: RefCell<Option<Vec<usize>>>,
    /// A write that is not over yet.
    writing: RefCell<Option<JoinHandle<io::Result<()>>>>,
}

impl OutcomeFile {
    /// Finds out whether it can be written, before there is a lease, and takes away what an earlier hold has left there: no file
    /// says that the lease was not held.
    ///
    /// # Errors
    /// When it cannot.
    pub fn prepare(path: Option<&Path>) -> Result<Self, Error> {
        if path.is_some_and(|path| path == Path::new("-")) {
            return Err(Error::Usage(
                "--outcome-file - is no file: standard output is the command's. Name a file (./- if it is to be called so)".to_owned(),
            ));
        }
        let path = path.map(|path| {
            made_ready(path).map_err(|why| {
                let path = path.display().to_string();
                Error::Hold(format!("the outcome cannot be written to {path:?}: {why}"))
            })
        });
        Ok(Self {
            path: path.transpose()?,
            held: RefCell::default(),
            lost: RefCell::default(),
            released: RefCell::default(),
            writing: RefCell::default(),
        })
    }

    /// The leases are held.
    pub async fn held(&self, grants: &[Grant], waited: Duration) {
        let of = |grant| Outcome::of_grant(Action::Held, grant).after_waiting(waited);
        let held: Vec<_> = grants.iter().map(of).collect();
        self.lost.take();
        self.released.take();
        self.held.replace(held.clone());
        let held = held.into_iter().map(|one| one.in_phase(Phase::Held));
        self.write(held.collect(), BEFORE_THE_COMMAND).await;
    }

    /// Hears what is said of the hold.
    pub fn hear(&self, lease: Option<usize>, note: &Note) {
        if let (Some(lease), Note::Lost(loss)) = (lease, note) {
            let mut lost = self.lost.borrow_mut();
            lost.insert(lease, error::loss_text(loss));
        }
    }

    /// Which of the leases were given back.
    pub fn released(&self, released: &[usize]) {
        self.released.replace(Some(released.to_vec()));
    }

    /// All is over. Nothing is written of a lease that was never held.
    pub async fn ended(&self, exit: Exit) {
        let held = self.held.take();
        if held.is_empty() {
            return;
        }
        let (mut lost, released) = (self.lost.take(), self.released.take());
        let ended = held.into_iter().enumerate().map(|(number, held)| {
            let released = released.as_ref().map(|all| all.contains(&number));
            held.in_phase(Phase::Ended {
                exit_code: exit.0,
                lost: lost.remove(&number),
                released,
            })
        });
        self.write(ended.collect(), AT_THE_END).await;
        if self.writing.take().is_some() {
            say("it takes too long");
        }
    }

    async fn write(&self, outcomes: Vec<Outcome>, patience: Duration) {
        let Some(path) = self.path.clone() else {
            return;
        };
        let deadline = SystemClock.now() + patience;
        // One after the other: what was written first must not be there last.
        if let Some(before) = self.writing.take()
            && !self.awaited(before, deadline).await
        {
            return;
        }
        let writing = spawn_blocking(move || {
            let text = text(&outcomes, &path)?;
            replace(&path, &text)
        });
        self.awaited(writing, deadline).await;
    }

    /// Whether it is over by then; else somebody may wait for it later.
    async fn awaited(
        &self,
        mut writing: JoinHandle<io::Result<()>>,
        deadline: crate::clock::Instant,
    ) -> bool {
        tokio::select! {
            biased;
            done = &mut writing => match done {
                Ok(Ok(())) => {}
                Ok(Err(why)) => say(&why.to_string()),
                Err(why) => say(&why.to_string()),
            },
            () = SystemClock.sleep_until(deadline) => {
                self.writing.replace(Some(writing));
                return false;
            }
        }
        true
    }
}

fn say(why: &str) {
    terminal::say_always(&format!("error: the outcome could not be written: {why}"));
}

fn text(outcomes: &[Outcome], path: &Path) -> io::Result<String> {
    let is_yaml = path
        .extension()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("yaml") || kind.eq_ignore_ascii_case("yml"));
    let format = match is_yaml {
        true => DocumentFormat::Yaml,
        false => DocumentFormat::Json,
    };
    let format = ValueFormat::Document(format);
    let text = match outcomes {
        [outcome] => outcome.text(Some(&ObjectFormat::Value(format)), false),
        all => outcome::list(all, &format, false),
    };
    text.map_err(|_| io::Error::other("it cannot be put into this format"))
}

/// Where it is written in the end, which is there no more.
fn made_ready(path: &Path) -> io::Result<PathBuf> {
    #[cfg(windows)]
    if let Some(why) = windows::no_file(path) {
        return Err(io::Error::other(why));
    }
    let path = match fs::symlink_metadata(path) {
        // The file behind a link is replaced, and the link stays.
        Ok(_) => fs::canonicalize(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    match fs::metadata(&path) {
        Ok(found) if !found.is_file() => return Err(io::Error::other("it is no regular file")),
        Ok(found) if is_our_own(&path, &found) => {
            let why = "it is where this command reads or prints; give another file";
            return Err(io::Error::other(why));
        }
        _ => {}
    }
    // A name in that folder, with what is to become of it there: it may be full, or of another user.
    replace(&path, "\n")?;
    remove_file(&path)?;
    Ok(path)
}

/// Whether it is what this process has as its input or output, under whichever name: what is printed there would be lost.
#[cfg(unix)]
fn is_our_own(_: &Path, found: &fs::Metadata) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let (input, output, errors) = (io::stdin(), io::stdout(), io::stderr());
    let all = [input.as_fd(), output.as_fd(), errors.as_fd()];
    all.iter().any(|one| {
        let one = one
            .try_clone_to_owned()
            .and_then(|one| fs::File::from(one).metadata());
        one.is_ok_and(|one| (one.dev(), one.ino()) == (found.dev(), found.ino()))
    })
}

/// Writes all of it, and only then gives it its name: nobody reads a part of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name();
    let name = name.ok_or_else(|| io::Error::other("it has no name"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let hidden = path.with_file_name(hidden);
    let written = fs::write(&hidden, text).and_then(|()| rename(&hidden, path));
    if written.is_err() {
        // What is left of it, if anything is.
        let _ = fs::remove_file(&hidden);
    }
    written
}
