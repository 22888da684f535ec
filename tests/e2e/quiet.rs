//! `-q`: errors and questions are said and nothing else, and stdout has what `-o` asks for.

use crate::support::{
    SOON, each, free, fresh, held, held_by_another, holder, not_found_as_held, not_held_by_you,
    said, stored, watching,
};
use lease_harness::{Outlet, Proxy};

#[test]
fn what_succeeds_says_nothing_and_prints_what_a_format_asks_for() {
    let name = "lease.coordination.k8s.io/job\n";
    each(
        [
            ("create new", None),
            ("create job --ignore-existing", None),
            ("create new --dry-run=client", None),
            ("acquire job", Some("ada")),
            ("acquire free", None),
            ("renew job", Some("me")),
            ("check job", Some("me")),
            ("release job", Some("me")),
            ("steal job --yes", Some("ada")),
            ("status", None),
            ("status job", Some("ada")),
            ("status job gone --ignore-not-found", Some("ada")),
            ("status -l a=b", None),
            ("hold job -- true", Some("ada")),
        ],
        |(words, by): (&str, Option<&str>)| {
            for flag in ["-q", "--quiet"] {
                let (ns, user) = fresh();
                // A second: long enough to be waited for.
                let seconds = if by == Some("ada") { 1 } else { 60 };
                ns.create(&held("job", by.unwrap_or("ada"), seconds));
                ns.create(&free("free"));
                let words = words.split(' ').flat_map(|word| match word {
                    // Behind the `--` it is the command's.
                    "--" => vec![flag, word],
                    word => vec![word],
                });
                let words: Vec<&str> = words.collect();
                let command = ns.command(&user, &words).env("KUBECTL_LEASE_HOLDER", "me");
                let command = match words.contains(&flag) {
                    true => command,
                    false => command.arg(flag),
                };
                // Nobody has to read what is not there.
                let output = command.stdout(Outlet::Broken).run();
                said(&output, 0, "", "");
            }
        },
    );
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    for words in [
        "renew job -oname -q",
        "-q release -oname job",
        "-q steal job --yes -oname",
    ] {
        let words = words.split(' ').chain(["--holder=me"]);
        said(&ns.run(&user, words), 0, name, "");
    }
    said(&ns.run(&user, ["status", "-q", "-oname"]), 0, name, "");
    let wide = ns.run(&user, ["status", "-q", "-owide"]);
    assert!(
        wide.stdout.contains("job") && wide.stderr.is_empty(),
        "{wide}"
    );
    // What they are there to print.
    for words in ["version", "explain", "options", "completion bash"] {
        let output = ns.command(&user, words.split(' ')).arg("-q").run();
        assert!(
            output.code == Some(0) && !output.stdout.is_empty(),
            "{output}"
        );
    }
    let watch = ns.run(&user, ["status", "-w", "-q"]);
    let expected = "error: -q leaves nothing of -w to be shown: give a format (-o)\n";
    said(&watch, 2, "", expected);
}

#[cfg(unix)] // a terminal
#[test]
fn an_error_is_said_with_its_advice_and_the_command_of_a_hold_says_what_it_says() {
    let (ns, user) = held_by_another();
    let run = |words: &str| {
        let words = words.split(' ').chain(["-q"]);
        ns.command(&user, words)
            .env("KUBECTL_LEASE_HOLDER", "me")
            .run()
    };
    let others = not_held_by_you(&ns, "job", "me", "other").replace(" --holder me", "");
    said(&run("release job"), 122, "", &others);
    let both = others.clone() + &not_found_as_held(&ns, "gone").replace(" --holder me", "");
    said(&run("release job gone"), 122, "", &both);
    let timed_out = run("acquire job --timeout=1");
    assert!(
        timed_out
            .stderr
            .starts_with("error: lease \"job\" not acquired: "),
        "{timed_out}"
    );
    said(&run("check job"), 122, "", "");
    let unasked =
        "not confirmed: there is no terminal to ask on; give --yes; nothing was written\n";
    said(&run("steal job"), 120, "", unasked);
    ns.create(&free("free"));
    let words = [
        "hold",
        "free",
        "-q",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exit 7",
    ];
    said(&ns.run(&user, words), 7, "out\n", "err\n");
    // Lost, which is an error.
    let words = [
        "hold",
        "free",
        "-q",
        "--duration=3s",
        "--",
        "sh",
        "-c",
        "echo x; sleep 60",
    ];
    let running = ns.spawn(&user, words);
    running.wait_stdout(|line| line == "x", SOON);
    crate::support::pass_to(&ns, "free", "thief");
    let output = running.wait(SOON);
    said(
        &output,
        123,
        "x\n",
        "lease \"free\" lost: taken over by \"thief\"\n",
    );
    // Held until interrupted, and said to nobody.
    ns.edit("free", |lease| lease["spec"]["holderIdentity"] = "".into());
    let proxy = Proxy::to(ns.cluster());
    let words = ["hold", "free", "-q", "--holder=me"];
    let running = ns.command(&user, words).via(&proxy).spawn();
    watching(&proxy);
    running.signal(15);
    said(&running.wait(SOON), 143, "", "");
    assert_eq!(holder(&stored(&ns, "free")), "");
}

#[cfg(unix)] // a terminal
#[test]
fn a_question_is_asked_with_what_it_is_about() {
    let (ns, user) = held_by_another();
    let words = ["steal", "job", "--holder=me", "--now", "--quiet"];
    let terminal = ns.command(&user, words).spawn_pty(40, 120);
    terminal.wait_screen(|text| text.contains("Take it over?"), SOON);
    let screen = terminal.screen();
    assert!(
        screen.contains("lease \"job\" is held by \"other\""),
        "{screen}"
    );
    terminal.send(b"y\r");
    assert_eq!(terminal.wait(SOON).code(), Some(0));
    let screen = terminal.screen();
    assert!(!screen.contains("stolen"), "{screen}");
    assert_eq!(holder(&stored(&ns, "job")), "me");
}
