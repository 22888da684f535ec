//! The signal that `--on-lost` names.

/// Reads a signal by name, with or without SIG, or by number.
#[cfg(unix)]
pub(super) fn number(text: &str) -> Result<i32, String> {
    use nix::sys::signal::Signal;
    let upper = text.to_ascii_uppercase();
    let name = format!("SIG{}", upper.strip_prefix("SIG").unwrap_or(&upper));
    let by_number = || Signal::try_from(text.parse::<i32>().ok()?).ok();
    name.parse()
        .ok()
        .or_else(by_number)
        .map(|signal: Signal| signal as i32)
        .ok_or_else(|| "a signal is written TERM, SIGTERM or 15; the usual ones are TERM, INT, HUP, USR1 and KILL".to_owned())
}

/// Reads how a command is asked to end: by the one event that can be sent to it alone, or not at all.
#[cfg(windows)]
pub(super) fn number(text: &str) -> Result<i32, String> {
    let upper = text.to_ascii_uppercase();
    match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "TERM" | "INT" | "BREAK" | "2" | "15" | "21" => Ok(21),
        "KILL" | "9" => Ok(9),
        _ => Err(
            "on Windows it is BREAK (Ctrl-Break, as without this flag) or KILL (it is not asked)"
                .to_owned(),
        ),
    }
}
