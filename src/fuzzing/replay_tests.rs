//! The inputs that were worth keeping, done again: those that reach something that no other reaches, and those that once were
//! found to break something.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{TARGETS, run};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths.collect();
    paths.sort();
    paths
}

#[test]
fn every_input_that_was_kept_keeps_every_promise() {
    let mut broken = Vec::new();
    for (target, _) in TARGETS {
        let corpus = files(&fuzz().join("corpus").join(target));
        assert!(corpus.len() > 5, "{target} has {} inputs", corpus.len());
        for path in corpus {
            let input = fs::read(&path).expect("an input");
            let kept = std::panic::catch_unwind(|| run(target, &input));
            if kept.is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "broken by {broken:#?}");
}

#[test]
fn every_target_is_built_and_has_a_corpus_and_there_is_no_other() {
    let named = |folder: &str| -> BTreeSet<String> {
        let stems = files(&fuzz().join(folder)).into_iter();
        let stems = stems.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
        stems.collect()
    };
    // Each is for every system but the watchdog's.
    let mut targets: BTreeSet<String> = ["wire".to_owned()].into();
    targets.extend(TARGETS.iter().map(|(name, _)| (*name).to_owned()));
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("a manifest");
    let built = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"));
    let built = built.map(|rest| rest.trim_end_matches(".rs\"").to_owned());
    assert_eq!(built.collect::<BTreeSet<String>>(), targets);
    assert_eq!(named("fuzz_targets"), targets);
    assert_eq!(named("corpus"), targets);
}
