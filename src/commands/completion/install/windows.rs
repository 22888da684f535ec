//! The same on Windows, where a link takes a privilege: a second name of the file, or a copy of it.

use std::fs;
use std::io;
use std::path::Path;

use crate::output::{Failure, terminal};

/// Where PowerShell 7 and Windows PowerShell have their profiles, below the folder of documents.
const PROFILES: [&str; 2] = ["PowerShell", "WindowsPowerShell"];

/// Whether the two are one file, or alike: a copy.
pub fn is_same(link: &Path, plugin: &Path) -> bool {
    same_file::is_same_file(link, plugin).unwrap_or(false)
        || matches!((fs::read(link), fs::read(plugin)), (Ok(one), Ok(other)) if one == other)
}

/// Gives the plugin a second name, in place of what has that; where the file system has no such thing, copies it.
///
/// # Errors
/// As the system says. What had the name has it still.
pub fn make(plugin: &Path, link: &Path) -> io::Result<()> {
    let new = link.with_extension(format!("{}.new", std::process::id()));
    let made = fs::hard_link(plugin, &new).or_else(|_| fs::copy(plugin, &new).map(drop));
    let put = made.and_then(|()| fs::rename(&new, link));
    if put.is_err() {
        // What is left of it, if anything is.
        let _ = fs::remove_file(&new);
    }
    put
}

/// Says what else there is to do.
///
/// # Errors
/// When it cannot be printed.
pub fn explain() -> Result<(), Failure> {
    let documents = std::env::home_dir().map(|home| home.join("Documents"));
    let has = |name: &&str| {
        let folder = documents.as_ref().map(|documents| documents.join(name));
        folder.is_some_and(|folder| folder.is_dir())
    };
    let profiles: Vec<&str> = PROFILES.into_iter().filter(has).collect();
    let whose = match profiles[..] {
        [] => String::new(),
        _ => format!(" (below Documents here: {})", profiles.join(" and ")),
    };
    terminal::print(&format!(
        "In PowerShell it is on once the profile{whose} has this line:\n  \
           kubectl completion powershell | Out-String | Invoke-Expression\n\
         To open the profile, and make it where there is none: if (!(Test-Path $PROFILE)) {{ New-Item -Force $PROFILE }}; notepad $PROFILE\n\
         cmd.exe completes no commands. An upgrade replaces the plugin and not this second name of it: install it again then\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_name_is_the_same_file_until_the_plugin_is_replaced() {
        let folder =
            std::env::temp_dir().join(format!("kubectl-lease-install-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&folder).expect("it is made");
        let (plugin, link) = (
            folder.join("kubectl-lease.exe"),
            folder.join("kubectl_complete-lease.exe"),
        );
        fs::write(&plugin, "1").expect("it is written");
        make(&plugin, &link).expect("it is linked");
        assert!(is_same(&link, &plugin));
        let new = folder.join("new");
        fs::write(&new, "2").expect("it is written");
        fs::rename(&new, &plugin).expect("it is replaced");
        assert!(!is_same(&link, &plugin));
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
