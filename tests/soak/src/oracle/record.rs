//! What a stored Lease says, read by the API's own names and not by the program's code.

use std::time::Duration;

use serde_json::Value;

/// Says from whom it was stolen who may still run: the transitions of the thief's grant, and the victim.
const VICTIM: &str = "kubectl-lease/victim";
/// Says that a victim has stopped: the transitions, the acquireTime and the uid of its grant.
const STOPPED: &str = "kubectl-lease/stopped";

/// A Lease as it was stored or sent.
#[derive(Clone, Copy, Debug)]
pub struct Record<'v>(pub &'v Value);

/// What tells one grant from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key<'v> {
    pub uid: &'v str,
    pub holder: &'v str,
    pub acquired: &'v str,
    pub transitions: i64,
}

/// What a live holder changes with every renewal, and nothing but it: without it for the recorded duration a lease has expired.
pub type Observed<'v> = (Option<Key<'v>>, &'v str, &'v str, Option<Duration>);

impl<'v> Record<'v> {
    fn text(self, pointer: &str) -> &'v str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn number(self, pointer: &str) -> Option<i64> {
        self.0.pointer(pointer).and_then(Value::as_i64)
    }

    pub fn name(self) -> &'v str {
        self.text("/metadata/name")
    }

    pub fn uid(self) -> &'v str {
        self.text("/metadata/uid")
    }

    pub fn version(self) -> &'v str {
        self.text("/metadata/resourceVersion")
    }

    /// None: free, however that is written.
    pub fn holder(self) -> Option<&'v str> {
        Some(self.text("/spec/holderIdentity")).filter(|holder| !holder.is_empty())
    }

    pub fn acquired(self) -> &'v str {
        self.text("/spec/acquireTime")
    }

    pub fn renewed(self) -> &'v str {
        self.text("/spec/renewTime")
    }

    pub fn transitions(self) -> i64 {
        self.number("/spec/leaseTransitions").unwrap_or(0)
    }

    /// None: it never expires by itself.
    pub fn duration(self) -> Option<Duration> {
        let seconds = self.number("/spec/leaseDurationSeconds")?;
        u64::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs)
    }

    /// The present grant; none while it is free.
    pub fn key(self) -> Option<Key<'v>> {
        Some(Key {
            uid: self.uid(),
            holder: self.holder()?,
            acquired: self.acquired(),
            transitions: self.transitions(),
        })
    }

    pub fn observed(self) -> Observed<'v> {
        (self.key(), self.uid(), self.renewed(), self.duration())
    }

    fn annotation(self, key: &str) -> Option<&'v str> {
        let all = self.0.pointer("/metadata/annotations")?;
        all.get(key)?.as_str()
    }

    /// The acknowledgement as it stands: whose grant has stopped, by transitions, acquireTime and uid.
    pub fn stopped(self) -> Option<(i64, &'v str, &'v str)> {
        let mut words = self.annotation(STOPPED)?.split(' ');
        let (transitions, acquired) = (words.next()?.parse().ok()?, words.next()?);
        Some((transitions, acquired, words.next()?))
    }

    /// What tells one write of a call from every other: all that a grant, a renewal, a release or an acknowledgement sets.
    pub fn fingerprint(self) -> String {
        format!(
            "{}|{}|{}|{}|{:?}|{}|{}",
            self.text("/spec/holderIdentity"),
            self.acquired(),
            self.renewed(),
            self.transitions(),
            self.duration(),
            self.annotation(VICTIM).unwrap_or_default(),
            self.annotation(STOPPED).unwrap_or_default(),
        )
    }
}
