//! What was typed is typed again, whatever it is.

use super::NOT_AGAIN;
use crate::cli::SELECTING;
use crate::usage::{parse, tree};

fn again(words: &str) -> String {
    let args: Vec<_> = format!("kubectl-lease {words}")
        .split(' ')
        .map(|word| word.replace('_', " ").into())
        .collect();
    let (cli, _) = parse(&args).unwrap_or_else(|_| panic!("{words}"));
    let texts = cli.again.flags.into_iter().map(|flag| match flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    });
    format!(
        "{} {}",
        cli.again.subcommand,
        texts.collect::<Vec<_>>().join(" ")
    )
}

#[test]
fn the_flags_that_were_given_are_given_again_and_what_is_said_or_agreed_to_once_is_not() {
    for (words, typed) in [
        ("steal x -y -o json --context c", "steal "),
        (
            "steal x --duration 4h --reason=it_is_late --now --proof=observed --no-events",
            "steal --now --proof=observed --reason=it is late --duration=4h --no-events",
        ),
        (
            "failover x --to=-c2 --timeout 5m --dry-run --field-manager m --if-holder a",
            "failover --if-holder=a --to=-c2 --timeout=5m --dry-run=client --field-manager=m",
        ),
        (
            "hold x -E 75 --steal --label-pod a=b --on-lost INT -- sh -c --now",
            "hold --conflict-exit-code=75 --on-lost=INT --steal --label-pod=a=b",
        ),
        ("release -l app=x --now", "release --now"),
    ] {
        assert_eq!(again(words), typed, "{words}");
    }
}

#[test]
fn every_flag_that_is_not_given_again_is_one_that_there_is() {
    let tree = tree();
    let all: Vec<&str> = (tree.get_subcommands())
        .flat_map(|one| one.get_arguments().map(|arg| arg.get_id().as_str()))
        .collect();
    for id in NOT_AGAIN.iter().chain(&SELECTING) {
        assert!(all.contains(id), "{id}");
    }
}
