//! What the command is given, and what becomes of its status.

use crate::hold::scene::Scene;
use crate::support::{each, stored};
use lease_harness::Output;
use serde_json::Value;

fn hold(scene: &Scene, script: &[&str]) -> Output {
    scene.hold_portable(&[], script).run()
}

/// A status has 32 bits here. Those that Windows gives to whom it ends, such as 0xC0000005 for an access violation, are
/// passed on like any other.
#[test]
fn every_status_of_the_command_is_the_holds_own() {
    let rows = [
        0,
        1,
        7,
        255,
        256,
        1000,
        259,
        0x8000_0000,
        0xC000_0005,
        u32::MAX,
    ];
    each(rows, |status: u32| {
        let scene = Scene::new(60);
        let output = hold(&scene, &["exit", &status.to_string()]);
        assert_eq!(output.code, Some(status.cast_signed()), "{output}");
        assert_eq!(scene.ns.holder("job"), None, "{output}");
    });
}

#[test]
fn the_command_reads_and_writes_what_the_hold_was_given() {
    let scene = Scene::new(60);
    let command = scene.hold_portable(&[], &["say", "one", "two", "then", "copy"]);
    let output = command.stdin("three\n").run();
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(output.stdout, "one two\nthree\n", "{output}");
}

#[test]
fn the_command_finds_its_grant_in_its_environment() {
    let scene = Scene::new(60);
    let names = [
        "NAME",
        "NAMESPACE",
        "HOLDER",
        "UID",
        "TRANSITIONS",
        "FENCING_TOKEN",
    ];
    let names = names.map(|name| format!("KUBECTL_LEASE_{name}"));
    let mut script = vec!["environment"];
    script.extend(names.iter().map(String::as_str));
    let before = stored(&scene.ns, "job");
    let output = scene.hold_portable(&["--holder=me"], &script).run();
    assert_eq!(output.code, Some(0), "{output}");
    let lease = stored(&scene.ns, "job");
    let uid = lease["metadata"]["uid"].as_str().expect("it has one");
    let version = |lease: &Value| number(&lease["metadata"]["resourceVersion"]);
    let (granted, said) = output.stdout.trim_end().rsplit_once('=').expect("lines");
    let token: u64 = said.parse().expect("a number");
    assert!(
        version(&before) < token && token < version(&lease),
        "{output}"
    );
    let expected = ["job", scene.ns.name(), "me", uid, "1", said];
    assert!(granted.ends_with("FENCING_TOKEN"), "{output}");
    let expected: String = names
        .iter()
        .zip(expected)
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    assert_eq!(output.stdout, expected, "{output}");
}

fn number(version: &Value) -> u64 {
    let text = version.as_str().expect("it has one");
    text.parse().expect("this server counts")
}

/// Started by no shell: what nobody could read is refused before there is a grant.
#[test]
fn a_grant_is_printed_for_no_shell_that_is_not_known() {
    let scene = Scene::new(60);
    let before = stored(&scene.ns, "job");
    let words = ["acquire", "job", "--holder=me", "-o", "env"];
    let output = scene.ns.run(&scene.user, words);
    assert_eq!(output.code, Some(2), "{output}");
    assert!(output.stderr.contains("env=powershell"), "{output}");
    assert_eq!(stored(&scene.ns, "job"), before, "{output}");
}

#[test]
fn a_command_that_is_not_there_is_127_and_no_lease_is_taken() {
    let scene = Scene::new(60);
    let before = stored(&scene.ns, "job");
    let output = scene.hold(&["--", "no-such-command"]).run();
    assert_eq!(output.code, Some(127), "{output}");
    assert_eq!(stored(&scene.ns, "job"), before, "{output}");
}

/// `cmd` is found by PATHEXT, as a person would type it.
#[test]
fn a_command_is_found_without_its_extension() {
    let scene = Scene::new(60);
    let output = scene.hold(&["--", "cmd", "/d", "/c", "exit", "300"]).run();
    assert_eq!(output.code, Some(300), "{output}");
}
