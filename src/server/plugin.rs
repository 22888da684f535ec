//! Programs that give credentials: exec plugins, and the commands of legacy auth-providers.

mod exec;
#[cfg(unix)]
mod foreground;
#[cfg(unix)]
mod keeper;
#[cfg(windows)]
mod lookup;
mod provider;
#[cfg(unix)]
mod run;
#[cfg(windows)]
#[path = "plugin/run_windows.rs"]
mod run;
mod warning;

use std::io::{self, ErrorKind, IsTerminal};
use std::time::Duration;

use kube::config::{AuthInfo, AuthProviderConfig, ExecConfig, ExecInteractiveMode};

use super::unusable;
use crate::clock::{self, Clock, SystemClock};
use crate::lease::api::Unusable;
use crate::words::without_number;

pub use exec::{Given, Identity};
#[cfg(unix)]
pub use keeper::main;
pub use run::end_all;
pub use warning::warn_through;
#[cfg(any(test, fuzzing))]
pub use {exec::given, exec::info as told, provider::given as given_by_provider};

use provider::Provider;

/// The most lines of a plugin's own words, and of the kubeconfig's about it.
const LINES: usize = 10;

/// What to run.
#[derive(Clone)]
pub struct Program {
    command: String,
    arguments: Vec<String>,
    /// Added to our own.
    environment: Vec<(String, String)>,
    /// Taken out of it.
    without: Vec<String>,
    /// Whether it gets our stdin, which is a terminal.
    interactive: bool,
    /// Whether what it says goes to our stderr at once, as it may ask for something.
    aloud: bool,
}

/// What has to be known to run one.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Nobody is asked: a lease is held, so that the terminal is the command's, or a shell completes a word.
    pub unattended: bool,
    /// When it is killed.
    pub limit: Option<Duration>,
}

/// How a plugin ended.
#[cfg_attr(
    not(unix),
    allow(dead_code, reason = "nothing there tells that it asks for the console")
)]
enum Ended {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// Before it began.
    NotStarted(io::Error),
    /// Killed, as it took longer than this.
    TimedOut(Duration),
    /// Killed, as it asked for a terminal that it does not get.
    Asked,
    /// Killed, as it printed without end.
    TooMuch,
}

/// How a run went.
struct Outcome {
    ended: Ended,
    stdout: Vec<u8>,
    /// What it said, unless that went to our own stderr.
    stderr: Vec<u8>,
}

/// Whether a run for `user` may ask a person something.
pub fn asks_a_person(user: &AuthInfo, unattended: bool) -> bool {
    let may_ask = |exec: &ExecConfig| exec.interactive_mode != Some(ExecInteractiveMode::Never);
    let exec = user.exec.as_ref().filter(|_| user.auth_provider.is_none());
    !unattended && exec.is_some_and(may_ask) && std::io::stdin().is_terminal()
}

/// Runs what gives the credentials of `user`, who is called `whose` in warnings.
///
/// # Errors
/// With why there are none; a plugin is shown with what it said.
pub async fn ask(
    user: &AuthInfo,
    whose: &str,
    circumstances: Circumstances,
) -> Result<Given, Unusable> {
    let name = name(user);
    let about = |rest: String| unusable(format!("{name} {rest}"));
    if let Some(provider) = &user.auth_provider {
        return match provider::of(provider, SystemClock.wall()).map_err(unusable)? {
            Provider::Given(given) => Ok(given),
            Provider::Command(program) => {
                let stdout = stdout_of(&program, &name, None, circumstances).await?;
                provider::given(provider, &stdout).map_err(about)
            }
        };
    }
    let Some(exec) = &user.exec else {
        return Ok(Given::default());
    };
    let command = exec.command.clone().unwrap_or_default();
    if command.is_empty() {
        return Err(unusable(
            "the exec plugin of the kubeconfig has no command".to_owned(),
        ));
    }
    let terminal = !circumstances.unattended && std::io::stdin().is_terminal();
    let interactive = exec::interactive(exec, terminal, circumstances.unattended).map_err(about)?;
    let info = exec::info(exec, interactive).map_err(about)?;
    for what in warning::about(exec) {
        warning::warn(whose, &name, &what);
    }
    let program = Program {
        command,
        arguments: exec.args.clone().unwrap_or_default(),
        environment: environment(exec, info),
        without: exec.drop_env.clone().unwrap_or_default(),
        interactive,
        aloud: !circumstances.unattended
            && exec.interactive_mode != Some(ExecInteractiveMode::Never),
    };
    let hint = exec.install_hint.as_deref();
    let stdout = stdout_of(&program, &name, hint, circumstances).await?;
    let given = exec::given(exec, &name, &stdout).map_err(|why| {
        // About the token itself, which names the plugin.
        if why.contains(&name) {
            unusable(why)
        } else {
            about(why)
        }
    })?;
    for field in &given.lacking {
        warning::warn(whose, &name, &warning::lacking(field));
    }
    Ok(given)
}

fn environment(exec: &ExecConfig, info: String) -> Vec<(String, String)> {
    let entries = exec.env.iter().flatten();
    let pair = |entry: &std::collections::HashMap<String, String>| {
        Some((entry.get("name")?.clone(), entry.get("value")?.clone()))
    };
    let mut environment: Vec<(String, String)> = entries.filter_map(pair).collect();
    environment.push(("KUBERNETES_EXEC_INFO".to_owned(), info));
    environment
}

async fn stdout_of(
    program: &Program,
    name: &str,
    hint: Option<&str>,
    circumstances: Circumstances,
) -> Result<Vec<u8>, Unusable> {
    let words = std::iter::once(&program.command).chain(&program.arguments);
    let variables = program.environment.iter();
    let mut all = words.chain(variables.flat_map(|(name, value)| [name, value]));
    let unnameable = |(name, _): &(String, String)| name.is_empty() || name.contains('=');
    if all.any(|text| text.contains('\0')) || program.environment.iter().any(unnameable) {
        return Err(unusable(format!(
            "{name} cannot be run: its arguments or environment in the kubeconfig are not possible for a process"
        )));
    }
    let Outcome {
        ended,
        stdout,
        stderr,
    } = run::run(program, circumstances).await;
    let said = lines(&String::from_utf8_lossy(&stderr));
    let detail = match ended {
        Ended::Exited(0) => return Ok(stdout),
        Ended::Exited(status) => format!("{name} failed ({})", status_words(status)),
        Ended::Signalled(signal) => format!("{name} failed ({})", signal_words(signal)),
        Ended::NotStarted(error) if error.kind() == ErrorKind::NotFound => {
            let missing = if is_path(&program.command) {
                "does not exist"
            } else {
                "is not on PATH"
            };
            return Err(Unusable {
                detail: format!("{name} {missing}"),
                said: lines(hint.unwrap_or_default()),
            });
        }
        Ended::NotStarted(error) => {
            #[cfg(unix)]
            let why = crate::limits::words(&error);
            #[cfg(not(unix))]
            let why = error.to_string();
            format!("{name} cannot be run: {}", without_number(&why))
        }
        Ended::TimedOut(limit) => {
            let limit = clock::told(limit);
            format!("{name} gave no credentials within {limit:?}, and was killed")
        }
        Ended::Asked if circumstances.unattended => format!(
            "{name} asks for something on the terminal, which it may not while the lease is held, and was killed"
        ),
        Ended::Asked => format!(
            "{name} asks for something on the terminal, which is not ours now, and was killed"
        ),
        Ended::TooMuch => {
            format!("{name} printed more than an ExecCredential can be, and was killed")
        }
    };
    Err(Unusable { detail, said })
}

#[cfg(unix)]
fn signal_words(signal: i32) -> String {
    use std::os::unix::process::ExitStatusExt;

    // The status of a process that died of a signal is the signal (wait(2)).
    std::process::ExitStatus::from_raw(signal).to_string()
}

#[cfg(windows)]
fn signal_words(_: i32) -> String {
    "interrupted by Ctrl-C".to_owned()
}

/// What ends a process on Windows other than itself is a large number, which is known in hexadecimal (NTSTATUS).
fn status_words(status: i32) -> String {
    match status {
        ..0 if cfg!(windows) => format!("exit status: {:#x}", status.cast_unsigned()),
        _ => format!("exit status: {status}"),
    }
}

#[cfg(unix)]
fn is_path(command: &str) -> bool {
    command.contains(std::path::MAIN_SEPARATOR)
}

#[cfg(windows)]
use lookup::is_path;

/// How to call the plugin.
pub fn name(user: &AuthInfo) -> String {
    let exec = user.exec.as_ref().and_then(|exec| exec.command.as_deref());
    match (exec, &user.auth_provider) {
        (_, Some(provider)) => name_of_provider(provider),
        (Some(command), None) => format!("exec plugin {command:?}"),
        (None, None) if user.token_file.is_some() => "the token file".to_owned(),
        (None, None) => "the credentials".to_owned(),
    }
}

fn name_of_provider(provider: &AuthProviderConfig) -> String {
    format!("auth-provider {:?}", provider.name)
}

fn lines(text: &str) -> Vec<String> {
    let filled = text.lines().filter(|line| !line.trim().is_empty());
    filled
        .take(LINES)
        .map(|line| format!("  {}", line.trim_end()))
        .collect()
}
