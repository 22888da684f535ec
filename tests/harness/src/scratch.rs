//! Temporary folders that are gone after the process is, even after SIGKILL.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Removes our folders once its standard input ends, which is when this process is gone. Servers that were killed
/// along with it may write for a moment longer, hence the loop.
#[cfg(unix)]
const GUARD: &str = "trap '' HUP INT TERM; read -r _; \
    for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- \"$@\" 2>/dev/null && exit; sleep 0.2; done";

/// The same: a program that still runs keeps its folder for as long.
#[cfg(windows)]
const GUARD: &str =
    "set /p LINE= & for /l %i in (1,1,200) do @if exist %FOLDER% rmdir /s /q %FOLDER%";

struct Scratch {
    disk: PathBuf,
    #[cfg_attr(not(unix), expect(dead_code))]
    memory: PathBuf,
    count: AtomicU32,
    _guard: ChildStdin,
}

// The guard outlives this process by design: there is nothing to wait for.
#[expect(clippy::zombie_processes)]
static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
    let name = format!(
        "lease-harness-{}-{}",
        std::process::id(),
        crate::random::hex(4)
    );
    let disk = std::env::temp_dir().join(&name);
    fs::create_dir_all(&disk).expect("the temporary directory is writable");
    let shared_memory = Path::new("/dev/shm").join(&name);
    let memory = match fs::create_dir(&shared_memory) {
        Ok(()) => shared_memory,
        Err(_) => disk.clone(),
    };
    let mut guard = guard(&disk, &memory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a system has its shell");
    let pipe = guard.stdin.take().expect("stdin was piped");
    Scratch {
        disk,
        memory,
        count: AtomicU32::new(0),
        _guard: pipe,
    }
});

#[cfg(unix)]
fn guard(disk: &Path, memory: &Path) -> Command {
    let mut guard = Command::new("/bin/sh");
    guard
        .args(["-c", GUARD, "harness-guard"])
        .args([disk, memory])
        .current_dir("/")
        // Without our environment nobody takes it for part of a command under test.
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .process_group(0);
    guard
}

#[cfg(windows)]
fn guard(disk: &Path, _memory: &Path) -> Command {
    use std::os::windows::process::CommandExt;
    use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW};
    let mut guard = Command::new("cmd");
    guard
        // As it is: this shell has rules of its own for quotes.
        .raw_arg(format!("/d /c \"{GUARD}\""))
        .env("FOLDER", format!("\"{}\"", disk.display()))
        .current_dir(crate::process::ROOT)
        .creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
    guard
}

/// A new empty folder for files that may be executed.
pub(crate) fn folder(name: &str) -> PathBuf {
    make(&SCRATCH.disk, name)
}

/// A new empty folder in memory where the system has such a place: for etcd, which syncs each write.
#[cfg(unix)]
pub(crate) fn memory_folder(name: &str) -> PathBuf {
    make(&SCRATCH.memory, name)
}

/// Has nobody but its owner read the file; a person's own folder does that on Windows.
pub(crate) fn for_its_owner(path: &Path) {
    #[cfg(unix)]
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    #[cfg(not(unix))]
    let _ = path;
}

/// Copies `source` to the executable `copy`, by another process: while we had it open for writing, so would each
/// process that another test is just starting, and the kernel executes no file that is open for writing (ETXTBSY).
///
/// # Panics
///
/// When it cannot be copied.
#[cfg(unix)]
pub fn copy_program(source: &Path, copy: &Path) {
    let copied = Command::new("install")
        .args(["-m", "755"])
        .args([source, copy])
        .status()
        .expect("a Unix system has `install`");
    assert!(copied.success(), "{}: {copied}", copy.display());
}

/// Copies `source` to the executable `copy`.
///
/// # Panics
///
/// When it cannot be copied.
#[cfg(not(unix))]
pub fn copy_program(source: &Path, copy: &Path) {
    fs::copy(source, copy).expect("the folder is ours");
}

fn make(parent: &Path, name: &str) -> PathBuf {
    let number = SCRATCH.count.fetch_add(1, Ordering::Relaxed);
    let path = parent.join(format!("{name}-{number}"));
    fs::create_dir(&path).expect("the process's own temporary folder is writable");
    path
}
