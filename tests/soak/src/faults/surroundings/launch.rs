//! The launcher: makes the surroundings, in namespaces of its own, and becomes the program or waits for it.

use std::convert::Infallible;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{ForkResult, Gid, Uid, fork, setgid, setgroups, setuid};

use super::{Oddity, terminal};

/// Runs as the launcher, if the first word says so: `around WORDS -- PROGRAM ARGUMENTS`.
pub fn main(arguments: &[String]) -> Option<ExitCode> {
    let (first, rest) = arguments.split_first()?;
    if first != "around" {
        return None;
    }
    let (words, program) = rest.split_at(rest.iter().position(|word| word == "--")?);
    let oddities = words
        .iter()
        .map(|word| Oddity::read(word))
        .collect::<Option<Vec<_>>>()?;
    let (program, arguments) = program.get(1..)?.split_first()?;
    let mut program = Command::new(program);
    program.args(arguments);
    Some(match launch(&oddities, &mut program) {
        Ok(never) => match never {},
        Err(error) => {
            say(&format!("lease-soak: {}: {error}", words.join(" ")));
            ExitCode::from(2)
        }
    })
}

fn launch(oddities: &[Oddity], program: &mut Command) -> nix::Result<Infallible> {
    for oddity in oddities {
        match oddity {
            Oddity::PidNamespace => enter_pid_namespace(None)?,
            Oddity::FewPids(most) => enter_pid_namespace(Some(*most))?,
            Oddity::HiddenProcesses => hide_processes()?,
            Oddity::Terminal => terminal::enter()?,
            Oddity::NoTerminal => terminal::leave()?,
            Oddity::Files(_) | Oddity::Processes(_) | Oddity::User(_) => {}
        }
    }
    // A mount needs the rights that this gives up.
    for oddity in oddities {
        match *oddity {
            Oddity::User(user) => become_user(user)?,
            Oddity::Files(most) => limit(Resource::RLIMIT_NOFILE, most)?,
            _ => {}
        }
    }
    // It counts for the user who is there now.
    for oddity in oddities {
        if let Oddity::Processes(most) = *oddity {
            limit(Resource::RLIMIT_NPROC, most)?;
        }
    }
    die_with_parent();
    let error = program.exec();
    Err(error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw))
}

fn limit(resource: Resource, most: u32) -> nix::Result<()> {
    setrlimit(resource, most.into(), most.into())
}

fn become_user(user: u32) -> nix::Result<()> {
    setgroups(&[])?;
    setgid(Gid::from_raw(user))?;
    setuid(Uid::from_raw(user))
}

/// Mounts here are nobody else's.
fn unshare_mounts(more: CloneFlags) -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS | more)?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
}

fn hide_processes() -> nix::Result<()> {
    unshare_mounts(CloneFlags::empty())?;
    mount_proc(Some("hidepid=2"))
}

fn mount_proc(options: Option<&str>) -> nix::Result<()> {
    mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        MsFlags::empty(),
        options,
    )
}

/// Returns in the namespace's first process; the one outside waits for it and ends as it does.
fn enter_pid_namespace(most: Option<u32>) -> nix::Result<()> {
    unshare_mounts(CloneFlags::CLONE_NEWPID)?;
    // SAFETY: a process of one thread may do anything after a fork.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => terminal::end_as(terminal::wait(child)),
        ForkResult::Child => {
            die_with_parent();
            mount_proc(None)?;
            if let Some(most) = most {
                let file = "/proc/sys/kernel/pid_max";
                let written = std::fs::write(file, most.to_string());
                written
                    .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
            }
            Ok(())
        }
    }
}

/// Becoming another user has taken back what the harness had asked for.
pub fn die_with_parent() {
    // SAFETY: prctl with these arguments only sets a number in the calling process.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
