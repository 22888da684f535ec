//! Who wrote which fields of a Lease and when by the API server's clock: its stamps, `metadata.managedFields`.

use jiff::{SignedDuration, Timestamp};

use super::entry::{Managed, Owned};
use super::field::{FIELD_MANAGER, MANAGER_ANNOTATION};
use super::object::Fields;
use super::text::filled;

/// Beginnings of managers that name no program of their own: a person's kubectl, and what scripts ask with.
const ANYBODYS: [&str; 10] = [
    "kubectl",
    "before-first-apply",
    "unknown",
    "curl",
    "Wget",
    "python-requests",
    "OpenAPI-Generator",
    "Go-http-client",
    "node-fetch",
    "Mozilla",
];

/// How exact a stamp is.
const STAMPS: SignedDuration = SignedDuration::from_secs(1);

/// Who wrote a Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The client's name.
    pub manager: &'a str,
    /// `Update` or `Apply`.
    pub operation: &'a str,
    /// When, by the server's clock, as written.
    pub time: &'a str,
}

/// Which times in the spec are not the present holder's: an earlier grant has left them behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// `spec.acquireTime`
    pub acquired: bool,
    /// `spec.renewTime`
    pub renewed: bool,
}

impl Fields<'_> {
    fn managed(&self) -> impl Iterator<Item = &Managed<'_>> {
        self.metadata.managed_fields.iter().flatten()
    }

    /// Who wrote it last, by the server's clock.
    pub fn last_writer(&self) -> Option<Writer<'_>> {
        self.managed()
            .filter_map(|entry| {
                Some(Writer {
                    manager: entry.manager.as_deref()?,
                    operation: entry.operation.as_deref()?,
                    time: entry.time.as_deref()?,
                })
            })
            // RFC 3339 in UTC sorts as text.
            .max_by_key(|writer| writer.time)
    }

    /// A time by the API server's own clock at which the present grant was alive: its last renewal was no earlier. It is
    /// the time of the managedFields entry that owns `spec.renewTime`, if all that its manager writes restarts everybody's
    /// observation: a label of the same manager could have stamped it later. Servers before 1.25 leave it too old.
    pub fn alive_stamp(&self) -> Option<Timestamp> {
        self.managed()
            .filter(|entry| entry.is_update() && entry.owns(Owned::RENEW_TIME))
            // The server's own name for what was there before it began to track: stamped with that moment.
            .filter(|entry| !entry.is_of("before-first-apply"))
            .filter(|entry| {
                let alone = !entry.owns(Owned::OTHER) && !entry.owns(Owned::BESIDE);
                // Each write of ours to a held Lease is a grant or a renewal; or a victim's acknowledgement, which stands beside the
                // victim that it is about, and with that nobody asks whether the holder is alive. A name of somebody's choice is
                // known for ours only where it wrote nothing else.
                entry.is_of(FIELD_MANAGER)
                    || (alone && (self.is_named(entry) || !entry.owns(Owned::ANNOTATIONS)))
            })
            .find_map(Managed::stamp)
    }

    /// When the API server itself, by its own clock, last saw anything in the spec change: the newest time of the
    /// managedFields entries that own a field of it, whoever their manager. `None` if there is no such entry, or one of
    /// them whose time cannot be read: it could be the newest.
    pub fn spec_stamp(&self) -> Option<Timestamp> {
        self.newest_stamp(Owned::SPEC)
    }

    /// The same of `spec.renewTime`.
    pub(super) fn renew_stamp(&self) -> Option<Timestamp> {
        self.newest_stamp(Owned::RENEW_TIME)
    }

    fn newest_stamp(&self, of: Owned) -> Option<Timestamp> {
        self.managed()
            .filter(|entry| entry.owns(of))
            .map(Managed::stamp)
            .try_fold(None, |newest, stamp| Some(newest.max(Some(stamp?))))?
    }

    /// The time that the server gives the write of `sent` over `read`, of which this is the reply: that of `manager`'s
    /// entry, if it owns every field of the grant that the write changes. `None` if this is no reply to that write.
    pub fn stamp_of_write(
        &self,
        read: &Fields<'_>,
        sent: &Fields<'_>,
        manager: &str,
    ) -> Option<Timestamp> {
        let about_it = self.uid() == sent.uid()
            && self.holder() == sent.holder()
            && self.transitions() == sent.transitions();
        let (read, sent) = (&read.spec, &sent.spec);
        let mut changed = Owned::default();
        for (differs, field) in [
            (read.holder_identity != sent.holder_identity, Owned::HOLDER),
            (
                read.lease_duration_seconds != sent.lease_duration_seconds,
                Owned::DURATION,
            ),
            (read.acquire_time != sent.acquire_time, Owned::ACQUIRE_TIME),
            (read.renew_time != sent.renew_time, Owned::RENEW_TIME),
            (
                read.lease_transitions != sent.lease_transitions,
                Owned::TRANSITIONS,
            ),
        ] {
            changed.0 |= if differs { field.0 } else { 0 };
        }
        if !about_it || changed == Owned::default() {
            return None;
        }
        self.managed()
            .filter(|entry| entry.is_of(manager) && entry.is_update())
            .filter(|entry| filled(&entry.subresource).is_none())
            .find(|entry| entry.owns(changed))?
            .stamp()
    }

    /// Whether the annotation with the reason is the present holder's: whoever wrote the holder wrote the reason too, as
    /// each grant of ours does. Another client that takes over leaves it behind. Where nobody is known to have written
    /// one of them, it cannot be told, and it is.
    pub(super) fn reason_is_the_holders(&self) -> bool {
        let managers = |owns| -> Vec<&str> {
            let entries = self.managed().filter(|entry| entry.owns(owns));
            entries
                .filter_map(|entry| entry.manager.as_deref())
                .collect()
        };
        let (of_reason, of_holder) = (managers(Owned::REASON), managers(Owned::HOLDER));
        let told = !of_reason.is_empty() && !of_holder.is_empty();
        !told || of_reason.iter().any(|manager| of_holder.contains(manager))
    }

    /// Whether this program wrote the holder, or where there is none, something of the spec.
    pub(super) fn is_ours(&self) -> bool {
        let written = match self.holder() {
            Some(_) => Owned::HOLDER,
            None => Owned::SPEC,
        };
        self.managed().any(|entry| {
            let ours = entry.is_of(FIELD_MANAGER) || self.is_named(entry);
            ours && entry.owns(written)
        })
    }

    /// Whether this program wrote since when the last grant was.
    pub(super) fn is_acquired_by_us(&self) -> bool {
        self.managed().any(|entry| {
            let ours = entry.is_of(FIELD_MANAGER) || self.is_named(entry);
            ours && entry.owns(Owned::ACQUIRE_TIME)
        })
    }

    /// Whether the present grant is one of this program's under the name that this entry has.
    fn is_named(&self, entry: &Managed<'_>) -> bool {
        let named = self.grant_of(MANAGER_ANNOTATION);
        named.is_some_and(|(transitions, name)| {
            transitions == self.transitions() && entry.is_of(name)
        })
    }

    /// Whether one such program wrote the holder, and since when it is that, and renews it, as client-go's elections do.
    pub(super) fn is_renewed_by_program(&self, is_such: impl Fn(&str) -> bool) -> bool {
        let all = Owned(Owned::HOLDER.0 | Owned::ACQUIRE_TIME.0 | Owned::RENEW_TIME.0);
        let mut managers = (self.managed().filter(|entry| entry.owns(all)))
            .filter_map(|entry| filled(&entry.manager));
        managers
            .any(|manager| !ANYBODYS.iter().any(|any| manager.starts_with(any)) && is_such(manager))
    }

    /// Clients that write a holder alone leave the times of whoever was there before them.
    pub(super) fn left_behind(&self) -> LeftBehind {
        if self.holder().is_none() || self.is_ours() {
            return LeftBehind::default();
        }
        let terraforms = self.is_held_by_terraform();
        LeftBehind {
            acquired: terraforms || self.is_older_than_the_holder(Owned::ACQUIRE_TIME, None),
            renewed: terraforms
                || self.is_older_than_the_holder(Owned::RENEW_TIME, self.renew_time()),
        }
    }

    /// Whether a time was there before the present holder, who wrote another than that: the owner of the time is not that of the
    /// holder, and wrote it no later. Two writes of one second are told apart by what the holder's owner writes else: one that
    /// says since when it is the holder may be renewed by somebody else. Where nobody is known to have written one of them, it is
    /// not.
    ///
    /// Before Kubernetes 1.25 a stamp does not move when its owner writes another value: what is later than the holder's stamp
    /// is a renewal of the present grant whatever its own stamp says.
    fn is_older_than_the_holder(&self, time: Owned, renewal: Option<&str>) -> bool {
        let mut newest_holder = None;
        let mut newest_time = None;
        let mut says_since_when = false;
        for entry in self.managed() {
            match (entry.owns(Owned::HOLDER), entry.owns(time)) {
                (true, true) => return false,
                (true, false) => {
                    says_since_when |= entry.owns(Owned::ACQUIRE_TIME);
                    newest_holder = newest_holder.max(entry.stamp());
                }
                (false, true) => newest_time = newest_time.max(entry.stamp()),
                (false, false) => {}
            }
        }
        let (Some(time), Some(holder)) = (newest_time, newest_holder) else {
            return false;
        };
        let renewal = renewal.and_then(|text| text.parse::<Timestamp>().ok());
        renewal.is_none_or(|renewal| renewal.duration_since(holder) < STAMPS)
            && (time < holder || (time == holder && !says_since_when))
    }
}

#[cfg(test)]
#[path = "managed_tests.rs"]
mod tests;
