//! Completion without a server: every line is answered from clap's own command tree.

use super::values::{Kind, kind};
use super::{Answer, Directive, answer};
use crate::usage::tree;

fn complete(line: &str) -> Answer {
    let words: Vec<_> = line.split(' ').map(Into::into).collect();
    answer(&words)
}

fn texts(line: &str) -> Vec<String> {
    let answer = complete(line);
    answer.candidates.into_iter().map(|one| one.text).collect()
}

#[test]
fn the_first_word_is_a_subcommand_with_what_it_does() {
    assert_eq!(texts("ac"), ["acquire"]);
    assert!(texts("").contains(&"status".to_owned()));
    let text = complete("rel").text();
    assert_eq!(text, "release\tRelease a lease that you hold\n:4\n");
}

#[test]
fn hidden_subcommands_are_not_offered() {
    assert!(!texts("").contains(&"man".to_owned()));
}

#[test]
fn flags_are_offered_long_and_short_until_they_are_given() {
    let all = texts("renew job -");
    for flag in "--holder --output -o --namespace -n --help -h".split(' ') {
        assert!(all.contains(&flag.to_owned()), "{flag} in {all:?}");
    }
    let rest = texts("renew -o json -n x job -");
    for flag in ["--output", "-o", "--namespace", "-n"] {
        assert!(!rest.contains(&flag.to_owned()), "{flag} in {rest:?}");
    }
    assert!(texts("status --as-group a --as-g").contains(&"--as-group".to_owned()));
}

#[test]
fn a_flag_that_excludes_another_is_not_offered_beside_it() {
    assert!(!texts("acquire job --holder me --un").contains(&"--unique".to_owned()));
    assert!(!texts("acquire job --unique --ho").contains(&"--holder".to_owned()));
    assert!(texts("acquire job --un").contains(&"--unique".to_owned()));
    assert!(!texts("status job --sel").contains(&"--selector".to_owned()));
}

#[test]
fn values_are_offered_after_a_space_an_equals_sign_and_a_short_flag() {
    assert_eq!(texts("acquire job -o e"), ["env"]);
    assert_eq!(texts("acquire job --output=e"), ["env"]);
    assert_eq!(texts("acquire job -oe"), ["-oenv"]);
    assert_eq!(texts("acquire job -o=e"), ["env"]);
    assert_eq!(texts("create job --dry-run=s"), ["server"]);
    assert_eq!(texts("hold job --on-lost U"), ["USR1", "USR2"]);
    assert_eq!(texts("create job --strategy "), ["OldestEmulationVersion"]);
    assert_eq!(texts("completion p"), ["powershell"]);
    assert_eq!(texts("completion i"), ["install"]);
}

#[test]
fn lists_of_values_go_on_after_a_comma_without_what_they_have() {
    assert_eq!(
        texts("status --state held,"),
        ["held,expired", "held,free", "held,terminating"]
    );
    assert_eq!(texts("status --class lock,n"), ["lock,node"]);
}

#[test]
fn a_value_that_goes_on_is_followed_by_no_space() {
    assert_eq!(complete("status -o j").directive, Directive::NoFiles);
    let template = complete("status -o jsonpath=");
    assert_eq!(
        template.text(),
        "jsonpath=\tA template over the JSON document\n:6\n"
    );
}

#[test]
fn files_and_commands_are_left_to_the_shell() {
    for line in [
        "status --kubeconfig ",
        "status --client-key=/etc/",
        "hold job -- ",
        "hold job -- make -",
        "--kubeconfig ",
    ] {
        assert_eq!(complete(line).text(), ":0\n", "{line:?}");
    }
}

#[test]
fn there_is_nothing_to_offer_for_what_only_the_user_knows() {
    for line in [
        "create ",
        "create job --duration ",
        "acquire job --timeout=",
        "status --token ",
        "hold job more",
        "status job ",
        "nonsense --wrong ",
    ] {
        assert_eq!(complete(line).text(), ":4\n", "{line:?}");
    }
}

/// Each argument with a value, and where that comes from: one that is new is seen here.
#[test]
fn every_value_is_offered_or_known_to_be_anything() {
    let root = tree();
    let mut all = String::new();
    for command in root.get_subcommands() {
        let name = command.get_name();
        let known = |arg: &clap::Arg| !arg.get_possible_values().is_empty();
        let valued = command
            .get_arguments()
            .filter(|arg| arg.get_action().takes_values() && !known(arg))
            // Those of every subcommand are listed once.
            .filter(|arg| !arg.is_global_set() || name == "version");
        for arg in valued {
            let values = match kind(name, arg) {
                Kind::Words(_) => "words".to_owned(),
                other => format!("{other:?}"),
            };
            all += &format!("{name} {}: {values}\n", arg.get_id());
        }
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("values", all);
    });
}

#[test]
fn nothing_is_offered_twice() {
    fn check(path: &str, command: &clap::Command) {
        for last in ["", "-"] {
            let all = texts(format!("{path} {last}").trim_start());
            let mut unique = all.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(all.len(), unique.len(), "{path:?} {last:?}: {all:?}");
        }
        for subcommand in command.get_subcommands() {
            check(&format!("{path} {}", subcommand.get_name()), subcommand);
        }
    }
    check("version --output yaml", &clap::Command::new("version"));
    let root = tree();
    for name in ["version", "completion", "explain", "help"] {
        let subcommand = root.find_subcommand(name);
        check(name, subcommand.expect("it is a subcommand"));
    }
}

#[test]
fn what_a_cluster_says_cannot_add_lines_move_the_cursor_or_be_run() {
    let found = [
        ("evil\n:0", ""),
        ("x$(touch /tmp/x)", "held by x"),
        ("--now", "held by x"),
        ("good", "held\tby\u{1b}[2J\u{202e}\n"),
    ];
    let found = found.into_iter();
    let answer = Answer {
        candidates: found
            .filter_map(|(name, about)| super::Candidate::found(name, about))
            .collect(),
        directive: Directive::NoFiles,
    };
    assert_eq!(answer.text(), "good\theld\\tby\\u{1b}[2J\\u{202e}\\n\n:4\n");
}
