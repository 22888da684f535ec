//! A history as a file of JSON lines, to be judged again.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::history::{Call, Commit, History, Injected, Leftover, Overlap, Run, Sent, Work};

/// One line: what it is, and it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Run(Run),
    Call(Call),
    Commit(Commit),
    Request(Sent),
    Work(Work),
    Overlap(Overlap),
    Fault(Injected),
    Left(Leftover),
}

/// Writes it to a file, a line for each thing: the run first, then everything in the order in which the history has it.
///
/// # Errors
/// Where the file cannot be written.
pub fn save(path: &Path, history: &History) -> io::Result<()> {
    write(history, BufWriter::new(File::create(path)?))
}

fn write(history: &History, mut file: impl Write) -> io::Result<()> {
    let mut line = |line: Line| -> io::Result<()> {
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")
    };
    line(Line::Run(history.run.clone()))?;
    let History {
        run: _,
        calls,
        commits,
        requests,
        work,
        overlaps,
        faults,
        left,
    } = history;
    for of in calls {
        line(Line::Call(of.clone()))?;
    }
    for of in commits {
        line(Line::Commit(of.clone()))?;
    }
    for of in requests {
        line(Line::Request(of.clone()))?;
    }
    for of in work {
        line(Line::Work(of.clone()))?;
    }
    for of in overlaps {
        line(Line::Overlap(of.clone()))?;
    }
    for of in faults {
        line(Line::Fault(of.clone()))?;
    }
    for of in left {
        line(Line::Left(of.clone()))?;
    }
    file.flush()
}

/// Reads it back.
///
/// # Errors
/// Where the file cannot be read, or a line is no part of a history: which one.
pub fn load(path: &Path) -> io::Result<History> {
    read(BufReader::new(File::open(path)?))
}

fn read(file: impl BufRead) -> io::Result<History> {
    let mut history = History::default();
    for (number, text) in file.lines().enumerate() {
        let line = serde_json::from_str(&text?).map_err(|error| {
            let what = format!("line {}: {error}", number + 1);
            io::Error::new(io::ErrorKind::InvalidData, what)
        })?;
        match line {
            Line::Run(of) => history.run = of,
            Line::Call(of) => history.calls.push(of),
            Line::Commit(of) => history.commits.push(of),
            Line::Request(of) => history.requests.push(of),
            Line::Work(of) => history.work.push(of),
            Line::Overlap(of) => history.overlaps.push(of),
            Line::Fault(of) => history.faults.push(of),
            Line::Left(of) => history.left.push(of),
        }
    }
    Ok(history)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::Scene;

    #[test]
    fn a_history_is_the_same_after_it_was_saved_and_loaded() {
        let mut scene = Scene::new();
        let call = scene.hold(1000, 3500);
        scene.fault("people", "labelled", 20_000, 20_000);
        let token = scene.history.work[0].token;
        scene.overlap(1500, call, token, &[call]);
        let mut file = Vec::new();
        write(&scene.history, &mut file).expect("memory takes it");
        assert_eq!(read(&file[..]).expect("what was written"), scene.history);
    }

    #[test]
    fn a_line_that_is_no_part_of_a_history_is_named() {
        let error = read(&b"{\"run\":1}\n"[..]).expect_err("no history");
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
