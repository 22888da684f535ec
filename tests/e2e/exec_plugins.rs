//! How exec credential plugins are run: what they are told, whom they may ask, and that nothing of them is left.

use std::path::Path;
use std::time::{Duration, Instant};

use lease_harness::{Command, Namespace, User, lease, wait_gone};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{SOON, each, fresh, held_by_another, said, said_like, status_as};

const NAME: &str = "lease.coordination.k8s.io/job\n";

/// A kubeconfig entry with this as its exec plugin; `more` replaces fields of it.
fn exec(script: &Path, more: &Value) -> Value {
    let mut exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": script,
        "interactiveMode": "IfAvailable",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        exec[name] = value.clone();
    }
    json!({ "exec": exec })
}

fn config(ns: &Namespace, user: &User, credentials: &Value) -> std::path::PathBuf {
    let mut config = ns.kubeconfig_json(user);
    config["users"][0]["user"] = credentials.clone();
    ns.file("kubeconfig", config.to_string())
}

/// Shell words that print a token for a plugin.
fn gives(token: &str) -> String {
    format!(
        r#"printf '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"%s"}}}}' {token}"#
    )
}

/// `status job -o name` with a plugin that is this script.
fn status(ns: &Namespace, user: &User, script: &str, more: &Value) -> Command {
    let script = ns.script("plugin", &format!("#!/bin/sh\n{script}\n"));
    ns.command(user, ["status", "job", "-o", "name"])
        .kubeconfig(config(ns, user, &exec(&script, more)))
}

/// A plugin that never ends, and that has started one process in its group and one that left it; all say so in `log`.
/// None has the tag by which the harness ends what is left of a command.
fn hanging(log: &Path) -> String {
    format!(
        "unset LEASE_HARNESS_TAG\nsleep 99 & echo $! >>{log}\nsetsid sh -c 'echo $$ >>{log}; exec sleep 99' &\necho $$ >>{log}\nexec sleep 99",
        log = log.display()
    )
}

/// The three processes of [`hanging`], once they run.
#[track_caller]
fn hangs(log: &Path) -> Vec<u32> {
    let deadline = Instant::now() + SOON;
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if pids.len() == 3 {
            return pids;
        }
        assert!(
            Instant::now() < deadline,
            "the plugin does not run: {text:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn nothing_is_left(pids: &[u32]) {
    for &pid in pids {
        wait_gone(pid, SOON);
    }
}

/// It has neither our stdin nor our process group, and may print YAML, and a token with a newline.
#[test]
fn a_plugin_is_run_once_and_told_what_client_go_tells_it() {
    let (ns, user) = held_by_another();
    let (told, runs) = (ns.file("told", ""), ns.file("runs", ""));
    let script = format!(
        "echo run >>{}; printf %s \"$KUBERNETES_EXEC_INFO\" >{}; test \"$1 $EXTRA\" = 'login a b' || exit 5\n\
         test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$ || exit 6\ntest -z \"$(cat)\" || exit 7\n\
         cat <<END\napiVersion: client.authentication.k8s.io/v1\nkind: ExecCredential\nstatus:\n  token: |\n    {}\nEND",
        runs.display(),
        told.display(),
        user.token
    );
    let more = json!({
        "args": ["login"],
        "provideClusterInfo": true,
        "env": [{ "name": "EXTRA", "value": "a b" }],
    });
    let command = status(&ns, &user, &script, &more).stdin("dump");
    said(&command.run(), 0, NAME, "");
    let runs = std::fs::read_to_string(runs).expect("it is ours");
    assert_eq!(runs, "run\n");
    let told: Value =
        serde_json::from_slice(&std::fs::read(told).expect("it is ours")).expect("it is JSON");
    assert_eq!(told["kind"], "ExecCredential");
    assert_eq!(told["apiVersion"], "client.authentication.k8s.io/v1");
    assert_eq!(told["spec"]["interactive"], false);
    let server = &ns.kubeconfig_json(&user)["clusters"][0]["cluster"]["server"];
    assert_eq!(&told["spec"]["cluster"]["server"], server);
    let script = ns.script("plugin", &format!("#!/bin/sh\n{}\n", gives(&user.token)));
    let config = config(&ns, &user, &exec(&script, &json!({})));
    for words in [
        "exec env --ignore-signal=CHLD",
        "exec env --block-signal=CHLD",
    ] {
        let words = format!("{words} kubectl-lease status job -o name");
        let command = ns.program(&user, "/bin/sh", ["-c", &words]);
        said(&command.kubeconfig(&config).run(), 0, NAME, "");
    }
}

#[test]
fn a_plugin_that_gives_no_credentials_is_shown_with_what_it_said_or_how_to_get_it() {
    let (ns, user) = held_by_another();
    let hint = "  It is not here yet.\n  Get it:\n    brew install it\n";
    for (command, script, why, shown) in [
        ("no-such-plugin", "", " is not on PATH", hint),
        ("/nowhere/plugin", "", " does not exist", hint),
        ("/", "", " cannot be run: Permission denied", ""),
        (
            "sh",
            "echo 'please log in' >&2; echo '  cloud login' >&2; exit 4",
            " failed (exit status: 4)",
            "  please log in\n    cloud login\n",
        ),
        ("sh", "kill -9 $$", " failed (signal: 9 (SIGKILL))", ""),
        ("sh", "kill -34 $$", " failed (signal: 34…)", ""),
        (
            "sh",
            "exec cat /dev/zero",
            " printed more than an ExecCredential can be, and was killed",
            "",
        ),
        (
            "sh",
            "echo hello",
            " printed no ExecCredential: line 1 column 1: …",
            "",
        ),
        ("sh", "", " printed no ExecCredential with a status", ""),
    ] {
        let exec = json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": ["-c", script],
            "interactiveMode": "Never", "installHint": "It is not here yet.\n\nGet it:\n  brew install it\n",
        } });
        let output = status_as(&ns, &user, &exec).run();
        let expected = format!(
            "error: cannot use the credentials: exec plugin {command:?}{why}\n{shown}\
             Check the user in the kubeconfig, and the plugin if it has one: kubectl config view --minify\n"
        );
        said_like(&output, 1, "", &expected);
    }
    let unusable = r#"echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientCertificateData":"s3cret","clientKeyData":"s3cret"}}'"#;
    let output = status(&ns, &user, unusable, &json!({})).run();
    let expected = "error: cannot use the credentials: the client certificate given: there is no certificate in it …\n…\n";
    said_like(&output, 1, "", expected);
    assert!(!output.stderr.contains("s3cret"), "{output}");
    let slow = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["3"], "interactiveMode": "Never",
    } });
    let expected = "error: no credentials in time: exec plugin \"sleep\" gave no credentials within 1s\n\
        Run that plugin by hand to see what it waits for, or give it longer with --request-timeout\n";
    let output = status_as(&ns, &user, &slow)
        .arg("--request-timeout=1s")
        .run();
    said(&output, 1, "", expected);
    // What it gives is not accepted.
    let old = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", gives("old")], "interactiveMode": "Never",
    } });
    let expected = "Error from server (Unauthorized): Unauthorized\n\
        The server does not accept what exec plugin \"sh\" gives for user \"test\": log in again with that plugin\n";
    said(&status_as(&ns, &user, &old).run(), 1, "", expected);
    let cloud = json!({ "auth-provider": { "name": "gcp", "config": {
        "cmd-path": "echo", "cmd-args": user.token,
    } } });
    said(&status_as(&ns, &user, &cloud).run(), 0, NAME, "");
}

#[test]
fn nothing_is_left_of_a_plugin_that_hangs_whatever_ends_us() {
    let (ns, user) = held_by_another();
    for (arguments, signal) in [
        ("status job --request-timeout=1s", None),
        ("acquire job --timeout=1s --request-timeout=500ms", None),
        ("status job", Some(Signal::SIGTERM)),
        ("status job", Some(Signal::SIGINT)),
        ("status job", Some(Signal::SIGKILL)),
        ("acquire job", Some(Signal::SIGTERM)),
        ("hold job -- true", Some(Signal::SIGHUP)),
    ] {
        let log = ns.file("log", "");
        let script = ns.script("plugin", &format!("#!/bin/sh\n{}\n", hanging(&log)));
        let config = config(&ns, &user, &exec(&script, &json!({})));
        let words = arguments.split(' ');
        let running = ns.command(&user, words).kubeconfig(config).spawn();
        let pids = hangs(&log);
        if let Some(signal) = signal {
            running.signal(signal as i32);
        }
        let output = running.wait(SOON);
        assert_ne!(output.code, Some(0), "{arguments}: {output}");
        nothing_is_left(&pids);
    }
    // With a small stack the keeper works in a second thread.
    let log = ns.file("log", "");
    let script = ns.script("plugin", &format!("#!/bin/sh\n{}\n", hanging(&log)));
    let config = config(&ns, &user, &exec(&script, &json!({})));
    let words = ["status", "job", "--request-timeout=1s"];
    let running = limited(&ns, &config, "-Ss 1024", &words).spawn();
    let pids = hangs(&log);
    let output = running.wait(SOON);
    assert_ne!(output.code, Some(0), "{output}");
    nothing_is_left(&pids);
    // What it started in its group is killed; an agent that left it may be what keeps the login.
    let log = ns.file("log", "");
    let script = format!(
        "(sleep 99 & echo $! >>{log}) >/dev/null\nenv -u LEASE_HARNESS_TAG setsid sh -c 'echo $$ >>{log}; exec sleep 99' >/dev/null 2>&1 &\nuntil [ $(wc -l <{log}) = 2 ]; do sleep 0.01; done\n{}",
        gives(&user.token),
        log = log.display()
    );
    let output = status(&ns, &user, &script, &json!({})).run();
    said(&output, 0, NAME, "");
    let text = std::fs::read_to_string(log).expect("it is ours");
    let pids: Vec<u32> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let (ended, agent) = (pids[0], pids[1]);
    wait_gone(ended, SOON);
    assert!(lease_harness::alive(agent));
    let agent = nix::unistd::Pid::from_raw(i32::try_from(agent).expect("process ids are small"));
    nix::sys::signal::kill(agent, Signal::SIGKILL).expect("it is ours");
}

/// `kubectl lease` with these words, under a limit of the shell.
fn limited(ns: &Namespace, config: &Path, limit: &str, words: &[&str]) -> Command {
    let binary = lease_harness::binary().display().to_string();
    let line = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    let all = ["-c", &line, &binary, "-n", ns.name()];
    Command::new("/bin/sh", all.iter().chain(words)).kubeconfig(config)
}

#[test]
fn few_open_files_are_enough_for_a_plugin_or_the_limit_is_named() {
    for limit in [12, 16, 20, 28, 40, 100] {
        for words in [&["acquire", "job"][..], &["hold", "job", "--", "true"]] {
            let (ns, user) = fresh();
            ns.create(&lease("job").duration(10).build());
            let script = format!("#!/bin/sh\n{}\n", gives(&user.token));
            let script = ns.script("plugin", &script);
            let config = config(&ns, &user, &exec(&script, &json!({})));
            let output = limited(&ns, &config, &format!("-n {limit}"), words).run();
            if limit < 40 && output.code != Some(0) {
                assert!(output.stderr.contains("ulimit -n"), "{limit}: {output}");
                let said = output.stderr.contains("not released")
                    || output.stderr.contains("could not be");
                assert!(said || ns.holder("job").is_none(), "{limit}: {output}");
                continue;
            }
            assert_eq!(output.code, Some(0), "{limit} {words:?}: {output}");
        }
    }
}

/// On a terminal the plugin may ask, by stdin or by the terminal itself, unseen or seen; a person's time is not the
/// request's, nor is what the plugin takes before it asks.
#[test]
fn a_plugin_may_ask_on_the_terminal_before_a_lease_is_held() {
    let (ns, user) = held_by_another();
    let (status, slowly) = ("status job -o name", "sleep 4; ");
    let rows = [
        (status, "", "read -r token"),
        (status, "", "read -r token </dev/tty"),
        (status, "", "stty -echo; read -r token; stty echo"),
        (
            "status job -o name </dev/null",
            "",
            "read -r token </dev/tty",
        ),
        ("status job --request-timeout=3s", slowly, "read -r token"),
        ("create one --request-timeout=3s", slowly, "read -r token"),
        (
            "acquire two --create --holder=me --request-timeout=3s",
            slowly,
            "read -r token",
        ),
        (
            "hold three --create --request-timeout=3s -- true",
            slowly,
            "read -r token",
        ),
    ];
    each(
        rows.into_iter().enumerate(),
        |(row, (words, before, ask))| {
            let gives = gives("\"$token\"");
            let script = format!("#!/bin/sh\n{before}printf 'token? ' >/dev/tty\n{ask}\n{gives}\n");
            let path = ns.script(&format!("plugin-{row}"), &script);
            let mut config = ns.kubeconfig_json(&user);
            config["users"][0]["user"] = exec(&path, &json!({}));
            let config = ns.file(&format!("kubeconfig-{row}"), config.to_string());
            let line = format!("exec kubectl-lease {words}");
            let command = ns.program(&user, "/bin/sh", ["-c", &line]);
            let terminal = command.kubeconfig(config).spawn_pty(24, 200);
            terminal.wait_screen(|text| text.contains("token?"), SOON);
            terminal.send(format!("{}\r", user.token).as_bytes());
            let (ended, screen) = (terminal.wait(SOON), terminal.screen());
            assert_eq!(ended.code(), Some(0), "{words}, {ask}: {screen}");
            let shown = !words.starts_with(status) || screen.contains(NAME.trim());
            assert!(shown, "{words}, {ask}: {screen}");
        },
    );
}

#[test]
fn ctrl_c_at_a_plugins_question_ends_us_too_and_ctrl_z_stops_the_job() {
    let (ns, user) = held_by_another();
    for subcommand in ["status job", "acquire job", "hold job -- true"] {
        let script = ns.script(
            "plugin",
            "#!/bin/sh\nstty -echo; printf 'password? ' >/dev/tty; read -r x; stty echo\n",
        );
        let config = config(&ns, &user, &exec(&script, &json!({})));
        // Its own group is the job, as with `|` and `&&`.
        let words = format!(
            "trap : INT; kubectl-lease {subcommand}; echo ended $?; stty -a | grep -ow '.echo'"
        );
        let shell = ns.program(&user, "/bin/sh", ["-c", &words]);
        let shell = shell.kubeconfig(config).spawn_pty(24, 200);
        shell.wait_screen(|text| text.contains("password?"), SOON);
        shell.send(b"\x03");
        let screen = shell.wait_screen(|text| text.contains("ended"), SOON);
        assert!(screen.contains("ended 130"), "{subcommand}: {screen}");
        // The plugin had no time to show again what is typed.
        assert_eq!(shell.wait(SOON).code(), Some(1), "{}", shell.screen());
    }
    let script = format!(
        "printf 'token? ' >/dev/tty; read -r token </dev/tty\n{}",
        gives("\"$token\"")
    );
    let script = ns.script("plugin", &format!("#!/bin/sh\n{script}\n"));
    let config = config(&ns, &user, &exec(&script, &json!({})));
    let shell = ns.program(&user, "/bin/bash", ["--norc", "-i"]);
    let shell = shell.kubeconfig(config).env("PS1", "> ").spawn_pty(24, 200);
    let prompts = |text: &str| text.trim_end().ends_with('>');
    shell.wait_screen(prompts, SOON);
    shell.send(b"kubectl-lease status job -o name\r");
    shell.wait_screen(|text| text.trim_end().ends_with("token?"), SOON);
    // The terminal is the plugin's once it has asked for it.
    let in_front = format!("{}", shell.pid());
    let plugin_has_it = || {
        let stat = std::fs::read_to_string(format!("/proc/{in_front}/stat")).unwrap_or_default();
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let foreground = rest.split(' ').nth(5).unwrap_or_default().to_owned();
        let words = std::fs::read(format!("/proc/{foreground}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains("plugin\0") && !words.starts_with(b"kubectl")
    };
    let deadline = Instant::now() + SOON;
    while !plugin_has_it() {
        assert!(Instant::now() < deadline, "{}", shell.screen());
        std::thread::sleep(Duration::from_millis(10));
    }
    shell.send(b"\x1a");
    shell.wait_screen(|text| text.contains("Stopped") && prompts(text), SOON);
    shell.send(b"fg\r");
    shell.wait_screen(|text| text.trim_end().ends_with("-o name"), SOON);
    shell.send(format!("{}\r", user.token).as_bytes());
    let screen = shell.wait_screen(|text| text.contains(NAME.trim()), SOON);
    assert!(!screen.contains("error"), "{screen}");
    shell.wait_screen(prompts, SOON);
    shell.send(b"exit\r");
    shell.wait(SOON);
}
