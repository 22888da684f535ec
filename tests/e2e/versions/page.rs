//! docs/kubernetes.md says of every version and of every difference what the servers of the suite do.

use super::MINORS;
use lease_harness::lease_api_server::{Row, TABLE};
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of each row of a table whose first cell begins so.
fn rows<'a>(page: &'a str, begins: &str) -> Vec<Vec<&'a str>> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").collect::<Vec<_>>())
        .filter(|cells| cells[0].starts_with(begins))
        .collect()
}

/// As the page says it: `1.25`, `1.31 only`, `until 1.33`, `switched on`.
fn told(row: &Row) -> String {
    match (row.since, row.before) {
        (u32::MAX, _) => "where switched on".to_owned(),
        (0, before) => format!("until 1.{}", before - 1),
        (since, u32::MAX) => format!("1.{since}"),
        (since, before) if since + 1 == before => format!("1.{since} only"),
        (since, before) => format!("1.{since} to 1.{}", before - 1),
    }
}

#[test]
fn every_version_has_a_line_and_every_difference_a_row_that_says_the_same() {
    let page = read("docs/kubernetes.md");
    for minor in MINORS {
        let version = format!("1.{minor}");
        let lines = rows(&page, &version);
        let lines: Vec<_> = lines.iter().filter(|cells| cells[0] == version).collect();
        assert_eq!(lines.len(), 1, "{version}");
    }
    for row in TABLE {
        let name = format!("`{:?}`", row.difference);
        let lines = rows(&page, &name);
        assert_eq!(lines.len(), 1, "{name}");
        assert_eq!(lines[0][1], told(&row), "{name}");
    }
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let page = read("docs/kubernetes.md");
    let mut sources = String::new();
    for folder in [
        "tests/e2e/versions",
        "tests/e2e",
        "tests/api-server/tests/behaviour",
        "src/server/client",
        "src/lease",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|it| it == "rs") {
                sources += &std::fs::read_to_string(path).expect("a source");
            }
        }
    }
    let names: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.matches('_').count() >= 3 && !text.contains([' ', '/']))
        .collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}()")), "{name}");
    }
}
