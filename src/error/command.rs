//! Why the command of `hold` cannot be started, and what would start it.

mod windows;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::words::{quoting, shell};

/// Words that every POSIX shell does itself (POSIX 2.9.4, 2.14, and the utilities of its 2.9.1 that change the shell).
const SHELLS_OWN: &str = " . : alias bg break case cd command continue eval exec exit export fc fg for function getopts hash if jobs \
                          local read readonly return set shift times trap type ulimit umask unalias unset until wait while { ( ! ";

/// Words that bash and zsh do, and a POSIX shell need not.
const BASHS_OWN: &str = " [[ (( builtin caller declare dirs disown enable let mapfile popd pushd readarray select shopt source \
                         suspend typeset ";

/// What a shell does with a line and no program does with a word.
const OPERATORS: &str = " \t\n|&;<>()$`\"'*?[]{}~#=";

/// What happened, and then what to do, a line each.
pub fn lines(words: &[String], why: &io::Error) -> Vec<String> {
    let Some(command) = words.first() else {
        return vec![format!("error: the command cannot be executed: {why}")];
    };
    match why.kind() {
        // The file was found before; what execve(2) misses then is what the file needs.
        io::ErrorKind::NotFound if cfg!(unix) && why.raw_os_error().is_some() => vec![
            format!("error: {command}: its first line names an interpreter that does not exist"),
            interpreter(command),
        ],
        io::ErrorKind::NotFound if command.is_empty() => vec![
            "error: the command is an empty word, '': command not found".to_owned(),
            "A variable that it is made of may be empty or not set.".to_owned(),
        ],
        io::ErrorKind::NotFound => {
            let mut lines = vec![format!("error: {command}: command not found")];
            lines.extend(for_a_shell(words));
            lines
        }
        _ => {
            let (why, then) = not_executable(command, why);
            let mut lines = vec![format!("error: {command}: cannot be executed: {why}")];
            lines.extend(then);
            lines
        }
    }
}

/// How a shell would run what is no program; `None` where it looks like one that is not there.
fn for_a_shell(words: &[String]) -> Option<String> {
    if cfg!(windows) {
        return windows::for_a_shell(words, quoting::shell());
    }
    let (command, rest) = words.split_first()?;
    let is_in = |list: &str| list.contains(&format!(" {command} "));
    let through = |why: &str, name: &str, line: &str| {
        let line = shell(line);
        Some(format!("{why}: give it to a shell: -- {name} -c {line}"))
    };
    if is_in(BASHS_OWN) {
        let why = format!("{command} is a word of bash, not a program");
        return through(&why, "bash", &joined(words));
    }
    if is_in(SHELLS_OWN) {
        let why = format!("{command} is a word of the shell, not a program");
        return through(&why, "sh", &joined(words));
    }
    if command.contains(|c| OPERATORS.contains(c)) {
        return if rest.is_empty() {
            let why = "hold runs a program with its arguments, not a shell command line";
            through(why, "sh", command)
        } else {
            let why = "hold runs a program and does not interpret shell syntax";
            through(why, "sh", &format!("{command} {}", joined(rest)))
        };
    }
    if command.contains('/') {
        return None;
    }
    Some("It is not on PATH. A function or an alias is known to your shell alone: write out what it runs".to_owned())
}

/// The words as a line, in which each is what it is.
fn joined(words: &[String]) -> String {
    // A word of the shell is one only as it is.
    let first = words.iter().take(1).cloned();
    let rest = words.iter().skip(1).map(|word| shell(word));
    first.chain(rest).collect::<Vec<String>>().join(" ")
}

/// What the first line asks for.
fn interpreter(command: &str) -> String {
    let first = found(command)
        .map(|file| first_line(&file))
        .unwrap_or_default();
    match first.strip_prefix("#!") {
        Some(named) if named.ends_with('\r') => {
            format!(
                "Its lines end as in Windows, so what it asks for is {:?}: write it with line feeds only",
                named.trim_start()
            )
        }
        Some(named) => format!(
            "It asks for {:?}: install that, or name another",
            named.trim()
        ),
        // The dynamic linker of another system, as a rule.
        None => "It was built for another system, or its dynamic linker is missing".to_owned(),
    }
}

/// Why the file cannot be executed, and what would help.
fn not_executable(command: &str, why: &io::Error) -> (String, Option<String>) {
    let Some(file) = found(command) else {
        return (why.to_string(), None);
    };
    if let Some(said) = windows::no_program(&file, why).filter(|_| cfg!(windows)) {
        return said;
    }
    if file.is_dir() {
        return ("it is a directory".to_owned(), None);
    }
    if why.kind() == io::ErrorKind::PermissionDenied && !is_executable(&file) {
        let file = shell(&file.display().to_string());
        return (
            "it is not executable".to_owned(),
            Some(format!("Make it so: chmod +x {file}")),
        );
    }
    (why.to_string(), None)
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    true
}

/// The file that the command is, executable or not.
fn found(command: &str) -> Option<PathBuf> {
    let path = Path::new(command);
    if path.components().count() > 1 {
        return path.exists().then(|| path.to_owned());
    }
    let search = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&search).map(|folder| folder.join(path));
    files.find(|file| file.is_file())
}

/// Empty where it cannot be read. What may be a whole binary is not read whole.
fn first_line(file: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(file) {
        let _ = file.take(256).read_to_end(&mut bytes);
    }
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_found(line: &[&str]) -> Vec<String> {
        let words: Vec<String> = line.iter().map(ToString::to_string).collect();
        lines(&words, &io::ErrorKind::NotFound.into())
    }

    #[cfg(unix)]
    #[test]
    fn what_only_a_shell_can_do_is_given_to_one() {
        for (line, advice) in [
            (&["a && b"][..], "-- sh -c 'a && b'"),
            (&["echo $HOME"], "-- sh -c 'echo $HOME'"),
            (&["make|tee log"], "-- sh -c 'make|tee log'"),
            (&["./x>log"], "-- sh -c './x>log'"),
            (&["./*.sh"], "-- sh -c './*.sh'"),
            (&["~/bin/x"], "-- sh -c '~/bin/x'"),
            (&["it's"], "-- sh -c 'it'\\''s'"),
            (&["A=1", "make", "a b"], "-- sh -c 'A=1 make '\\''a b'\\'''"),
            (&["$HOME/x", "-v"], "-- sh -c '$HOME/x -v'"),
            (&["cd", "/my dir"], "-- sh -c 'cd '\\''/my dir'\\'''"),
            (&["export", "A=1"], "-- sh -c 'export A=1'"),
            (&[".", "./env"], "-- sh -c '. ./env'"),
            (&["if", "true"], "-- sh -c 'if true'"),
            (&["source", "env"], "-- bash -c 'source env'"),
            (&["[[", "-f", "x", "]]"], "-- bash -c '[[ -f x "),
        ] {
            let said = not_found(line);
            assert_eq!(said[0], format!("error: {}: command not found", line[0]));
            assert!(said[1].contains(advice), "{line:?}: {said:?}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_no_line_of_a_shell() {
        assert_eq!(not_found(&["./nowhere"]).len(), 1);
        let said = not_found(&["ll", "-a"]);
        assert!(said[1].contains("alias"), "{said:?}");
    }
}
