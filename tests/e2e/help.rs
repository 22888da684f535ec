//! Help that teaches: every example runs as it is written, and nothing that explains asks a server.

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

#[test]
fn each_subcommand_teaches_by_three_examples_exit_codes_permissions_and_what_to_see_next() {
    for name in subcommands() {
        let help = tool(&[&name, "--help"]).run();
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{help}");
        assert_eq!(examples(&help.stdout).len(), 3, "{help}");
        for part in ["\nExit status:\n", "\nPermissions: ", "\nSee also: "] {
            assert!(help.stdout.contains(part), "no {part:?} in {help}");
        }
        let short = tool(&[&name, "-h"]).run();
        assert!(!short.stdout.contains("Examples:"), "{short}");
    }
}

/// As much as `kubectl wait --help` has.
const LINES: usize = 70;

#[test]
fn every_help_fits_a_terminal_of_80_columns_and_two_screens() {
    let asked = subcommands().into_iter().flat_map(|name| {
        let ways = [
            vec![name.clone(), "--help".into()],
            vec![name.clone(), "-h".into()],
        ];
        let all = ways.into_iter().chain([vec!["help".into(), name.clone()]]);
        all.chain((name == "options").then(|| vec![name]))
    });
    let root = [vec!["--help".to_owned()], vec!["-h".to_owned()]];
    for words in asked.chain(root) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let help = tool(&words).run();
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{help}");
        for line in help.stdout.lines() {
            assert!(line.chars().count() <= 80, "{line:?} in {help}");
        }
        let count = help.stdout.lines().count();
        assert!(count <= LINES, "{count} lines: {help}");
    }
}

/// Those of kubectl's own that mean something here, and ours.
const SHARED: [&str; 17] = [
    "--as",
    "--as-group",
    "--as-uid",
    "--certificate-authority",
    "--client-certificate",
    "--client-key",
    "--cluster",
    "--context",
    "--insecure-skip-tls-verify",
    "--kubeconfig",
    "-n, --namespace",
    "--request-timeout",
    "-s, --server",
    "--tls-server-name",
    "--token",
    "--user",
    "-v, --verbose",
];

/// Whether a line of `help` is about that flag.
fn lists(help: &str, flag: &str) -> bool {
    let is = |line: &str| {
        let rest = line.trim_start().strip_prefix(flag);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    help.lines().any(is)
}

#[test]
fn the_flags_of_all_subcommands_are_listed_once_and_each_help_says_where() {
    let options = tool(&["options"]).env("KUBECONFIG", "/nowhere").run();
    assert_eq!(
        (options.code, options.stderr.as_str()),
        (Some(0), ""),
        "{options}"
    );
    for flag in SHARED {
        assert!(lists(&options.stdout, flag), "no {flag} in {options}");
    }
    let mut all = vec![vec!["--help".to_owned()], vec!["-h".to_owned()]];
    for name in subcommands() {
        all.push(vec![name.clone(), "--help".to_owned()]);
        all.push(vec![name, "-h".to_owned()]);
    }
    for words in all {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let help = tool(&words).run();
        for flag in SHARED {
            assert!(!lists(&help.stdout, flag), "{flag} in {help}");
        }
        let asks_none = ["options", "version", "completion", "explain"].contains(&words[0]);
        let line =
            "Flags of every subcommand (cluster, namespace, user, -v): kubectl lease options\n";
        assert_eq!(help.stdout.ends_with(line), !asks_none, "{help}");
    }
}

#[test]
fn help_is_that_of_the_subcommand_wherever_it_is_asked_for() {
    let whole = tool(&["hold", "--help"]).run().stdout;
    for words in [
        &["help", "hold"][..],
        &["-n", "status", "hold", "--help"],
        &["hold", "status", "--help"],
        &["--context=x", "hold", "--create", "job", "--help"],
    ] {
        assert_eq!(tool(words).run().stdout, whole, "{words:?}");
    }
    let short = tool(&["hold", "-h"]).run().stdout;
    assert!(
        whole.starts_with(short.split("  -h, --help").next().expect("it has one")),
        "{short}"
    );
    let install = tool(&["completion", "install", "--help"]).run().stdout;
    assert!(
        install.contains("Usage: kubectl lease completion install"),
        "{install}"
    );
}

#[test]
fn what_asks_no_server_lists_no_way_to_one() {
    for name in ["explain", "version", "completion"] {
        let help = tool(&[name, "--help"]).run();
        assert!(!help.stdout.contains("--kubeconfig"), "{help}");
    }
}

#[test]
fn help_says_what_create_records_and_what_hold_does_not_wait_for() {
    for name in ["acquire", "hold"] {
        let help = tool(&[name, "--help"]).run().stdout;
        let help: Vec<&str> = help.split_whitespace().collect();
        let help = help.join(" ");
        assert!(help.contains("with 15s (hold) or 60s (acquire)"), "{help}");
        let background = help.contains("hold does not wait for what it started in the background");
        assert_eq!(background, name == "hold", "{help}");
    }
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

/// The leases that the examples of this subcommand are about.
fn arrange(ns: &Namespace, subcommand: &str, example: &str) {
    ns.delete("deploy");
    ns.delete("nightly");
    let deploy = match subcommand {
        "create" => return,
        "acquire" | "hold" if example.contains("--create") => return,
        "acquire" | "hold" => lease("deploy").holder("").duration(60).build(),
        "steal" => held("deploy", "ada@laptop", 1),
        _ => held("deploy", ME, 60),
    };
    ns.create(&deploy);
}

fn run_examples(ns: &Namespace, user: &User) {
    let folder = workshop(ns);
    let plugin = folder.join("kubectl-lease");
    for subcommand in subcommands() {
        let help = tool(&[&subcommand, "--help"]).run();
        for example in examples(&help.stdout) {
            arrange(ns, &subcommand, &example);
            assert!(example.contains("kubectl lease "), "{example}");
            let line = example.replace("kubectl lease ", &format!("{} ", plugin.display()));
            let output = ns
                .program(user, "bash", ["-c", &line])
                .env("KUBECTL_LEASE_HOLDER", ME)
                .env("HOME", &folder)
                .current_dir(&folder)
                .run();
            assert_eq!(output.code, Some(0), "{example}\n{output}");
            assert!(!output.stderr.contains("error"), "{example}\n{output}");
        }
    }
}

#[test]
fn every_example_works_as_written() {
    let ns = shared().namespace();
    let user = ns.user_with(&[Rule::leases(&VERBS), Rule::leases(&["list"]).everywhere()]);
    run_examples(&ns, &user);
}

#[test]
fn the_concepts_are_explained_without_a_cluster() {
    let run = |arguments: &[&str]| {
        let output = tool(arguments).env("KUBECONFIG", "/nowhere").run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output}"
        );
        output.stdout
    };
    let overview = run(&["explain"]);
    for topic in ["lease", "holder", "grant", "proof", "token", "loss"] {
        assert!(overview.contains(&format!("\n  {topic}  ")), "{topic}");
        let text = run(&["explain", topic]);
        assert!(
            text.starts_with(&format!("{}: ", topic.to_uppercase())),
            "{text}"
        );
    }
    said(
        &tool(&["explain", "magic"]).run(),
        2,
        "",
        "error: invalid value \"magic\" for [TOPIC]: allowed: lease, holder, grant, proof, token, loss\n",
    );
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
}

#[test]
fn man_says_why_a_page_cannot_be_written() {
    said(
        &tool(&["man", "/dev/null/x"]).run(),
        1,
        "",
        "error: cannot write man pages to /dev/null/x: Not a directory (os error 20)\n",
    );
}
