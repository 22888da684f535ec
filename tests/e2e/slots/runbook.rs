//! The runbook's page on slots: its commands, run as they are written.

use super::{holders, waits};
use crate::support::{SOON, forbidden, free, fresh};
use lease_harness::{Namespace, Output, User};

const PAGE: &str = include_str!("../../../docs/runbooks.md");

/// The commands of the page of this title, in order.
fn commands(title: &str) -> Vec<&'static str> {
    let page = PAGE.split("\n## ").find(|page| page.starts_with(title));
    let blocks = page.expect("the page is there").split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.flat_map(str::lines).collect()
}

/// What somebody at a shell would type, in the test's namespace.
fn typed(ns: &Namespace, user: &User, line: &str) -> Output {
    let folder = ns.script("crawl.sh", "#!/bin/sh\necho crawled\n");
    let folder = folder.parent().expect("a file is in a folder").to_owned();
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[..2], ["kubectl", "lease"], "{line}");
    ns.command(user, &words[2..]).current_dir(folder).run()
}

#[test]
fn the_page_on_slots_does_what_it_says() {
    let (ns, user) = fresh();
    let all = commands("At most N at a time");
    let deletes = |line: &&&str| line.starts_with("kubectl delete lease ");
    let at = all
        .iter()
        .position(|line| deletes(&line))
        .expect("they are deleted");
    for line in &all[..at] {
        let output = typed(&ns, &user, line);
        assert_eq!(output.code, Some(0), "{output}");
        match line {
            _ if line.contains(" hold ") => assert_eq!(output.stdout, "crawled\n"),
            _ if line.contains(" status ") => {
                assert_eq!(output.stderr, "Of 3 slots of \"crawl\": 3 free\n");
            }
            _ => {}
        }
    }
    // Before that the new number is refused.
    let last = all.last().expect("a command");
    let hold = all
        .iter()
        .find(|line| line.contains(" hold "))
        .expect("one that holds");
    let hold = hold.replace("--slots 3", "--slots 5");
    assert_eq!(typed(&ns, &user, &hold).code, Some(2));
    let names = all[at].split(' ').skip(3);
    names.for_each(|name| ns.delete(name));
    for line in [*last, &hold] {
        let output = typed(&ns, &user, line);
        assert_eq!(output.code, Some(0), "{output}");
    }
    // A slot is taken and given back by its own name.
    let steal = ["steal", "crawl-1", "--yes", "--holder=me"];
    assert_eq!(ns.run(&user, steal).code, Some(0));
    assert_eq!(
        ns.run(&user, ["release", "crawl-1", "--holder=me"]).code,
        Some(0)
    );
}

#[test]
fn a_missing_verb_is_granted_for_all_of_them() {
    let (ns, _) = fresh();
    ns.create(&free("pool-0"));
    let user = ns.user(&["get"]);
    let output = super::acquire(&ns, &user, "1", &["--holder=me"]).run();
    let verb = forbidden(&ns, &user, "update", Some("pool-0"), "acquire");
    // They are watched together, to which no name is known.
    let verb = verb
        .replace("watch:pool-0", "watch")
        .replace(" --resource-name=pool-0", "");
    assert_eq!((output.code, output.stderr), (Some(1), verb));
    assert_eq!(holders(&ns, 1), [""]);
}

#[test]
fn a_hold_that_waited_names_the_slot_that_it_has() {
    let (ns, user) = super::pool(&["a", "b"], 60);
    let running = super::hold(&ns, &user, "2", "echo $KUBECTL_LEASE_SLOT").spawn();
    waits(&running);
    crate::support::set_free(&ns, "pool-1");
    let output = running.wait(SOON);
    crate::support::said_like(
        &output,
        0,
        "1\n",
        "waiting for a slot of \"pool\": both slots are held: slot 0 by \"a\", slot 1 by \"b\"; the next is free in at most 60s unless renewed\n\
         lease \"pool-1\" acquired after …\n",
    );
}
