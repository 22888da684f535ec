//! Slots: so many Leases, named after one name, for so many holders at a time.

use std::fmt;
use std::str::FromStr;

use super::{HolderIdentity, LeaseName};

/// Each caller reads every slot: more are a work queue's business.
const MOST: u32 = 256;

/// The longest value of a label.
pub(super) const LONGEST_LABEL: usize = 63;

/// How many slots there are: 1 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotCount(u32);

impl SlotCount {
    /// The number.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

impl FromStr for SlotCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(count @ 1..=MOST) => Ok(Self(count)),
            _ => Err(format!("a number of slots is 1 to {MOST}")),
        }
    }
}

impl fmt::Display for SlotCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The slots of a name: the Leases `NAME-0` to `NAME-<N-1>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    name: LeaseName,
    count: SlotCount,
    each: Vec<LeaseName>,
}

impl Slots {
    /// So many slots of `name`.
    ///
    /// # Errors
    /// When the name leaves no room for the number behind it.
    pub fn new(name: &LeaseName, count: SlotCount) -> Result<Self, String> {
        let each = (0..count.get()).map(|slot| format!("{name}-{slot}").parse());
        let each = each.collect::<Result<Vec<LeaseName>, String>>();
        Ok(Self {
            name: name.clone(),
            count,
            each: each.map_err(|_| {
                format!(
                    "the last of {count} slots would be \"{name}-{}\": a lease name has at most 253 characters",
                    count.get() - 1
                )
            })?,
        })
    }

    /// What they are named after.
    pub fn name(&self) -> &LeaseName {
        &self.name
    }

    /// How many there are.
    pub fn count(&self) -> SlotCount {
        self.count
    }

    /// Their own names, in order.
    pub fn each(&self) -> &[LeaseName] {
        &self.each
    }

    /// Which of them has this name.
    pub fn index_of(&self, lease: &str) -> Option<usize> {
        let slot = index(self.name.as_str(), lease)?;
        (slot < self.each.len()).then_some(slot)
    }

    /// What a label says whose slot a Lease is; `None` where the name is longer than a label's value may be.
    pub fn label(&self) -> Option<&str> {
        let name = self.name.as_str();
        (name.len() <= LONGEST_LABEL).then_some(name)
    }

    /// In which order a holder tries them: from a start of its own on, so that many holders do not all begin with the same.
    pub fn order(&self, holder: &HolderIdentity) -> impl Iterator<Item = usize> + use<> {
        let count = self.each.len();
        let start = (hash(holder.as_str()) % count as u64) as usize;
        (start..count).chain(0..start)
    }
}

/// The number of the slot of `name` that this Lease would be by its name.
pub fn index(name: &str, lease: &str) -> Option<usize> {
    let digits = lease.strip_prefix(name)?.strip_prefix('-')?;
    let slot = digits.parse().ok()?;
    // `+1` and `01` are other names.
    (format!("{slot}") == digits).then_some(slot)
}

/// FNV-1a, and a last step that mixes: identities often differ in their last character alone. The same on every machine
/// and in every build, so that a holder that comes again begins with the slot that it had.
pub(super) fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(name: &str, count: &str) -> Result<Slots, String> {
        let name = name.parse().expect("a name");
        Slots::new(&name, count.parse()?)
    }

    #[test]
    fn there_are_one_to_256_slots_each_with_a_name_that_fits() {
        for count in ["1", "3", "256"] {
            let slots = slots("pool", count).expect("slots");
            assert_eq!(slots.each().len().to_string(), count);
        }
        for count in "0 -1 257 x 1.5 99999999999".split(' ') {
            assert!(count.parse::<SlotCount>().is_err(), "{count:?}");
        }
        assert!("".parse::<SlotCount>().is_err());
        let long = "a".repeat(251);
        assert!(slots(&long, "10").is_ok());
        let why = slots(&long, "11").expect_err("the eleventh has one more digit");
        assert!(
            why.ends_with("-10\": a lease name has at most 253 characters"),
            "{why}"
        );
    }

    #[test]
    fn a_slot_is_known_by_its_name() {
        let slots = slots("pool", "11").expect("slots");
        for (lease, slot) in [
            ("pool-0", Some(0)),
            ("pool-10", Some(10)),
            ("pool-11", None),
            ("pool", None),
            ("pool-", None),
            ("pool-01", None),
            ("pool-+1", None),
            ("pool-x", None),
            ("spool-1", None),
            ("pool-1-1", None),
        ] {
            assert_eq!(slots.index_of(lease), slot, "{lease}");
        }
    }

    #[test]
    fn a_name_too_long_for_a_label_has_none() {
        let of = |length| slots(&"a".repeat(length), "2").expect("slots");
        assert!(of(63).label().is_some());
        assert_eq!(of(64).label(), None);
    }

    #[test]
    fn each_holder_begins_somewhere_else_and_tries_them_all() {
        let slots = slots("pool", "7").expect("slots");
        let mut starts = [0; 7];
        for number in 0..700 {
            let holder = format!("ci-runner-{number}").parse().expect("a holder");
            let order: Vec<usize> = slots.order(&holder).collect();
            let mut all = order.clone();
            all.sort_unstable();
            assert_eq!(all, [0, 1, 2, 3, 4, 5, 6]);
            assert_eq!(slots.order(&holder).collect::<Vec<_>>(), order);
            starts[order[0]] += 1;
        }
        assert!(
            starts.iter().all(|count| (60..140).contains(count)),
            "{starts:?}"
        );
    }
}
