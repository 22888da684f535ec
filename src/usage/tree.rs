//! clap's command tree: all of it, or as much as some words can be about.

use std::ffi::OsString;

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// The root of the whole tree, built.
pub fn tree() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// The root, built, with those of its subcommands only that are among `words`; none if there are none. To have a place for
/// each flag that all subcommands share in each of them takes longer than a request.
pub fn narrow(words: &[OsString]) -> Option<Command> {
    let whole = Cli::command();
    let is_among = |command: &&Command| words.iter().any(|word| word == command.get_name());
    let named: Vec<Command> = whole.get_subcommands().filter(is_among).cloned().collect();
    if named.is_empty() {
        return None;
    }
    // All that it has to do with how words are read; the rest is for texts, which are made of the whole.
    let mut root = Command::new("kubectl-lease")
        .args(whole.get_arguments().cloned())
        .groups(whole.get_groups().cloned())
        .subcommands(named)
        .subcommand_required(whole.is_subcommand_required_set())
        .arg_required_else_help(whole.is_arg_required_else_help_set())
        .disable_version_flag(whole.is_disable_version_flag_set())
        .args_override_self(true);
    root.build();
    Some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_word_names_is_left_out() {
        let words: Vec<OsString> = ["-n", "hold", "status", "x"].map(OsString::from).to_vec();
        let root = narrow(&words).expect("two are named");
        let names = root.get_subcommands().map(Command::get_name);
        assert_eq!(names.collect::<Vec<_>>(), ["hold", "status", "help"]);
        assert!(narrow(&words[..1]).is_none());
    }

    #[test]
    fn names_are_all_there_is_to_know_a_subcommand_by() {
        let whole = tree();
        let mut all = whole.get_subcommands();
        assert!(all.all(|one| one.get_all_aliases().next().is_none()));
    }

    #[test]
    fn what_is_left_is_as_in_the_whole() {
        let whole = tree();
        for one in whole
            .get_subcommands()
            .filter(|one| one.get_name() != "help")
        {
            let root = narrow(&[one.get_name().into()]).expect("it is named");
            let own = root.find_subcommand(one.get_name()).expect("it is there");
            let ids = |command: &Command| -> Vec<String> {
                let all = command.get_arguments();
                all.map(|arg| format!("{arg:?}")).collect()
            };
            assert_eq!(ids(own), ids(one), "{}", one.get_name());
            assert_eq!(ids(&root), ids(&whole));
        }
    }
}
