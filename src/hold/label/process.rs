//! Which process has set a label, as its mark says, and whether that one is still there.

#[cfg(windows)]
use crate::processes::start;

/// The process of this number, and its start: no other of this machine has both.
pub fn ourselves() -> Option<String> {
    tag(std::process::id())
}

/// Whether the process of such a tag is seen to be alive. One of another container is not seen, nor one of another machine.
pub fn is_alive(process: &str) -> bool {
    let number = process.split('/').next().unwrap_or_default();
    number
        .parse()
        .is_ok_and(|number| tag(number).as_deref() == Some(process))
}

fn tag(number: u32) -> Option<String> {
    start(number).map(|start| format!("{number}/{start}"))
}

/// When a living process began, since the boot.
#[cfg(not(windows))]
fn start(number: u32) -> Option<String> {
    // That of another PID namespace would tell of another process.
    let ourselves = std::fs::read_link("/proc/self").ok()?;
    if ourselves.to_str()?.parse() != Ok(std::process::id()) {
        return None;
    }
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // "pid (name) state ppid …", the 22nd field is the start; the name may hold anything (proc(5)).
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X" | "x");
    let start = fields.nth(18)?;
    (!is_dead).then(|| start.to_owned())
}

#[cfg(test)]
#[cfg(any(target_os = "linux", windows))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let ourselves = ourselves().expect("this system tells");
        assert!(is_alive(&ourselves));
        // The number is given out again.
        assert!(!is_alive(&format!("{ourselves}0")));
        for text in ["", "/", "self", "self/1", "../1", "4294967295/1"] {
            assert!(!is_alive(text), "{text:?}");
        }
    }

    /// Its number stays its own until the one that started it has heard.
    #[test]
    fn a_process_that_has_ended_is_not_there() {
        let ourselves = std::env::current_exe().expect("this program has a path");
        let mut lists = std::process::Command::new(ourselves);
        let lists = lists.arg("--list").stdout(std::process::Stdio::null());
        let mut child = lists.spawn().expect("this program starts");
        let number = child.id();
        let began = tag(number);
        while tag(number).is_some() {
            std::thread::yield_now();
        }
        child.wait().expect("it is our child");
        assert!(!began.is_some_and(|began| is_alive(&began)));
    }
}
