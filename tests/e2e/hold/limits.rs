//! What a system that is short of something leaves of a hold: all of it, or nothing.

use lease_harness::Command;

use super::others::{Open, assert_free, skipped, under};
use super::scene::{Held, SOON, Scene, announced};

#[test]
fn of_few_open_files_a_small_stack_or_few_processes_all_is_held_or_nothing_and_the_limit_named() {
    for limit in [10, 16, 24, 64] {
        let scene = Scene::new(4);
        let output = under(
            &scene,
            &format!("ulimit -s 64; ulimit -n {limit}"),
            &["--", "echo", "ran"],
        )
        .run();
        match output.code {
            Some(0) => assert_eq!(output.stdout, "ran\n", "{output}"),
            Some(125) => {
                assert!(output.stderr.contains("ulimit -n"), "{limit}: {output}");
                assert_eq!(scene.proxy.requests().len(), 0, "{limit}");
            }
            _ => panic!("{limit}: {output}"),
        }
        assert!(limit < 64 || output.code == Some(0), "{limit}: {output}");
        assert_free(&scene, &output);
    }
    // Nobody else here is this user, and the limit counts all that a user runs.
    const USER: &str = "61234";
    let user = ["--reuid", USER, "--regid", USER, "--clear-groups"];
    if Command::new("setpriv", user.iter().chain(&["true"]))
        .run()
        .code
        != Some(0)
    {
        return skipped("needs root to be another user, whom limits bind");
    }
    for (limit, code) in [(1, 125), (2, 125), (8, 0)] {
        let scene = Scene::new(4);
        let open = Open::new(&scene);
        let binary = open.binary.display().to_string();
        let line = format!("ulimit -u {limit}; exec \"$0\" hold job -- /bin/echo ran");
        let words = ["/bin/bash", "-c", line.as_str(), binary.as_str()];
        let output = Command::new("setpriv", user.iter().chain(&words))
            .kubeconfig(&open.config)
            .run();
        assert_eq!(output.code, Some(code), "{limit}: {output}");
        assert_eq!(
            code == 125,
            output.stderr.contains("ulimit -u"),
            "{limit}: {output}"
        );
        assert!(limit > 1 || scene.proxy.requests().is_empty(), "{output}");
        assert_free(&scene, &output);
    }
}

/// A program that gets no memory is aborted, and gives nothing back.
#[test]
fn too_little_memory_is_found_before_anything_is_taken() {
    let holds = |kilobytes: u64| {
        let scene = Scene::new(60);
        let limit = format!("ulimit -v {kilobytes}");
        // They are copied when there is a grant.
        let word = "x".repeat(100_000);
        let words = ["--", "/bin/true"].into_iter();
        let words: Vec<&str> = words.chain([word.as_str(); 12]).collect();
        let output = under(&scene, &limit, &words).run();
        assert_free(&scene, &output);
        output.code == Some(0)
    };
    // In kilobytes: less than the program itself, and more than it will ever want.
    let (mut less, mut enough) = (1_000, 1_000_000);
    assert!(!holds(less) && holds(enough));
    while enough - less > 2_048 {
        let between = u64::midpoint(less, enough);
        match holds(between) {
            true => enough = between,
            false => less = between,
        }
    }
    for limit in (less.saturating_sub(4_000)..enough).step_by(1_600) {
        holds(limit);
    }
}

/// The fields of proc_pid_stat(5) behind the name, from the state on.
fn policy(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    // The 41st of all.
    fields.split_whitespace().nth(38).map(str::to_owned)
}

/// The kernel ends who uses it up (getrlimit(2), RLIMIT_RTTIME), and a long kill would.
#[test]
fn a_watchdog_does_not_go_first_where_that_time_is_limited() {
    const OTHER: &str = "0";
    const ROUND_ROBIN: &str = "2";
    let limit = ["--rttime=1000000"];
    if Command::new("prlimit", limit.iter().chain(&["true"]))
        .run()
        .code
        != Some(0)
    {
        return skipped("no prlimit");
    }
    let may_go_first = Command::new("chrt", ["--rr", "1", "true"]).run().code == Some(0);
    let expected = if may_go_first { ROUND_ROBIN } else { OTHER };
    for (limit, expected) in [(&limit[..], OTHER), (&[], expected)] {
        let scene = Scene::new(60);
        let script = announced("exec sleep 600");
        let binary = lease_harness::binary().display().to_string();
        let hold = [&binary, "hold", "job", "--", "/bin/sh", "-c", &script];
        let words: Vec<&str> = match limit {
            [] => hold.to_vec(),
            limit => ["prlimit"]
                .iter()
                .chain(limit)
                .chain(&hold)
                .copied()
                .collect(),
        };
        let command = Command::new(words[0], &words[1..])
            .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()));
        let held = Held::start(&command);
        // It goes first once its command runs.
        let begun = std::time::Instant::now();
        while policy(held.watchdog).as_deref() != Some(expected) {
            assert!(begun.elapsed() < SOON, "{:?}", policy(held.watchdog));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        held.running.signal(nix::libc::SIGTERM);
        assert_eq!(held.end().code, Some(143));
    }
}
