//! What a command in a hint needs besides its own words: the connection flags that this call was given, so that pasting it
//! does the same thing to the same cluster.

use std::sync::OnceLock;

use super::words::pasted;
use crate::cli::{Cli, Command, ConnectionArgs};
use crate::userinfo::redacted;

/// What this call was given and what it is about.
struct Call {
    /// The flags that tell the cluster, each with a blank before it.
    cluster: String,
    /// The flags that tell who asks.
    who: String,
    subcommand: &'static str,
    verbs: Vec<&'static str>,
}

static CALL: OnceLock<Call> = OnceLock::new();

/// Notes what this call was given, once in a process, before anything is said.
pub fn note(cli: &Cli) {
    let (subcommand, verbs) = needs(&cli.command);
    let call = Call {
        cluster: cluster(&cli.connection),
        who: who(&cli.connection),
        subcommand,
        verbs,
    };
    // Who notes it twice has noted the same.
    let _ = CALL.set(call);
}

/// A namespace as a hint names it, behind its `-n`, with the other connection flags of this call.
pub fn at(namespace: &str) -> String {
    format!("{namespace}{}", flags())
}

/// The connection flags of this call but the namespace, each with a blank before it; empty without any.
pub fn flags() -> String {
    CALL.get()
        .map_or_else(String::new, |call| format!("{}{}", call.cluster, call.who))
}

/// As [`flags`], for whoever has more permissions than who asked.
pub fn cluster_flags() -> &'static str {
    CALL.get().map_or("", |call| &call.cluster)
}

/// The subcommand of this call, and the verbs on Leases that all of it takes; `None` if nothing was noted.
pub fn needed() -> Option<(&'static str, &'static [&'static str])> {
    let call = CALL.get()?;
    (!call.verbs.is_empty()).then_some((call.subcommand, call.verbs.as_slice()))
}

fn needs(command: &Command) -> (&'static str, Vec<&'static str>) {
    let when = |wanted: bool, verb| wanted.then_some(verb);
    let with = |always: &[&'static str], more: &[Option<&'static str>]| {
        let more = more.iter().copied().flatten();
        always.iter().copied().chain(more).collect()
    };
    match command {
        Command::Create(args) => (
            "create",
            with(&[], &[Some("create"), when(args.ignore_existing, "get")]),
        ),
        Command::Acquire(args) => (
            "acquire",
            with(
                &["get", "update", "watch"],
                &[when(args.grant.create, "create")],
            ),
        ),
        Command::Hold(args) => (
            "hold",
            with(
                &["get", "update", "watch"],
                &[when(args.grant.create, "create")],
            ),
        ),
        Command::Renew(_) => ("renew", with(&["get", "update"], &[])),
        Command::Check(_) => ("check", with(&["get", "update"], &[])),
        Command::Release(_) => ("release", with(&["get", "update"], &[])),
        Command::Steal(_) => ("steal", with(&["get", "update"], &[])),
        Command::Status(args) => (
            "status",
            with(
                &[if args.name.is_some() { "get" } else { "list" }],
                &[when(args.watch, "watch")],
            ),
        ),
        Command::Version(_) | Command::Completion(_) | Command::Explain(_) | Command::Man(_) => {
            ("", Vec::new())
        }
    }
}

fn cluster(connection: &ConnectionArgs) -> String {
    let path = connection.kubeconfig.as_ref();
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let server = connection.server.as_deref();
    let server = server.map(|server| redacted(server).into_owned());
    let mut text = given(&[
        ("kubeconfig", &path),
        ("context", &connection.context),
        ("cluster", &connection.cluster),
        ("server", &server),
        ("certificate-authority", &connection.certificate_authority),
        ("tls-server-name", &connection.tls_server_name),
    ]);
    if connection.insecure_skip_tls_verify {
        text.push_str(" --insecure-skip-tls-verify");
    }
    text
}

/// Nothing that is secret: a token is given again by whoever has it.
fn who(connection: &ConnectionArgs) -> String {
    let mut text = given(&[
        ("user", &connection.user),
        ("as", &connection.impersonate),
        ("as-uid", &connection.impersonate_uid),
        ("client-certificate", &connection.client_certificate),
        ("client-key", &connection.client_key),
    ]);
    for group in &connection.impersonate_groups {
        text.push_str(&format!(" --as-group {}", pasted(group)));
    }
    for (key, value) in &connection.impersonate_extra {
        let pair = format!("{key}={value}");
        text.push_str(&format!(" --as-user-extra {}", pasted(&pair)));
    }
    if connection.token.is_some() {
        text.push_str(" --token …");
    }
    text
}

fn given(flags: &[(&str, &Option<String>)]) -> String {
    let mut text = String::new();
    for (flag, value) in flags {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            text.push_str(&format!(" --{flag} {}", pasted(value)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_given_again_quoted_and_no_secret_is() {
        let connection = ConnectionArgs {
            context: Some("prod east".to_owned()),
            kubeconfig: Some("/k/c".into()),
            token: Some("secret".to_owned()),
            impersonate: Some("o'neill".to_owned()),
            impersonate_groups: vec!["a".to_owned(), "b".to_owned()],
            impersonate_extra: vec![("k".to_owned(), "v w".to_owned())],
            ..ConnectionArgs::default()
        };
        assert_eq!(
            cluster(&connection),
            " --kubeconfig /k/c --context 'prod east'"
        );
        assert_eq!(
            who(&connection),
            " --as 'o'\\''neill' --as-group a --as-group b --as-user-extra 'k=v w' --token …"
        );
        assert_eq!(cluster(&ConnectionArgs::default()), "");
        let connection = ConnectionArgs {
            server: Some("https://u:secret@a:6443".to_owned()),
            ..ConnectionArgs::default()
        };
        assert_eq!(cluster(&connection), " --server https://u:xxxxx@a:6443");
    }
}
