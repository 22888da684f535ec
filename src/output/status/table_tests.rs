//! The table, whole, as each layout prints it.

use super::samples::{
    assert_safe, elected, endless, expired, free, held, hostile, object, row, skewed, terminating,
};
use super::table::{Counts, Layout, Printer};
use super::{Row, state};
use crate::lease::report::State;
use serde_json::json;

fn rows() -> Vec<Row> {
    [
        elected(),
        endless(),
        expired(),
        free(),
        held(),
        skewed(),
        terminating(),
    ]
    .iter()
    .map(row)
    .collect()
}

fn table(layout: Layout, rows: &[Row]) -> String {
    Printer::new(layout).page(rows, &[])
}

/// The text as a person sees it and not as Rust indents it.
fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_state_has_its_line() {
    assert_eq!(
        table(Layout::default(), &rows()),
        text(&[
            "NAME          STATE         HOLDER      RENEWED   EXPIRES IN   TRANSITIONS   AGE   NOTE",
            "elected       Held          me@host     5s ago    10s          3             60m",
            "endless       Held          terraform   -         never        0             60m",
            "expired       Expired       gone-7      10m ago   9m45s ago    0             60m",
            "free          Free          -           59m ago   -            12            60m",
            "held          Held          me@host     5s ago    10s          3             60m",
            "skewed        Held          me@host     5s ago    10s          3             60m   skewed",
            "terminating   Terminating   me@host     5s ago    -            3             60m",
        ])
    );
}

#[test]
fn in_a_pipe_every_span_is_one_word() {
    let layout = Layout {
        words: true,
        wide: true,
        no_headers: true,
        ..Layout::default()
    };
    let mut future = held();
    future["spec"]["renewTime"] = json!("2026-01-01T13:00:00.000000Z");
    let rows = [expired(), skewed(), future].map(|lease| row(&lease));
    let text = table(layout, &rows);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        text.lines().map(words).collect::<Vec<_>>(),
        [
            "expired Expired gone-7 10m -9m45s 0 60m 15s 30m lock - - -",
            "skewed Held me@host 5s 10s 3 60m 15s 10m lock - 60m-behind - skewed",
            "held Held me@host unknown unknown 3 60m 15s 10m lock - 60m-ahead - skewed",
        ]
    );
}

#[test]
fn what_has_just_expired_is_no_negative_nothing() {
    let mut lease = expired();
    lease["spec"]["renewTime"] = json!("2026-01-01T11:59:44.600000Z");
    let layout = Layout {
        words: true,
        no_headers: true,
        ..Layout::default()
    };
    let words = |layout| table(layout, &[row(&lease)]);
    assert!(words(layout).contains("15s       0s "), "{}", words(layout));
    let text = words(Layout::default());
    assert!(text.contains("15s ago   just now "), "{text}");
}

/// The holders as they are shown in a list of this width, in which these hold.
fn shown_holders(width: u16, holders: &[&str]) -> Vec<String> {
    let rows: Vec<Row> = holders
        .iter()
        .map(|holder| {
            let mut lease = held();
            lease["spec"]["holderIdentity"] = json!(holder);
            row(&lease)
        })
        .collect();
    let mut printer = Printer::new(Layout {
        width: Some(width),
        ..Layout::default()
    });
    let text = printer.page(&rows, &[]);
    assert!(
        text.lines()
            .all(|line| line.chars().count() <= usize::from(width)),
        "{text}"
    );
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
    assert_eq!(
        shown_holders(85, &[one, two, other]),
        ["me@x_3e4b…", "me@x_7d11…", "me@y_…"]
    );
    assert_eq!(shown_holders(85, &[one, one]), ["me@x_…", "me@x_…"]);
}

#[test]
fn where_a_note_has_no_room_the_state_is_marked() {
    let mut printer = Printer::new(Layout {
        width: Some(40),
        on_screen: true,
        ..Layout::default()
    });
    let text = printer.page(&[row(&held()), row(&skewed())], &[]);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        text.lines().map(words).collect::<Vec<_>>(),
        [
            "NAME STATE HOLDER RENEWED EXPIRES IN",
            "held Held me@host 5s ago 10s",
            "skewed Held! me@host 5s ago 10s",
        ]
    );
}

#[test]
fn what_stands_out_is_marked_and_moves_no_other_column() {
    let mut flapping = elected();
    flapping["spec"]["leaseTransitions"] = json!(40);
    for width in [None, Some(100)] {
        let mut printer = Printer::new(Layout {
            width,
            ..Layout::default()
        });
        let leases = [held(), flapping.clone(), held()];
        let pages = leases.iter().map(|lease| printer.page(&[row(lease)], &[]));
        assert_eq!(
            pages.collect::<String>(),
            text(&[
                "NAME   STATE   HOLDER    RENEWED   EXPIRES IN   TRANSITIONS   AGE",
                "held   Held    me@host   5s ago    10s          3             60m",
                "elected   Held    me@host   5s ago    10s          40            60m   flapping",
                "held      Held    me@host   5s ago    10s          3             60m",
            ])
        );
    }
}

#[test]
fn without_headers_the_columns_stay() {
    let layout = Layout {
        no_headers: true,
        ..Layout::default()
    };
    assert_eq!(
        table(layout, &[row(&held())]),
        "held   Held    me@host   5s ago    10s          3             60m\n"
    );
}

#[test]
fn with_all_namespaces_the_namespace_comes_first() {
    let layout = Layout {
        namespaces: true,
        ..Layout::default()
    };
    assert_eq!(
        table(layout, &[row(&held())]),
        text(&[
            "NAMESPACE   NAME   STATE   HOLDER    RENEWED   EXPIRES IN   TRANSITIONS   AGE",
            "default     held   Held    me@host   5s ago    10s          3             60m",
        ])
    );
}

#[test]
fn the_wide_table_has_the_rest() {
    let layout = Layout {
        wide: true,
        ..Layout::default()
    };
    let mut asked = held();
    asked["metadata"]["annotations"] = json!({"kubectl-lease/reason": "night run"});
    assert_eq!(
        table(layout, &[row(&asked), row(&skewed()), row(&elected())]),
        text(&[
            "NAME      STATE   HOLDER    RENEWED   EXPIRES IN   TRANSITIONS   AGE   DURATION   ACQUIRED   CLASS      STRATEGY                 SKEW         REASON      NOTE",
            "held      Held    me@host   5s ago    10s          3             60m   15s        10m ago    lock       -                        -            night run",
            "skewed    Held    me@host   5s ago    10s          3             60m   15s        10m ago    lock       -                        60m behind   -           skewed",
            "elected   Held    me@host   5s ago    10s          3             60m   15s        10m ago    election   OldestEmulationVersion   -            -",
        ])
    );
}

#[test]
fn a_page_without_wider_cells_keeps_the_columns_of_the_page_before() {
    let mut printer = Printer::new(Layout::default());
    let first = printer.page(&[row(&terminating())], &[]);
    let second = printer.page(&[row(&held())], &[]);
    let at = |text: &str, what: &str| text.lines().last().and_then(|line| line.find(what));
    assert_eq!(
        at(&first, "me@host"),
        at(&second, "me@host"),
        "{first}{second}"
    );
    assert_eq!(second.lines().count(), 1, "{second}");
}

#[test]
fn rates_have_a_column_where_there_are_any() {
    let layout = Layout {
        rates: true,
        ..Layout::default()
    };
    assert_eq!(
        Printer::new(layout).page(&[row(&held()), row(&free())], &[Some(11.6), None]),
        text(&[
            "NAME   STATE   HOLDER    RENEWED   EXPIRES IN   TRANSITIONS   AGE   PER HOUR",
            "held   Held    me@host   5s ago    10s          3             60m   12",
            "free   Free    -         59m ago   -            12            60m   -",
        ])
    );
}

#[test]
fn states_have_colours_and_nothing_else_has() {
    let layout = Layout {
        colour: true,
        ..Layout::default()
    };
    let coloured = table(layout, &rows());
    for (colour, name) in [
        ("\u{1b}[38;5;10m", "Held"),
        ("\u{1b}[38;5;9m", "Expired"),
        ("\u{1b}[38;5;11m", "Terminating"),
        ("\u{1b}[2m", "Free"),
    ] {
        assert!(
            coloured.contains(&format!("{colour} {name}"))
                || coloured.contains(&format!("{colour}{name}")),
            "{name}: {coloured:?}"
        );
    }
    assert_eq!(uncoloured(&coloured), table(Layout::default(), &rows()));
}

fn uncoloured(text: &str) -> String {
    console::strip_ansi_codes(text)
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

#[test]
fn without_colours_the_lines_are_laid_out_as_with_them() {
    let odd: Vec<Row> = hostile().iter().map(row).collect();
    for layout in [
        Layout::default(),
        Layout {
            wide: true,
            namespaces: true,
            ..Layout::default()
        },
        Layout {
            width: Some(100),
            no_headers: true,
            ..Layout::default()
        },
    ] {
        let mut plain = Printer::new(layout);
        let mut coloured = Printer::new(Layout {
            colour: true,
            ..layout
        });
        for page in [&rows()[..], &odd[..], &rows()[..1], &[]] {
            assert_eq!(plain.page(page, &[]), uncoloured(&coloured.page(page, &[])));
        }
    }
}

#[test]
fn long_holders_keep_their_head_in_the_terminals_width() {
    let mut lease = held();
    lease["spec"]["holderIdentity"] = json!("controller-7d9f8b6c5d-x2x7p-of-team-blue");
    let layout = |width| Layout {
        width: Some(width),
        ..Layout::default()
    };
    assert_eq!(
        table(layout(80), &[row(&lease)]),
        text(&[
            "NAME   STATE   HOLDER                   RENEWED   EXPIRES IN   TRANSITIONS   AGE",
            "held   Held    controller-7d9f8b6c5d…   5s ago    10s          3             60m",
        ])
    );
    for width in [0, 1, 35, 36, 40, 60, 79, 80, 90, 100, 132] {
        for line in table(layout(width), &[row(&lease)]).lines() {
            let shown = console::measure_text_width(line);
            assert!(
                shown <= usize::from(width).max(32),
                "{width}: {shown} {line}"
            );
        }
    }
}

#[test]
fn a_run_s_own_id_goes_before_anything_else_is_cut() {
    let mut lease = held();
    lease["metadata"]["name"] = json!("a-rather-long-name-of-a-lease");
    lease["spec"]["holderIdentity"] =
        json!("controller-7d9f8_3e4b9c1a-5f0d-4a7e-9c55-2f8a6b1d7e90");
    let layout = |width, ascii| Layout {
        width: Some(width),
        ascii,
        ..Layout::default()
    };
    let second = |text: String| text.lines().nth(1).map(str::to_owned);
    assert_eq!(
        second(table(layout(110, false), &[row(&lease)])).as_deref(),
        Some(
            "a-rather-long-name-of-a-lease   Held    controller-7d9f8_…   5s ago    10s          3             60m"
        )
    );
    assert_eq!(
        second(table(layout(100, true), &[row(&lease)])).as_deref(),
        Some(
            "a-rather-long-name-of-a...   Held    controller-7d9f8_...   5s ago    10s          3             60m"
        )
    );
}

#[test]
fn wide_characters_are_counted_as_the_terminal_shows_them() {
    let mut lease = held();
    lease["spec"]["holderIdentity"] = json!("漢字".repeat(50));
    let layout = Layout {
        width: Some(100),
        ..Layout::default()
    };
    for line in table(layout, &[row(&lease)]).lines() {
        assert!(console::measure_text_width(line) <= 100, "{line}");
    }
}

#[test]
fn hostile_content_stays_in_its_line() {
    let rows: Vec<Row> = hostile().iter().map(row).collect();
    for (wide, width) in [
        (false, None),
        (true, None),
        (false, Some(100)),
        (true, Some(100)),
    ] {
        let layout = Layout {
            wide,
            width,
            ..Layout::default()
        };
        let text = table(layout, &rows);
        assert_safe(&text);
        assert_eq!(
            text.lines().count(),
            rows.len() + 1,
            "wide {wide}, width {width:?}"
        );
        for (line, row) in text.lines().skip(1).zip(&rows) {
            assert!(line.starts_with(&row.lease.name), "{line:.200}");
        }
        if !wide && width.is_some() {
            let widest = text.lines().map(console::measure_text_width).max();
            // i64::MAX transitions and a year 9999 leave the holder its least.
            assert!(
                widest.is_some_and(|widest| widest <= 110),
                "{widest:?}\n{text}"
            );
        }
    }
}

#[test]
fn times_far_away_are_times_all_the_same() {
    let shown = |name: &str| {
        let all = hostile();
        let lease = all.iter().find(|lease| lease["metadata"]["name"] == name);
        let text = table(
            Layout {
                no_headers: true,
                ..Layout::default()
            },
            &[row(lease.expect(name))],
        );
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        shown("future"),
        "future Held me@host unknown unknown 3 60m skewed"
    );
    assert_eq!(
        shown("past"),
        "past Expired me@host 2026y126d ago 2026y126d ago 3 60m"
    );
    assert_eq!(shown("no-time"), "no-time Held me@host - unknown 3 60m");
    assert_eq!(shown("no-spec"), "no-spec Free - - - 0 60m");
    assert_eq!(
        shown("negative"),
        "negative Held me@host 5s ago never 3 60m"
    );
    assert_eq!(
        shown("for-ever"),
        "for-ever Held me@host 5s ago 68y35d 3 60m"
    );
}

#[test]
fn the_closing_line_counts_what_stands_out() {
    let mut counts = Counts::default();
    counts.add(&row(&held()));
    assert_eq!(counts.line(), None);
    counts.add(&row(&expired()));
    counts.add(&row(&skewed()));
    let mut flapping = elected();
    flapping["spec"]["leaseTransitions"] = json!(40);
    counts.add(&row(&flapping));
    assert_eq!(
        counts.line().as_deref(),
        Some("Of 4 leases: 1 expired, 1 skewed, 1 flapping")
    );
    let mut one = Counts::default();
    one.add(&row(&expired()));
    assert_eq!(one.line().as_deref(), Some("Of 1 lease: 1 expired"));
}

#[test]
fn a_lease_acquired_this_second_is_not_of_the_future() {
    let lease = object(
        "new",
        json!({"holderIdentity": "x", "leaseDurationSeconds": 15, "acquireTime": "2026-01-01T12:00:00.700000Z",
               "renewTime": "2026-01-01T12:00:00.700000Z"}),
    );
    let layout = Layout {
        wide: true,
        no_headers: true,
        ..Layout::default()
    };
    let text = table(layout, &[row(&lease)]);
    assert!(!text.contains("in 0s"), "{text}");
}

#[test]
fn what_is_gone_is_said_to_be() {
    assert_eq!(state(State::Deleted), "Deleted");
}
