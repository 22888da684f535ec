//! The command that `hold` is to run, before there is a lease.

use std::ffi::OsString;

use crate::error::Error;
use crate::lease::values::LeaseName;

/// Finds out before the lease is taken whether the command can be run.
pub fn find(words: &[OsString]) -> Result<(), Error> {
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

/// Its words, for people to read.
pub fn readable(words: &[OsString]) -> Vec<String> {
    let words = words.iter();
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// Without a command, a name behind the first that is a program is a command that lacks its `--`.
pub fn no_command_among(names: &[LeaseName]) -> Result<(), Error> {
    let others = names.iter().skip(1).filter(|name| **name != names[0]);
    let mut programs = others.filter(|name| which::which(name.as_str()).is_ok());
    let Some(program) = programs.next() else {
        return Ok(());
    };
    let first = &names[0];
    Err(Error::Usage(format!(
        "no command, and \"{program}\" is a program here: a command goes after '--', as in: hold {first} -- {program}; to hold a lease of that name, give a command that waits"
    )))
}
