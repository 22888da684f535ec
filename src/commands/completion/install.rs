//! `kubectl lease completion install`: the link `kubectl_complete-lease` beside the plugin.

#[cfg(windows)]
mod windows;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::complete;
use crate::error::Error;
use crate::exit::Exit;
use crate::output::terminal;

pub fn run() -> Result<Exit, Error> {
    let plugin = plugin()?;
    let (Some(folder), Some(file)) = (plugin.parent(), plugin.file_name()) else {
        return Err(Error::Local(format!(
            "{} is in no folder",
            plugin.display()
        )));
    };
    let Some(name) = complete::link_name(Path::new(file)) else {
        return Err(Error::Local(format!(
            "kubectl finds plugins by names like kubectl-lease, and this one is {}: rename it, then try again",
            plugin.display()
        )));
    };
    let link = folder.join(name);
    let done = put(&link, &plugin).map_err(|why| {
        Error::Local(format!(
            "cannot put {} in place: {why}; {}",
            link.display(),
            elsewhere(&plugin, &link)
        ))
    })?;
    let sentence = match done {
        Done::There => "is there already",
        Done::Made => "put in place",
        Done::Replaced if cfg!(windows) => "replaced (it was an earlier version, or another file)",
        Done::Replaced => "replaced (it pointed to another file)",
    };
    terminal::print(&format!("{} {sentence}\n", link.display()))?;
    if on_path(folder) {
        terminal::print(
            "kubectl completes `kubectl lease` wherever kubectl's own completion is on (kubectl completion --help)\n",
        )?;
        #[cfg(windows)]
        windows::explain()?;
    } else {
        terminal::print(&format!(
            "{} is not on PATH, where kubectl looks for it: add it to PATH\n",
            folder.display()
        ))?;
    }
    Ok(Exit::DONE)
}

#[cfg(unix)]
fn elsewhere(plugin: &Path, link: &Path) -> String {
    format!(
        "put the link into any folder on PATH instead: ln -s {} FOLDER/{}",
        plugin.display(),
        link.file_name().unwrap_or_default().display()
    )
}

#[cfg(windows)]
fn elsewhere(plugin: &Path, link: &Path) -> String {
    format!(
        "copy {} into any other folder on PATH, as {}",
        plugin.display(),
        link.file_name().unwrap_or_default().display()
    )
}

enum Done {
    There,
    Made,
    Replaced,
}

/// Makes `link` lead to `plugin`, which is in the same folder: so the link stays good when the folder moves, and when a
/// plugin manager replaces the plugin. What is not such a link already is not touched; on Windows, where an earlier second name
/// cannot be told from another file, what has the name is replaced.
fn put(link: &Path, plugin: &Path) -> Result<Done, String> {
    let target = PathBuf::from(plugin.file_name().unwrap_or_default());
    let replaced = match link.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.to_string()),
        Ok(found) if found.is_symlink() => {
            let leads_to = link.read_link().map_err(|error| error.to_string())?;
            if leads_to == target || leads_to == plugin {
                return Ok(Done::There);
            }
            if leads_to.file_name() != target.file_name() && link.exists() {
                return Err(format!(
                    "it is a link to something else, {}: move it away first",
                    leads_to.display()
                ));
            }
            std::fs::remove_file(link).map_err(|error| error.to_string())?;
            true
        }
        Ok(_) if cfg!(unix) => {
            return Err("there is a file of that name: move it away first".to_owned());
        }
        #[cfg(windows)]
        Ok(_) if windows::is_same(link, plugin) => return Ok(Done::There),
        Ok(_) => true,
    };
    make(&target, plugin, link).map_err(|error| error.to_string())?;
    Ok(if replaced { Done::Replaced } else { Done::Made })
}

#[cfg(unix)]
fn make(target: &Path, _plugin: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn make(_target: &Path, plugin: &Path, link: &Path) -> io::Result<()> {
    windows::make(plugin, link)
}

/// The plugin as it was called, links not followed: kubectl found it in that folder, so that folder is on PATH.
fn plugin() -> Result<PathBuf, Error> {
    let called: OsString = std::env::args_os().next().unwrap_or_default();
    let path = Path::new(&called);
    let found = if path.components().count() > 1 {
        std::path::absolute(path).ok()
    } else {
        which::which(path).ok()
    };
    match found.filter(|path| path.exists()) {
        Some(path) => Ok(path),
        None => std::env::current_exe()
            .map_err(|error| Error::Local(format!("cannot tell where this program is: {error}"))),
    }
}

fn on_path(folder: &Path) -> bool {
    let same = |other: &Path| match (other.canonicalize(), folder.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|other| same(&other))
}
