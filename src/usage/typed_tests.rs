//! What each way to type a flag becomes.

use clap::CommandFactory;

use super::*;
use crate::cli::Cli;

fn read(typed: &str) -> Result<String, String> {
    let words: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
    let mut root = Cli::command();
    root.build();
    let words = Typed::read(&root, &words)?.words.into_iter();
    let words = words.map(|word| word.to_string_lossy().into_owned());
    Ok(words.collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn becomes(typed: &str, wanted: &str) {
    assert_eq!(read(typed), Ok(wanted.to_owned()), "{typed}");
}

#[track_caller]
fn fails(typed: &str, wanted: &str) {
    assert_eq!(read(typed), Err(wanted.to_owned()), "{typed}");
}

/// Each line is what is typed, an arrow, and what it becomes; an equals sign instead of that where it stays as it is.
#[track_caller]
fn table(lines: &str) {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines {
        let (typed, wanted) = line.split_once(" => ").expect("an arrow");
        becomes(typed, if wanted == "=" { typed } else { wanted });
    }
}

#[test]
fn a_level_is_no_name_and_zero_or_less_says_nothing() {
    let more = "-v 8,-v=8,-v8,--v=8,--v 8,-v,--v,-vv,-v=99999,-v 99999999999,-v=true,--verbose,--verbose=t,-v=0 -v,-v -v";
    for level in more.split(',') {
        becomes(&format!("status {level} job"), "status job --verbose");
        becomes(&format!("status job {level}"), "status job --verbose");
        becomes(&format!("{level} status job"), "status job --verbose");
    }
    let nothing = "-v=0,-v 0,-v0,--v=-1,--v -1,-v=-1,-v=00,-v=false,-v -v=0";
    for level in nothing.split(',') {
        becomes(&format!("status {level} job"), "status job");
    }
    let why = "allowed: a level as in -v=8, true, false";
    for level in ["-v=x", "--v=x", "-v=1.5", "--verbose=x", "-v="] {
        let value = level.split_once('=').expect("a value").1;
        let why = format!("invalid value {value:?} for -v: {why}");
        fails(&format!("status {level} job"), &why);
    }
    table(
        "
        hold job -- ls -v 8 => =
        -v 4 hold job -- ls -v=8 => hold job --verbose -- ls -v=8
        ",
    );
}

#[test]
fn a_flag_may_say_that_it_is_or_is_not_and_the_last_one_counts() {
    for yes in ["1", "t", "T", "TRUE", "true", "True"] {
        becomes(&format!("status -w={yes}"), "status --watch");
        let all = "status --all-namespaces --watch";
        becomes(&format!("status -Aw={yes}"), all);
        becomes(&format!("status --watch={yes}"), "status --watch");
    }
    for no in ["0", "f", "F", "FALSE", "false", "False"] {
        becomes(&format!("status -w={no}"), "status");
        becomes(&format!("status -wA={no}"), "status --watch");
        becomes(&format!("status --watch={no}"), "status");
    }
    // The last ones are no flags of their subcommand.
    table(
        "
        steal job --yes=true --now=false => steal job --yes
        status -w -w=false -A=f -A => status --all-namespaces
        status -Awnkube -owide => status --namespace=kube --output=wide --all-namespaces --watch
        status -An kube => status --namespace=kube --all-namespaces
        status --help=true => status --help
        status --help=false => status
        renew job --yes=no => =
        renew -w=no job => =
        hold job -- run --yes=no => =
        ",
    );
    for (flag, name) in [
        ("--watch", "--watch"),
        ("-w", "--watch"),
        ("-Aw", "--watch"),
        ("-A", "--all-namespaces"),
    ] {
        for value in ["yes", "", "2", "tRUE"] {
            let why = format!("invalid value {value:?} for {name}: allowed: true, false");
            fails(&format!("status {flag}={value}"), &why);
        }
    }
}

/// Each flag of each subcommand that is given or not, so that none is forgotten.
#[test]
fn every_flag_that_is_given_or_not_takes_both() {
    let mut root = Cli::command();
    root.build();
    let commands = root.get_subcommands();
    for command in commands.filter(|one| one.get_name() != "help") {
        let name = command.get_name();
        let flags = command.get_arguments();
        let switches = flags.filter(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
        for flag in switches.filter_map(Arg::get_long) {
            let given = format!("{name} --{flag}");
            becomes(&format!("{given}=True"), &given);
            becomes(&format!("{given}=0"), name);
            assert!(read(&format!("{given}=maybe")).is_err(), "{flag}");
        }
    }
}

/// As typed in these words, which may have blanks in them.
fn words(words: &[&str]) -> Vec<OsString> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let mut root = Cli::command();
    root.build();
    Typed::read(&root, &words).expect("they are known").words
}

#[test]
fn a_value_may_begin_with_a_dash_where_it_is_no_flag() {
    table(
        "
        hold job --timeout -5 -- ls => hold job --timeout=-5 -- ls
        hold job --duration -5s => hold job --duration=-5s
        acquire job -E -1 => acquire job --conflict-exit-code=-1
        acquire job --reason -.5 => acquire job --reason=-.5
        acquire job --reason - => acquire job --reason=-
        acquire job --reason -→b => acquire job --reason=-→b
        acquire job --holder=--create => =
        create job --dry-run --ignore-existing => =
        ",
    );
    let typed = words(&["acquire", "job", "--reason", "- as agreed"]);
    assert_eq!(typed[2], "--reason=- as agreed");
    fails(
        "acquire job --holder --create",
        "no value for --holder <IDENTITY>: \"--create\" behind it looks like a flag; if that is the value, write --holder=VALUE (see --help)",
    );
    fails(
        "status --token -secret",
        "no value for --token <TOKEN>: \"…\" behind it looks like a flag; if that is the value, write --token=VALUE (see --help)",
    );
    fails(
        "hold job --timeout -- ls",
        "no value for --timeout <DURATION>: '--' ends the flags (see --help)",
    );
}

#[test]
fn a_value_is_no_flag_of_ours_and_what_chooses_nothing_is_as_if_it_was_not_given() {
    table(
        "
        acquire job --reason w --holder v => acquire job --reason=w --holder=v
        -n status status a => --namespace=status status a
        status -l a=b => status --selector=a=b
        status -o= job => status job
        status --output= job => status job
        status --sort-by= job => status job
        ",
    );
    assert_eq!(words(&["status", "-o", "", "job"]), ["status", "job"]);
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
    assert!(Cli::try_parse_from(["x", "renew", "a", "b"]).is_err());
}
