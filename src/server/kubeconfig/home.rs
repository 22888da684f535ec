//! The folder that has `.kube`, where several may: on Windows, by client-go's rules (util/homedir/homedir.go).

use std::ffi::OsString;
use std::path::PathBuf;

/// The home folder, by what these variables say; `None` if none of them says anything.
pub fn of_windows(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let (home, profile) = (variable("HOME"), variable("USERPROFILE"));
    let drive_and_path = || {
        let mut drive = variable("HOMEDRIVE")?;
        drive.push(variable("HOMEPATH")?);
        Some(drive)
    };
    let drive_and_path = drive_and_path();
    let paths = |all: [&Option<OsString>; 3]| -> Vec<PathBuf> {
        all.into_iter().flatten().map(PathBuf::from).collect()
    };
    let mut with_config = paths([&home, &drive_and_path, &profile]).into_iter();
    let found = with_config.find(|path| path.join(".kube").join("config").exists());
    // The other way round, as what writes credentials has it.
    let all = paths([&home, &profile, &drive_and_path]);
    let is_writable = |path: &&PathBuf| {
        let found = path.metadata();
        found.is_ok_and(|found| found.is_dir() && !found.permissions().readonly())
    };
    found
        .or_else(|| all.iter().find(is_writable).cloned())
        .or_else(|| all.iter().find(|path| path.exists()).cloned())
        .or_else(|| all.first().cloned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_first_with_a_kubeconfig_counts_then_the_first_that_can_be_written_then_any() {
        let name = format!("kubectl-lease-home-{}", uuid::Uuid::new_v4());
        let root = Folder(std::env::temp_dir().join(name));
        let at = |name: &str| root.0.join(name);
        for name in ["empty", "a/.kube", "b/.kube"] {
            std::fs::create_dir_all(at(name)).expect("it is made");
        }
        for name in ["a", "b"] {
            std::fs::write(at(name).join(".kube").join("config"), "").expect("it is written");
        }
        // A drive ends in a colon; here what is before the last folder.
        let of = |home: &str, drive_path: &str, profile: &str| {
            let of_test = |name: &str| (!name.is_empty()).then(|| at(name).into_os_string());
            of_windows(|name| match name {
                "HOME" => of_test(home),
                "HOMEDRIVE" => (!drive_path.is_empty()).then(|| root.0.clone().into_os_string()),
                "HOMEPATH" => (!drive_path.is_empty()).then(|| {
                    Path::new(std::path::MAIN_SEPARATOR_STR)
                        .join(drive_path)
                        .into_os_string()
                }),
                "USERPROFILE" => of_test(profile),
                _ => None,
            })
        };
        for (home, drive_path, profile, expected) in [
            ("a", "b", "", "a"),
            ("empty", "b", "a", "b"),
            ("empty", "", "a", "a"),
            ("none", "b", "empty", "b"),
            ("none", "empty", "other", "empty"),
            ("none", "other", "empty", "empty"),
            ("", "none", "other", "other"),
            ("", "none", "", "none"),
        ] {
            let found = of(home, drive_path, profile);
            assert_eq!(found, Some(at(expected)), "{home} {drive_path} {profile}");
        }
        assert_eq!(of("", "", ""), None);
        let empty = |name: &str| (name == "HOME").then(OsString::new);
        assert_eq!(of_windows(empty), None);
    }
}
