//! The fencing sink: a socket that every process of every command tells that it works, and that refuses lower tokens.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::worker::locked_by;
use crate::history::{Overlap, Work};
use crate::time::At;

/// So long after the soak says so does it listen no more.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a holder's command has shown of itself.
#[derive(Clone, Copy, Debug)]
pub struct Sign {
    /// First heard of.
    pub first: At,
    /// Last heard of.
    pub last: At,
}

/// Listens until it is dropped.
pub struct Sink {
    socket: PathBuf,
    locks: PathBuf,
    heard: Arc<Mutex<Heard>>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Heard {
    /// By lease, token, holder and process id.
    work: BTreeMap<(String, u64, String, u32), Work>,
    overlaps: Vec<Overlap>,
    /// The greatest token seen of each lease.
    greatest: HashMap<String, u64>,
    /// By holder, over all leases and processes.
    signs: HashMap<String, Sign>,
    over: bool,
}

/// A line of a worker's.
struct Line<'a> {
    overlaps: bool,
    lease: &'a str,
    token: u64,
    holder: &'a str,
    pid: u32,
    part: &'a str,
    at: At,
}

impl Sink {
    /// Listens in this folder, which anybody may reach, with a lock file for each of these leases.
    ///
    /// # Errors
    ///
    /// When nothing can be made there.
    pub fn start(folder: &Path, leases: &[String]) -> std::io::Result<Sink> {
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        };
        let (socket, locks) = (folder.join("sink"), folder.join("locks"));
        std::fs::create_dir(&locks)?;
        for lease in leases {
            let file = locks.join(lease);
            std::fs::write(&file, "")?;
            // Whatever the umask: some workers are other users.
            open(&file, 0o666)?;
        }
        let listening = UnixDatagram::bind(&socket)?;
        open(&socket, 0o666)?;
        listening.set_read_timeout(Some(PATIENCE))?;
        let heard = Arc::<Mutex<Heard>>::default();
        let (ears, folder) = (heard.clone(), locks.clone());
        let listener = std::thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || listen(&listening, &folder, &ears))?;
        Ok(Sink {
            socket,
            locks,
            heard,
            listener: Some(listener),
        })
    }

    /// Where workers reach it.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The folder of the lock files, one a lease.
    pub fn locks(&self) -> &Path {
        &self.locks
    }

    /// What has been heard of this holder's command, if anything.
    pub fn sign_of(&self, holder: &str) -> Option<Sign> {
        lock(&self.heard).signs.get(holder).copied()
    }

    /// Everything that was heard, so far.
    pub fn heard(&self) -> (Vec<Work>, Vec<Overlap>) {
        let heard = lock(&self.heard);
        let mut work: Vec<Work> = heard.work.values().cloned().collect();
        work.sort_by_key(|work| work.first);
        (work, heard.overlaps.clone())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        lock(&self.heard).over = true;
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn listen(socket: &UnixDatagram, locks: &Path, heard: &Mutex<Heard>) {
    let mut buffer = [0; 512];
    while !lock(heard).over {
        let Ok(count) = socket.recv(&mut buffer) else {
            continue;
        };
        let Some(line) = std::str::from_utf8(&buffer[..count])
            .ok()
            .and_then(Line::read)
        else {
            continue;
        };
        // Looked for at once: whoever is there may be gone in a moment.
        let beside = if line.overlaps {
            Some(who_has(&locks.join(line.lease)))
        } else {
            None
        };
        lock(heard).hear(&line, beside);
    }
}

impl Heard {
    fn hear(&mut self, line: &Line<'_>, beside: Option<Vec<(String, u32)>>) {
        if let Some(beside) = beside {
            let mut beside = beside;
            beside.retain(|(_, pid)| *pid != line.pid);
            self.overlaps.push(Overlap {
                lease: line.lease.to_owned(),
                at: line.at,
                token: line.token,
                holder: line.holder.to_owned(),
                pid: line.pid,
                beside,
            });
            return;
        }
        let greatest = self.greatest.entry(line.lease.to_owned()).or_default();
        let refused = line.token < *greatest;
        *greatest = line.token.max(*greatest);
        let key = (
            line.lease.to_owned(),
            line.token,
            line.holder.to_owned(),
            line.pid,
        );
        let work = self.work.entry(key).or_insert_with(|| Work {
            lease: line.lease.to_owned(),
            token: line.token,
            holder: line.holder.to_owned(),
            pid: line.pid,
            part: line.part.to_owned(),
            first: line.at,
            last: line.at,
            taken: 0,
            refused: 0,
            first_refused: None,
            last_taken: None,
        });
        work.last = work.last.max(line.at);
        if refused {
            work.refused += 1;
            work.first_refused.get_or_insert(line.at);
        } else {
            work.taken += 1;
            work.last_taken = Some(line.at);
        }
        let sign = self.signs.entry(line.holder.to_owned()).or_insert(Sign {
            first: line.at,
            last: line.at,
        });
        sign.last = sign.last.max(line.at);
    }
}

impl Line<'_> {
    fn read(text: &str) -> Option<Line<'_>> {
        let mut words = text.split(' ');
        let mut next = || words.next();
        Some(Line {
            overlaps: match next()? {
                "works" => false,
                "overlaps" => true,
                _ => return None,
            },
            lease: next()?,
            token: next()?.parse().ok()?,
            holder: next()?,
            pid: next()?.parse().ok()?,
            part: next()?,
            at: At(next()?.parse().ok()?),
        })
    }
}

/// Who has this lock file open: whom the file names, and the processes as the kernel shows them.
fn who_has(file: &Path) -> Vec<(String, u32)> {
    let Ok(opened) = std::fs::File::open(file) else {
        return Vec::new();
    };
    let holder = locked_by(&opened);
    let open_in = super::processes::with_open(file);
    open_in
        .into_iter()
        .filter(|pid| *pid != std::process::id())
        .map(|pid| (holder.clone(), pid))
        .collect()
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Heard {
        let mut heard = Heard::default();
        for line in lines {
            let line = Line::read(line).expect("well-formed");
            let beside = line.overlaps.then(|| vec![("other".to_owned(), 7)]);
            heard.hear(&line, beside);
        }
        heard
    }

    #[test]
    fn a_lower_token_is_refused_once_a_greater_one_was_seen_on_that_lease() {
        let heard = heard(&[
            "works job 5 a 1 command 100",
            "works job 5 a 1 command 105",
            "works job 9 b 2 command 110",
            "works job 5 a 1 command 115",
            "works left 5 a 1 command 116",
            "works job 9 b 2 command 117",
        ]);
        let work: Vec<_> = heard
            .work
            .values()
            .map(|work| (work.lease.as_str(), work.token, work.taken, work.refused))
            .collect();
        assert_eq!(
            work,
            [("job", 5, 2, 1), ("job", 9, 2, 0), ("left", 5, 1, 0)]
        );
        let first = heard.work.values().next().expect("three");
        assert_eq!(first.first_refused, Some(At(115)));
        assert_eq!((first.first, first.last), (At(100), At(115)));
    }

    #[test]
    fn an_overlap_is_no_work() {
        let heard = heard(&["overlaps job 9 b 2 command 110"]);
        assert!(heard.work.is_empty());
        assert_eq!(heard.overlaps.len(), 1);
        assert_eq!(heard.overlaps[0].beside, [("other".to_owned(), 7)]);
    }
}
