//! The controls as files: `tests/soak/controls/NAME.patch`, a patch below a head that says what it breaks and what finds it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where they are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/controls");

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its file's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The rules of the oracle by which it is found, each of them enough.
    pub finds: Vec<String>,
    /// The faults that bring it to light, as `--faults` takes them.
    pub faults: String,
    /// Whether only a real API server does.
    pub needs_real: bool,
}

/// All of them, by name.
///
/// # Errors
/// With what is wrong with one of them.
pub fn all() -> Result<Vec<Control>, String> {
    let entries = std::fs::read_dir(FOLDER).map_err(|error| format!("{FOLDER}: {error}"))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "patch"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Control, String> {
    let wrong = |what: &str| format!("{}: {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
    let name = path.file_stem().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| wrong("no name"))?.to_owned();
    let head = head(&text);
    let field = |field: &str| {
        let found = head.get(field).filter(|text| !text.is_empty());
        found.ok_or_else(|| wrong(&format!("its head has no {field:?}")))
    };
    // For who reads it.
    field("breaks")?;
    field("caught")?;
    Ok(Control {
        finds: list(field("finds")?),
        faults: list(field("faults")?).join(","),
        needs_real: match field("server")?.as_str() {
            "in-process" => false,
            "kube-apiserver" => true,
            other => return Err(wrong(&format!("no server {other:?}"))),
        },
        path: path.to_owned(),
        name,
    })
}

/// The lines above the patch: `word: text`, and the text may go on.
fn head(text: &str) -> BTreeMap<&str, String> {
    let mut head = BTreeMap::new();
    let mut last = None;
    for line in text.lines().take_while(|line| !line.starts_with("--- ")) {
        let word = line.split_once(": ").filter(|(word, _)| {
            !word.is_empty() && word.chars().all(|char| char.is_ascii_lowercase())
        });
        match (word, last) {
            (Some((word, text)), _) => {
                head.insert(word, text.trim().to_owned());
                last = Some(word);
            }
            (None, Some(word)) if !line.trim().is_empty() => {
                let text: &mut String = head.entry(word).or_default();
                text.push(' ');
                text.push_str(line.trim());
            }
            (None, _) => {}
        }
    }
    head
}

fn list(text: &str) -> Vec<String> {
    let words = text.split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cast::draws::GIVES_UP;
    use crate::cast::worker::MANNERS;
    use crate::faults::{api, people, process};
    use crate::oracle::RULES;

    /// What a choice of faults may name besides kinds.
    const FAMILIES: [&str; 5] = ["api", "process", "people", "surroundings", "clocks"];

    fn all_kinds() -> impl Iterator<Item = String> {
        let all = [api::KINDS, people::KINDS, process::KINDS].into_iter();
        let manners = MANNERS
            .iter()
            .map(|(manner, _)| format!("command-{manner}"));
        all.flatten().map(|kind| (*kind).to_owned()).chain(manners)
    }

    #[test]
    fn a_head_is_words_and_what_they_say_over_several_lines() {
        let head = head("breaks: a rule: it\n  goes on\nfinds: I1,\n\n--- a/src: no\n");
        assert_eq!(head["breaks"], "a rule: it goes on");
        assert_eq!(list(&head["finds"]), ["I1"]);
        assert_eq!(head.len(), 2);
    }

    #[test]
    fn every_control_says_what_it_breaks_and_which_rules_of_the_oracle_find_it() {
        let all = all().expect("each has a head");
        assert!(all.len() >= 8, "{}", all.len());
        for control in all {
            assert!(!control.finds.is_empty(), "{}", control.name);
            for rule in &control.finds {
                let known = RULES.iter().any(|(name, _)| name == rule);
                assert!(known, "{}: no rule {rule}", control.name);
            }
            for fault in control.faults.split(',') {
                let family = ["none", GIVES_UP].contains(&fault) || FAMILIES.contains(&fault);
                let known = family || all_kinds().any(|kind| kind == fault);
                assert!(known, "{}: no fault {fault}", control.name);
            }
        }
    }
}
