//! Conditions in Prometheus' text exposition format (version 0.0.4), for a textfile collector.

use std::fmt::Write as _;

use super::{Row, class};
use crate::lease::report::State;
use crate::words::shown::judged;

/// The states in the words of `--state`: of each Lease one is 1 and the others are 0.
const STATES: [&str; 4] = ["held", "expired", "free", "terminating"];

const STATE: &str = "\
# HELP kubectl_lease_state Whether the lease is in this state.
# TYPE kubectl_lease_state gauge
";
const INFO: &str = "\
# HELP kubectl_lease_info Who holds the lease, empty where nobody does, and what kind of use it has.
# TYPE kubectl_lease_info gauge
";
const AGE: &str = "\
# HELP kubectl_lease_renewal_age_seconds How long ago the holder renewed the lease.
# TYPE kubectl_lease_renewal_age_seconds gauge
";
const DURATION: &str = "\
# HELP kubectl_lease_duration_seconds How long the lease stays held without a renewal.
# TYPE kubectl_lease_duration_seconds gauge
";
const TRANSITIONS: &str = "\
# HELP kubectl_lease_transitions_total How often the lease was granted to another holder.
# TYPE kubectl_lease_transitions_total counter
";

/// Rows of the later families that are written at once.
const AT_ONCE: usize = 5000;

/// Writes a list page by page. The samples of a family stand together, so that the first one is written as the pages come and
/// of the others is kept what they take.
#[derive(Default)]
pub struct Exposition {
    begun: bool,
    kept: Vec<Kept>,
}

/// What the later families say of a Lease.
struct Kept {
    /// Namespace and name.
    labels: String,
    /// Holder and class.
    info: String,
    age: Option<f64>,
    duration: Option<u32>,
    transitions: i64,
}

/// What a family says of a Lease, if anything.
type Sample = fn(&Kept) -> Option<String>;

impl Exposition {
    /// The next rows, and before the first ones the head.
    pub fn page(&mut self, rows: &[Row]) -> String {
        let mut out = self.head().to_owned();
        for row in rows {
            let kept = Kept::of(row);
            let state = state(row.condition.state);
            for one in STATES {
                let value = u8::from(one == state);
                let labels = &kept.labels;
                let _ = writeln!(
                    out,
                    "kubectl_lease_state{{{labels},state=\"{one}\"}} {value}"
                );
            }
            self.kept.push(kept);
        }
        out
    }

    fn head(&mut self) -> &'static str {
        match std::mem::replace(&mut self.begun, true) {
            true => "",
            false => STATE,
        }
    }

    /// The other families, a part at a time.
    pub fn end(mut self) -> impl Iterator<Item = String> {
        let head = self.head().to_owned();
        let families: [(&str, Sample); 4] = [
            (INFO, |kept| {
                let Kept { labels, info, .. } = kept;
                Some(format!("kubectl_lease_info{{{labels},{info}}} 1\n"))
            }),
            (AGE, |kept| {
                let (labels, age) = (&kept.labels, kept.age?);
                Some(format!(
                    "kubectl_lease_renewal_age_seconds{{{labels}}} {age}\n"
                ))
            }),
            (DURATION, |kept| {
                let (labels, duration) = (&kept.labels, kept.duration?);
                Some(format!(
                    "kubectl_lease_duration_seconds{{{labels}}} {duration}\n"
                ))
            }),
            (TRANSITIONS, |kept| {
                let (labels, count) = (&kept.labels, kept.transitions);
                Some(format!(
                    "kubectl_lease_transitions_total{{{labels}}} {count}\n"
                ))
            }),
        ];
        let kept = self.kept;
        let parts = families.into_iter().flat_map(move |(head, sample)| {
            let mut parts = vec![head.to_owned()];
            parts.extend(
                kept.chunks(AT_ONCE)
                    .map(|part| part.iter().filter_map(sample).collect()),
            );
            parts
        });
        std::iter::once(head).chain(parts)
    }
}

/// All of a few rows.
pub fn whole(rows: &[Row]) -> String {
    let mut exposition = Exposition::default();
    let first = exposition.page(rows);
    std::iter::once(first).chain(exposition.end()).collect()
}

impl Kept {
    fn of(row: &Row) -> Self {
        let (lease, condition) = (&row.lease, &row.condition);
        let is_held = lease.holder.is_some();
        // What a release wrote is no renewal of anybody's.
        let age = condition
            .renewed_ago
            .filter(|age| is_held && !age.is_negative());
        Self {
            labels: format!(
                "namespace={},name={}",
                label(&lease.namespace),
                label(&lease.name)
            ),
            info: format!(
                "holder={},class={}",
                label(lease.holder.as_deref().unwrap_or_default()),
                label(class(lease.class))
            ),
            age: age.map(|age| age.as_millis() as f64 / 1000.0),
            duration: lease
                .duration
                .filter(|_| is_held)
                .map(|duration| duration.as_secs()),
            transitions: lease.transitions,
        }
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Held | State::HeldWithoutExpiry => "held",
        State::Expired => "expired",
        State::Free | State::Deleted => "free",
        State::Terminating => "terminating",
    }
}

/// A label's value. What could change a terminal's state is written as `\u{…}`, the way a parser reads it.
fn label(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for (c, may_be_shown) in judged(text) {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c if may_be_shown => out.push(c),
            c => {
                let _ = write!(out, "\\\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_label_is_escaped_as_the_format_has_it_and_changes_no_terminal() {
        for (text, expected) in [
            ("", r#""""#),
            (r#"a"b\c"#, r#""a\"b\\c""#),
            ("a\nb", r#""a\nb""#),
            ("\u{1b}[2J\r", r#""\\u{1b}[2J\\u{d}""#),
            ("größe=1,{}", r#""größe=1,{}""#),
        ] {
            assert_eq!(label(text), expected);
        }
    }

    #[test]
    fn pages_are_one_exposition_and_none_is_one_too() {
        let leases = [
            samples::held(),
            samples::expired(),
            samples::free(),
            samples::endless(),
            samples::terminating(),
            samples::skewed(),
        ];
        let rows: Vec<Row> = leases.iter().map(samples::row).collect();
        let mut exposition = Exposition::default();
        let mut out = exposition.page(&rows[..1]);
        out += &exposition.page(&rows[1..]);
        out.extend(exposition.end());
        assert_eq!(out, whole(&rows));
        let heads = STATE.to_owned() + INFO + AGE + DURATION + TRANSITIONS;
        assert_eq!(whole(&[]), heads);
        insta::assert_snapshot!(out);
        let hostile: Vec<Row> = samples::hostile().iter().map(samples::row).collect();
        samples::assert_safe(&whole(&hostile));
    }
}
