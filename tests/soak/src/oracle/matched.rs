//! Which request made which write, and so when it was sent: by what was in it, since a reply can be lost.

use std::collections::HashMap;
use std::time::Duration;

use super::record::Record;
use crate::history::{Call, Commit, History, Sent};
use crate::time::At;

/// The times of a grant are up to 50 ms earlier than the clock, by chance; a little more for reading two clocks.
const MARK: Duration = Duration::from_millis(60);
/// How far a time that was written may be from when its request came: more is a clock that nobody told us of.
const PLAUSIBLE: Duration = Duration::from_secs(5);

/// The requests by what they wanted to store.
pub struct Matched<'h>(HashMap<(&'h str, String), Vec<&'h Sent>>);

impl<'h> Matched<'h> {
    pub fn of(history: &'h History) -> Self {
        let mut by_content: HashMap<_, Vec<&Sent>> = HashMap::new();
        for sent in &history.requests {
            if let Some(lease) = lease_of(sent) {
                let key = (lease, Record(&sent.body).fingerprint());
                by_content.entry(key).or_default().push(sent);
            }
        }
        Self(by_content)
    }

    /// The request that made this write; the first where the same was sent more than once, and before all one that names
    /// the version which this write replaced: only one write can do that.
    pub fn sent(&self, commit: &'h Commit, no_later_than: At) -> Option<&'h Sent> {
        let after = Record(commit.after.as_ref()?);
        let key = (commit.lease.as_str(), after.fingerprint());
        let all = self.0.get(&key)?.iter().copied();
        all.filter(|sent| sent.at <= no_later_than)
            .min_by_key(|sent| (!replaces(sent, commit), sent.at))
    }
}

/// Whether a request is to replace the very version that a write replaced.
pub fn replaces(sent: &Sent, commit: &Commit) -> bool {
    let before = commit.before.as_ref().map(Record);
    before.is_some_and(|before| before.version() == Record(&sent.body).version())
}

/// The lease that a request would write.
pub fn lease_of(sent: &Sent) -> Option<&str> {
    if sent.query.contains("dryRun") || !sent.path.contains("/leases") {
        return None;
    }
    match sent.method.as_str() {
        "PUT" => sent.path.rsplit('/').next(),
        "POST" => Some(Record(&sent.body).name()),
        _ => None,
    }
}

/// The lease that is there already and that a request would change, whatever its method.
pub fn changed_by(sent: &Sent) -> Option<&str> {
    let (_, lease) = sent.path.split_once("/leases/")?;
    let changes = match sent.method.as_str() {
        "PUT" => sent.body.is_object(),
        "PATCH" | "DELETE" => true,
        _ => false,
    };
    (changes && !sent.query.contains("dryRun")).then_some(lease)
}

/// What a write dates anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// A grant.
    Grant,
    /// A renewal or a release.
    Renewal,
    /// It leaves the times as they were.
    Nothing,
}

/// When a write left its process: when its request came to the proxy, or when it was dated if that is earlier, by what is
/// known of that process' clock. A request can be under way for long; its holder counts from before.
pub fn left_at(sent: &Sent, call: Option<&Call>, dates: Dates, wall_offset: i64) -> At {
    // Where a clock's rate is wrong from is not known to more than the start of a process, which takes seconds on a slow machine.
    let dated = call
        .filter(|call| dates != Dates::Nothing && call.clock.slew == 0.0)
        .and_then(|call| dated(sent, call, wall_offset));
    let allowance = if dates == Dates::Grant {
        MARK
    } else {
        Duration::from_millis(10)
    };
    match dated.map(|at| at + allowance) {
        Some(dated) if dated < sent.at && sent.at.since(dated) < PLAUSIBLE => dated,
        _ => sent.at,
    }
}

/// The instant at which the process showed its renewTime.
pub fn dated(sent: &Sent, call: &Call, wall_offset: i64) -> Option<At> {
    let text = Record(&sent.body).renewed();
    let shown = text
        .parse::<jiff::Timestamp>()
        .ok()
        .filter(|_| wall_offset != 0)?;
    let shown = i64::try_from(shown.as_nanosecond()).ok()?;
    let at = shown - wall_offset - call.clock.wall_offset * 1_000_000;
    u64::try_from(at).ok().map(At)
}
