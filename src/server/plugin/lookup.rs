//! Where Windows has the program that a kubeconfig names: as Go looks for it, and so kubectl (os/exec, LookPath). The standard
//! library would look beside ourselves first, and in the system's folders.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The ends of programs' names where PATHEXT names none.
const ENDS: &str = ".com;.exe;.bat;.cmd";

/// Why there is no program to run.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is none.
    NotFound,
    /// It would be one in the folder that somebody happens to work in, where anybody may have put it.
    NotByItsName(PathBuf),
}

/// Where to look.
pub struct Places<'a> {
    /// PATH
    pub path: Option<OsString>,
    /// PATHEXT
    pub ends: Option<String>,
    /// The folder that we work in; `None` where NoDefaultCurrentDirectoryInExePath says that nothing is run there by its name.
    pub here: Option<&'a Path>,
}

/// Whether a command says where it is.
pub fn is_path(command: &str) -> bool {
    command.contains([':', '\\', '/'])
}

/// The program of that name, or at that place.
///
/// # Errors
/// When there is none.
pub fn find(command: &str, places: &Places<'_>) -> Result<PathBuf, Missing> {
    let ends = places.ends.as_deref().filter(|ends| !ends.is_empty());
    let ends: Vec<String> = ends.unwrap_or(ENDS).split(';').filter_map(end).collect();
    if is_path(command) {
        return at(Path::new(command), &ends).ok_or(Missing::NotFound);
    }
    let here = places.here.and_then(|here| at(&here.join(command), &ends));
    let path = places.path.as_deref().unwrap_or(OsStr::new(""));
    let folders = std::env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty());
    for folder in folders {
        let Some(found) = at(&folder.join(command), &ends) else {
            continue;
        };
        let is_same = |here: &PathBuf| same_file::is_same_file(here, &found).unwrap_or(false);
        return match here {
            Some(here) if !is_same(&here) => Err(Missing::NotByItsName(here)),
            Some(_) | None if folder.is_relative() => Err(Missing::NotByItsName(found)),
            Some(_) | None => Ok(found),
        };
    }
    Err(here.map_or(Missing::NotFound, Missing::NotByItsName))
}

/// With its dot, as Windows takes it.
fn end(text: &str) -> Option<String> {
    match text.strip_prefix('.') {
        _ if text.is_empty() => None,
        Some(_) => Some(text.to_ascii_lowercase()),
        None => Some(format!(".{}", text.to_ascii_lowercase())),
    }
}

/// The file of that name, if it has an end; else, or if there is none, the first with one of these.
fn at(file: &Path, ends: &[String]) -> Option<PathBuf> {
    let is_file = |file: &Path| file.metadata().is_ok_and(|found| !found.is_dir());
    if file.extension().is_some() && is_file(file) {
        return Some(file.to_owned());
    }
    let with = ends.iter().map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    with.into_iter().find(|file| is_file(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files, which goes when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn with(files: &[&str]) -> Self {
            let name = format!("kubectl-lease-lookup {}", uuid::Uuid::new_v4());
            let folder = std::env::temp_dir().join(name);
            for file in files {
                let file = folder.join(file);
                std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
                std::fs::write(&file, "x").expect("it is written");
            }
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn places<'a>(folders: &[&Path], here: Option<&'a Path>) -> Places<'a> {
        Places {
            path: Some(std::env::join_paths(folders).expect("folders")),
            ends: Some(".COM;.EXE;;CMD".to_owned()),
            here,
        }
    }

    #[test]
    fn a_name_is_looked_for_with_each_end_in_each_folder() {
        let folder = Folder::with(&[
            "a/aws.cmd",
            "b/aws.exe",
            "b/aws.cmd",
            "b/get.token.exe",
            "b/none",
            "b/dir.exe/x",
        ]);
        let (a, b) = (folder.0.join("a"), folder.0.join("b"));
        let places = places(&[&a, &b], None);
        for (command, found) in [
            ("aws", Ok(a.join("aws.cmd"))),
            ("aws.exe", Ok(b.join("aws.exe"))),
            ("get.token", Ok(b.join("get.token.exe"))),
            ("none", Err(Missing::NotFound)),
            ("dir", Err(Missing::NotFound)),
            ("nothing", Err(Missing::NotFound)),
        ] {
            assert_eq!(find(command, &places), found, "{command}");
        }
        let at = b.join("aws").display().to_string();
        assert_eq!(find(&at, &places), Ok(b.join("aws.exe")));
        assert_eq!(find("./nothing", &places), Err(Missing::NotFound));
        let bare = Places {
            ends: None,
            ..places
        };
        assert_eq!(find("aws", &bare), Ok(a.join("aws.cmd")));
    }

    #[test]
    fn nothing_is_run_for_being_in_the_folder_that_somebody_works_in() {
        let folder = Folder::with(&["here/aws.exe", "here/mine.exe", "path/aws.exe"]);
        let (here, path) = (folder.0.join("here"), folder.0.join("path"));
        let of = |command: &str, folders: &[&Path], here| find(command, &places(folders, here));
        let refused = |name: &str| Err(Missing::NotByItsName(here.join(name)));
        assert_eq!(of("mine", &[&path], Some(&here)), refused("mine.exe"));
        // kubectl does not run the other one either: it is not the one that cmd.exe would run.
        assert_eq!(of("aws", &[&path], Some(&here)), refused("aws.exe"));
        assert_eq!(of("aws", &[&path], None), Ok(path.join("aws.exe")));
        assert_eq!(of("aws", &[&here], Some(&here)), Ok(here.join("aws.exe")));
    }
}
