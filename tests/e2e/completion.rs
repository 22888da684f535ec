//! Completion as kubectl asks for it: the binary by the name `kubectl_complete-lease`, and kubectl itself.

use crate::support::{SOON, free, fresh, held, in_time_once, said};
use lease_harness::lease_api_server::Options;
use lease_harness::{Command, Fault, Match, Namespace, Output, Proxy, User};
use serde_json::json;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The most that a shell is kept waiting: the second that a server has, and the start of a process.
const PROMPT: Duration = Duration::from_millis(1500);

/// The link, as `completion install` makes it.
fn link(ns: &Namespace) -> PathBuf {
    let folder = folder(ns);
    let link = folder.join("kubectl_complete-lease");
    if !link.exists() {
        symlink(env!("CARGO_BIN_EXE_kubectl-lease"), &link).expect("the folder is ours");
    }
    link
}

fn folder(ns: &Namespace) -> PathBuf {
    let file = ns.file("place", "");
    file.parent().expect("a file is in a folder").to_owned()
}

fn completing(ns: &Namespace, user: &User, line: &str) -> Command {
    let program = link(ns);
    ns.program(user, program.to_str().expect("UTF-8"), line.split(' '))
}

fn complete(ns: &Namespace, user: &User, line: &str) -> String {
    // Nobody is kept waiting for a server that is too busy: then there are no names.
    let answered = std::iter::repeat_with(|| completing(ns, user, line).run())
        .take(10)
        .find(|output| output.elapsed < Duration::from_secs(1));
    let output = answered.expect("it is answered within a second");
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(0), ""),
        "{output}"
    );
    output.stdout
}

#[test]
fn names_are_those_of_the_cluster_or_the_kubeconfig_that_was_typed() {
    let (ns, user) = fresh();
    ns.create(&held("my-job", "ada", 60));
    ns.create(&free("my-lock"));
    ns.create(&free("other"));
    let both = "my-job\theld by ada\nmy-lock\tfree\n:4\n";
    for line in [
        "acquire my-",
        "steal --yes my-",
        "status -o wide my-",
        "-v hold my-",
    ] {
        assert_eq!(complete(&ns, &user, line), both, "{line}");
    }
    assert_eq!(complete(&ns, &user, "create my-"), ":4\n");
    // Where several may be named, each is offered once.
    for line in [
        "release my-job my-",
        "status my-job other lease/x my-",
        "acquire other my-job my-",
        "hold lease/my-job my-",
    ] {
        assert_eq!(complete(&ns, &user, line), "my-lock\tfree\n:4\n", "{line}");
    }
    for line in ["release lease/my-job my-", "status lease/my-job my-"] {
        assert_eq!(complete(&ns, &user, line), "my-lock\tfree\n:4\n", "{line}");
    }
    // As it is written for kubectl, and as -o name prints it.
    for kind in ["lease", "leases", "lease.coordination.k8s.io"] {
        let (line, lock) = (format!("acquire {kind}/my-l"), format!("{kind}/my-lock"));
        assert_eq!(complete(&ns, &user, &line), format!("{lock}\tfree\n:4\n"));
    }
    assert_eq!(complete(&ns, &user, "acquire pod/my-"), ":4\n");
    assert_eq!(complete(&ns, &user, "renew my-job my-"), ":4\n");
    assert_eq!(complete(&ns, &user, "hold my-job -- my-"), ":0\n");
    assert_eq!(
        complete(&ns, &user, "steal my-job --if-holder "),
        "ada\tholds my-job\n:4\n"
    );
    assert_eq!(
        complete(&ns, &user, "steal lease/my-job --if-holder "),
        "ada\tholds my-job\n:4\n"
    );
    assert_eq!(
        complete(&ns, &user, "status --holder a"),
        "ada\tholds my-job\n:4\n"
    );
    // As many as there are.
    for number in 0..501 {
        ns.create(&free(&format!("many-{number:03}")));
    }
    let page = complete(&ns, &user, "acquire many-50");
    assert_eq!(page, "many-500\tfree\n:4\n");
    // Those of the namespace that was typed, before or after the subcommand.
    let (other, reader) = fresh();
    other.create(&free("there"));
    for line in ["acquire -n{} ", "--namespace={} acquire "] {
        let line = line.replace("{}", other.name());
        assert_eq!(complete(&ns, &reader, &line), "there\tfree\n:4\n", "{line}");
    }
    // Namespaces: of the kubeconfig for who must not list them.
    let line = format!("status -n {}", ns.name());
    let own = format!("{}\n:4\n", ns.name());
    assert_eq!(complete(&ns, &user, "status -n kube-s"), ":4\n");
    assert_eq!(complete(&ns, &user, &line), own);
    let system = complete(&ns, &ns.admin(), "status --namespace=kube-s");
    assert_eq!(system, "kube-system\n:4\n");
    let mut config = ns.kubeconfig_json(&user);
    config["contexts"] = json!([
        { "name": "prod", "context": { "cluster": "test", "user": "test", "namespace": "shop" } },
        { "name": "stage", "context": { "cluster": "test", "user": "test" } },
        { "name": "bad\n:0", "context": { "cluster": "test", "user": "test" } },
    ]);
    let file = ns.file("several", config.to_string());
    let run = |line: &str| {
        let output = completing(&ns, &user, line).kubeconfig(&file).run();
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (Some(0), ""),
            "{output}"
        );
        output.stdout
    };
    assert_eq!(
        run("status --context "),
        "prod\ttest shop\nstage\ttest default\n:4\n"
    );
    assert_eq!(run("status --context=p"), "prod\ttest shop\n:4\n");
    let server = config["clusters"][0]["cluster"]["server"]
        .as_str()
        .expect("it has one");
    assert_eq!(run("status --cluster t"), format!("test\t{server}\n:4\n"));
    assert_eq!(run("status --user "), "test\n:4\n");
    let flag = format!("--kubeconfig {} --context s", file.display());
    assert_eq!(complete(&ns, &user, &flag), "stage\ttest default\n:4\n");
}

#[track_caller]
fn nothing_in_time(run: impl Fn() -> Output) {
    in_time_once(PROMPT, 1, |_| {
        let output = run();
        said(&output, 0, ":4\n", "");
        output.elapsed
    });
}

#[test]
fn whatever_is_wrong_the_shell_waits_a_second_and_reads_no_word() {
    let (ns, user) = fresh();
    ns.create(&free("my-lock"));
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::any(), Fault::Hang, 100);
    nothing_in_time(|| completing(&ns, &user, "acquire my-").via(&proxy).run());
    nothing_in_time(|| completing(&ns, &user, "status -n ").via(&proxy).run());
    // 192.0.2.0/24 leads nowhere (RFC 5737), and a packet to it may get no answer at all.
    for server in [
        "http://127.0.0.1:1",
        "https://192.0.2.1",
        "https://no-such-host.invalid",
    ] {
        nothing_in_time(|| completing(&ns, &user, &format!("--server {server} acquire my-")).run());
    }
    nothing_in_time(|| {
        completing(&ns, &user, "acquire my-")
            .kubeconfig("/nowhere")
            .run()
    });
    nothing_in_time(|| completing(&ns, &user, "--context missing acquire my-").run());
    let nobody = ns.user(&["get"]);
    nothing_in_time(|| completing(&ns, &nobody, "acquire my-").run());
    for (name, script) in [
        (
            "loud",
            "#!/bin/sh\necho log in first >&2\nread -r answer\nexit 1\n",
        ),
        ("slow", "#!/bin/sh\nsleep 5\n"),
    ] {
        let mut config = ns.kubeconfig_json(&user);
        config["users"][0]["user"] = json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": ns.script(name, script),
            "interactiveMode": "IfAvailable",
        }});
        let file = ns.file(&format!("{name}.json"), config.to_string());
        let began = Instant::now();
        let output = completing(&ns, &user, "acquire my-")
            .kubeconfig(&file)
            .run();
        said(&output, 0, ":4\n", "");
        assert!(began.elapsed() < PROMPT * 5, "{name}");
    }
    // One that asks does not get the line editor's terminal.
    let script = "#!/bin/sh\necho 'log in' >&2\nread -r x </dev/tty\n";
    let mut config = ns.kubeconfig_json(&user);
    config["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": ns.script("plugin", script),
        "interactiveMode": "IfAvailable",
    } });
    let config = ns.file("kubeconfig", config.to_string());
    let command = completing(&ns, &user, "acquire my-").kubeconfig(config);
    let terminal = command.spawn_pty(24, 100);
    assert_eq!(terminal.wait(SOON).code(), Some(0), "{}", terminal.screen());
    assert_eq!(terminal.screen().trim(), ":4");
    for limit in [6, 7, 9, 40] {
        let line = format!(
            "ulimit -n {limit} && exec {} release my-",
            link(&ns).display()
        );
        let expected = if limit < 10 {
            ":4\n"
        } else {
            "my-lock\tfree\n:4\n"
        };
        said(
            &ns.program(&user, "sh", ["-c", &line]).run(),
            0,
            expected,
            "",
        );
    }
}

/// What `kubectl __complete` prints first; on stderr it adds the directive's name.
#[test]
fn kubectl_completes_the_plugin_through_the_link() {
    if Command::new("/bin/sh", ["-c", "command -v kubectl"])
        .run()
        .code
        != Some(0)
    {
        println!("SKIPPED: there is no kubectl on PATH");
        return;
    }
    // kubectl sends no token over plain HTTP.
    let servers = [
        fresh(),
        crate::support::fresh_in_process(Options::default()),
    ];
    for (ns, user) in servers {
        ns.create(&held("my-job", "ada", 60));
        ns.create(&free("my-lock"));
        let folder = link(&ns).parent().expect("it is in a folder").to_owned();
        let plugin = folder.join("kubectl-lease");
        symlink(env!("CARGO_BIN_EXE_kubectl-lease"), plugin).expect("the folder is ours");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display());
        let run = |line: &str| {
            let words = ["__complete", "lease"].into_iter().chain(line.split(' '));
            let output = ns.program(&user, "kubectl", words).env("PATH", &path).run();
            assert_eq!(output.code, Some(0), "{output}");
            output.stdout
        };
        assert_eq!(
            run("acquire my-"),
            "my-job\theld by ada\nmy-lock\tfree\n:4\n"
        );
        assert_eq!(
            run("acquire my-job -o e"),
            "env\t`export KUBECTL_LEASE_HOLDER=…` and the fencing token, for eval in a shell\n:4\n"
        );
        assert_eq!(run("rel"), "release\tRelease a lease that you hold\n:4\n");
        assert_eq!(run("status --kubeconfig "), ":0\n");
        assert_eq!(run("hold my-job -- ec"), ":0\n");
    }
}

fn install(plugin: &Path, path: &str) -> Output {
    let arguments = ["completion", "install"];
    Command::new(plugin, arguments).env("PATH", path).run()
}

#[test]
fn install_puts_the_link_beside_the_plugin_where_kubectl_finds_it() {
    let (ns, user) = fresh();
    let folder = folder(&ns);
    let plugin = folder.join("kubectl-lease");
    symlink(env!("CARGO_BIN_EXE_kubectl-lease"), &plugin).expect("the folder is ours");
    let link = folder.join("kubectl_complete-lease");
    let path = folder.to_str().expect("UTF-8");
    let on = "kubectl completes `kubectl lease` wherever kubectl's own completion is on (kubectl completion --help)\n";
    let is = |what: &str| format!("{} {what}\n{on}", link.display());
    said(&install(&plugin, path), 0, &is("put in place"), "");
    assert_eq!(link.read_link().ok(), Some("kubectl-lease".into()));
    said(&install(&plugin, path), 0, &is("is there already"), "");
    assert_eq!(
        complete(&ns, &user, "vers"),
        "version\tPrint the version\n:4\n"
    );

    let replace = |target: &str| {
        std::fs::remove_file(&link).expect("it is there");
        symlink(target, &link).expect("the folder is ours");
    };
    replace("/gone/kubectl-lease");
    said(
        &install(&plugin, path),
        0,
        &is("replaced (it pointed to another file)"),
        "",
    );
    replace("/bin/sh");
    let by_hand = format!(
        "put the link into any folder on PATH instead: ln -s {} FOLDER/kubectl_complete-lease\n",
        plugin.display()
    );
    let refused = |why: &str| {
        format!(
            "error: cannot put {} in place: {why}; {by_hand}",
            link.display()
        )
    };
    let elsewhere = "it is a link to something else, /bin/sh: move it away first";
    said(&install(&plugin, path), 1, "", &refused(elsewhere));
    std::fs::remove_file(&link).expect("it is there");
    std::fs::write(&link, "#!/bin/sh\n").expect("the folder is ours");
    let file = "there is a file of that name: move it away first";
    said(&install(&plugin, path), 1, "", &refused(file));
    // Where kubectl does not look, and by a name that it does not know.
    std::fs::remove_file(&link).expect("it is there");
    let expected = format!(
        "{0}/kubectl_complete-lease put in place\n{0} is not on PATH, where kubectl looks for it: add it to PATH\n",
        folder.display()
    );
    said(&install(&plugin, "/usr/bin:/bin"), 0, &expected, "");
    let named = folder.join("lease");
    symlink(env!("CARGO_BIN_EXE_kubectl-lease"), &named).expect("the folder is ours");
    let expected = format!(
        "error: kubectl finds plugins by names like kubectl-lease, and this one is {}: rename it, then try again\n",
        named.display()
    );
    said(&install(&named, "/usr/bin:/bin"), 1, "", &expected);
}
