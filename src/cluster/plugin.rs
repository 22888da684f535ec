//! What is wrong with an exec credential plugin, in words.

use std::io::ErrorKind;
use std::process::Output;

use kube::client::AuthError;
use kube::config::AuthInfo;

use super::cause::{without_number, words};
use crate::lease::api::Unusable;

/// The most lines of a plugin's own words, and of the kubeconfig's about it.
const LINES: usize = 10;

/// Why these credentials cannot be used; a plugin is shown with what it said.
pub fn unusable(error: &AuthError, user: &AuthInfo) -> Unusable {
    let exec = user.exec.as_ref();
    let name = name(user);
    let (detail, said) = match error {
        AuthError::AuthExecStart(error) if error.kind() == ErrorKind::NotFound => {
            let command = exec
                .and_then(|exec| exec.command.as_deref())
                .unwrap_or_default();
            let missing = if command.contains('/') {
                "does not exist"
            } else {
                "is not on PATH"
            };
            let hint = exec.and_then(|exec| exec.install_hint.as_deref());
            (format!("{name} {missing}"), lines(hint.unwrap_or_default()))
        }
        AuthError::AuthExecStart(error) => {
            let why = error.to_string();
            (
                format!("{name} cannot be run: {}", without_number(&why)),
                Vec::new(),
            )
        }
        AuthError::AuthExecRun { out, .. } => {
            let Output { status, stderr, .. } = &**out;
            (
                format!("{name} failed ({status})"),
                lines(&String::from_utf8_lossy(stderr)),
            )
        }
        AuthError::AuthExecParse(error) => {
            let why = error.to_string();
            let why = why.lines().next().unwrap_or_default();
            let why = why.trim_start_matches("error: ");
            (
                format!("{name} printed no ExecCredential: {why}"),
                Vec::new(),
            )
        }
        AuthError::ExecPluginFailed => (
            format!("{name} printed no ExecCredential with a status"),
            Vec::new(),
        ),
        AuthError::MissingCommand => (
            "the exec plugin of the kubeconfig has no command".to_owned(),
            Vec::new(),
        ),
        other => (words(other), Vec::new()),
    };
    Unusable { detail, said }
}

/// How to call the plugin.
pub fn name(user: &AuthInfo) -> String {
    let exec = user.exec.as_ref().and_then(|exec| exec.command.as_deref());
    match (exec, &user.auth_provider) {
        (Some(command), _) => format!("exec plugin {command:?}"),
        (None, Some(provider)) => format!("auth-provider {:?}", provider.name),
        (None, None) => "the credentials".to_owned(),
    }
}

fn lines(text: &str) -> Vec<String> {
    let filled = text.lines().filter(|line| !line.trim().is_empty());
    filled
        .take(LINES)
        .map(|line| format!("  {}", line.trim_end()))
        .collect()
}
