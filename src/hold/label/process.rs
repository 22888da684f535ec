//! Which process has set a label, as its mark says, and whether that one is still there.

/// The process of this number, and its start since the boot: no other of this machine has both.
pub fn ourselves() -> Option<String> {
    tag(&std::process::id().to_string())
}

/// Whether the process of such a tag is seen to be alive. One of another container is not seen, nor one of another machine.
pub fn is_alive(process: &str) -> bool {
    let number = process.split('/').next().unwrap_or_default();
    number.parse::<u32>().is_ok() && tag(number).as_deref() == Some(process)
}

fn tag(number: &str) -> Option<String> {
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
    (!is_dead).then(|| format!("{number}/{start}"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let ourselves = ourselves().expect("there is a /proc");
        assert!(is_alive(&ourselves));
        // The number is given out again.
        assert!(!is_alive(&format!("{ourselves}0")));
        for text in ["", "/", "self", "self/1", "../1", "4294967295/1"] {
            assert!(!is_alive(text), "{text:?}");
        }
    }
}
