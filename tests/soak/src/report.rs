//! A run as people read it: grants, faults by kind, violations with their shortest history. The tables are Markdown, so that
//! they can be pasted.

mod figures;

use std::fmt::Write;
use std::time::Duration;

use crate::history::History;
use crate::oracle::{RULES, Violation};
use crate::time::At;

/// What an operator's terminal has.
const WIDTH: usize = 100;

/// The whole report.
pub fn text(history: &History, violations: &[Violation]) -> String {
    let mut text = String::new();
    wrapped(&mut text, &head(history, violations.len()), "");
    for (title, table) in figures::tables(history) {
        if !table.is_empty() {
            let _ = write!(text, "\n{title}\n\n{table}");
        }
    }
    text.push('\n');
    wrapped(&mut text, &verdict(violations), "");
    for (number, violation) in violations.iter().enumerate() {
        text.push('\n');
        told(&mut text, number + 1, violation, history.run.started);
    }
    text
}

/// The figures of a run in one sentence, for docs too.
fn head(history: &History, violations: usize) -> String {
    let run = &history.run;
    let stalls: Vec<Duration> = figures::stalls(history);
    let longest = stalls.iter().max().copied().unwrap_or_default();
    let together: Duration = stalls.iter().sum();
    let counted = figures::counted(history);
    let handed_over = counted.handover.map_or_else(
        || "no handover was undisturbed".to_owned(),
        |(p50, p99)| {
            let (p50, p99) = (p50.as_secs_f64(), p99.as_secs_f64());
            format!("handovers after a release took {p50:.3} s (p50) and {p99:.3} s (p99)")
        },
    );
    format!(
        "Seed {} on {}: {} contenders for {:.1} minutes; {} calls, {} grants, {} faults of {} kinds, {violations} violations; {handed_over}; the machine stood still {} times, {:.1} s at most and {:.1} s together.",
        run.seed,
        run.server,
        run.contenders,
        run.ended.since(run.started).as_secs_f64() / 60.0,
        history.calls.len(),
        counted.grants,
        counted.faults,
        counted.kinds,
        stalls.len(),
        longest.as_secs_f64(),
        together.as_secs_f64(),
    )
}

fn verdict(violations: &[Violation]) -> String {
    if violations.is_empty() {
        return "No violation.".to_owned();
    }
    let by_rule: Vec<String> = RULES
        .iter()
        .filter_map(|(rule, meaning)| {
            let count = violations.iter().filter(|of| of.rule == *rule).count();
            (count > 0).then(|| format!("{count} of {rule} ({meaning})"))
        })
        .collect();
    let count = match violations.len() {
        1 => "1 violation".to_owned(),
        count => format!("{count} violations"),
    };
    format!("{count}: {}.", by_rule.join(", "))
}

fn told(text: &mut String, number: usize, violation: &Violation, started: At) {
    let lease = violation.lease.as_deref().unwrap_or("all leases");
    let since = violation.at.since(started).as_secs_f64();
    let title = format!(
        "{number}. {} on {lease}, {since:.3} s into the run: {}",
        violation.rule, violation.what
    );
    wrapped(text, &title, "   ");
    let Some(first) = violation.history.first() else {
        return;
    };
    if let Some(all) = violation.out_of {
        let lines = violation.history.len();
        wrapped(
            text,
            &format!("   The shortest history of it, {lines} lines for {all} events:"),
            "   ",
        );
    }
    for moment in &violation.history {
        let at = moment.at.since(first.at).as_secs_f64();
        wrapped(
            text,
            &format!("   {at:>8.3}  {}", moment.text),
            "             ",
        );
    }
}

/// A line, broken between words so that it fits; what does not fit into a line by itself stays whole.
fn wrapped(text: &mut String, line: &str, indent: &str) {
    let mut width = 0;
    let indented = line.len() - line.trim_start().len();
    text.push_str(&line[..indented]);
    width += indented;
    for (place, word) in line.trim_start().split(' ').enumerate() {
        let length = word.chars().count();
        if place > 0 && width + 1 + length > WIDTH {
            text.push('\n');
            text.push_str(indent);
            width = indent.len();
        } else if place > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words_and_indented() {
        let mut text = String::new();
        wrapped(&mut text, &format!("   {}", "seven77 ".repeat(30)), "     ");
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.len() <= WIDTH));
        assert!(
            text.starts_with("   seven77 ")
                && text
                    .lines()
                    .nth(1)
                    .is_some_and(|line| line.starts_with("     seven77"))
        );
        assert_eq!(text.split_whitespace().count(), 30);
    }
}
