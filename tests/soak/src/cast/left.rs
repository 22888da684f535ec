//! What is still there when everybody has ended, and should not be.

use super::processes;
use super::{JOB, PAIR, POOL, SLOTS, Stage};
use crate::history::{Call, Exit, Leftover};

/// Looks once, when nobody lives any more.
pub fn behind(stage: &Stage) -> Vec<Leftover> {
    let mut left = Vec::new();
    let mut add = |kind: &str, what: String, call: Option<u32>| {
        left.push(Leftover {
            kind: kind.to_owned(),
            what,
            call,
        });
    };
    for (pid, call) in processes::marked() {
        let zombie = processes::state(pid) == Some('Z');
        add(
            if zombie { "zombie" } else { "process" },
            processes::title(pid),
            Some(call),
        );
    }
    for pid in processes::zombies() {
        add("zombie", processes::title(pid), None);
    }
    for file in files(&stage.tools.homes) {
        add("file", file, None);
    }
    for lease in every_lease() {
        let file = stage.sink.locks().join(&lease);
        for pid in processes::with_open(&file) {
            let what = format!("lock of {lease}: {}", processes::title(pid));
            add("lock", what, None);
        }
        if let Some(holder) = stage.holder_of(&lease)
            && !stage.may_leave_it(&holder)
        {
            let call = stage.call_of(&holder).map(|call| call.id);
            add("holder", format!("{lease} is held by {holder}"), call);
        }
    }
    left
}

/// The leases that there may be, slots by their own names.
pub fn every_lease() -> Vec<String> {
    let slots = (0..SLOTS).map(|number| format!("{POOL}-{number}"));
    let others = [JOB].into_iter().chain(PAIR).map(str::to_owned);
    others.chain(slots).collect()
}

fn files(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .collect()
}

impl Stage {
    /// A Lease's path at the server.
    pub fn path_of(&self, lease: &str) -> String {
        let ns = self.server.namespace().name();
        format!("/apis/coordination.k8s.io/v1/namespaces/{ns}/leases/{lease}")
    }

    /// Who has it, asked of the server itself; none also where it does not answer.
    pub fn holder_of(&self, lease: &str) -> Option<String> {
        let answer = self.server.admin().call("GET", &self.path_of(lease), None);
        let body = answer.ok()?.body;
        let holder = body["spec"]["holderIdentity"].as_str()?;
        (!holder.is_empty()).then(|| holder.to_owned())
    }

    /// The first call that had this identity; the others release for it.
    fn call_of(&self, holder: &str) -> Option<Call> {
        let of = |call: &Call| call.holder.as_deref() == Some(holder);
        self.calls().into_iter().find(of)
    }

    /// Whether this holder was killed, or has said that its lease stays held: then it expires, once somebody wants it.
    fn may_leave_it(&self, holder: &str) -> bool {
        let dead = |call: &Call| {
            call.holder.as_deref() == Some(holder)
                && (matches!(call.exit, Some(Exit::Signal(_))) || call.stderr.contains("expire"))
        };
        self.calls().iter().any(dead)
    }
}
