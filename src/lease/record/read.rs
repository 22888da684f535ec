//! What the fields of a Lease mean.

use jiff::Timestamp;

use super::field::{
    DURATION_ANNOTATION, MANAGER_ANNOTATION, PREVIOUS_ANNOTATION, REASON_ANNOTATION,
    REGRANTED_ANNOTATION, SLOT_OF_LABEL, SLOTS_ANNOTATION, STOPPED_ANNOTATION, VICTIM_ANNOTATION,
};
use super::object::{Fields, Owner, Pairs};
use super::text::filled;
use super::{LeaseDuration, ObservedRecord, lock_info};
use crate::lease::values::slot_index;

fn pairs<'t>(of: &'t Option<Pairs<'_>>) -> impl Iterator<Item = (&'t str, &'t str)> {
    let all = of.iter().flatten();
    all.map(|(key, value)| (&**key, &**value))
}

fn value<'t>(of: &'t Option<Pairs<'_>>, key: &str) -> Option<&'t str> {
    of.as_ref()?.get(key).map(|value| &**value)
}

impl Fields<'_> {
    /// `metadata.name`, empty if absent.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// `metadata.namespace`, empty if absent.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// `metadata.uid`, empty if absent.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// `metadata.resourceVersion`, empty if absent.
    pub fn resource_version(&self) -> &str {
        let version = self.metadata.resource_version.as_deref();
        version.unwrap_or_default()
    }

    /// `metadata.creationTimestamp`, by the server's clock.
    pub fn created(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp.as_deref()?.parse().ok()
    }

    /// Whether this state is older than `other`, as far as resourceVersions can tell (they grow, and compare as
    /// numbers on every API server backed by etcd).
    pub fn older_than(&self, other: &Fields<'_>) -> bool {
        match (
            self.resource_version().parse::<u64>(),
            other.resource_version().parse::<u64>(),
        ) {
            (Ok(mine), Ok(others)) => mine < others,
            _ => false,
        }
    }

    /// The holder identity; `None` means free, be the field absent, null or empty.
    pub fn holder(&self) -> Option<&str> {
        filled(&self.spec.holder_identity)
    }

    /// The recorded lease duration; `None` means that the lease never expires by itself.
    pub fn duration(&self) -> Option<LeaseDuration> {
        self.recorded_duration()
            .filter(|_| !self.duration_is_anothers())
    }

    /// The recorded duration where it is not its holder's, who does not go by it.
    pub fn left_over_duration(&self) -> Option<LeaseDuration> {
        self.recorded_duration()
            .filter(|_| self.duration_is_anothers())
    }

    fn recorded_duration(&self) -> Option<LeaseDuration> {
        LeaseDuration::from_secs(self.spec.lease_duration_seconds?)
    }

    /// Whether a recorded duration is not the holder's: it was left behind by an earlier grant, or the holder is a lock of
    /// Terraform's or OpenTofu's. Clients that record no duration do not count transitions either: they took the Lease for
    /// good, and do not renew it, whatever is recorded.
    fn duration_is_anothers(&self) -> bool {
        match self.grant_of(DURATION_ANNOTATION) {
            Some((transitions, whose)) if transitions == self.transitions() => {
                whose != self.holder().unwrap_or_default()
            }
            Some(_) | None => self.is_held_by_terraform(),
        }
    }

    /// Whether the recorded duration came with the present grant, or with one that this one follows: the Lease had none before.
    pub(super) fn duration_is_of_grant(&self) -> bool {
        self.grant_of(DURATION_ANNOTATION)
            .is_some_and(|(transitions, _)| transitions == self.transitions())
    }

    /// Whether the annotations say that the present grant is one of this program's: where nobody keeps who wrote what.
    pub(super) fn is_our_grant(&self) -> bool {
        let grant = self.grant_of(DURATION_ANNOTATION);
        self.holder().is_some() && grant == self.holder().map(|holder| (self.transitions(), holder))
    }

    /// The transitions and the holder that an annotation names.
    pub(super) fn grant_of(&self, annotation: &str) -> Option<(i64, &str)> {
        let (transitions, holder) = self.annotation(annotation)?.split_once(' ')?;
        Some((transitions.parse().ok()?, holder))
    }

    /// Whether the holder is a lock of Terraform's or OpenTofu's, by the annotations.
    pub(super) fn is_held_by_terraform(&self) -> bool {
        self.holder()
            .is_some_and(|holder| self.tells_of_lock(holder))
    }

    /// Whether what is written about a lock is about one of this identity.
    pub(super) fn tells_of_lock(&self, holder: &str) -> bool {
        self.annotation(lock_info::ANNOTATION)
            .is_some_and(|text| lock_info::is_lock_of(text, holder))
    }

    /// `spec.acquireTime` as written.
    pub fn acquire_time(&self) -> Option<&str> {
        filled(&self.spec.acquire_time)
    }

    /// `spec.renewTime` as written.
    pub fn renew_time(&self) -> Option<&str> {
        filled(&self.spec.renew_time)
    }

    /// `spec.leaseTransitions`; absent counts as 0.
    pub fn transitions(&self) -> i64 {
        self.spec.lease_transitions.unwrap_or(0)
    }

    /// Whether the transitions cannot be counted any further, so that nobody can be granted it any more.
    pub fn transitions_are_exhausted(&self) -> bool {
        // `spec.leaseTransitions` is an int32.
        self.transitions() >= i64::from(i32::MAX)
    }

    /// `spec.strategy`, set where the API server elects the holder (coordinated leader election).
    pub fn strategy(&self) -> Option<&str> {
        filled(&self.spec.strategy)
    }

    /// `spec.preferredHolder`
    pub fn preferred_holder(&self) -> Option<&str> {
        filled(&self.spec.preferred_holder)
    }

    /// Whether the Lease is being deleted and only waits for its finalizers.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> Vec<&str> {
        let all = self.metadata.finalizers.iter().flatten();
        all.map(|text| &**text).collect()
    }

    /// The object that owns it, as `Kind/name`.
    pub fn owner(&self) -> Option<String> {
        let owner = self.metadata.owner_references.as_ref()?.first()?;
        let (kind, name) = (owner.kind.as_deref()?, owner.name.as_deref()?);
        Some(format!("{kind}/{name}"))
    }

    /// Whether a Node owns it.
    pub(super) fn is_owned_by_node(&self) -> bool {
        self.owning_nodes().next().is_some()
    }

    /// The name of the Node that owns it.
    pub fn owning_node(&self) -> Option<&str> {
        self.owning_nodes().next()?.name.as_deref()
    }

    fn owning_nodes(&self) -> impl Iterator<Item = &Owner<'_>> {
        let owners = self.metadata.owner_references.iter().flatten();
        owners.filter(|owner| owner.kind.as_deref() == Some("Node"))
    }

    /// What `--reason` said of the present grant.
    pub fn reason(&self) -> Option<&str> {
        self.annotation(REASON_ANNOTATION)
            .filter(|text| !text.is_empty())
            .filter(|_| self.holder().is_some() && self.reason_is_the_holders())
    }

    /// `metadata.labels`.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.metadata.labels)
    }

    /// One of them.
    pub fn label(&self, key: &str) -> Option<&str> {
        value(&self.metadata.labels, key)
    }

    /// `metadata.annotations`, without the reason, the victim, its acknowledgement, the manager and the previous holder, which are shown by
    /// themselves, and without what says that the holder had it before.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        let previous = self.previous().map(|_| PREVIOUS_ANNOTATION);
        let apart = [
            REASON_ANNOTATION,
            VICTIM_ANNOTATION,
            STOPPED_ANNOTATION,
            MANAGER_ANNOTATION,
            REGRANTED_ANNOTATION,
            previous.unwrap_or_default(),
        ];
        pairs(&self.metadata.annotations).filter(move |(key, _)| !apart.contains(key))
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        value(&self.metadata.annotations, key)
    }

    /// From whom it was stolen, as long as that holder may still run.
    pub fn victim(&self) -> Option<&str> {
        let (transitions, victim) = self.grant_of(VICTIM_ANNOTATION)?;
        (transitions == self.transitions()).then_some(victim)
    }

    /// How many slots there are, as this one says; `None` where it does not say to be one.
    pub fn slots(&self) -> Option<&str> {
        self.annotation(SLOTS_ANNOTATION)
    }

    /// Which slot it is, by the number at the end of its name; `None` where it does not say to be one.
    pub fn slot(&self) -> Option<usize> {
        let count: usize = self.slots()?.parse().ok()?;
        let (name, _) = self.name().rsplit_once('-')?;
        slot_index(name, self.name()).filter(|slot| *slot < count)
    }

    /// Whether its label says that it is a slot of `name`.
    pub fn is_labelled_slot_of(&self, name: &str) -> bool {
        self.label(SLOT_OF_LABEL) == Some(name)
    }

    /// Whether it is a slot, by anything that says so.
    pub fn is_slot(&self) -> bool {
        self.slots().is_some() || self.label(SLOT_OF_LABEL).is_some()
    }

    /// The name of the slots that it would be one of.
    pub fn slot_of(&self) -> &str {
        let by_name = || self.name().rsplit_once('-').map(|(name, _)| name);
        let name = self.label(SLOT_OF_LABEL).or_else(by_name);
        name.unwrap_or_else(|| self.name())
    }

    /// What a live holder changes.
    pub fn observed_record(&self) -> ObservedRecord {
        ObservedRecord {
            uid: self.uid().to_owned(),
            holder: self.holder().unwrap_or_default().to_owned(),
            acquire_time: self.acquire_time().map(str::to_owned),
            renew_time: self.renew_time().map(str::to_owned),
            transitions: self.transitions(),
            duration: self.duration(),
        }
    }

    /// Whether `spec.renewTime` is this time, however it is written.
    pub fn renewed_at(&self, time: &str) -> bool {
        same_time(self.renew_time(), Some(time))
    }

    /// Whether this state is of the grant that `written` was to make, whoever is named as its holder.
    pub fn is_of_write(&self, written: &Fields<'_>) -> bool {
        same_time(self.acquire_time(), written.acquire_time())
            && self.acquire_time().is_some()
            && self.transitions() == written.transitions()
    }

    /// Whether this state belongs to the same grant as `other`: same object, holder, transitions and acquire time.
    pub fn same_grant(&self, other: &Fields<'_>) -> bool {
        self.uid() == other.uid()
            && self.holder().is_some()
            && self.holder() == other.holder()
            && self.transitions() == other.transitions()
            && self.acquire_time() == other.acquire_time()
    }
}

/// Whether two times are the same, however they are written.
pub(super) fn same_time(one: Option<&str>, other: Option<&str>) -> bool {
    let read = |text: Option<&str>| text.and_then(|text| text.parse::<Timestamp>().ok());
    one == other || (read(one).is_some() && read(one) == read(other))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
