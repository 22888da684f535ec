//! The commands in hints. Each has the connection flags that this call was given, so that pasting it does the same thing to
//! the same cluster: nothing else puts `kubectl` before words that ask a cluster (a test below reads the sources).

use std::fmt;
use std::sync::OnceLock;

use crate::cli::{Cli, Command, ConnectionArgs};
use crate::lease::values::HolderIdentity;
use crate::userinfo::redacted;
use crate::words::pasted;

/// What this call was given and what it is about.
struct Call {
    /// Where the kubeconfig is, if a flag says so, with a blank before it.
    file: String,
    /// The flag that tells the cluster, and who asks unless another flag does.
    context: String,
    /// The flags that tell the cluster alone.
    cluster: String,
    /// The flags that tell who asks.
    who: String,
    /// The one of them that chooses an entry of the kubeconfig.
    user: String,
    /// The flag that tells as which identity; an identity of the environment is there when the command is pasted.
    identity: String,
    /// Whether this call makes an identity up.
    unique: bool,
    verbs: Vec<&'static str>,
    /// The Leases that it is about.
    names: Vec<String>,
}

static CALL: OnceLock<Call> = OnceLock::new();

/// Notes what this call was given, once in a process, before anything is said.
pub fn note(cli: &Cli) {
    let verbs = needs(&cli.command);
    let call = Call {
        file: file(&cli.connection),
        context: given(&[("context", &cli.connection.context)]),
        cluster: cluster(&cli.connection),
        who: who(&cli.connection),
        user: given(&[("user", &cli.connection.user)]),
        identity: identity(&cli.command).map_or_else(String::new, flag_of),
        unique: matches!(&cli.command, Command::Acquire(args) if args.unique),
        verbs,
        names: names(&cli.command),
    };
    // Who notes it twice has noted the same.
    let _ = CALL.set(call);
}

/// A command to paste.
#[derive(Clone, Debug)]
pub struct Hint(String);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Hint {
    /// Another program's command, which asks no cluster.
    pub fn elsewhere(words: &str) -> Self {
        Self(words.to_owned())
    }

    /// The same with more words behind the flags.
    #[must_use]
    pub fn with(self, more: impl fmt::Display) -> Self {
        Self(format!("{self} {more}"))
    }
}

/// The subcommands that act as an identity.
const ACTING: [&str; 6] = ["acquire", "hold", "renew", "check", "release", "steal"];

/// `kubectl lease SUBCOMMAND NAME`, of a Lease in that namespace, as the identity of this call.
pub fn lease(subcommand: &str, name: &str, namespace: &str) -> Hint {
    let identity = CALL.get().map_or("", |call| &call.identity);
    lease_with(subcommand, name, namespace, identity)
}

/// The same as this identity, whichever the call was given.
pub fn lease_as(subcommand: &str, name: &str, namespace: &str, holder: &str) -> Hint {
    lease_with(subcommand, name, namespace, &flag_of(holder))
}

/// The same as the holder of a grant that this call was given.
pub fn lease_of_grant(subcommand: &str, name: &str, namespace: &str, holder: &str) -> Hint {
    match CALL.get().is_some_and(|call| call.unique) {
        true => lease_as(subcommand, name, namespace, holder),
        false => lease(subcommand, name, namespace),
    }
}

fn lease_with(subcommand: &str, name: &str, namespace: &str, identity: &str) -> Hint {
    let Hint(command) = kubectl_in(&format!("lease {subcommand} {name}"), namespace);
    let acts = ACTING.contains(&subcommand);
    Hint(command + if acts { identity } else { "" })
}

fn flag_of(holder: &str) -> String {
    format!(" {}", flag("holder", holder))
}

/// The identity that a flag gave.
fn identity(command: &Command) -> Option<&str> {
    let holder = match command {
        Command::Acquire(args) => &args.grant.holder.holder,
        Command::Hold(args) => &args.grant.holder.holder,
        Command::Renew(args) => &args.holder.holder,
        Command::Check(args) => &args.holder.holder,
        Command::Release(args) => &args.holder.holder,
        Command::Steal(args) => &args.holder.holder,
        // Whom these name is somebody else.
        Command::Create(_)
        | Command::Status(_)
        | Command::Options(_)
        | Command::Version(_)
        | Command::Completion(_)
        | Command::Explain(_)
        | Command::Man(_) => return None,
    };
    holder.as_ref().map(HolderIdentity::as_str)
}

/// `kubectl` with these words, in that namespace.
pub fn kubectl_in(words: &str, namespace: &str) -> Hint {
    kubectl(&format!("{words} -n {namespace}"))
}

/// `kubectl` with these words, as whoever asked.
pub fn kubectl(words: &str) -> Hint {
    let who = CALL.get().map_or("", |call| &call.who);
    let Hint(command) = kubectl_as_admin(words);
    Hint(command + who)
}

/// `kubectl config` with these words: what the kubeconfig has for this call. Who asks instead is nothing to it.
pub fn kubectl_config(words: &str) -> Hint {
    let flags = CALL.get().map(|call| {
        let Call {
            file,
            context,
            cluster,
            user,
            ..
        } = call;
        format!("{file}{context}{cluster}{user}")
    });
    Hint(format!(
        "kubectl config {words}{}",
        flags.unwrap_or_default()
    ))
}

/// `kubectl` with these words, for somebody else, who has more permissions: all that tells which cluster is meant, as it was
/// given, and nothing that tells who asks. The context stays: with a cluster in its place, whoever pastes the command would send
/// the credentials of another context there.
pub fn kubectl_as_admin(words: &str) -> Hint {
    let flags = (CALL.get()).map(|call| format!("{}{}{}", call.file, call.context, call.cluster));
    Hint(format!("kubectl {words}{}", flags.unwrap_or_default()))
}

/// The Leases that this call is about, each once, if that one is among them; else that one alone.
pub fn names_with(name: &str) -> Vec<String> {
    let all = CALL.get().map_or(&[][..], |call| &call.names);
    match all.iter().any(|known| known == name) {
        true => all.to_owned(),
        false => vec![name.to_owned()],
    }
}

fn names(command: &Command) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let given = match command {
        Command::Release(args) => args.names.as_slice(),
        Command::Status(args) => args.names.as_slice(),
        // One at a time.
        Command::Acquire(_)
        | Command::Hold(_)
        | Command::Renew(_)
        | Command::Check(_)
        | Command::Steal(_)
        | Command::Create(_)
        | Command::Options(_)
        | Command::Version(_)
        | Command::Completion(_)
        | Command::Explain(_)
        | Command::Man(_) => &[],
    };
    for name in given.iter().map(ToString::to_string) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The verbs on Leases that all of this call takes; `None` if nothing was noted.
pub fn needed() -> Option<&'static [&'static str]> {
    Some(CALL.get()?.verbs.as_slice())
}

fn needs(command: &Command) -> Vec<&'static str> {
    let when = |wanted: bool, verb| wanted.then_some(verb);
    let with = |always: &[&'static str], more: &[Option<&'static str>]| {
        let more = more.iter().copied().flatten();
        always.iter().copied().chain(more).collect()
    };
    match command {
        Command::Create(args) => with(&[], &[Some("create"), when(args.ignore_existing, "get")]),
        Command::Acquire(args) => with(
            &["get", "update", "watch"],
            &[when(args.grant.create, "create")],
        ),
        Command::Hold(args) => with(
            &["get", "update", "watch"],
            &[when(args.grant.create, "create")],
        ),
        Command::Renew(_) => with(&["get", "update"], &[]),
        Command::Check(_) => with(&["get", "update"], &[]),
        Command::Release(_) => with(&["get", "update"], &[]),
        Command::Steal(_) => with(&["get", "update"], &[]),
        Command::Status(args) => with(
            &[if !args.names.is_empty() {
                "get"
            } else {
                "list"
            }],
            &[when(args.watch, "watch")],
        ),
        Command::Options(_)
        | Command::Version(_)
        | Command::Completion(_)
        | Command::Explain(_)
        | Command::Man(_) => Vec::new(),
    }
}

fn file(connection: &ConnectionArgs) -> String {
    let path = connection.kubeconfig.as_ref();
    let path = path.map(|path| path.to_string_lossy().into_owned());
    given(&[("kubeconfig", &path)])
}

fn cluster(connection: &ConnectionArgs) -> String {
    let server = connection.server.as_deref();
    let server = server.map(|server| redacted(server).into_owned());
    let mut text = given(&[
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

/// Nothing that is secret: whoever has a token or a password gives it again. A token in a variable: unset, it is empty, and
/// no token at all.
fn who(connection: &ConnectionArgs) -> String {
    let mut text = given(&[
        ("user", &connection.user),
        ("username", &connection.username),
        ("as", &connection.impersonate),
        ("as-uid", &connection.impersonate_uid),
        ("client-certificate", &connection.client_certificate),
        ("client-key", &connection.client_key),
    ]);
    for group in &connection.impersonate_groups {
        text.push_str(&format!(" {}", flag("as-group", group)));
    }
    for (key, value) in &connection.impersonate_extra {
        let pair = format!("{key}={value}");
        text.push_str(&format!(" {}", flag("as-user-extra", &pair)));
    }
    if connection.token.is_some() {
        text.push_str(" --token \"$TOKEN\"");
    }
    if connection.password.is_some() {
        text.push_str(" --password …");
    }
    text
}

fn given(flags: &[(&str, &Option<String>)]) -> String {
    let mut text = String::new();
    for (name, value) in flags {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            text.push_str(&format!(" {}", flag(name, value)));
        }
    }
    text
}

/// `--NAME VALUE`, quoted for the shell; in one word where the value would be taken for another flag.
pub fn flag(name: &str, value: &str) -> String {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!("--{name}{between}{}", pasted(value))
}

/// The files of code below this folder, tests left out, for tests that read them.
#[cfg(test)]
pub fn sources(root: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut folders = vec![root.to_owned()];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            let is_code = path.extension().is_some_and(|end| end == "rs")
                && !path.to_string_lossy().ends_with("tests.rs");
            match path.is_dir() {
                true => folders.push(path),
                false if is_code => {
                    all.push(path.strip_prefix(root).expect("below it").to_owned());
                }
                false => {}
            }
        }
    }
    all
}

#[cfg(test)]
#[path = "hint_tests.rs"]
mod tests;
