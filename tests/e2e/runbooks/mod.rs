//! docs/runbooks.md: each page has a scene, in which every command of the page is run as it is written.

mod elections;
mod locks;
mod page;
mod programs;

use std::collections::BTreeSet;

use lease_harness::Command;

use crate::support::{each, shared};
use page::{Page, RUNBOOKS, pages};

/// What happens on a page.
type Scene = fn(&mut Page);

/// Each page by its title, with what happens on it.
const SCENES: [(&str, Scene); 14] = [
    ("A stuck lock", locks::stuck),
    ("A leader that does not lead", elections::does_not_lead),
    ("A planned failover", elections::planned),
    ("A deploy lock in CI", programs::deploy),
    ("A CronJob that must not overlap", programs::cron_job),
    ("An active and a passive container", programs::container),
    ("A maintenance window", locks::maintenance),
    ("Orphaned node leases", elections::orphaned),
    ("Stale Terraform locks", locks::terraform),
    ("At most N at a time", programs::slots),
    ("hold exits 123", programs::lost),
    ("A CI system cancels the job", programs::cancelled),
    ("Is the lease still mine?", locks::mine),
    ("Whose clock is wrong?", locks::clock),
];

#[test]
fn every_command_of_every_page_does_what_the_page_says() {
    let titles: Vec<_> = pages().into_iter().map(|(title, _)| title).collect();
    let scenes = SCENES.map(|(title, _)| title);
    assert_eq!(titles, scenes, "pages, and those that have a scene");
    shared();
    each(SCENES, |(title, scene)| {
        let ns = if title == "Orphaned node leases" {
            elections::of_old_server()
        } else {
            shared().namespace()
        };
        let mut page = Page::of(title, ns);
        scene(&mut page);
        page.end();
    });
}

/// As GitHub makes one of a heading.
fn anchor(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let kept = title
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>();
    kept.replace(' ', "-")
}

#[test]
fn the_contents_lead_to_every_page_and_every_link_to_a_page_that_is_there() {
    let anchors = pages().into_iter().map(|(title, _)| anchor(title));
    let anchors: Vec<_> = anchors.collect();
    let contents = RUNBOOKS.split("\n## ").next().unwrap_or_default();
    for anchor in &anchors {
        assert!(contents.contains(&format!("(#{anchor})")), "{anchor}");
    }
    let links = |text: &'static str, before: &'static str| {
        let rest = text.split(before).skip(1);
        rest.filter_map(|rest| rest.split(')').next())
    };
    let others = [
        include_str!("../../../README.md"),
        include_str!("../../../docs/safety.md"),
    ];
    let others = others.map(|text| links(text, "runbooks.md#"));
    let own = links(RUNBOOKS, "(#");
    for link in own.chain(others.into_iter().flatten()) {
        assert!(anchors.iter().any(|anchor| anchor == link), "{link}");
    }
}

#[test]
fn what_the_text_mentions_is_accepted_too() {
    lease_harness::set_binary(env!("CARGO_BIN_EXE_kubectl-lease"));
    let mentions = RUNBOOKS.split("`kubectl lease ").skip(1);
    let mentions = mentions.filter_map(|rest| rest.split('`').next());
    let mentions: BTreeSet<_> = mentions.collect();
    assert!(mentions.len() >= 3, "{mentions:?}");
    for words in mentions {
        let command = Command::new(lease_harness::binary(), words.split(' '));
        let output = command.kubeconfig("/nowhere").run();
        assert_ne!(output.code, Some(2), "{output}");
    }
}
