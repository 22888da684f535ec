//! Every command in a hint, and that there is no other.

use std::path::{Path, PathBuf};

use super::{Flag, Hint};

#[test]
fn a_flag_of_the_advice_counts_and_not_the_one_that_was_given() {
    let flag = |name: &str, text: &str| Flag {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let hint = Hint {
        again: vec![
            flag("if-holder", "--if-holder a"),
            flag("if", "--if b"),
            flag("to", "--to=-c"),
        ],
        ..Hint::new("kubectl lease failover x".to_owned())
    };
    let said = hint.with("--if-holder 'b c'").to_string();
    assert_eq!(
        said,
        "kubectl lease failover x --if b --to=-c --if-holder 'b c'"
    );
}

/// Help, man pages, concepts and what is said of the command line itself: there are no flags yet, or none that matter.
const WITHOUT_FLAGS: [&str; 7] = [
    "cli",
    "cli.rs",
    "usage",
    "commands/explain.rs",
    "commands/completion",
    "hint.rs",
    "output/format.rs",
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
            assert!(!worded, "{}: {line}\nis for hint", name.display());
        }
    }
}

/// The files of code below this folder, tests left out, for tests that read them.
pub fn sources(root: &Path) -> Vec<PathBuf> {
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
