//! What a hold believes of /proc: none at all, another namespace's, one that is taken away or hides processes.

use std::time::Duration;

use lease_harness::Command;

use super::others::{Open, assert_free, may_unshare, skipped};
use super::scene::{SOON, Scene, announced, until};

#[test]
fn without_a_proc_of_our_own_pid_namespace_nothing_is_taken() {
    let options = ["--user", "--map-root-user", "--pid", "--fork"];
    if !may_unshare(&options) {
        return skipped("no namespaces for this user");
    }
    let scene = Scene::new(4);
    let binary = lease_harness::binary().display().to_string();
    let words = [binary.as_str(), "hold", "job", "--", "true"];
    let output = Command::new("unshare", options.iter().chain(&words))
        .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
        .run();
    assert_eq!(output.code, Some(125), "{output}");
    assert!(output.stderr.contains("PID namespace"), "{output}");
    assert_eq!(scene.proxy.requests().len(), 0);
}

#[test]
fn a_command_that_takes_proc_away_is_ended_and_waited_for_all_the_same() {
    let options = ["--user", "--map-root-user", "--mount"];
    if !may_unshare(&options) {
        return skipped("no namespaces for this user");
    }
    let scene = Scene::new(4);
    let binary = lease_harness::binary().display().to_string();
    // Ends with somebody left; or by the deadline, because nobody is there to renew.
    for (script, supervisor_dies) in [
        (
            "setsid sleep 601 & mount -t tmpfs none /proc; echo up",
            false,
        ),
        (
            "setsid sleep 601 & mount -t tmpfs none /proc; echo up; sleep 602",
            true,
        ),
    ] {
        let words = [
            binary.as_str(),
            "hold",
            "job",
            "--",
            "/bin/sh",
            "-c",
            script,
        ];
        let running = Command::new("unshare", options.iter().chain(&words))
            .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
            .spawn();
        running.wait_stdout(|line| line == "up", SOON);
        let tree = running.tree();
        if supervisor_dies {
            running.signal(libc::SIGKILL);
        } else {
            let output = running.wait(SOON);
            assert_eq!(output.code, Some(0), "{output}");
            assert_free(&scene, &output);
        }
        for pid in tree {
            lease_harness::wait_gone(pid, SOON);
        }
    }
}

#[test]
fn a_hidden_process_in_a_session_of_its_own_is_gone_before_the_release() {
    let scene = Scene::new(4);
    let gate = scene.gate();
    // Nobody else may look at what makes itself undumpable, as ssh-agent does; with hidepid=2 nobody sees it.
    let hidden = "import ctypes, os, time
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
os.setsid()
print('up', flush=True)
time.sleep(600)";
    let inner = announced(&format!(
        "python3 -c \"{hidden}\" & {}; exit 0",
        until(&gate)
    ));
    let outer = "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups \
                 \"$0\" hold job -- /bin/sh -c \"$1\"";
    let unshare = ["--mount", "--pid", "--fork"];
    if !may_unshare(&unshare)
        || Command::new("python3", ["-c", "import ctypes"]).run().code != Some(0)
    {
        return skipped("needs root for another user with hidepid=2, and python3");
    }
    let open = Open::new(&scene);
    let binary = open.binary.display().to_string();
    let words = ["/bin/sh", "-c", outer, binary.as_str(), inner.as_str()];
    let running = Command::new("unshare", unshare.iter().chain(&words))
        .kubeconfig(&open.config)
        .spawn();
    running.wait_stdout(|line| line == "up", SOON);
    running.wait_stdout(|line| line.starts_with("child "), SOON);
    let before = running.tree().len();
    std::fs::write(&gate, "").expect("the folder is ours");
    let output = running.wait(Duration::from_secs(10));
    assert!(before > 3, "{output}");
    assert_eq!(output.code, Some(0), "{output}");
    assert_free(&scene, &output);
}

/// The numbers there are other processes' here.
#[test]
fn a_proc_that_another_namespace_mounts_over_ours_is_not_believed() {
    const BEGIN: &str = "
        sleep 601 & stranger=$!
        \"$0\" hold job -- /bin/bash $FOLDER/command $stranger & hold=$!
        until [ -s $FOLDER/inside ]; do sleep 0.02; done
        kill -TERM $hold; wait $hold; echo ended $?
        cat $FOLDER/outside $FOLDER/inside
        kill -0 $stranger && echo survived; kill $stranger";
    const COMMAND: &str = "trap 'exit 3' TERM; echo $$ $1 >$FOLDER/outside
        unshare --pid --fork bash $FOLDER/first $$ $1 & sleep 603 & wait";
    // Inside, a process has the leader's number, and its child that of somebody who is none of the command's.
    const FIRST: &str = "mount -t proc proc /proc; echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
        bash $FOLDER/second $2; :";
    const SECOND: &str = "echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
        sleep 602 & echo $$ $! >$FOLDER/inside; wait";
    let unshare = ["--mount", "--pid", "--fork", "--mount-proc"];
    if !may_unshare(&unshare) {
        return skipped("needs namespaces of its own");
    }
    let scene = Scene::new(4);
    let command = scene.ns.file("command", COMMAND);
    scene.ns.file("first", FIRST);
    scene.ns.file("second", SECOND);
    let binary = lease_harness::binary().display().to_string();
    let words = ["/bin/bash", "-c", BEGIN, binary.as_str()];
    let output = Command::new("unshare", unshare.iter().chain(&words))
        .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
        .env("FOLDER", command.parent().expect("a folder"))
        .run();
    let lines: Vec<&str> = output.stdout.lines().collect();
    let [ended, outside, inside, survived] = lines[..] else {
        panic!("{output}");
    };
    assert_eq!(outside, inside, "the numbers are not as they should be");
    assert_eq!((ended, survived), ("ended 3", "survived"), "{output}");
    assert_free(&scene, &output);
}

/// In it we have another number, and so has everybody of the command.
#[test]
fn a_proc_from_outside_of_our_namespace_is_not_believed_either() {
    const BEGIN: &str = "mkdir $FOLDER/outer && mount --rbind /proc $FOLDER/outer && mount -t proc proc /proc
        exec \"$0\" hold job -- /bin/sh -c \"mount --rbind $FOLDER/outer /proc; setsid sleep 601 & exit 4\"";
    let unshare = ["--mount", "--pid", "--fork", "--kill-child"];
    if !may_unshare(&unshare) {
        return skipped("needs namespaces of its own");
    }
    let scene = Scene::new(4);
    let folder = scene.ns.file("outer-proc", "");
    let binary = lease_harness::binary().display().to_string();
    let words = ["/bin/sh", "-c", BEGIN, binary.as_str()];
    let running = Command::new("unshare", unshare.iter().chain(&words))
        .kubeconfig(scene.ns.kubeconfig_via(&scene.user, &scene.proxy.url()))
        .env("FOLDER", folder.parent().expect("a folder"))
        .spawn();
    let output = running.wait(SOON);
    assert_eq!(output.code, Some(4), "{output}");
    assert_free(&scene, &output);
}
