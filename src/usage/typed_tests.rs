//! What each way to type a flag becomes.

use clap::CommandFactory;

use super::*;
use crate::cli::Cli;

fn read(typed: &str) -> Result<String, String> {
    let words: Vec<OsString> = typed.split(' ').skip(1).map(OsString::from).collect();
    let mut root = Cli::command();
    root.build();
    let read = Typed::read(&root, &words)?.words.into_iter();
    let all = [OsString::from("x")].into_iter().chain(read);
    let all = all.map(|word| word.to_string_lossy().into_owned());
    Ok(all.collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn becomes(typed: &str, wanted: &str) {
    assert_eq!(read(typed), Ok(wanted.to_owned()), "{typed}");
}

#[track_caller]
fn fails(typed: &str, wanted: &str) {
    assert_eq!(read(typed), Err(wanted.to_owned()), "{typed}");
}

#[test]
fn a_level_is_no_name_and_zero_or_less_says_nothing() {
    for level in [
        "-v 8",
        "-v=8",
        "-v8",
        "--v=8",
        "--v 8",
        "-v",
        "--v",
        "-vv",
        "-v=99999",
        "-v 99999999999",
        "-v=true",
        "--verbose",
        "--verbose=t",
        "-v=0 -v",
        "-v -v",
    ] {
        becomes(&format!("x status {level} job"), "x status job --verbose");
        becomes(&format!("x status job {level}"), "x status job --verbose");
        becomes(&format!("x {level} status job"), "x status job --verbose");
    }
    for level in [
        "-v=0", "-v 0", "-v0", "--v=-1", "--v -1", "-v=-1", "-v=00", "-v=false", "-v -v=0",
    ] {
        becomes(&format!("x status {level} job"), "x status job");
    }
    for level in ["-v=x", "--v=x", "-v=1.5", "--verbose=x"] {
        let value = level.split_once('=').expect("a value").1;
        let why = "allowed: a level as in -v=8, true, false";
        fails(
            &format!("x status {level} job"),
            &format!("invalid value {value:?} for -v: {why}"),
        );
    }
    fails(
        "x -v=",
        "invalid value \"\" for -v: allowed: a level as in -v=8, true, false",
    );
    becomes("x hold job -- ls -v 8", "x hold job -- ls -v 8");
    becomes(
        "x -v 4 hold job -- ls -v=8",
        "x hold job --verbose -- ls -v=8",
    );
}

#[test]
fn a_flag_may_say_that_it_is_or_is_not_and_the_last_one_counts() {
    becomes("x steal job --yes=true --now=false", "x steal job --yes");
    for yes in ["1", "t", "T", "TRUE", "true", "True"] {
        becomes(&format!("x status -w={yes}"), "x status --watch");
        becomes(
            &format!("x status -Aw={yes}"),
            "x status --all-namespaces --watch",
        );
        becomes(&format!("x status --watch={yes}"), "x status --watch");
    }
    for no in ["0", "f", "F", "FALSE", "false", "False"] {
        becomes(&format!("x status -w={no}"), "x status");
        becomes(&format!("x status -wA={no}"), "x status --watch");
        becomes(&format!("x status --watch={no}"), "x status");
    }
    becomes("x status -w -w=false -A=f -A", "x status --all-namespaces");
    becomes(
        "x status -Awnkube -owide",
        "x status --namespace=kube --output=wide --all-namespaces --watch",
    );
    becomes(
        "x status -An kube",
        "x status --namespace=kube --all-namespaces",
    );
    becomes("x status --help=true", "x status --help");
    becomes("x status --help=false", "x status");
    for (flag, name) in [
        ("--watch", "--watch"),
        ("-w", "--watch"),
        ("-Aw", "--watch"),
        ("-A", "--all-namespaces"),
    ] {
        for value in ["yes", "", "2", "tRUE"] {
            fails(
                &format!("x status {flag}={value}"),
                &format!("invalid value {value:?} for {name}: allowed: true, false"),
            );
        }
    }
    // Not a flag of this subcommand.
    becomes("x renew job --yes=no", "x renew job --yes=no");
    becomes("x renew -w=no job", "x renew -w=no job");
    becomes("x hold job -- run --yes=no", "x hold job -- run --yes=no");
}

/// Each flag of each subcommand that is given or not, so that none is forgotten.
#[test]
fn every_flag_that_is_given_or_not_takes_both() {
    let mut root = Cli::command();
    root.build();
    for command in root
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
    {
        let name = command.get_name();
        let flags = command.get_arguments();
        let switches = flags.filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
        for flag in switches.filter_map(Arg::get_long) {
            becomes(
                &format!("x {name} --{flag}=True"),
                &format!("x {name} --{flag}"),
            );
            becomes(&format!("x {name} --{flag}=0"), &format!("x {name}"));
            assert!(read(&format!("x {name} --{flag}=maybe")).is_err(), "{flag}");
        }
    }
}

#[test]
fn a_value_may_begin_with_a_dash_where_it_is_no_flag() {
    becomes(
        "x hold job --timeout -5 -- ls",
        "x hold job --timeout=-5 -- ls",
    );
    becomes("x hold job --duration -5s", "x hold job --duration=-5s");
    becomes(
        "x acquire job -E -1",
        "x acquire job --conflict-exit-code=-1",
    );
    becomes("x acquire job --reason -.5", "x acquire job --reason=-.5");
    becomes("x acquire job --reason -", "x acquire job --reason=-");
    becomes("x acquire job --reason -→b", "x acquire job --reason=-→b");
    let words = ["acquire", "job", "--reason", "- as agreed"].map(OsString::from);
    let mut root = Cli::command();
    root.build();
    let typed = Typed::read(&root, &words).expect("it is a reason");
    assert_eq!(typed.words[2], "--reason=- as agreed");
    becomes(
        "x acquire job --holder=--create",
        "x acquire job --holder=--create",
    );
    becomes(
        "x create job --dry-run --ignore-existing",
        "x create job --dry-run --ignore-existing",
    );
    fails(
        "x acquire job --holder --create",
        "no value for --holder <IDENTITY>: \"--create\" behind it looks like a flag; if that is the value, write --holder=VALUE (see --help)",
    );
    fails(
        "x status --token -secret",
        "no value for --token <TOKEN>: \"…\" behind it looks like a flag; if that is the value, write --token=VALUE (see --help)",
    );
    fails(
        "x hold job --timeout -- ls",
        "no value for --timeout <DURATION>: '--' ends the flags (see --help)",
    );
}

#[test]
fn a_value_is_no_flag_of_ours() {
    becomes(
        "x acquire job --reason w --holder v",
        "x acquire job --reason=w --holder=v",
    );
    becomes("x -n status status a", "x --namespace=status status a");
    becomes("x status -l a=b", "x status --selector=a=b");
}

#[test]
fn what_chooses_nothing_is_as_if_it_was_not_given() {
    for typed in ["-o=", "--output=", "--sort-by="] {
        becomes(&format!("x status {typed} job"), "x status job");
    }
    let words = ["status", "-o", "", "job"].map(OsString::from);
    let mut root = Cli::command();
    root.build();
    let typed = Typed::read(&root, &words).expect("a format");
    assert_eq!(typed.words, ["status", "job"]);
}

/// As in pflag: an alias or a script that gives a flag can be told another.
#[test]
fn of_a_flag_given_twice_the_last_counts() {
    use clap::Parser;

    use crate::cli::{Command, SortBy};

    let cli = |typed: &str| Cli::try_parse_from(typed.split(' ')).expect(typed);
    let given = cli("x -n a status -n b --sort-by age --sort-by expires -l a=b --selector=c=d");
    assert_eq!(given.connection.namespace.as_deref(), Some("b"));
    let Command::Status(status) = given.command else {
        panic!("another subcommand")
    };
    assert_eq!(status.sort_by, Some(SortBy::Expires));
    assert_eq!(status.selector.as_deref(), Some("c=d"));
    // Those that add up go on adding up.
    let given = cli("x status --as-group a --as-group b");
    assert_eq!(given.connection.impersonate_groups, ["a", "b"]);
    // A name is no flag.
    assert!(Cli::try_parse_from(["x", "acquire", "a", "b"]).is_err());
}
