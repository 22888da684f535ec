//! Which room may know which: the table below, which the imports in `src` are held to, and the picture of it in docs/rooms.md.
//!
//! A room is a module of `src/lib.rs` with all below it. No files know each other in a circle, within a room or across. A file may
//! use what the modules around it define, as Rust's scopes have it: that is no arrow. What a module only passes on (`use`) is
//! an arrow to the file that defines it. Code for tests may know anything.

mod imports;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use imports::{Sources, room};

/// The house from the roof down: a room, and which it knows. All of those stand below it.
const ROOMS: &[(&str, &str)] = &[
    (
        "commands",
        "cli clock complete error exit hint hold identity jsonpath lease limits output permissions server signals usage userinfo words",
    ),
    ("error", "exit hint lease server words"),
    (
        "complete",
        "cli clock lease output runtime server usage words",
    ),
    ("usage", "cli lease output words"),
    ("cli", "exit jsonpath lease output permissions"),
    (
        "hold",
        "children clock job_object lease limits processes side signals words",
    ),
    (
        "server",
        "children clock hint job_object jsonpath lease limits side signals userinfo words",
    ),
    ("output", "clock hint jsonpath lease signals words"),
    ("hint", "lease words"),
    ("jsonpath", "words"),
    ("permissions", "words"),
    ("identity", "lease"),
    ("lease", "clock"),
    ("signals", "clock"),
    ("caller", "processes words"),
    ("children", ""),
    ("job_object", ""),
    ("processes", ""),
    ("clock", ""),
    ("exit", ""),
    ("runtime", "limits"),
    ("limits", ""),
    ("memory", ""),
    ("side", ""),
    ("stack", ""),
    ("userinfo", ""),
    ("words", ""),
];

/// Libraries, and the only rooms that may know them.
const LIBRARIES: &[(&str, &str)] = &[
    ("kube k8s_openapi", "server"),
    (
        "hyper hyper_util hyper_rustls http http_body_util tower tower_http rustls rustls_platform_verifier",
        "server",
    ),
    ("clap", "cli complete commands usage"),
    ("clap_complete clap_mangen", "commands"),
    ("comfy_table dialoguer serde_yaml", "output"),
    ("console", "commands output words"),
    (
        "tokio",
        "clock commands complete hold lease lib output runtime server signals",
    ),
];

static SOURCES: LazyLock<Sources> = LazyLock::new(Sources::read);

const PAGE: &str = "docs/rooms.md";

/// Draws the picture anew where it is set.
const DRAW: &str = "KUBECTL_LEASE_DRAW";

#[test]
fn a_room_knows_those_below_it_that_the_table_names_and_no_others() {
    let mut wrong = Vec::new();
    let mut unused: BTreeSet<(&str, &str)> = arrows().into_iter().collect();
    for import in &SOURCES.imports {
        let arrow = (room(&import.from), room(&import.to));
        unused.remove(&arrow);
        if arrow.0 != "lib" && arrow.0 != arrow.1 && !arrows().contains(&arrow) {
            wrong.push(format!("{import}: {} may not know {}", arrow.0, arrow.1));
        }
    }
    let unused = unused.into_iter();
    wrong.extend(
        unused.map(|(room, other)| format!("{room} knows nothing of {other}: take it off")),
    );
    assert!(SOURCES.imports.len() > 500, "{}", SOURCES.imports.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_rooms_stand_one_above_the_other() {
    for (room, other) in arrows() {
        let floor = |room: &str| ROOMS.iter().position(|(name, _)| *name == room);
        assert!(
            floor(room) < floor(other),
            "{room} knows {other}, which stands above it"
        );
    }
}

#[test]
fn no_files_know_each_other_in_a_circle() {
    let circles = SOURCES.circles().into_iter().map(|circle| {
        let lines: Vec<String> = circle.iter().map(ToString::to_string).collect();
        format!("a circle of files:\n{}\n", lines.join("\n"))
    });
    let circles: Vec<String> = circles.collect();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn a_library_is_known_to_the_rooms_that_are_for_it() {
    let mut wrong = Vec::new();
    for (libraries, rooms) in LIBRARIES {
        let uses = SOURCES.libraries.iter();
        for found in uses.filter(|found| names(libraries).any(|name| name == found.name)) {
            let room = room(&found.from);
            if !names(rooms).any(|name| name == room) {
                let (name, line) = (&found.name, found.line);
                wrong.push(format!(
                    "src/{}:{line}: {room} may not know {name}",
                    found.from
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_picture_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once("```mermaid\n").expect("a picture");
    let (drawn, after) = rest.split_once("```").expect("its end");
    let wanted = picture();
    if std::env::var_os(DRAW).is_some() {
        let page = format!("{before}```mermaid\n{wanted}```{after}");
        std::fs::write(&path, page).expect("the page can be written");
        return;
    }
    assert_eq!(
        drawn, wanted,
        "draw it anew: {DRAW}=1 cargo test --test rooms"
    );
}

/// The arrows, without those that a longer way makes.
fn picture() -> String {
    let mut lines = String::from("graph TD\n");
    for (room, other) in arrows() {
        let direct = names_of(room);
        let detour = direct.filter(|between| *between != other);
        if !detour.into_iter().any(|between| reaches(between, other)) {
            lines.push_str(&format!("    {room} --> {other}\n"));
        }
    }
    lines
}

fn reaches(room: &str, other: &str) -> bool {
    names_of(room).any(|next| next == other || reaches(next, other))
}

fn arrows() -> Vec<(&'static str, &'static str)> {
    let arrows = ROOMS.iter();
    let arrows = arrows.flat_map(|(room, known)| names(known).map(|other| (*room, other)));
    arrows.collect()
}

fn names_of(room: &str) -> impl Iterator<Item = &'static str> {
    let known = ROOMS.iter().find(|(name, _)| *name == room);
    names(known.map_or("", |(_, known)| known))
}

fn names(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.split_whitespace()
}
