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
    let path = std::path::Path::new(command);
    let found = which::which_in(command, Some(&search), ".");
    if found.as_ref().is_ok_and(|found| is_program(found)) {
        return Ok(());
    }
    let there = if found.is_ok() {
        true
    } else if path.components().count() > 1 {
        path.exists()
    } else {
        // As env(1) and timeout(1): a file on the PATH that cannot be executed is not "not found".
        std::env::split_paths(&search).any(|folder| folder.join(path).is_file())
    };
    let why = if there {
        cannot_be_executed()
    } else {
        std::io::ErrorKind::NotFound.into()
    };
    Err(Error::Command {
        words: readable(words),
        why,
    })
}

#[cfg(unix)]
fn is_program(_: &std::path::Path) -> bool {
    true
}

/// What CreateProcessW can start, and the standard library of batch files: `which` finds any file that is named whole.
#[cfg(windows)]
fn is_program(file: &std::path::Path) -> bool {
    use std::io::Read;
    const PROGRAMS: [&str; 4] = ["exe", "com", "bat", "cmd"];
    let kind = file.extension();
    let is_known =
        kind.is_some_and(|kind| PROGRAMS.iter().any(|one| kind.eq_ignore_ascii_case(one)));
    let begins_as_one = || {
        let mut first = [0; 2];
        let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut first));
        read.is_ok() && &first == b"MZ"
    };
    is_known || begins_as_one()
}

#[cfg(unix)]
fn cannot_be_executed() -> std::io::Error {
    std::io::ErrorKind::PermissionDenied.into()
}

#[cfg(windows)]
fn cannot_be_executed() -> std::io::Error {
    let no_program = windows_sys::Win32::Foundation::ERROR_BAD_EXE_FORMAT;
    std::io::Error::from_raw_os_error(no_program.cast_signed())
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

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_told_from_a_program_before_there_is_a_lease() {
        let folder = std::env::temp_dir().join(format!("kubectl-lease-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("it is made");
        let rows: [(&str, &[u8], bool); 6] = [
            ("deploy", b"#!/bin/sh", false),
            ("deploy.sh", b"#!/bin/sh", false),
            ("deploy.ps1", b"", false),
            ("deploy.CMD", b"@echo", true),
            // What the system's shop installs has nothing in it.
            ("python.exe", b"", true),
            ("tool.bin", b"MZ\x90", true),
        ];
        for (name, text, is_one) in rows {
            let file = folder.join(name);
            std::fs::write(&file, text).expect("it is written");
            let found = find(&[file.into_os_string()]);
            match found {
                Ok(()) => assert!(is_one, "{name}"),
                Err(Error::Command { why, .. }) => {
                    assert!(!is_one && why.raw_os_error() == Some(193), "{name}: {why}");
                }
                Err(other) => panic!("{name}: {other:?}"),
            }
        }
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }
}
