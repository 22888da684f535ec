//! What is unusual around a call from its start: clocks, limits, namespaces, users, terminals.

mod launch;
mod terminal;

use std::path::PathBuf;

use crate::cast::calls::Live;
use crate::cast::tools::Tools;
use crate::cast::{Choice, Stage};
use crate::history::{ClockLie, Injected};
use crate::time::At;

pub use launch::main;

/// The first process id that a kernel gives again is 300: a smaller limit is refused.
const FEWEST_PIDS: u32 = 301;
/// The first of the users that nobody else is.
const NOBODY: u32 = 47_000;
/// The last kernel release whose pid_max is the whole machine's, whatever the namespace.
const COMMON_PID_MAX: (u32, u32) = (6, 13);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// RLIMIT_NOFILE.
    Files(u32),
    /// RLIMIT_NPROC, which counts all processes of a user.
    Processes(u32),
    /// Runs as this user.
    User(u32),
    /// /proc shows no processes of other users.
    HiddenProcesses,
    /// The first process of a pid namespace of its own.
    PidNamespace,
    /// The same with so few process ids.
    FewPids(u32),
    /// None where the soak has one.
    NoTerminal,
    /// One of its own.
    Terminal,
}

/// All of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    pub clock: ClockLie,
    pub oddities: Vec<Oddity>,
}

impl Oddity {
    /// As the history and the launcher say it.
    fn word(self) -> String {
        match self {
            Oddity::Files(most) => format!("nofile={most}"),
            Oddity::Processes(most) => format!("nproc={most}"),
            Oddity::User(user) => format!("user={user}"),
            Oddity::HiddenProcesses => "hidepid".to_owned(),
            Oddity::PidNamespace => "pid-namespace".to_owned(),
            Oddity::FewPids(most) => format!("pid-max={most}"),
            Oddity::NoTerminal => "no-terminal".to_owned(),
            Oddity::Terminal => "terminal".to_owned(),
        }
    }

    fn read(word: &str) -> Option<Oddity> {
        let (name, number) = word.split_once('=').unwrap_or((word, "0"));
        let number = number.parse().ok()?;
        Some(match name {
            "nofile" => Oddity::Files(number),
            "nproc" => Oddity::Processes(number),
            "user" => Oddity::User(number),
            "hidepid" => Oddity::HiddenProcesses,
            "pid-namespace" => Oddity::PidNamespace,
            "pid-max" => Oddity::FewPids(number),
            "no-terminal" => Oddity::NoTerminal,
            "terminal" => Oddity::Terminal,
            _ => return None,
        })
    }

    /// The kind of fault that it is.
    fn kind(self) -> &'static str {
        match self {
            Oddity::Files(_) => "few-files",
            Oddity::Processes(_) => "few-processes",
            Oddity::User(_) => "another-user",
            Oddity::HiddenProcesses => "hidden-processes",
            Oddity::PidNamespace => "pid-namespace",
            Oddity::FewPids(_) => "few-process-ids",
            Oddity::NoTerminal => "no-terminal",
            Oddity::Terminal => "terminal",
        }
    }
}

/// What this machine lets us do: each tried once.
#[derive(Clone, Debug, Default)]
pub struct Able(Vec<&'static str>);

impl Able {
    /// Tries each kind with a program that does nothing, and says which cannot be had.
    pub fn find(tools: &Tools) -> (Able, Vec<&'static str>) {
        let all = [
            Oddity::Files(64),
            Oddity::User(NOBODY),
            Oddity::Processes(64),
            Oddity::HiddenProcesses,
            Oddity::PidNamespace,
            Oddity::FewPids(FEWEST_PIDS),
            Oddity::NoTerminal,
            Oddity::Terminal,
        ];
        let works = |oddity: &Oddity| {
            if matches!(oddity, Oddity::FewPids(_)) && !pid_max_is_of_the_namespace() {
                return false;
            }
            let nothing = Surroundings::of(&[*oddity]);
            let words = nothing.launcher(PathBuf::from("/bin/true"), Vec::new());
            let mut program = std::process::Command::new(&tools.soak);
            let program = program.args(words).stdin(std::process::Stdio::null());
            program.output().is_ok_and(|output| output.status.success())
        };
        let (able, not): (Vec<Oddity>, Vec<Oddity>) = all.into_iter().partition(works);
        let kinds = |list: Vec<Oddity>| list.into_iter().map(Oddity::kind).collect();
        (Able(kinds(able)), kinds(not))
    }

    fn has(&self, oddity: Oddity) -> bool {
        self.0.contains(&oddity.kind())
    }
}

impl Surroundings {
    fn of(oddities: &[Oddity]) -> Surroundings {
        Surroundings {
            oddities: oddities.to_vec(),
            ..Surroundings::default()
        }
    }

    /// What a call has around it; mostly nothing. `number` is the call's contender.
    pub fn draw(
        random: &mut fastrand::Rng,
        number: u32,
        (choice, able): (&Choice, &Able),
        clocks: bool,
    ) -> Surroundings {
        let user = Oddity::User(NOBODY + number);
        // Each draw is made, whatever becomes of it: what is not to be had here changes nothing else.
        let (files, processes) = (random.u32(12..=64), random.u32(4..=24));
        let oddities: &[Oddity] = match random.u32(0..40) {
            0 | 1 => &[Oddity::Files(files)],
            2 => &[user, Oddity::Processes(processes)],
            3 => &[user, Oddity::HiddenProcesses],
            4 | 5 => &[Oddity::PidNamespace],
            6 => &[Oddity::NoTerminal],
            7 | 8 => &[Oddity::Terminal],
            9 | 10 => &[user],
            11 => &[user, Oddity::Files(files)],
            _ => &[],
        };
        let drawn = random.u32(0..4) == 0 && choice.has("surroundings", "clocks");
        let lies = clocks && (drawn || choice.names("clocks"));
        let clock = draw_clock(random);
        let wanted =
            |oddity: &Oddity| able.has(*oddity) && choice.has("surroundings", oddity.kind());
        Surroundings {
            clock: if lies { clock } else { ClockLie::default() },
            oddities: if oddities.iter().all(wanted) {
                oddities.to_vec()
            } else {
                Vec::new()
            },
        }
    }

    /// Where there are few process ids; none where that cannot be had.
    pub fn with_few_pids(choice: &Choice, able: &Able) -> Option<Surroundings> {
        let oddity = Oddity::FewPids(FEWEST_PIDS);
        (able.has(oddity) && choice.has("surroundings", oddity.kind()))
            .then(|| Surroundings::of(&[oddity]))
    }

    pub fn words(&self) -> Vec<String> {
        self.oddities.iter().copied().map(Oddity::word).collect()
    }

    /// The program and its arguments, for the tool with these.
    pub fn around(&self, tools: &Tools, words: Vec<String>) -> (PathBuf, Vec<String>) {
        if self.oddities.is_empty() {
            return (tools.binary.clone(), words);
        }
        (
            tools.soak.clone(),
            self.launcher(tools.binary.clone(), words),
        )
    }

    fn launcher(&self, program: PathBuf, words: Vec<String>) -> Vec<String> {
        let mut all = vec!["around".to_owned()];
        all.extend(self.words());
        all.push("--".to_owned());
        all.push(program.display().to_string());
        all.extend(words);
        all
    }

    /// What the library of clocks goes by.
    pub fn environment(&self, tools: &Tools) -> Vec<(&'static str, String)> {
        let Some(library) = tools.clocks.as_ref().filter(|_| self.lies()) else {
            return Vec::new();
        };
        vec![
            ("LD_PRELOAD", library.display().to_string()),
            ("LEASE_CLOCKS_OFFSET", self.clock.wall_offset.to_string()),
            ("LEASE_CLOCKS_SLEW", format!("{:.0}", 1e6 * self.clock.slew)),
        ]
    }

    fn lies(&self) -> bool {
        self.clock != ClockLie::default()
    }

    /// Says that there are these around the call that has been started.
    pub fn note(&self, stage: &Stage, live: &Live) {
        let mut kinds: Vec<(&str, String)> = Vec::new();
        if self.lies() {
            let ClockLie { wall_offset, slew } = self.clock;
            kinds.push((
                "clocks",
                format!("{wall_offset} ms, {:+.1} %", 100.0 * slew),
            ));
        }
        kinds.extend(self.oddities.iter().map(|it| (it.kind(), it.word())));
        let now = At::now();
        for (kind, detail) in kinds {
            stage.note_fault(Injected {
                kind: kind.to_owned(),
                family: "surroundings".to_owned(),
                begun: now,
                over: now,
                contenders: vec![live.contender],
                call: Some(live.call),
                lease: None,
                detail,
            });
        }
    }
}

/// Wrong by up to an hour, or at another rate by up to 8 %, or both.
fn draw_clock(random: &mut fastrand::Rng) -> ClockLie {
    let hour = 3_600_000;
    let (wall_offset, slew) = (random.i64(-hour..=hour), 0.16 * (random.f64() - 0.5));
    let (set, slewed) = [(true, true), (true, false), (false, true)][random.usize(0..3)];
    ClockLie {
        wall_offset: if set { wall_offset } else { 0 },
        slew: if slewed { slew } else { 0.0 },
    }
}

/// Since 6.14 a limit of process ids is that of the namespace; before, writing it would change the whole machine.
fn pid_max_is_of_the_namespace() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return false;
    };
    (major, minor) > COMMON_PID_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oddity_reads_as_it_is_written() {
        let all = [
            Oddity::Files(12),
            Oddity::Processes(4),
            Oddity::User(47_003),
            Oddity::HiddenProcesses,
            Oddity::PidNamespace,
            Oddity::FewPids(301),
            Oddity::NoTerminal,
            Oddity::Terminal,
        ];
        for oddity in all {
            assert_eq!(Oddity::read(&oddity.word()), Some(oddity));
        }
        assert_eq!(Oddity::read("nothing"), None);
    }

    #[test]
    fn what_this_machine_cannot_do_is_not_drawn_and_changes_no_other_draw() {
        let some = Able(vec!["few-files"]);
        let all = Able(vec![
            "few-files",
            "terminal",
            "another-user",
            "pid-namespace",
        ]);
        let choice = Choice::default();
        let mut randoms = [fastrand::Rng::with_seed(3), fastrand::Rng::with_seed(3)];
        let mut seen = 0;
        for _ in 0..400 {
            let [one, other] = [&some, &all]
                .into_iter()
                .zip(&mut randoms)
                .map(|(able, random)| Surroundings::draw(random, 1, (&choice, able), true))
                .collect::<Vec<_>>()
                .try_into()
                .expect("two");
            assert_eq!(one.clock, other.clock);
            assert!(one.oddities.iter().all(|it| matches!(it, Oddity::Files(_))));
            seen += usize::from(one.oddities != other.oddities);
        }
        assert!(seen > 10, "{seen}");
    }
}
