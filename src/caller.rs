//! Which shell this process was called from, by the names of those that started it: nothing in the environment tells, as what
//! PowerShell sets there is set for the whole machine, and inherited.
#![expect(
    unsafe_code,
    reason = "the system's list of processes has no safe interface"
)]

use std::collections::HashMap;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};

use crate::processes;
use crate::words::quoting::Shell;

/// No more of those before us are looked at.
const MOST: usize = 16;

struct Process {
    parent: u32,
    program: String,
}

/// The shell whose prompt shows what is printed here.
pub fn shell() -> Shell {
    let found = nearest(std::process::id(), &all(), processes::start);
    // What Git's bash starts may have no parent any more.
    let in_git = || std::env::var_os("MSYSTEM").map(|_| Shell::Posix);
    found.or_else(in_git).unwrap_or(Shell::Unknown)
}

/// The shell that is nearest above this process; `None` where there is none.
fn nearest(
    process: u32,
    all: &HashMap<u32, Process>,
    start: impl Fn(u32) -> Option<u64>,
) -> Option<Shell> {
    // A process that is gone may have left its number to another, which is no ancestor of ours: it began later.
    let above = |child: u32| {
        let parent = all.get(&child)?.parent;
        let began = start(parent).zip(start(child));
        let is_later = began.is_some_and(|(parent, child)| parent > child);
        (!is_later).then_some(parent)
    };
    let shell_of = |process: u32| Shell::of_program(&all.get(&process)?.program);
    let mut next = above(process);
    for _ in 0..MOST {
        let process = next?;
        if let Some(shell) = shell_of(process) {
            // That of another shell may be there for a batch file alone, and the person at the other one.
            return Some(match above(process).and_then(shell_of) {
                Some(other) if shell == Shell::Cmd && other != shell => Shell::Unknown,
                Some(_) | None => shell,
            });
        }
        next = above(process);
    }
    None
}

/// Those that run now, as far as the system tells.
fn all() -> HashMap<u32, Process> {
    let mut all = HashMap::new();
    // SAFETY: it takes two numbers, and returns a handle or INVALID_HANDLE_VALUE.
    let list = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if list == INVALID_HANDLE_VALUE {
        return all;
    }
    // SAFETY: the handle is open, and nobody else has it.
    let list = unsafe { OwnedHandle::from_raw_handle(list) };
    let mut entry = PROCESSENTRY32W {
        dwSize: size_of::<PROCESSENTRY32W>() as u32,
        ..PROCESSENTRY32W::default()
    };
    // SAFETY: the handle is that of a list of processes, and the entry says how large it is.
    let mut more = unsafe { Process32FirstW(list.as_raw_handle(), &mut entry) } != 0;
    while more {
        let name = entry.szExeFile.iter().take_while(|unit| **unit != 0);
        let name: Vec<u16> = name.copied().collect();
        let process = Process {
            parent: entry.th32ParentProcessID,
            program: String::from_utf16_lossy(&name),
        };
        all.insert(entry.th32ProcessID, process);
        // SAFETY: as above.
        more = unsafe { Process32NextW(list.as_raw_handle(), &mut entry) } != 0;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a chain of programs, the last of which is asked.
    fn of(programs: &str) -> Option<Shell> {
        let processes = (1..).zip(programs.split(' ')).map(|(number, program)| {
            let process = Process {
                parent: number - 1,
                program: program.to_owned(),
            };
            (number, process)
        });
        let all: HashMap<u32, Process> = processes.collect();
        nearest(u32::try_from(all.len()).expect("a few"), &all, |_| None)
    }

    #[test]
    fn whoever_has_the_number_of_a_parent_that_is_gone_is_none() {
        let process = |parent, program: &str| Process {
            parent,
            program: program.to_owned(),
        };
        let all = HashMap::from([
            (1, process(0, "powershell.exe")),
            (2, process(1, "cmd.exe")),
            (3, process(2, "k.exe")),
        ]);
        let began = |second| {
            move |number| {
                [None, Some(10), second, Some(30)]
                    .get(number as usize)
                    .copied()?
            }
        };
        assert_eq!(nearest(3, &all, began(Some(40))), None);
        assert_eq!(nearest(3, &all, began(Some(30))), Some(Shell::Unknown));
        assert_eq!(nearest(3, &all, began(None)), Some(Shell::Unknown));
    }

    #[test]
    fn the_shell_is_the_nearest_one_above_kubectl() {
        for (programs, shell) in [
            (
                "explorer.exe cmd.exe kubectl.exe kubectl-lease.exe",
                Some(Shell::Cmd),
            ),
            (
                "WindowsTerminal.exe pwsh.exe kubectl-lease.exe",
                Some(Shell::PowerShell),
            ),
            (
                "cmd.exe powershell.exe kubectl.exe k.exe",
                Some(Shell::WindowsPowerShell),
            ),
            (
                "powershell.exe bash.exe kubectl.exe k.exe",
                Some(Shell::Posix),
            ),
            ("cmd.exe cmd.exe kubectl.exe k.exe", Some(Shell::Cmd)),
            // For a kubectl.cmd.
            ("pwsh.exe cmd.exe kubectl.exe k.exe", Some(Shell::Unknown)),
            ("services.exe agent.exe k.exe", None),
            ("cmd.exe", None),
        ] {
            assert_eq!(of(programs), shell, "{programs}");
        }
        let far = format!("cmd.exe {} k.exe", ["x.exe"; 40].join(" "));
        assert_eq!(of(&far), None);
    }

    #[test]
    fn a_process_that_is_its_own_parent_ends_the_search() {
        let idle = Process {
            parent: 0,
            program: String::new(),
        };
        assert_eq!(nearest(0, &HashMap::from([(0, idle)]), |_| None), None);
    }

    #[test]
    fn the_system_lists_us_and_who_started_us() {
        let all = all();
        let ours = all.get(&std::process::id()).expect("it lists us");
        let program = std::env::current_exe().expect("a program");
        let name = program
            .file_name()
            .expect("it has a name")
            .to_string_lossy();
        assert!(
            name.to_ascii_lowercase()
                .starts_with(&ours.program.to_ascii_lowercase()),
            "{}",
            ours.program
        );
    }
}
