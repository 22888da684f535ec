//! What is shown of a Lease's past: whole lines, and what becomes of long and hostile ones.

use serde_json::{Value, json};

use super::describe::{Surroundings, describe};
use super::history;
use super::samples::{NOW, assert_safe, free, held, record, row, with};
use crate::lease::events::{Recorded, newest, read};
use crate::lease::testing::wall;

fn taken(lease: Value, noted: Value) -> Value {
    let annotations = json!({ "kubectl-lease/previous": noted.to_string(), "a": "b" });
    with(lease, "metadata/annotations", annotations)
}

fn previous(lease: &Value) -> String {
    let text = describe(&row(lease), &record(lease), &Surroundings::default());
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix("Previous:"));
    found.expect("a line").trim().to_owned()
}

#[test]
fn from_whom_it_was_taken_is_one_line_with_both_reasons() {
    let noted = |taken: &str, transitions: i64| {
        json!({
            "holder": "ada@laptop", "reason": "nightly", "taken": taken, "by": "me@host", "because": "the laptop is lost",
            "at": "2026-01-01T11:50:00.000000Z", "transitions": transitions,
        })
    };
    for (lease, expected) in [
        (
            taken(held(), noted("Stolen", 3)),
            "ada@laptop (reason: nightly): stolen by me@host 10m ago (reason: the laptop is lost)",
        ),
        (
            taken(held(), noted("Expired", 2)),
            "ada@laptop (reason: nightly): expired, and acquired by me@host 10m ago (reason: the laptop is lost); granted once since",
        ),
        (
            taken(free(), noted("ForceReleased", 12)),
            "ada@laptop (reason: nightly): released by me@host, who was not its holder, 10m ago (reason: the laptop is lost)",
        ),
        (
            taken(free(), noted("FailedOver", 2)),
            "ada@laptop (reason: nightly): failed over by me@host 10m ago (reason: the laptop is lost); granted 10 times since",
        ),
    ] {
        assert_eq!(previous(&lease), expected);
    }
    // Whoever may write the Lease may write any number there.
    let odd = taken(held(), noted("Stolen", i64::MIN));
    let many = format!("granted {} times since", i64::MAX);
    assert!(previous(&odd).ends_with(&many), "{}", previous(&odd));
    let bare = json!({ "holder": "\u{1b}[2J", "taken": "Stolen", "by": "x", "transitions": 3 });
    assert_eq!(previous(&taken(held(), bare)), "$'\\033[2J': stolen by x");
}

fn stored(version: u32, uid: &str, note: &str, count: i64) -> Recorded {
    read(&json!({
        "metadata": { "resourceVersion": version.to_string(), "creationTimestamp": "2026-01-01T11:00:00Z" },
        "eventTime": "2026-01-01T11:00:00.000001Z", "type": "Warning", "reason": "LeaseStolen", "note": note,
        "regarding": { "uid": uid }, "reportingController": "kubectl-lease", "reportingInstance": "me",
        "series": { "count": count, "lastObservedTime": "2026-01-01T11:59:00.000000Z" },
    }))
}

#[test]
fn events_are_a_table_as_kubectl_describe_has_it_with_the_newest_first() {
    let all = vec![stored(1, "u", "first", 1), stored(2, "u", "second", 3)];
    let shown =
        |columns| history::events(&Ok(newest(all.clone(), "u", 9)), Some(wall(NOW)), columns);
    assert_eq!(
        shown(None),
        "Events:\n\
         \x20 Type     Reason       Age                From           Message\n\
         \x20 ----     ------       ---                ----           -------\n\
         \x20 Warning  LeaseStolen  60s (x3 over 59m)  kubectl-lease  second\n\
         \x20 Warning  LeaseStolen  60m                kubectl-lease  first\n"
    );
    assert_eq!(
        history::events(&Ok(Vec::new()), None, None),
        "Events:      <none>\n"
    );
    let why = Err("no answer in time".to_owned());
    assert_eq!(
        history::events(&why, None, None),
        "Events:      unknown: no answer in time\n"
    );
}

#[test]
fn a_terminal_gets_no_more_than_a_line_of_each_and_nothing_that_moves_it() {
    let hostile = stored(1, "u", &"\u{1b}[2J\n漢字 ".repeat(50), 1);
    let text = history::events(&Ok(vec![hostile]), Some(wall(NOW)), Some(80));
    assert_safe(&text);
    assert_eq!(text.lines().count(), 4, "{text}");
    let longest = text.lines().map(crate::words::shown::width).max();
    assert!(longest <= Some(80), "{text}");
    let undated = history::events(&Ok(vec![stored(1, "u", "", 1)]), None, None);
    assert!(
        undated.ends_with("LeaseStolen  <unknown>  kubectl-lease\n"),
        "{undated}"
    );
}
