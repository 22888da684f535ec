//! The same on Windows: what cmd.exe and PowerShell do themselves, and what no program can be started of.

use std::io;
use std::path::Path;

use crate::words::quoting::Shell;

/// Words that cmd.exe does itself (`help` there lists them).
const CMDS_OWN: &str = " assoc break call cd chdir cls color copy date del dir echo endlocal erase exit for ftype goto if md mkdir mklink \
                        move path pause popd prompt pushd rd rem ren rename rmdir set setlocal shift start time title type ver verify vol ";

/// What most of PowerShell's commands begin with.
const VERBS: &str = " add clear compress connect convertfrom convertto copy enter expand export foreach format get import invoke measure move new \
                     out read receive register remove rename restart resume save select send set sort start stop suspend test update wait \
                     where write ";

/// What cmd.exe does with a line, and no program with a word.
const OPERATORS: &str = "&|<>^%";

/// ERROR_BAD_EXE_FORMAT.
const NO_PROGRAM: i32 = 193;

/// How a shell would run what is no program; `None` where it looks like one that is not there.
pub fn for_a_shell(words: &[String], shell: Shell) -> Option<String> {
    let (command, rest) = words.split_first()?;
    // What is handed on to cmd.exe is quoted for programs, which it is not.
    let is_simple = |word: &String| !word.contains(|c| OPERATORS.contains(c) || "\"!".contains(c));
    let line = |words: &[String]| {
        let words = words.iter().map(|word| format!(" {}", shell.pasted(word)));
        words.collect::<String>()
    };
    if CMDS_OWN.contains(&format!(" {} ", command.to_ascii_lowercase())) {
        let why = format!("{command} is a word of cmd.exe, not a program");
        return Some(match words.iter().all(is_simple) {
            true => format!("{why}: give it to that: -- cmd /d /c{}", line(words)),
            false => format!("{why}: put the line into a batch file: -- .\\NAME.cmd"),
        });
    }
    if command.contains(|c| OPERATORS.contains(c))
        || (rest.is_empty() && command.contains(' ') && !is_path(command))
    {
        let why = "hold runs a program with its arguments, not a shell command line";
        let is_one = rest.is_empty() && !command.contains(['"', '%']);
        return Some(match is_one {
            true => format!("{why}: give it to a shell: -- cmd /d /c{}", line(words)),
            false => format!("{why}: put the line into a batch file: -- .\\NAME.cmd"),
        });
    }
    if is_path(command) {
        return None;
    }
    if let Some(file) = here(command) {
        return Some(format!(
            "It is in the current folder, from which nothing is run by its name alone: -- .\\{file}"
        ));
    }
    // `my-tool` is as likely to be a program that is missing.
    let is_verb = |word: &str| VERBS.contains(&format!(" {} ", word.to_ascii_lowercase()));
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic());
    let is_cmdlet =
        (command.split_once('-')).is_some_and(|(verb, noun)| is_verb(verb) && is_word(noun));
    if is_cmdlet {
        return Some(format!(
            "It is not on PATH. A command of PowerShell is given to that, in a script: -- powershell -NoProfile -File .\\NAME.ps1   (pwsh for PowerShell 7; the script has {command})"
        ));
    }
    Some("It is not on PATH. A function or an alias is known to your shell alone: write out what it runs".to_owned())
}

/// The file of that name in the current folder, where cmd.exe would look first.
fn here(command: &str) -> Option<String> {
    let ends = ["", ".com", ".exe", ".bat", ".cmd", ".ps1"];
    let mut names = ends.iter().map(|end| format!("{command}{end}"));
    names.find(|name| !command.is_empty() && Path::new(name).is_file())
}

fn is_path(command: &str) -> bool {
    command.contains(['/', '\\', ':'])
}

/// What is said of a file that is no program.
pub fn no_program(file: &Path, why: &io::Error) -> Option<(String, Option<String>)> {
    let is_none = why.raw_os_error() == Some(NO_PROGRAM) && !file.is_dir();
    is_none.then(|| {
        let then = "A script is given to what runs it: -- powershell -NoProfile -File SCRIPT.ps1, -- py SCRIPT.py, -- bash SCRIPT.sh";
        (
            "it is no program of this Windows".to_owned(),
            Some(then.to_owned()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &[&str]) -> String {
        let words: Vec<String> = line.iter().map(ToString::to_string).collect();
        for_a_shell(&words, Shell::Cmd).unwrap_or_default()
    }

    #[test]
    fn what_cmd_does_itself_is_given_to_it() {
        for (line, advice) in [
            (&["dir"][..], "-- cmd /d /c dir"),
            (&["DIR", "/b", "my dir"], "-- cmd /d /c DIR /b \"my dir\""),
            (&["echo", "a\"b"], "-- .\\NAME.cmd"),
            (&["echo", "%PATH%"], "-- .\\NAME.cmd"),
            (&["a && b"], "-- cmd /d /c \"a && b\""),
            (&["copy a b"], "-- cmd /d /c \"copy a b\""),
            (&["x>log"], "-- cmd /d /c \"x>log\""),
            (&["echo %X%"], "-- .\\NAME.cmd"),
            (&["a|b", "c"], "-- .\\NAME.cmd"),
            (&["Get-ChildItem", "x"], "-- powershell -NoProfile -File"),
            (&["ll"], "alias"),
            (&["no-such"], "alias"),
            // Tests stand in the package's folder.
            (&["Cargo.toml"], "-- .\\Cargo.toml"),
        ] {
            assert!(said(line).contains(advice), "{line:?}: {}", said(line));
        }
        assert_eq!(said(&["C:\\Program Files\\x.exe"]), "");
        assert_eq!(said(&[".\\nowhere"]), "");
    }

    #[test]
    fn a_script_is_no_program() {
        let said = |error| no_program(Path::new("x.py"), &io::Error::from_raw_os_error(error));
        assert!(
            said(NO_PROGRAM)
                .is_some_and(|(why, then)| why.contains("no program") && then.is_some())
        );
        assert_eq!(said(5), None);
    }
}
