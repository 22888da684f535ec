//! Which subcommand was meant by a word that is none.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::lease::values::LeaseName;

/// Below this two words have little in common.
pub const NEAR: f64 = 0.7;

/// What kubectl, flock and others call it, and what it is here.
const ELSEWHERE: [(&[&str], &str); 9] = [
    (
        &["get", "list", "ls", "describe", "show", "info", "watch"],
        "kubectl lease status",
    ),
    (&["lock", "take", "wait"], "kubectl lease acquire"),
    (&["run", "exec", "with", "flock"], "kubectl lease hold"),
    (&["unlock", "free", "drop"], "kubectl lease release"),
    (
        &["takeover", "force", "seize", "break"],
        "kubectl lease steal",
    ),
    (&["extend", "keep", "refresh"], "kubectl lease renew"),
    (&["new", "add", "apply"], "kubectl lease create"),
    (&["delete", "remove", "rm"], "kubectl delete lease"),
    (&["docs", "concepts"], "kubectl lease explain"),
];

/// The subcommands that help shows.
pub fn all() -> Vec<String> {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    shown.map(|it| it.get_name().to_owned()).collect()
}

/// What to say after the word: the subcommand it is like, or where a lease's name goes; empty if nothing comes to mind.
pub fn meant(word: &str) -> String {
    let elsewhere = ELSEWHERE.iter().find(|(words, _)| words.contains(&word));
    if let Some((_, here)) = elsewhere {
        return format!(": that is {here}");
    }
    let likeness = |name: &str| {
        if word.len() >= 3 && name.starts_with(word) {
            return 1.0;
        }
        strsim::normalized_damerau_levenshtein(word, name)
    };
    let near = all()
        .into_iter()
        .map(|name| (likeness(&name), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match near {
        Some((_, name)) => format!(": did you mean {name}?"),
        None if word.parse::<LeaseName>().is_ok() => {
            format!(": a lease's name goes after a subcommand, as in kubectl lease status {word}")
        }
        None => String::new(),
    }
}
