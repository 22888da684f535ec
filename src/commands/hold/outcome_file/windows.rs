//! What is different about files on Windows: names that are none, and programs that keep others from a file that they read.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::Duration;

use same_file::Handle;

/// ERROR_ACCESS_DENIED and ERROR_SHARING_VIOLATION.
const DENIED: i32 = 5;
const SHARED: i32 = 32;

/// A scanner for viruses, an indexer and whoever reads the last outcome have it for a moment.
const PAUSES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Why no file can be called so; `None` if one can.
pub fn no_file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    if name.contains(':') {
        return Some(
            "a colon in it names a stream of a file, which cannot be replaced; give a file"
                .to_owned(),
        );
    }
    // Whatever follows it, in any folder; that is so up to Windows 10 for what has an end too.
    let device = name
        .split('.')
        .next()
        .unwrap_or_default()
        .trim_end()
        .to_ascii_uppercase();
    let numbered = |kind: &str| {
        let number = device.strip_prefix(kind)?;
        let mut digits = number.chars();
        let digit = digits.next().filter(|_| digits.next().is_none())?;
        matches!(digit, '0'..='9' | '¹' | '²' | '³').then_some(())
    };
    let named = matches!(
        device.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    );
    let is_device = named || numbered("COM").or(numbered("LPT")).is_some();
    is_device.then(|| {
        format!("{device} is a device of Windows, whatever follows it; give the file another name")
    })
}

/// Whether it is what this process has as its input or output, under whichever name: what is printed there would be lost.
pub fn is_our_own(path: &Path, _: &Metadata) -> bool {
    let Ok(found) = Handle::from_path(path) else {
        return false;
    };
    let all = [Handle::stdin(), Handle::stdout(), Handle::stderr()];
    all.into_iter().flatten().any(|one| one == found)
}

/// Gives a file another's name, which is not there any more then.
///
/// # Errors
/// As the system says, in words where others keep it from being done.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if fs::metadata(to).is_ok_and(|found| found.permissions().readonly()) {
        return Err(io::Error::other(
            "it is marked as read-only (attrib -r takes that away)",
        ));
    }
    let renamed = patiently(|| fs::rename(from, to));
    renamed.map_err(|error| match error.raw_os_error() {
        Some(SHARED) => io::Error::other("another program has it open, and lets nobody replace it"),
        Some(DENIED) => io::Error::other("access is denied: another program may have it open"),
        _ => error,
    })
}

/// Takes a file away.
///
/// # Errors
/// As the system says.
pub fn remove_file(path: &Path) -> io::Result<()> {
    patiently(|| fs::remove_file(path))
}

fn patiently(act: impl Fn() -> io::Result<()>) -> io::Result<()> {
    for _ in 0..PAUSES {
        match act() {
            Err(error) if matches!(error.raw_os_error(), Some(DENIED | SHARED)) => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
    act()
}

#[cfg(test)]
mod tests {
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::PathBuf;

    use super::super::{made_ready, replace};
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("kubectl-lease outcome {}", uuid::Uuid::new_v4());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir(&folder).expect("it is made");
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn names_of_devices_and_of_streams_are_no_files() {
        for name in [
            "NUL",
            "nul",
            "C:\\x\\con.json",
            "COM1",
            "lpt9.yaml",
            "NUL .json",
            "CONOUT$",
            "x.json:y",
            "COM²",
        ] {
            assert!(no_file(Path::new(name)).is_some(), "{name}");
        }
        for name in [
            "null.json",
            "C:\\con\\x",
            "COM10",
            "COMx",
            "LPT",
            "x.nul",
            "auxiliary",
        ] {
            assert_eq!(no_file(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_file_is_replaced_however_long_its_path_is_and_while_somebody_reads_it() {
        let folder = Folder::new();
        let mut deep = folder.0.clone();
        for _ in 0..4 {
            deep.push("x".repeat(80));
        }
        fs::create_dir_all(&deep).expect("it is made");
        for folder in [&folder.0, &deep] {
            let path = made_ready(&folder.join("out.json")).expect("it can be written");
            assert!(!path.exists());
            replace(&path, "1").expect("it is new");
            replace(&path, "2").expect("it is there");
            assert_eq!(fs::read_to_string(&path).expect("it is there"), "2");
        }
    }

    #[test]
    fn what_another_program_keeps_for_itself_or_is_marked_is_said() {
        let folder = Folder::new();
        let path = folder.0.join("out.json");
        fs::write(&path, "1").expect("it is written");
        let kept = fs::OpenOptions::new()
            .read(true)
            .share_mode(1)
            .open(&path)
            .expect("it is there");
        let why = replace(&path, "2").expect_err("it is kept").to_string();
        assert!(why.contains("another program"), "{why}");
        drop(kept);
        replace(&path, "2").expect("it is not kept any more");
        let mark = |readonly| {
            let mut permissions = fs::metadata(&path).expect("it is there").permissions();
            permissions.set_readonly(readonly);
            fs::set_permissions(&path, permissions).expect("it is ours");
        };
        mark(true);
        let why = replace(&path, "3").expect_err("it is marked").to_string();
        assert!(why.contains("read-only"), "{why}");
        mark(false);
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "2");
        let left = fs::read_dir(&folder.0).expect("it is there").count();
        assert_eq!(left, 1);
    }

    #[test]
    fn one_that_is_let_go_of_in_time_is_replaced() {
        let folder = Folder::new();
        let path = folder.0.join("out.json");
        fs::write(&path, "1").expect("it is written");
        let kept = fs::OpenOptions::new()
            .read(true)
            .share_mode(1)
            .open(&path)
            .expect("it is there");
        let reader = std::thread::spawn(move || {
            std::thread::sleep(3 * PAUSE);
            drop(kept);
        });
        replace(&path, "2").expect("it was let go of");
        reader.join().expect("it ended");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "2");
    }
}
