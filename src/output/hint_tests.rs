//! Every command in a hint, and that there is no other.

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
    let all = sources(&root);
    assert!(all.len() > 100, "{}", all.len());
    for name in all {
        let path = root.join(&name);
        if WITHOUT_FLAGS.iter().any(|exempt| name.starts_with(exempt)) {
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
        assert_eq!(identity(&cli.command), Some(holder), "{hint}");
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
