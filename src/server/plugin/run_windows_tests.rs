//! Programs of Windows as credential plugins: what they print, how they end, and that nothing is left of them.

use std::path::Path;

use super::*;

const NEVER: Circumstances = Circumstances {
    unattended: true,
    limit: None,
};

/// A folder with a blank in its name, which goes when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("kubectl-lease plugin {}", uuid::Uuid::new_v4());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("it is made");
        Self(folder)
    }

    /// The command of a batch file in it.
    fn batch(&self, name: &str, lines: &str) -> String {
        let file = self.0.join(name);
        std::fs::write(&file, format!("@echo off\r\n{lines}\r\n")).expect("it is written");
        file.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn program(command: &str, arguments: &[&str]) -> Program {
    Program {
        command: command.to_owned(),
        arguments: arguments.iter().map(ToString::to_string).collect(),
        environment: vec![("KUBERNETES_EXEC_INFO".to_owned(), "{\"a b\": 1}".to_owned())],
        without: Vec::new(),
        interactive: false,
        aloud: false,
    }
}

fn ran(program: &Program, circumstances: Circumstances) -> Outcome {
    let runtime = runtime();
    runtime.block_on(run(program, circumstances))
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

fn exited(outcome: &Outcome) -> Option<i32> {
    match outcome.ended {
        Ended::Exited(status) => Some(status),
        _ => None,
    }
}

fn stdout(outcome: &Outcome) -> String {
    String::from_utf8_lossy(&outcome.stdout).into_owned()
}

#[test]
fn a_batch_file_gets_its_arguments_and_environment_and_says_how_it_ended() {
    let folder = Folder::new();
    let command = folder.batch(
        "get token.cmd",
        "echo [%~1] [%2]\r\necho %KUBERNETES_EXEC_INFO%\r\necho no 1>&2\r\nexit /b 3",
    );
    // Without its end: PATHEXT has it.
    let command = command.strip_suffix(".cmd").expect("its end");
    let outcome = ran(&program(command, &["a b", "c&d"]), NEVER);
    assert_eq!(exited(&outcome), Some(3));
    assert_eq!(stdout(&outcome), "[a b] [\"c&d\"]\r\n{\"a b\": 1}\r\n");
    assert!(String::from_utf8_lossy(&outcome.stderr).contains("no"));
}

#[test]
fn what_cannot_be_quoted_for_a_batch_file_is_refused_in_words() {
    let folder = Folder::new();
    let command = folder.batch("x.bat", "echo ran");
    let outcome = ran(&program(&command, &["a\nb"]), NEVER);
    let Ended::NotStarted(error) = outcome.ended else {
        panic!("it ran: {:?}", outcome.stdout)
    };
    assert!(error.to_string().contains("batch file"), "{error}");
}

#[test]
fn one_that_is_not_there_is_not_found() {
    for command in ["kubectl-lease-nowhere", "C:\\nowhere\\x"] {
        let outcome = ran(&program(command, &[]), NEVER);
        let Ended::NotStarted(error) = outcome.ended else {
            panic!("it ran")
        };
        assert_eq!(error.kind(), io::ErrorKind::NotFound, "{command}");
    }
}

/// A batch file that starts another which writes a file for as long as it runs, and waits for ever.
fn never_ends(folder: &Folder, alive: &Path) -> String {
    let ticking = folder.batch(
        "ticking.cmd",
        &format!(
            ":again\r\necho x>>\"{}\"\r\nping -n 1 127.0.0.1 >nul\r\ngoto again",
            alive.display()
        ),
    );
    folder.batch(
        "starts.cmd",
        &format!("cmd /d /c \"\"{ticking}\"\"\r\n:wait\r\nping -n 2 127.0.0.1 >nul\r\ngoto wait"),
    )
}

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |found| found.len())
}

/// Waits until that file has something, and then until nothing is added any more.
fn stands_still(file: &Path) -> bool {
    let second = Duration::from_secs(1);
    for _ in 0..20 {
        let before = length(file);
        std::thread::sleep(second);
        if before > 0 && length(file) == before {
            return true;
        }
    }
    false
}

#[test]
fn one_that_hangs_is_ended_in_time_with_what_it_started() {
    let folder = Folder::new();
    let alive = folder.0.join("alive");
    let command = never_ends(&folder, &alive);
    let limit = Some(Duration::from_secs(6));
    let outcome = ran(&program(&command, &[]), Circumstances { limit, ..NEVER });
    assert!(matches!(outcome.ended, Ended::TimedOut(_)));
    assert!(stands_still(&alive), "what it started goes on");
}

#[test]
fn one_that_nobody_waits_for_any_more_is_ended_with_what_it_started() {
    let folder = Folder::new();
    let alive = folder.0.join("alive");
    let program = program(&never_ends(&folder, &alive), &[]);
    let runtime = runtime();
    runtime.block_on(async {
        let running = run(&program, NEVER);
        let began = async {
            while length(&alive) == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            _ = running => panic!("it ended"),
            () = began => {}
        }
    });
    assert!(stands_still(&alive), "what it started goes on");
}

#[test]
fn one_that_prints_without_end_is_ended() {
    let folder = Folder::new();
    let line = "x".repeat(4000);
    let command = folder.batch(
        "endless.cmd",
        &format!(":again\r\necho {line}\r\ngoto again"),
    );
    let outcome = ran(&program(&command, &[]), NEVER);
    assert!(matches!(outcome.ended, Ended::TooMuch));
}

#[test]
fn who_asks_nobody_has_a_console_of_their_own_and_who_asks_somebody_has_ours() {
    let with = |interactive, aloud| {
        apart(&Program {
            interactive,
            aloud,
            ..program("x", &[])
        })
    };
    assert_eq!(with(true, true), 0);
    assert_eq!(with(false, true), CREATE_NEW_PROCESS_GROUP);
    assert_eq!(
        with(false, false),
        CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW
    );
}
