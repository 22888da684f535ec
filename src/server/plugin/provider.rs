//! The kubeconfig's legacy `auth-provider` entries, by kube's rules: a token in the kubeconfig, or a command that prints
//! one. Runs nothing.

use jiff::Timestamp;
use kube::config::AuthProviderConfig;
use serde_json::Value;

use super::super::header;
use super::exec::Given;
use super::{Program, name_of_provider};
use crate::jsonpath::Template;

/// Where the token of a provider comes from.
pub enum Provider {
    /// The kubeconfig has it.
    Given(Given),
    /// A command prints it.
    Command(Program),
}

/// What an entry means at the time `now`.
///
/// # Errors
/// With what is missing, or of no supported kind.
pub fn of(provider: &AuthProviderConfig, now: Timestamp) -> Result<Provider, String> {
    let name = name_of_provider(provider);
    let config = &provider.config;
    let from = |key: &str| format!("the {key} of {name}");
    match provider.name.as_str() {
        "oidc" => match config.get("id-token") {
            Some(token) => Ok(Provider::Given(token_of(token, &from("id-token"), None)?)),
            None => Err(format!("{name} has no id-token: log in again")),
        },
        "gcp" => {
            if let Some(token) = config.get("id-token") {
                return Ok(Provider::Given(token_of(token, &from("id-token"), None)?));
            }
            if let (Some(token), Some(expiry)) = (config.get("access-token"), config.get("expiry"))
            {
                let expiry: Timestamp = expiry
                    .parse()
                    .map_err(|_| format!("the expiry of {name} is not a time"))?;
                if now < expiry {
                    let given = token_of(token, &from("access-token"), Some(expiry))?;
                    return Ok(Provider::Given(given));
                }
            }
            let Some(command) = config.get("cmd-path") else {
                return Err(format!(
                    "{name} has neither a token that is valid nor a cmd-path: log in again"
                ));
            };
            let words = |key: &str| -> Vec<String> {
                let text = config.get(key).map(String::as_str).unwrap_or_default();
                text.split_whitespace().map(str::to_owned).collect()
            };
            Ok(Provider::Command(Program {
                command: command.clone(),
                arguments: words("cmd-args"),
                environment: Vec::new(),
                without: words("cmd-drop-env"),
                interactive: false,
                aloud: false,
            }))
        }
        "azure" => Err(format!(
            "{name} is not supported: use kubelogin, an exec plugin"
        )),
        _ => Err(format!("{name} is not supported")),
    }
}

fn token_of(token: &str, from: &str, expires: Option<Timestamp>) -> Result<Given, String> {
    Ok(Given {
        header: Some(header::bearer(token, from)?),
        expires,
        ..Given::default()
    })
}

/// Reads what the command printed, which is no part of the error: it may be the token.
///
/// # Errors
/// With what is wrong, as the rest of a sentence about the provider.
pub fn given(provider: &AuthProviderConfig, stdout: &[u8]) -> Result<Given, String> {
    let from = format!("the token that {} gave", name_of_provider(provider));
    let Some(path) = provider.config.get("token-key") else {
        let text = std::str::from_utf8(stdout).map_err(|_| "printed no text".to_owned())?;
        return token_of(text, &from, None);
    };
    let printed: Value =
        serde_json::from_slice(stdout).map_err(|_| "printed no JSON".to_owned())?;
    let token = field(&printed, path).ok_or("printed no token at token-key")?;
    let expires = match provider.config.get("expiry-key") {
        Some(path) => Some(
            field(&printed, path)
                .and_then(|text| text.parse().ok())
                .ok_or("printed no time at expiry-key")?,
        ),
        None => None,
    };
    token_of(&token, &from, expires)
}

/// `{.credential.token}`, as kubectl reads paths; some write it in quotes.
fn field(of: &Value, path: &str) -> Option<String> {
    let path = Template::path(path.trim_matches('"')).ok()?;
    let found = path.values(of).ok()?;
    found.first()?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_printed_is_found_by_kubectls_own_paths() {
        let printed = serde_json::json!({ "credential": { "access_token": "t", "list": ["a", "b"], "n": 1 } });
        for path in [
            "{.credential.access_token}",
            ".credential.access_token",
            "credential.access_token",
            "\"{.credential.access_token}\"",
            "{.credential['access_token']}",
        ] {
            assert_eq!(field(&printed, path).as_deref(), Some("t"), "{path}");
        }
        let last = field(&printed, "{.credential.list[-1:]}");
        assert_eq!(last.as_deref(), Some("b"));
        for path in [
            "",
            "{}",
            "{.other}",
            "{.credential.n}",
            "{.credential.list[7]}",
            "{.a",
            "{range .a}",
        ] {
            assert_eq!(field(&printed, path), None, "{path}");
        }
    }
}
