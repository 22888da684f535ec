//! What a list does with rows that would look alike, with texts that a terminal draws wider than they are counted, and
//! with the pages after the first.

use serde_json::json;

use super::Row;
use super::samples::{held, layout, row, with};
use super::table::Printer;
use crate::words::shown::{may_take, width};

fn lease(name: &str, holder: &str) -> Row {
    let lease = with(held(), "metadata/name", json!(name));
    row(&with(lease, "spec/holderIdentity", json!(holder)))
}

fn printer(width: u16) -> Printer {
    Printer::new(layout(|it| (it.width, it.on_screen) = (Some(width), true)))
}

/// A column of what these rows look like.
fn column(width: u16, number: usize, rows: &[Row]) -> Vec<String> {
    let text = printer(width).page(rows, &[]);
    let cell = |line: &str| line.split_whitespace().nth(number).map(str::to_owned);
    text.lines().skip(1).filter_map(cell).collect()
}

#[test]
fn runs_that_begin_alike_show_as_much_of_their_ids_as_tells_them_apart() {
    let ids = ["3e4b9c1a-5f0d-4a7e-9c55", "3e4b0000-5f0d-4a7e-9c55"];
    let rows = ids.map(|id| lease("a-job", &format!("me@x_{id}-2f8a6b1d7e90")));
    assert_eq!(column(80, 2, &rows), ["me@x_3e4b9…", "me@x_3e4b0…"]);
}

#[test]
fn where_holders_and_names_are_cut_what_differs_is_kept() {
    let rows = ["11", "12", "21"].map(|n| {
        lease(
            &format!("{}-{n}", "a-very-long-name-of-a-lease"),
            &format!("ci-runner-in-a-very-long-pool-of-runners-{n}-of-all"),
        )
    });
    for width in [50, 60, 80, 100] {
        for number in [0, 2] {
            let shown = column(width, number, &rows);
            assert!(shown[0] != shown[1] && shown[1] != shown[2], "{shown:?}");
        }
    }
    assert_eq!(
        column(60, 2, &rows),
        ["ci-runner…11…", "ci-runner…12…", "ci-runner…2…"]
    );
}

#[test]
fn an_emoji_that_is_drawn_in_parts_stays_within_the_terminal() {
    let name = "a-lease-with-a-name-of-30-char";
    for holder in ["👍🏽 deploy bot", "👩🏽‍🚒", "👩‍👩‍👧‍👦 family", "🇩🇪🇫🇷", "لا لا"]
    {
        for columns in [40, 60, 80, 84, 90] {
            let rows = [lease(name, holder), lease("b", "me")];
            for line in printer(columns).page(&rows, &[]).lines() {
                assert!(may_take(line) <= columns.into(), "{columns}: {line}");
            }
        }
        // Where there is room, it is where it was.
        let text = printer(120).page(&[lease(name, holder)], &[]);
        let mut lines = text.lines().map(|line| {
            let at = line.find("RENEWED").or_else(|| line.find("5s ago"));
            at.and_then(|at| line.get(..at)).map(width)
        });
        assert_eq!(lines.next(), lines.next(), "{text}");
    }
}

#[test]
fn a_later_page_keeps_the_columns_of_the_first_or_has_them_wider() {
    let at = |text: &str, what: &str| {
        let places = text.lines().map(|line| {
            let at = line.find(what).expect(line);
            width(line.get(..at).expect(line))
        });
        places.collect::<Vec<usize>>()
    };
    let mut printer = printer(80);
    let first = [
        lease("a-name-that-is-cut-in-any-case", "me"),
        lease("b", &"h".repeat(50)),
    ];
    let first = printer.page(&first, &[]);
    let place = at(first.split_once('\n').expect("a header").1, "Held")[0];
    // Either page alone would be laid out otherwise.
    for holder in ["me", &"x".repeat(70)] {
        for name in ["c", &"n".repeat(60)] {
            let page = printer.page(&[lease(name, holder)], &[]);
            assert_eq!(at(&page, "Held"), [place], "{first}{page}");
            assert!(width(page.trim_end()) <= 80, "{page}");
        }
    }
}

#[test]
fn a_run_of_a_later_page_does_not_look_like_one_before() {
    let mut printer = printer(80);
    let holder = |n| format!("ci-runner-in-a-very-long-pool-of-runners-{n}");
    let shown = [1, 2].map(|n| {
        let page = printer.page(&[lease("a-lease-with-a-name-of-30-char", &holder(n))], &[]);
        let line = page.lines().last().map(str::to_owned).expect("a line");
        line.split_whitespace().nth(2).map(str::to_owned)
    });
    assert_ne!(shown[0], shown[1]);
}

#[test]
fn an_emoji_on_a_later_page_moves_nothing_that_has_room_for_it() {
    let mut printer = printer(80);
    let long = "x".repeat(60);
    printer.page(&[lease("a-lease-with-a-name-of-30-char", &long)], &[]);
    let page = printer.page(&[lease("b", "👩‍👩‍👧‍👦 family"), lease("c", "👍🏽")], &[]);
    assert!(page.lines().all(|line| may_take(line) <= 80), "{page}");
    assert!(
        page.contains(" 👩‍👩‍👧‍👦 family ") && page.contains("10s"),
        "{page}"
    );
}
