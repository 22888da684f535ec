//! `--slots`: any of several leases will do.

use super::Session;
use super::together::{Lease, in_order};
use crate::cli::GrantArgs;
use crate::clock::SystemClock;
use crate::error::{Error, Subject};
use crate::lease::decide::{AcquireTerms, SlotsTerms};
use crate::lease::operate::{Line, SlotOperations};
use crate::lease::record::Record;
use crate::lease::values::{LeaseName, QueueName, Slots};
use crate::server::{ChangesClient, LeaseClient};

/// The slots of a name.
pub struct Slotted {
    /// Who asks for any of them, under the name that they share.
    pub subject: Subject,
    /// The operations on them.
    pub operations: SlotOperations<LeaseClient, SystemClock, ChangesClient>,
    /// In which line they are waited for, if in one.
    pub line: Option<Line<LeaseClient, SystemClock>>,
    /// What is wanted of each.
    pub terms: SlotsTerms,
}

/// The slots that the arguments name.
///
/// # Errors
/// When they name more than one lease, or when the name leaves no room for their numbers.
pub fn slots(names: &[LeaseName], args: &GrantArgs) -> Result<Option<Slots>, Error> {
    let Some(count) = args.slots else {
        return Ok(None);
    };
    let names = in_order(names);
    let [name] = names[..] else {
        return Err(Error::Usage(format!(
            "--slots is of one lease, and {} are named: give it in a call of its own, and hold the others inside that",
            names.len()
        )));
    };
    let slots = Slots::new(name, count).map_err(Error::Usage)?;
    Ok(Some(slots))
}

impl Slotted {
    /// Those slots, on these terms.
    pub fn new(
        session: &Session,
        subject: Subject,
        slots: Slots,
        args: &GrantArgs,
        terms: AcquireTerms,
    ) -> Self {
        let one = |name: &LeaseName| -> Lease {
            let operations = session.lease(name);
            operations.observed_only(args.proof.observed_only())
        };
        let names = slots.each().iter().map(ToString::to_string).collect();
        let changes = session.store.changes(&session.namespace, names);
        let each = slots.each().iter().map(one).collect();
        Self {
            subject: Subject {
                of_slots: true,
                ..subject
            },
            line: session.line(QueueName::of_slots(slots.name()), args, &terms),
            operations: SlotOperations::new(each, changes),
            terms: SlotsTerms { slots, each: terms },
        }
    }

    /// The slot that something is about; `None` if it is about all of them.
    pub fn subject_of(&self, slot: Option<usize>) -> Subject {
        let mut subject = self.subject.clone();
        if let Some(slot) = slot {
            subject.name = self.terms.slots.each()[slot].to_string();
            subject.of_slots = false;
        }
        subject
    }

    /// The grant of a slot that this process had before, and the operations on that slot.
    pub fn ended(&self) -> Option<(&Subject, &Lease, &Record)> {
        let ended = self.terms.each.ended.as_ref()?;
        let mut slots = self.terms.slots.each().iter();
        let slot = slots.position(|slot| slot.as_str() == ended.name())?;
        Some((&self.subject, self.operations.on(slot), ended))
    }
}
