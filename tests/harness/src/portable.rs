//! Small commands that exist on every system: the test binary itself, started again with other words.
//!
//! A test whose point is not the shell runs these. A script is words; `then` stands between its commands:
//!
//! | command | does |
//! | --- | --- |
//! | `say WORDS…`, `echo WORDS…` | prints them as one line, and of `$NAME` its value, of `$$` who it is, of `$?` how the last `run` ended |
//! | `run PROGRAM WORDS…` | runs another program, with values in the place of names as above; its status is the script's where it comes last |
//! | `append FILE WORDS…` | adds them to the file as one line |
//! | `unset NAME` | takes the variable away |
//! | `announce` | prints `child PID TAG`: who it is, and what all that the test started carries |
//! | `environment NAMES…` | prints `NAME=VALUE` of each that is set |
//! | `copy FILES…`, `cat FILES…` | prints them, or without any what it reads |
//! | `sleep SECONDS` | waits as long |
//! | `until FILE` | waits until the file is there |
//! | `start MANNER SCRIPT` | starts this script (one word) beside itself, and prints `started PID`, or why it cannot |
//! | `exit NUMBER` | ends with that status |
//! | `true` | does nothing |
//!
//! A process is started `beside` its parent; on Windows also as a new `group`, `detached` from the console, or
//! `breakaway`: out of the job. There is also `listen` (hear console events from now on, and not end by them), `heard` (waits for one, and prints
//! which) and `interrupt PID EVENT` (`ctrl-c` or `ctrl-break` in the console of that process), `type-for-each-line PID`.

use crate::process::TAG;
#[cfg(windows)]
use crate::process::console;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
#[cfg(windows)]
use std::path::PathBuf;
use std::process::{Command, Stdio};
#[cfg(windows)]
use std::sync::LazyLock;
#[cfg(windows)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What every Unix system has, and Windows has not: there the test binary stands in for these, under their names.
#[cfg(windows)]
const NAMES: [&str; 5] = ["cat", "echo", "env", "sleep", "true"];

/// By this word the test binary knows that it is not to test.
const WORD: &str = "--portable-command";

/// The words that run this script: a command for `hold`, or for [`crate::Command::new`].
///
/// # Panics
///
/// When the test's own binary cannot be found.
pub fn portable<S: AsRef<str>>(script: &[S]) -> Vec<OsString> {
    let program = std::env::current_exe().expect("the test's own path is known");
    let script = script.iter().map(|word| word.as_ref().into());
    [program.into(), WORD.into()]
        .into_iter()
        .chain(script)
        .collect()
}

/// Before `main`: runs the script where the words ask for one, and does not come back then.
///
/// libtest owns `main`, and prints before it runs any test; so this is called by the system's own means, from
/// [`portable_commands!`](crate::portable_commands).
pub extern "C" fn run_where_asked() {
    #[cfg(windows)]
    run_by_name();
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == WORD) {
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        std::process::exit(run(&words));
    }
}

/// Set by every test binary that runs scripts, before its `main`.
#[cfg(windows)]
static RUNS_SCRIPTS: AtomicBool = AtomicBool::new(false);

/// A folder with this test binary under each of the [`NAMES`], where it runs them.
#[cfg(windows)]
pub(crate) fn folder() -> Option<&'static Path> {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let program = std::env::current_exe().expect("the test's own path is known");
        let folder = crate::scratch::folder("bin");
        for name in NAMES {
            let link = folder.join(name).with_extension("exe");
            std::fs::hard_link(&program, &link)
                .or_else(|_| std::fs::copy(&program, &link).map(drop))
                .expect("the folder is ours");
        }
        folder
    });
    RUNS_SCRIPTS
        .load(Ordering::Relaxed)
        .then(|| FOLDER.as_path())
}

#[cfg(windows)]
fn run_by_name() {
    RUNS_SCRIPTS.store(true, Ordering::Relaxed);
    let mut words = std::env::args();
    let name = words.next().unwrap_or_default();
    let name = Path::new(&name).file_stem().and_then(|name| name.to_str());
    let words: Vec<String> = words.collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let status = match name {
        Some("cat") => run(&[&["copy"], &words[..]].concat()),
        Some("echo") => run(&[&["say"], &words[..]].concat()),
        Some("env") => {
            std::env::vars().for_each(|(name, value)| say(&format!("{name}={value}")));
            0
        }
        Some("sleep") => run(&[&["sleep"], &words[..]].concat()),
        Some("true") => 0,
        _ => return,
    };
    std::process::exit(status);
}

/// Has this test binary run the scripts of [`portable`](crate::portable()). Stands once in a test's `main.rs`.
#[macro_export]
macro_rules! portable_commands {
    () => {
        const _: () = {
            #[used]
            #[cfg_attr(
                any(target_os = "linux", target_os = "freebsd"),
                unsafe(link_section = ".init_array")
            )]
            #[cfg_attr(
                target_vendor = "apple",
                unsafe(link_section = "__DATA,__mod_init_func")
            )]
            #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
            static BEFORE_MAIN: extern "C" fn() = $crate::run_where_asked;
        };
    };
}

fn run(words: &[&str]) -> i32 {
    let mut last = 0;
    for command in words.split(|word| *word == "then") {
        let [name, rest @ ..] = command else {
            panic!("an empty command in {words:?}");
        };
        let before = std::mem::take(&mut last);
        match (*name, rest) {
            ("say" | "echo", words) => say(&values(words, before).join(" ")),
            ("run", [program, words @ ..]) => last = run_program(program, &values(words, before)),
            ("append", [file, words @ ..]) => append(file, &words.join(" ")),
            // SAFETY: before `main` there is one thread.
            ("unset", [name]) => unsafe { std::env::remove_var(name) },
            ("announce", []) => say(&format!(
                "child {} {}",
                std::process::id(),
                std::env::var(TAG).unwrap_or_default()
            )),
            ("environment", names) => {
                for name in names {
                    if let Ok(value) = std::env::var(name) {
                        say(&format!("{name}={value}"));
                    }
                }
            }
            ("true", []) => {}
            ("copy" | "cat", files) if !files.is_empty() => {
                for file in files {
                    print!("{}", std::fs::read_to_string(file).expect("it is text"));
                }
            }
            ("copy" | "cat", _) => {
                std::io::copy(&mut std::io::stdin(), &mut std::io::stdout()).expect("it is open");
            }
            ("sleep", [seconds]) => {
                let seconds = seconds.parse().expect("a number of seconds");
                std::thread::sleep(Duration::from_secs_f64(seconds));
            }
            ("until", [file]) => {
                while !Path::new(file).exists() {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            ("exit", [number]) => return number.parse::<u32>().expect("a status").cast_signed(),
            ("start", [manner, script @ ..]) => start(manner, &script.join(" ")),
            #[cfg(windows)]
            ("listen", []) => console::listen(),
            #[cfg(windows)]
            ("heard", []) => say(console::heard()),
            #[cfg(windows)]
            ("type-for-each-line", [pid]) => {
                console::type_for_each_line(pid.parse().expect("an id"))
            }
            #[cfg(windows)]
            ("interrupt", [pid, event]) => console::interrupt(pid.parse().expect("an id"), event),
            _ => panic!("no such command: {command:?}"),
        }
    }
    last
}

/// The words, with values in the place of names.
fn values(words: &[&str], last: i32) -> Vec<String> {
    let value = |word: &&str| match word.strip_prefix('$') {
        Some("$") => std::process::id().to_string(),
        Some("?") => last.to_string(),
        Some(name) => std::env::var(name).unwrap_or_default(),
        None => (*word).to_owned(),
    };
    words.iter().map(value).collect()
}

fn run_program(program: &str, words: &[String]) -> i32 {
    let status = Command::new(program).args(words).status();
    let status = status.expect("the program can be started");
    status.code().expect("it ends by itself")
}

fn append(file: &str, line: &str) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .expect("the folder is there");
    writeln!(file, "{line}").expect("it can be written");
}

fn start(manner: &str, script: &str) {
    let words: Vec<&str> = script.split_whitespace().collect();
    let words = portable(&words);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt;
        use windows_sys::Win32::System::Threading as flags;
        command.creation_flags(match manner {
            "group" => flags::CREATE_NEW_PROCESS_GROUP,
            "detached" => flags::DETACHED_PROCESS,
            "breakaway" => flags::CREATE_BREAKAWAY_FROM_JOB,
            _ => 0,
        });
    }
    let _ = manner;
    match command.spawn() {
        Ok(child) => say(&format!("started {}", child.id())),
        Err(error) => say(&format!("cannot start: {error}")),
    }
}

/// A line at once; whoever reads has perhaps gone.
fn say(line: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
