//! What is played for the picture: two shells on one cluster.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use lease_harness::{Cluster, Namespace, lease};

use crate::stage::{self, Stage};
use crate::svg;

const PLUGIN: &str = "kubectl-lease";

/// Draws it; or runs as the plugin, where it is called so.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    // This same file is the plugin when it is called by the plugin's name.
    let name = args.first().map(Path::new).and_then(Path::file_name);
    if name.is_some_and(|name| name.to_string_lossy().starts_with(PLUGIN)) {
        return kubectl_lease::run(args);
    }
    match play() {
        Ok(recording) => {
            print!("{}", svg::draw(&recording));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("picture: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play() -> std::io::Result<stage::Recording> {
    let ns = cluster_default();
    let folder = ns.file("place", "").with_file_name("bin");
    std::fs::create_dir(&folder)?;
    symlink(std::env::current_exe()?, folder.join(PLUGIN))?;
    lease_harness::set_binary(folder.join(PLUGIN));
    ns.script(
        "deploy.sh",
        "#!/bin/sh\necho 'rolling out 1.4'\nsleep 7\necho 'rolled out 1.4'\n",
    );
    arrange(&ns);

    let shell = |holder: &str, rows| {
        ns.program(&ns.admin(), "bash", ["--norc", "-i"])
            .env("PS1", "$ ")
            .env("KUBECTL_LEASE_HOLDER", holder)
            .env("HOME", folder.parent().unwrap_or(&folder))
            .env("TERM", "xterm-256color")
            .spawn_pty(rows, stage::COLUMNS)
    };
    let mut stage = Stage::new([("CI", shell("ci-7", 5)), ("you", shell("ada@laptop", 14))]);
    let (ci, you) = (0, 1);
    stage.prompt(ci);
    stage.prompt(you);
    stage.pause(400);
    stage.types(ci, "cd ~");
    stage.clear(ci);
    stage.begin();
    stage.types(
        ci,
        "kubectl lease hold deploy --reason 'release 1.4' -- ./deploy.sh",
    );
    stage.shows(ci, "rolling out");
    stage.pause(500);
    stage.types(you, "kubectl lease status");
    stage.shows(you, "TRANSITIONS");
    stage.prompt(you);
    stage.pause(1500);
    stage.types(you, "kubectl lease acquire deploy");
    stage.shows(you, "acquired");
    stage.pause(1500);
    stage.types(you, "kubectl lease release deploy");
    stage.shows(you, "released");
    stage.pause(2500);
    Ok(stage.end())
}

/// The namespace `default`; a kube-apiserver makes it a moment after its start.
fn cluster_default() -> Namespace {
    let cluster = Cluster::shared();
    let there = || {
        let answer = cluster
            .admin()
            .call("GET", "/api/v1/namespaces/default", None);
        answer.is_ok_and(|answer| answer.status == 200)
    };
    while cluster.is_real() && !there() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    cluster.existing_namespace("default")
}

fn arrange(ns: &Namespace) {
    let free = |name: &str| lease(name).holder("").duration(60).transitions(11).build();
    ns.create(&free("deploy"));
    ns.create(&free("nightly-backup"));
    let stuck = lease("db-migration").holder("grace@desk").duration(60);
    ns.create(
        &stuck
            .acquired_ago(4 * 3600, 0)
            .renewed_ago(3 * 3600, 0)
            .transitions(3)
            .build(),
    );
}
