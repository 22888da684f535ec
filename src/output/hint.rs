//! The commands in hints. Each has the connection flags that this call was given, so that pasting it does the same thing to
//! the same cluster: nothing else puts `kubectl` before words that ask a cluster (a test below reads the sources).

use std::fmt;
use std::sync::OnceLock;

use super::words::pasted;
use crate::cli::{Cli, Command, ConnectionArgs};
use crate::lease::values::HolderIdentity;
use crate::userinfo::redacted;

/// What this call was given and what it is about.
struct Call {
    /// Where the kubeconfig is, if a flag says so, with a blank before it.
    file: String,
    /// The flag that tells the cluster and who asks.
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
}

static CALL: OnceLock<Call> = OnceLock::new();

/// The cluster that the context of the call names, once the kubeconfig is read.
static CLUSTER: OnceLock<String> = OnceLock::new();

/// Notes the cluster that the context means, if a flag gave the context and none the cluster.
pub fn note_cluster(connection: &ConnectionArgs, cluster: Option<&str>) {
    let given = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    if let Some(cluster) = cluster.filter(|_| given(&connection.context))
        && !given(&connection.cluster)
        && !given(&connection.server)
    {
        let _ = CLUSTER.set(cluster.to_owned());
    }
}

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
    format!(" --holder {}", pasted(holder))
}

/// The identity that a flag gave.
fn identity(command: &Command) -> Option<&str> {
    let holder = match command {
        Command::Acquire(args) => &args.grant.holder,
        Command::Hold(args) => &args.grant.holder,
        Command::Renew(args) => &args.holder,
        Command::Check(args) => &args.holder,
        Command::Release(args) => &args.holder,
        Command::Steal(args) => &args.holder,
        // Whom these name is somebody else.
        Command::Create(_)
        | Command::Status(_)
        | Command::Options(_)
        | Command::Version(_)
        | Command::Completion(_)
        | Command::Explain(_)
        | Command::Man(_) => return None,
    };
    holder.holder.as_ref().map(HolderIdentity::as_str)
}

/// `kubectl` with these words, in that namespace.
pub fn kubectl_in(words: &str, namespace: &str) -> Hint {
    kubectl(&format!("{words} -n {namespace}"))
}

/// `kubectl` with these words, as whoever asked.
pub fn kubectl(words: &str) -> Hint {
    let who = CALL.get().map_or("", |call| &call.who);
    let Hint(command) = kubectl_anybody(words);
    Hint(command + who)
}

/// `kubectl` with these words, where it does not matter who asks.
pub fn kubectl_anybody(words: &str) -> Hint {
    let flags = (CALL.get()).map(|call| format!("{}{}{}", call.file, call.context, call.cluster));
    Hint(format!("kubectl {words}{}", flags.unwrap_or_default()))
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

/// `kubectl` with these words, for somebody else, who has more permissions: a context would say who asks.
pub fn kubectl_as_admin(words: &str) -> Hint {
    let of_context = CLUSTER.get().cloned();
    let of_context = given(&[("cluster", &of_context)]);
    let flags = (CALL.get()).map(|call| format!("{}{of_context}{}", call.file, call.cluster));
    Hint(format!("kubectl {words}{}", flags.unwrap_or_default()))
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

/// Nothing that is secret: a token or a password is given again by whoever has it.
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
        text.push_str(&format!(" --as-group {}", pasted(group)));
    }
    for (key, value) in &connection.impersonate_extra {
        let pair = format!("{key}={value}");
        text.push_str(&format!(" --as-user-extra {}", pasted(&pair)));
    }
    if connection.token.is_some() {
        text.push_str(" --token …");
    }
    if connection.password.is_some() {
        text.push_str(" --password …");
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
    use std::path::Path;

    use super::*;

    /// Help, man pages, concepts and what is said of the command line itself: there are no flags yet, or none that matter.
    const WITHOUT_FLAGS: [&str; 6] = [
        "cli",
        "cli.rs",
        "usage",
        "commands/explain.rs",
        "commands/completion",
        "output/hint.rs",
    ];

    /// What a command begins with.
    const VERBS: [&str; 11] = [
        "lease ",
        "lease{",
        "get ",
        "config ",
        "create ",
        "delete ",
        "version",
        "drain",
        "describe ",
        "auth ",
        "apply ",
    ];

    fn sources(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => sources(&path, all),
                false => all.push(path),
            }
        }
    }

    /// Whom `--holder` names there is not who asks.
    const NAMES_OTHERS: [&str; 2] = ["create", "status"];

    #[test]
    fn every_subcommand_that_acts_as_an_identity_is_given_it_again() {
        use clap::CommandFactory;
        for subcommand in Cli::command().get_subcommands() {
            let name = subcommand.get_name();
            let has = (subcommand.get_arguments()).any(|flag| flag.get_id() == "holder");
            let acts = has && !NAMES_OTHERS.contains(&name);
            assert_eq!(ACTING.contains(&name), acts, "{name}");
            let hint = lease_as(name, "job", "n", "it's me").to_string();
            let flag = if acts { " --holder 'it'\\''s me'" } else { "" };
            assert_eq!(hint, format!("kubectl lease {name} job -n n{flag}"));
        }
    }

    #[test]
    fn no_command_is_worded_elsewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut all = Vec::new();
        sources(&root, &mut all);
        assert!(all.len() > 100, "{}", all.len());
        for path in all {
            let name = path.strip_prefix(&root).expect("below it");
            let is_code = path.extension().is_some_and(|end| end == "rs")
                && !name.to_string_lossy().ends_with("tests.rs");
            if !is_code || WITHOUT_FLAGS.iter().any(|exempt| name.starts_with(exempt)) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]\nmod tests {").next();
            let lines = code.unwrap_or_default().lines();
            let said = lines.filter(|line| !line.trim_start().starts_with("//"));
            for line in said.filter(|line| !line.contains("a bug in kubectl lease")) {
                let mut commands = line.split("kubectl ").skip(1);
                let worded = commands.any(|rest| VERBS.iter().any(|verb| rest.starts_with(verb)));
                assert!(!worded, "{}: {line}\nis for output::hint", name.display());
            }
        }
    }

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
        assert_eq!(file(&connection), " --kubeconfig /k/c");
        assert_eq!(
            given(&[("context", &connection.context)]),
            " --context 'prod east'"
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
