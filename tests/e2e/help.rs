//! Help that teaches: every example runs as it is written, and nothing that explains asks a server.

use crate::support::elector::{Elector, Times};
use crate::support::{VERBS, held, said, shared};
use lease_harness::{Command, Namespace, Rule, User, lease};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const ME: &str = "ada@desk";

fn tool(arguments: &[&str]) -> Command {
    Command::new(env!("CARGO_BIN_EXE_kubectl-lease"), arguments)
}

/// The subcommands as the help lists them.
fn subcommands() -> Vec<String> {
    let help = tool(&["-h"]).run().stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        // Where a description is wrapped, its second line is indented further.
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() >= 12, "{names:?}");
    names
}

/// The lines of the examples of `help` that are no comments.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| line.trim().to_owned())
        .collect()
}

/// A folder with the plugin as kubectl finds it, and the scripts that the examples run.
fn workshop(ns: &Namespace) -> PathBuf {
    let script = ns.script("deploy.sh", "#!/bin/sh\necho deployed\n");
    ns.script("backup.sh", "#!/bin/sh\necho saved\n");
    let folder = script.parent().expect("a file is in a folder");
    symlink(
        env!("CARGO_BIN_EXE_kubectl-lease"),
        folder.join("kubectl-lease"),
    )
    .expect("the folder is ours");
    folder.to_owned()
}

/// The leases that the examples of this subcommand are about, and who else takes part.
fn arrange(ns: &Namespace, subcommand: &str, example: &str) -> Vec<Elector> {
    ns.delete("deploy");
    ns.delete("nightly");
    let deploy = match subcommand {
        "create" => return Vec::new(),
        "acquire" | "hold" if example.contains("--create") => return Vec::new(),
        "failover" => {
            let elector = |name| Elector::start(ns, "deploy", name, Times::of(2));
            let leader = elector("worker-1");
            leader.leads();
            return vec![leader, elector("worker-2")];
        }
        "hold" if example.contains("--steal") => held("deploy", "ada@laptop", 2),
        "acquire" | "hold" => lease("deploy").holder("").duration(60).build(),
        "steal" => held("deploy", "ada@laptop", 1),
        "release" if example.contains("--force") => held("deploy", "ada@laptop", 60),
        _ => held("deploy", ME, 60),
    };
    ns.create(&deploy);
    if subcommand == "wait" {
        ns.create(&lease("nightly").holder("").duration(60).build());
    }
    Vec::new()
}

fn run_examples(ns: &Namespace, user: &User) {
    let folder = workshop(ns);
    let plugin = folder.join("kubectl-lease");
    for subcommand in subcommands() {
        let help = tool(&[&subcommand, "--help"]).run();
        for example in examples(&help.stdout) {
            let others = arrange(ns, &subcommand, &example);
            assert!(example.contains("kubectl lease "), "{example}");
            let line = example.replace("kubectl lease ", &format!("{} ", plugin.display()));
            // Who may do everything: with less, what is missing is told by 1.
            let user = &match subcommand.as_str() {
                "can-i" => ns.admin(),
                _ => user.clone(),
            };
            let output = ns
                .program(user, "bash", ["-c", &line])
                .env("KUBECTL_LEASE_HOLDER", ME)
                .env("HOME", &folder)
                .current_dir(&folder)
                .run();
            assert_eq!(output.code, Some(0), "{example}\n{output}");
            assert!(!output.stderr.contains("error"), "{example}\n{output}");
            drop(others);
        }
    }
}

#[test]
fn every_example_works_as_written() {
    let ns = shared().namespace();
    // can-i asks about everything that there is, and is 1 where something is missing.
    let user = ns.user_with(&[
        Rule::leases(&VERBS),
        Rule::leases(&["delete"]),
        Rule::leases(&["list"]).everywhere(),
        Rule::leases(&["patch"]).on(&["pods"]),
        Rule::leases(&["list"]).on(&["leasecandidates"]),
    ]);
    run_examples(&ns, &user);
}

#[test]
fn each_subcommand_has_a_man_page_with_its_examples_line_by_line() {
    let ns = shared().namespace();
    let folder = workshop(&ns).join("share/man1");
    let arguments = ["man".as_ref(), folder.as_os_str()];
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-lease"), arguments).run();
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    assert!(folder.join("kubectl-lease.1").is_file());
    for name in subcommands() {
        let page = folder.join(format!("kubectl-lease-{name}.1"));
        let page = std::fs::read_to_string(&page).expect("the page is there");
        assert!(page.contains(".SH EXAMPLES\n.nf\n"), "{page}");
        assert!(page.contains(".SH \"EXIT STATUS\"\n.nf\n"), "{page}");
        assert!(page.contains("\\-\\-kubeconfig"), "{page}");
    }
    assert!(!folder.join("kubectl-lease-man.1").exists());
    said(
        &tool(&["man", "/dev/null/x"]).run(),
        1,
        "",
        "error: cannot write man pages to /dev/null/x: Not a directory (os error 20)\n",
    );
}
