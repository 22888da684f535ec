//! The table, whole, as each layout prints it.

use super::samples::{
    assert_safe, elected, endless, expired, free, held, hostile, layout, object, row, skewed,
    terminating, with,
};
use super::table::{Counts, Layout, Printer};
use super::{Row, state};
use crate::lease::report::State;
use serde_json::{Value, json};

fn every() -> [Value; 7] {
    let (elected, endless, expired) = (elected(), endless(), expired());
    let (free, held, skewed, terminating) = (free(), held(), skewed(), terminating());
    [elected, endless, expired, free, held, skewed, terminating]
}

fn rows(leases: &[Value]) -> Vec<Row> {
    leases.iter().map(row).collect()
}

fn within(width: u16) -> Layout {
    layout(|it| it.width = Some(width))
}

fn table(layout: Layout, leases: &[Value]) -> String {
    Printer::new(layout).page(&rows(leases), &[])
}

/// Its cells, one blank between them.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn held_by(holder: &str) -> Value {
    with(held(), "spec/holderIdentity", json!(holder))
}

fn flapping() -> Value {
    with(elected(), "spec/leaseTransitions", json!(40))
}

#[test]
fn each_layout_is_printed_like_this() {
    let because = json!({"kubectl-lease/reason": "night run"});
    let asked = with(held(), "metadata/annotations", because);
    let renewed = |lease, time| with(lease, "spec/renewTime", json!(time));
    let future = renewed(held(), "2026-01-01T13:00:00.000000Z");
    let just_expired = [renewed(expired(), "2026-01-01T11:59:44.600000Z")];
    let pipe = layout(|it| (it.words, it.no_headers) = (true, true));
    let wide_pipe = layout(|it| (it.words, it.no_headers, it.wide) = (true, true, true));
    let screen = layout(|it| (it.width, it.on_screen) = (Some(40), true));
    let long = held_by("controller-7d9f8b6c5d-x2x7p-of-team-blue");
    let run = held_by("controller-7d9f8_3e4b9c1a-5f0d-4a7e-9c55-2f8a6b1d7e90");
    let name = json!("a-rather-long-name-of-a-lease");
    let run = [with(run, "metadata/name", name)];
    let ascii = layout(|it| (it.width, it.ascii) = (Some(100), true));
    let mut shown = String::new();
    for (title, layout, leases) in [
        ("every state", Layout::default(), &every()[..]),
        ("pipe, wide", wide_pipe, &[expired(), skewed(), future]),
        ("pipe, no headers", pipe, &just_expired),
        ("just expired", Layout::default(), &just_expired),
        ("no room for notes", screen, &[held(), skewed()]),
        ("no headers", layout(|it| it.no_headers = true), &[held()]),
        ("-A", layout(|it| it.namespaces = true), &[held()]),
        (
            "wide",
            layout(|it| it.wide = true),
            &[asked, skewed(), elected()],
        ),
        ("a long holder's head stays", within(80), &[long]),
        ("a run's id goes first", within(110), &run),
        ("in ASCII", ascii, &run),
    ] {
        shown += &format!("## {title}\n{}\n", table(layout, leases));
    }
    let mut printer = Printer::new(layout(|it| it.rates = true));
    shown += "## rates\n";
    shown += &printer.page(&rows(&[held(), free()]), &[Some(11.6), None]);
    insta::assert_snapshot!(shown);
}

/// The holders as they are shown in a list of this width, in which these hold.
fn shown_holders(width: u16, holders: &[&str]) -> Vec<String> {
    let leases: Vec<Value> = holders.iter().map(|holder| held_by(holder)).collect();
    let text = table(within(width), &leases);
    let fits = |line: &str| line.chars().count() <= usize::from(width);
    assert!(text.lines().all(fits), "{text}");
    let holder = |line: &str| line.split_whitespace().nth(2).map(str::to_owned);
    text.lines().skip(1).filter_map(holder).collect()
}

#[test]
fn a_run_keeps_its_id_where_it_has_room_and_two_runs_never_look_the_same() {
    let one = "me@x_3e4b9c1a-5f0d-4a7e-9c55-2f8a6b1d7e90";
    let two = "me@x_7d11c0de-5f0d-4a7e-9c55-2f8a6b1d7e90";
    let other = "me@y_7d11c0de-5f0d-4a7e-9c55-2f8a6b1d7e90";
    let long = "h".repeat(300);
    let shown = shown_holders(200, &[one, two, &long]);
    assert_eq!(shown[..2], [one, two]);
    // What is longer than there is room for loses its id, and the others do not.
    let longer = format!("{}_3e4b9c1a-5f0d-4a7e-9c55-2f8a6b1d7e90", "n".repeat(30));
    let shown = shown_holders(112, &[one, &longer]);
    assert_eq!(shown, [one.to_owned(), format!("{}_…", "n".repeat(30))]);
    let shown = shown_holders(85, &[one, two, other]);
    assert_eq!(shown, ["me@x_3e4b…", "me@x_7d11…", "me@y_…"]);
    assert_eq!(shown_holders(85, &[one, one]), ["me@x_…", "me@x_…"]);
}

#[test]
fn what_stands_out_is_marked_and_moves_no_other_column() {
    let [free, wide] = [None, Some(100)].map(|width| {
        let mut printer = Printer::new(layout(|it| it.width = width));
        let leases = [held(), flapping(), held()];
        leases
            .map(|lease| printer.page(&[row(&lease)], &[]))
            .concat()
    });
    assert_eq!(free, wide);
    insta::assert_snapshot!(free, @r"
    NAME   STATE   HOLDER    RENEWED   EXPIRES IN   TRANSITIONS   AGE
    held   Held    me@host   5s ago    10s          3             60m
    elected   Held    me@host   5s ago    10s          40            60m   flapping
    held      Held    me@host   5s ago    10s          3             60m
    ");
}

#[test]
fn a_page_without_wider_cells_keeps_the_columns_of_the_page_before() {
    let mut printer = Printer::new(Layout::default());
    let [first, second] = [terminating(), held()].map(|lease| printer.page(&[row(&lease)], &[]));
    let holder_at = |text: &str| text.lines().last().and_then(|line| line.find("me@host"));
    assert_eq!(holder_at(&first), holder_at(&second), "{first}{second}");
    assert_eq!(second.lines().count(), 1, "{second}");
}

#[test]
fn states_have_colours_and_nothing_else_has() {
    let coloured = table(layout(|it| it.colour = true), &every());
    for (colour, name) in [
        ("\u{1b}[38;5;10m", "Held"),
        ("\u{1b}[38;5;9m", "Expired"),
        ("\u{1b}[38;5;11m", "Terminating"),
        ("\u{1b}[2m", "Free"),
    ] {
        let said = ["", " "].map(|blank| format!("{colour}{blank}{name}"));
        let is_there = said.iter().any(|said| coloured.contains(said));
        assert!(is_there, "{name}: {coloured:?}");
    }
    assert_eq!(uncoloured(&coloured), table(Layout::default(), &every()));
}

fn uncoloured(text: &str) -> String {
    let text = console::strip_ansi_codes(text);
    let lines = text.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

#[test]
fn without_colours_the_lines_are_laid_out_as_with_them() {
    let (rows, odd) = (rows(&every()), rows(&hostile()));
    for layout in [
        Layout::default(),
        layout(|it| (it.wide, it.namespaces) = (true, true)),
        layout(|it| (it.width, it.no_headers) = (Some(100), true)),
    ] {
        let mut plain = Printer::new(layout);
        let colour = true;
        let mut coloured = Printer::new(Layout { colour, ..layout });
        for page in [&rows[..], &odd[..], &rows[..1], &[]] {
            assert_eq!(plain.page(page, &[]), uncoloured(&coloured.page(page, &[])));
        }
    }
}

#[test]
fn no_line_is_wider_than_the_terminal_draws_it() {
    let long = held_by("controller-7d9f8b6c5d-x2x7p-of-team-blue");
    let scripts = held_by(&"漢字".repeat(50));
    for width in [0, 1, 35, 36, 40, 60, 79, 80, 90, 100, 132] {
        for lease in [&long, &scripts] {
            for line in table(within(width), std::slice::from_ref(lease)).lines() {
                let shown = console::measure_text_width(line);
                let room = usize::from(width).max(32);
                assert!(shown <= room, "{width}: {shown} {line}");
            }
        }
    }
}

#[test]
fn hostile_content_stays_in_its_line() {
    let rows = rows(&hostile());
    for wide in [false, true] {
        for width in [None, Some(100)] {
            let layout = layout(|it| (it.wide, it.width) = (wide, width));
            let text = Printer::new(layout).page(&rows, &[]);
            assert_safe(&text);
            let lines = text.lines().count();
            assert_eq!(lines, rows.len() + 1, "wide {wide}, width {width:?}");
            for (line, row) in text.lines().skip(1).zip(&rows) {
                assert!(line.starts_with(&row.lease.name), "{line:.200}");
            }
            // i64::MAX transitions and a year 9999 leave the holder its least.
            let widest = text.lines().map(console::measure_text_width).max();
            let fits = wide || width.is_none() || widest.is_some_and(|widest| widest <= 110);
            assert!(fits, "{widest:?}\n{text}");
        }
    }
}

#[test]
fn times_far_away_are_times_all_the_same() {
    for (name, line) in [
        ("future", "Held me@host unknown unknown 3 60m skewed"),
        ("past", "Expired me@host 2026y126d ago 2026y126d ago 3 60m"),
        ("no-time", "Held me@host - unknown 3 60m"),
        ("no-spec", "Free - - - 0 60m"),
        ("negative", "Held me@host 5s ago never 3 60m"),
        ("for-ever", "Held me@host 5s ago 68y35d 3 60m"),
    ] {
        let all = hostile();
        let lease = all.iter().find(|lease| lease["metadata"]["name"] == name);
        let lease = std::slice::from_ref(lease.expect(name));
        let text = table(layout(|it| it.no_headers = true), lease);
        assert_eq!(words(&text), format!("{name} {line}"));
    }
}

#[test]
fn the_closing_line_counts_what_stands_out() {
    let counted = |leases: &[Value]| {
        let mut counts = Counts::default();
        rows(leases).iter().for_each(|row| counts.add(row));
        counts.line()
    };
    let four = [held(), expired(), skewed(), flapping()];
    for (leases, line) in [
        (&[held()][..], None),
        (&four, Some("Of 4 leases: 1 expired, 1 skewed, 1 flapping")),
        (&[expired()], Some("Of 1 lease: 1 expired")),
    ] {
        assert_eq!(counted(leases).as_deref(), line);
    }
}

#[test]
fn a_lease_acquired_this_second_is_not_of_the_future() {
    let now = "2026-01-01T12:00:00.700000Z";
    let spec = json!({"holderIdentity": "x", "leaseDurationSeconds": 15, "acquireTime": now, "renewTime": now});
    let wide = layout(|it| (it.wide, it.no_headers) = (true, true));
    let text = table(wide, &[object("new", spec)]);
    assert!(!text.contains("in 0s"), "{text}");
}

#[test]
fn what_is_gone_is_said_to_be() {
    assert_eq!(state(State::Deleted), "Deleted");
}
