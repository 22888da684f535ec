//! What this call was given, as the commands in hints give it again.

use super::several::distinct;
use crate::cli::{Cli, Command, ConnectionArgs, DryRun, GrantArgs, TypedFlag};
use crate::hint::{Call, Flag, flag};
use crate::lease::decide::Awaited;
use crate::lease::values::{HolderIdentity, LeaseName};
use crate::permissions::{self, Way};
use crate::userinfo::redacted;
use crate::words::{pasted, quoting};

/// What this call was given and what it is about.
pub fn of(cli: &Cli) -> Call {
    let About {
        identity,
        verbs,
        names,
    } = about(&cli.command);
    let identity = identity.map(|holder| format!(" {}", flag("holder", holder.as_str())));
    Call {
        file: file(&cli.connection),
        context: given(&[("context", &cli.connection.context)]),
        cluster: cluster(&cli.connection),
        who: who(&cli.connection),
        user: given(&[("user", &cli.connection.user)]),
        identity: identity.unwrap_or_default(),
        unique: matches!(&cli.command, Command::Acquire(args) if args.unique),
        together: matches!(&cli.command, Command::Acquire(args) if args.grant.slots.is_some())
            || matches!(&cli.command, Command::Hold(args) if args.grant.slots.is_some()),
        verbs,
        names: distinct(names)
            .into_iter()
            .map(ToString::to_string)
            .collect(),
        subcommand: cli.again.subcommand.clone(),
        flags: cli.again.flags.iter().map(typed).collect(),
        command: match &cli.command {
            Command::Hold(args) if !args.command.is_empty() => {
                args.command.iter().fold(" --".to_owned(), |line, word| {
                    format!("{line} {}", pasted(&word.to_string_lossy()))
                })
            }
            _ => String::new(),
        },
    }
}

/// A flag as it is typed again.
fn typed(given: &TypedFlag) -> Flag {
    let name = &given.name;
    Flag {
        text: match &given.value {
            Some(value) if given.in_one_word => format!("--{name}={}", pasted(value)),
            Some(value) => flag(name, value),
            None => format!("--{name}"),
        },
        name: name.clone(),
    }
}

/// What a subcommand is about.
struct About<'a> {
    /// The identity that a flag gave it.
    identity: Option<&'a HolderIdentity>,
    /// The verbs on Leases that all of it takes.
    verbs: Vec<&'static str>,
    /// The Leases, where there may be several.
    names: &'a [LeaseName],
}

fn about(command: &Command) -> About<'_> {
    let grant = |args: &GrantArgs, [way, creating]: [&Way; 2]| {
        let way = if args.create { creating } else { way };
        way.verbs(true)
    };
    let (identity, verbs, names) = match command {
        Command::Acquire(args) => {
            let ways = [&permissions::ACQUIRES, &permissions::ACQUIRES_NEW];
            (
                &args.grant.holder.holder,
                grant(&args.grant, ways),
                &args.names[..],
            )
        }
        Command::Hold(args) => {
            let ways = [&permissions::HOLDS, &permissions::HOLDS_NEW];
            let mut verbs = grant(&args.grant, ways);
            if args.around.cleanup {
                verbs.push("delete");
            }
            (&args.grant.holder.holder, verbs, &args.names[..])
        }
        Command::Renew(args) => (
            &args.holder.holder,
            permissions::RENEWS.verbs(true),
            &[][..],
        ),
        Command::Check(args) => (
            &args.holder.holder,
            permissions::CHECKS.verbs(true),
            &[][..],
        ),
        Command::Steal(args) => {
            let way = match args.selection.chooses() {
                true => &permissions::STEALS_MANY,
                false => &permissions::STEALS,
            };
            (&args.holder.holder, way.verbs(true), &args.names[..])
        }
        Command::Failover(args) => (
            &args.holder.holder,
            permissions::FAILS_OVER.verbs(false),
            &[][..],
        ),
        Command::Release(args) => {
            let way = match args.selection.chooses() {
                true => &permissions::RELEASES_MANY,
                false => &permissions::RELEASES,
            };
            (&args.holder.holder, way.verbs(true), &args.names[..])
        }
        // Whom these name is somebody else.
        Command::Create(args) => {
            let way = match args.ignore_existing {
                true => &permissions::CREATES_OR_SHOWS,
                false => &permissions::CREATES,
            };
            (&None, way.verbs(true), &[][..])
        }
        Command::Prune(args) => {
            let way = match args.names.is_empty() {
                true => &permissions::PRUNES,
                false => &permissions::PRUNES_NAMED,
            };
            let mut verbs = way.verbs(false);
            if !args.yes && args.dry_run != DryRun::Server {
                verbs.retain(|verb| *verb != "delete");
            }
            (&None, verbs, &args.names[..])
        }
        Command::Wait(args) => {
            let way = match args.awaited {
                Awaited::Expired => &permissions::WAITS_EXPIRED,
                Awaited::Free
                | Awaited::Held
                | Awaited::Deleted
                | Awaited::Holder(_)
                | Awaited::NotHolder(_) => &permissions::WAITS,
            };
            (&None, way.verbs(true), &args.names[..])
        }
        Command::Status(args) => {
            let way = match args.names.is_empty() || args.slots {
                true => &permissions::LISTS,
                false => &permissions::SHOWS,
            };
            (&None, way.verbs(args.watch), &args.names[..])
        }
        Command::CanI(_)
        | Command::Options(_)
        | Command::Version(_)
        | Command::Completion(_)
        | Command::Explain(_)
        | Command::Man(_) => (&None, Vec::new(), &[][..]),
    };
    About {
        identity: identity.as_ref(),
        verbs,
        names,
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
        let of_shell = quoting::shell().flag_with_variable("token", "TOKEN");
        let flag = of_shell.unwrap_or_else(|| "--token …".to_owned());
        text.push_str(&format!(" {flag}"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::{ACTING, lease_as};

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
    fn a_value_that_looks_like_a_flag_is_not_taken_for_one() {
        use clap::Parser;
        for holder in ["-x", "--yes", "-", " ", "-it's", "=ls", "$'x", "\u{202e}-x"] {
            let hint = lease_as("release", "job", "n", holder).to_string();
            let words = hint.split_once(" -n n ").expect("a namespace").1;
            let script = format!("printf '%s\\0' {words}");
            let Ok(read) = std::process::Command::new("bash")
                .args(["-c", &script])
                .output()
            else {
                continue;
            };
            let read = String::from_utf8(read.stdout).expect("text");
            let words = read.split_terminator('\0');
            let command = ["lease", "release", "job"].into_iter().chain(words);
            let cli = Cli::try_parse_from(command).expect(&hint);
            let read = about(&cli.command).identity.map(HolderIdentity::as_str);
            assert_eq!(read, Some(holder), "{hint}");
        }
        let context = Some("-x".to_owned());
        assert_eq!(given(&[("context", &context)]), " --context=-x");
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
            " --as 'o'\\''neill' --as-group a --as-group b --as-user-extra 'k=v w' --token \"$TOKEN\""
        );
        assert_eq!(cluster(&ConnectionArgs::default()), "");
        let connection = ConnectionArgs {
            server: Some("https://u:secret@a:6443".to_owned()),
            ..ConnectionArgs::default()
        };
        assert_eq!(cluster(&connection), " --server https://u:xxxxx@a:6443");
    }
}
