//! What the system itself says of an error: no text of ours, and another one on every system.

use std::io;

/// That a file is not there, in a folder that is.
pub fn no_such_file() -> String {
    #[cfg(unix)]
    let number = libc::ENOENT;
    #[cfg(windows)]
    let number = 2; // ERROR_FILE_NOT_FOUND
    text(number)
}

/// That the folder of a file is not there.
pub fn no_such_folder() -> String {
    #[cfg(unix)]
    let number = libc::ENOENT;
    #[cfg(windows)]
    let number = 3; // ERROR_PATH_NOT_FOUND
    text(number)
}

/// Without the number that Rust adds.
fn text(number: i32) -> String {
    let text = io::Error::from_raw_os_error(number).to_string();
    let suffix = format!(" (os error {number})");
    text.strip_suffix(&suffix).unwrap_or(&text).to_owned()
}
