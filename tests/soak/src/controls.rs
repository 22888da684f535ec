//! The controls: the same soak against builds with one rule broken each, which must be found out.

mod patch;
mod sources;
mod trial;

use super::{note, say};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;

use patch::Control;
use sources::Workshop;
use trial::{Found, Terms};

/// What the build is called that nothing is broken in.
const UNBROKEN: &str = "unbroken";

/// Builds and tries the controls of these names, or all; exit status 1 if one of them was not found out, or if the build that
/// nothing is broken in is not clean on the same terms.
pub fn main(names: &[String]) -> ExitCode {
    match run(names) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            note(&error);
            ExitCode::from(2)
        }
    }
}

fn run(names: &[String]) -> Result<bool, String> {
    let controls = chosen(names)?;
    let workshop = Workshop::open()?;
    note(&format!("{UNBROKEN}: building"));
    let unbroken = workshop.build(UNBROKEN, None)?;
    // The next one is built while this one is tried: a soak waits more than it works.
    let (sender, built) = sync_channel(0);
    let mut clean = Clean {
        workshop: &workshop,
        unbroken,
        known: HashMap::new(),
    };
    let mut all = true;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let sender = sender;
            for control in &controls {
                note(&format!("{}: building", control.name));
                let program = workshop.build(&control.name, Some(control));
                if sender.send((control, program)).is_err() {
                    return;
                }
            }
        });
        for (control, program) in built {
            let verdict = program.and_then(|program| clean.try_one(control, &program));
            all &= verdict.is_ok();
            let verdict = verdict.unwrap_or_else(|why| format!("FAILED: {why}"));
            say(&format!("{:30} {verdict}", control.name));
        }
    });
    Ok(all)
}

/// The build that nothing is broken in, and on which terms it is clean.
struct Clean<'a> {
    workshop: &'a Workshop,
    unbroken: PathBuf,
    known: HashMap<Terms, Result<(), String>>,
}

impl Clean<'_> {
    /// What is said of a control: what was found, or why not. What found it has to find nothing where nothing is broken: the
    /// control of the control.
    fn try_one(&mut self, control: &Control, program: &Path) -> Result<String, String> {
        let found: Found = trial::until_found(self.workshop, control, program)?;
        let is_clean = (self.known).entry(found.terms.clone()).or_insert_with(|| {
            trial::is_clean(self.workshop, control, &found.terms, &self.unbroken)
        });
        match is_clean {
            Ok(()) => Ok(format!("{found}; {UNBROKEN}: clean")),
            Err(why) => Err(format!("{found}; but {UNBROKEN}: {why}")),
        }
    }
}

fn chosen(names: &[String]) -> Result<Vec<Control>, String> {
    let all = patch::all()?;
    if let Some(unknown) = names
        .iter()
        .find(|name| !all.iter().any(|one| one.name == **name))
    {
        let known: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        return Err(format!(
            "no control {unknown:?}; there are {}",
            known.join(", ")
        ));
    }
    let wanted = |one: &Control| names.is_empty() || names.contains(&one.name);
    Ok(all.into_iter().filter(wanted).collect())
}
