//! The one table: what was measured, against what, what is wanted of it, and whether that is met.

use std::fmt;

/// What a figure counts.
#[derive(Clone, Copy)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// Mebibytes.
    MiB,
    /// Requests, or writes.
    Requests,
    /// Per cent of one core.
    Percent,
}

/// A number with its unit.
#[derive(Clone, Copy)]
pub struct Figure(pub f64, pub Unit);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self(ms, Unit::Ms) if ms < 100.0 => write!(f, "{ms:.1} ms"),
            Self(ms, Unit::Ms) => write!(f, "{ms:.0} ms"),
            Self(mib, Unit::MiB) => write!(f, "{mib:.1} MiB"),
            Self(number, Unit::Requests) => write!(f, "{number:.0}"),
            Self(share, Unit::Percent) => write!(f, "{share:.1} %"),
        }
    }
}

/// What is wanted.
#[derive(Clone, Copy)]
enum Goal {
    Measured(f64),
    Ratio(f64),
}

/// A line of the table.
pub struct Row {
    what: String,
    measured: Figure,
    against: Option<(&'static str, Figure)>,
    goal: Option<Goal>,
    steady: bool,
}

impl Row {
    pub fn new(what: impl Into<String>, measured: Figure) -> Self {
        Self {
            what: what.into(),
            measured,
            against: None,
            goal: None,
            steady: false,
        }
    }

    /// What somebody else takes for the same.
    pub fn against(mut self, name: &'static str, figure: Figure) -> Self {
        self.against = Some((name, figure));
        self
    }

    /// At most so much is wanted.
    pub fn at_most(mut self, most: f64) -> Self {
        self.goal = Some(Goal::Measured(most));
        self
    }

    /// At most so much of what the other one takes is wanted.
    pub fn at_most_of_it(mut self, most: f64) -> Self {
        self.goal = Some(Goal::Ratio(most));
        self
    }

    /// It says the same on a machine that does other things meanwhile: sizes and requests, which take no time, and
    /// ratios of two that are measured in turns.
    pub fn steady(mut self) -> Self {
        self.steady = true;
        self
    }

    fn ratio(&self) -> Option<f64> {
        let (_, other) = self.against.as_ref()?;
        Some(self.measured.0 / other.0)
    }

    /// How much of what is wanted at most it is.
    fn of_goal(&self) -> Option<f64> {
        match self.goal? {
            Goal::Measured(most) => Some(self.measured.0 / most),
            Goal::Ratio(most) => Some(self.ratio()? / most),
        }
    }

    fn is_far_off(&self) -> bool {
        self.steady && self.of_goal().is_some_and(|share| share >= 2.0)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = || "–".to_owned();
        let against = self.against.as_ref();
        let against = against.map_or_else(none, |(name, figure)| format!("{name} {figure}"));
        let ratio = self
            .ratio()
            .map_or_else(none, |ratio| format!("{ratio:.2}"));
        let goal = match self.goal {
            None => none(),
            Some(Goal::Measured(most)) => format!("≤ {}", Figure(most, self.measured.1)),
            Some(Goal::Ratio(most)) => format!("≤ {most:.2} of it"),
        };
        let met = match self.of_goal() {
            None => none(),
            Some(share) if share <= 1.0 => "yes".to_owned(),
            Some(_) => "no".to_owned(),
        };
        let Self { what, measured, .. } = self;
        write!(
            f,
            "| {what} | {measured} | {against} | {ratio} | {goal} | {met} |"
        )
    }
}

/// Prints a table's head.
pub fn begin() {
    println!("| what | measured | against | ratio | goal | met |");
    println!("| --- | --- | --- | --- | --- | --- |");
}

/// The rows as they come.
#[derive(Default)]
pub struct Table {
    far_off: Vec<String>,
}

impl Table {
    pub fn add(&mut self, row: Row) {
        println!("{row}");
        if row.is_far_off() {
            self.far_off.push(row.what);
        }
    }

    /// What is twice its goal, or more, and steady.
    pub fn far_off(&self) -> &[String] {
        &self.far_off
    }
}
