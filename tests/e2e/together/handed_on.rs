//! What the command, and the shell that evaluates `-o env`, know of all the grants; and what each is worth to what runs inside.

use super::scene::Scene;
use crate::hold::scene::environment;
use crate::support::{ended, held, set_free, stored};
use serde_json::Value;

#[test]
fn the_command_knows_all_of_them_and_inside_none_can_be_taken_or_given_back() {
    let scene = Scene::new(60);
    let script = "echo $KUBECTL_LEASE_NAME $KUBECTL_LEASE_FENCING_TOKEN; echo $KUBECTL_LEASE_NAMES; echo $KUBECTL_LEASE_FENCING_TOKENS";
    let output = scene.hold("hold c a b", script).run();
    let lines: Vec<&str> = output.stdout.lines().collect();
    let tokens: Vec<&str> = lines[2].split(' ').collect();
    assert_eq!((output.code, lines[1]), (Some(0), "a b c"), "{output}");
    let token = |name: &str, pair: &str| {
        let (of, token) = pair.split_once('=').expect("NAME=TOKEN");
        assert_eq!(of, name);
        token.parse::<u64>().expect("a number")
    };
    let all = [
        token("a", tokens[0]),
        token("b", tokens[1]),
        token("c", tokens[2]),
    ];
    assert!(all[0] < all[1] && all[1] < all[2], "{output}");
    assert_eq!(lines[0], format!("a {}", all[0]));
    for name in ["a", "b", "c"] {
        for inner in [
            "hold NAME -- echo ran",
            "acquire NAME --timeout 0",
            "hold 0 NAME --create -- echo ran",
        ] {
            let inner = inner.replace("NAME", name);
            let output = scene
                .hold("hold a b c", &format!("exec kubectl lease {inner}"))
                .run();
            ended(&output, 124, "");
            assert!(
                output.stderr.contains("so it would wait for itself"),
                "{output}"
            );
        }
        let release =
            format!("kubectl lease release {name}; kubectl lease release {name} --holder me --now");
        let output = scene.hold("hold a b c --holder me", &release).run();
        assert_eq!(
            output
                .stderr
                .matches("a hold around this command keeps it")
                .count(),
            2,
            "{output}"
        );
        let inside = format!(
            "kubectl lease hold other --create -- kubectl lease release {name} --holder me --now"
        );
        let output = scene.hold("hold a b c --holder me", &inside).run();
        assert_eq!(output.code, Some(122), "{output}");
        assert_eq!(
            scene.taken_and_given().matches(&format!("-{name}")).count(),
            scene.taken_and_given().matches(&format!("+{name}")).count()
        );
    }
    // One hold inside says what is of it alone.
    let names = ["NAME", "NAMES", "FENCING_TOKENS"].map(|name| format!("KUBECTL_LEASE_{name}"));
    let names = names.each_ref().map(String::as_str);
    let inside = format!("kubectl lease hold other -- {}", environment(&names));
    let output = scene.hold("hold a b", &inside).run();
    let expected = names.map(|name| format!("{name}=other")).join("\n");
    let expected = format!("{expected}=");
    assert!(output.stdout.starts_with(&expected), "{output}");
}

#[cfg(unix)] // a POSIX shell
#[test]
fn a_shell_releases_and_renews_exactly_what_it_was_granted() {
    let scene = Scene::new(60);
    let shell = |script: &str| {
        let script = script.replace("kubectl lease", env!("CARGO_BIN_EXE_kubectl-lease"));
        let program = scene.ns.program(&scene.user, "/bin/sh", ["-c", &script]);
        program.run()
    };
    let output = shell(
        "grant=$(kubectl lease acquire b a --unique -o env) || exit; eval \"$grant\"; \
         echo $KUBECTL_LEASE_NAMES; kubectl lease renew b; kubectl lease check a && kubectl lease check b; \
         kubectl lease status a | grep Token; kubectl lease status b | grep Token; echo $KUBECTL_LEASE_FENCING_TOKENS; kubectl lease release a b",
    );
    assert_eq!(output.code, Some(0), "{output}");
    assert!(output.stdout.starts_with("a b\n"), "{output}");
    // Each one's own token is known, and that of one that was renewed since.
    let lines = || output.stdout.lines();
    let shown = lines().filter_map(|line| line.strip_prefix("Token:"));
    let shown: Vec<&str> = shown
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let told = lines()
        .find(|line| line.starts_with("a="))
        .expect("the tokens");
    assert_eq!(told, format!("a={} b={}", shown[0], shown[1]), "{output}");
    assert!(
        output
            .stdout
            .ends_with("/a released\nlease.coordination.k8s.io/b released\n"),
        "{output}"
    );
    assert_eq!(scene.holders(), ["", "", ""]);
    // Somebody else's grant to the same name is not theirs.
    let output = shell(
        "grant=$(kubectl lease acquire b a --holder me -o env) || exit; eval \"$grant\"; \
         kubectl lease steal b --holder me --yes --now >/dev/null; kubectl lease release a b",
    );
    assert_eq!(output.code, Some(122), "{output}");
    assert_eq!(scene.holders(), ["", "me", ""], "{output}");
}

#[test]
fn the_formats_of_several_are_those_of_one_or_a_list() {
    let scene = Scene::new(60);
    scene.ns.create(&held("other", "other", 60));
    let free = || ["a", "b"].map(|name| set_free(&scene.ns, name));
    let output = scene.run("acquire b a -o name");
    ended(
        &output,
        0,
        "lease.coordination.k8s.io/a\nlease.coordination.k8s.io/b\n",
    );
    free();
    let output = scene.run("acquire b a -o json");
    let list: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(
        (&list["kind"], list["items"].as_array().map(Vec::len)),
        (&"OutcomeList".into(), Some(2))
    );
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        let mut stored = stored(&scene.ns, name);
        let metadata = stored["metadata"].as_object_mut().expect("an object");
        metadata.remove("managedFields");
        assert_eq!(list["items"][number]["after"], stored);
        let token = &list["items"][number]["grant"]["fencingToken"];
        assert_eq!(token, &stored["metadata"]["resourceVersion"]);
    }
    free();
    let output = scene.run("acquire b a -o jsonpath={.items[*].metadata.name}");
    ended(&output, 0, "a b");
    free();
    let format = if cfg!(unix) { "env" } else { "env=posix" };
    let output = scene.run(&format!("acquire b a -o {format}"));
    assert_eq!(output.code, Some(0), "{output}");
    for part in [
        "export KUBECTL_LEASE_NAME=a\n",
        "export KUBECTL_LEASE_NAMES='a b'\n",
    ] {
        assert!(output.stdout.contains(part), "{output}");
    }
}
