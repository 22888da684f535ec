//! Queues: the names of those that wait for a Lease in line.

use super::LeaseName;
use super::slots::{LONGEST_LABEL, hash};

/// The longest name of a Lease.
const LONGEST_NAME: usize = 253;

/// What stands between a Lease's name and a ticket's own part.
const OF: &str = ".waiter-";

/// What is behind a name in the label of its slots' tickets. No Lease has such a name.
pub const OF_SLOTS: &str = "_slots";

/// So many random characters tell a Lease's tickets apart.
const OWN_PART: usize = 10;

/// The queue of a Lease, or of the slots of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueName {
    lease: LeaseName,
    label: String,
}

impl QueueName {
    /// That of this Lease.
    pub fn of(lease: &LeaseName) -> Self {
        Self {
            lease: lease.clone(),
            label: label(lease.as_str()),
        }
    }

    /// That of the slots of this name, which is another than that of a Lease that is called so.
    pub fn of_slots(name: &LeaseName) -> Self {
        Self {
            lease: name.clone(),
            // No Lease has such a name.
            label: label(&format!("{name}{OF_SLOTS}")),
        }
    }

    /// The label of its tickets: the name, or for a longer one its beginning and what tells it from others that begin so.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// A name for a ticket that nobody else has.
    pub fn some_ticket(&self) -> String {
        let name = cut(self.lease.as_str(), LONGEST_NAME - OF.len() - OWN_PART);
        let own: String = (0..OWN_PART).map(|_| fastrand::lowercase()).collect();
        format!("{name}{OF}{own}")
    }
}

/// What stands for the Lease of this name on its tickets.
fn label(lease: &str) -> String {
    if lease.len() <= LONGEST_LABEL {
        return lease.to_owned();
    }
    let rest = format!(".{:016x}", hash(lease));
    cut(lease, LONGEST_LABEL - rest.len()).to_owned() + &rest
}

/// At most so much of a name, as it may stand before a dot.
fn cut(name: &str, most: usize) -> &str {
    let cut = name.get(..most).unwrap_or(name);
    cut.trim_end_matches(['-', '.', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str) -> QueueName {
        QueueName::of(&name.parse().expect("a name"))
    }

    #[test]
    fn a_label_is_the_name_or_what_stands_for_a_longer_one() {
        assert_eq!(queue("deploy").label(), "deploy");
        let of_slots = |name: &str| QueueName::of_slots(&name.parse().expect("a name"));
        assert_eq!(of_slots("pool").label(), "pool_slots");
        let long = of_slots(&"a".repeat(60));
        assert!(long.label().len() == 63 && long.label() != queue(&"a".repeat(60)).label());
        let most = "a".repeat(63);
        assert_eq!(queue(&most).label(), most);
        let (one, other) = ("a".repeat(64), "a".repeat(65));
        let labels = [queue(&one), queue(&other)].map(|queue| queue.label().to_owned());
        assert!(labels.iter().all(|label| label.len() == 63), "{labels:?}");
        assert_ne!(labels[0], labels[1]);
        let dotted = "a".repeat(44) + ".-" + &"b".repeat(30);
        let label = label(&dotted);
        assert!(label.len() <= 63 && !label.contains("-."), "{label}");
        let last = label.chars().last().expect("a character");
        assert!(last.is_ascii_alphanumeric());
    }

    #[test]
    fn a_ticket_has_a_name_that_a_lease_may_have() {
        for name in [
            "deploy".to_owned(),
            "a".repeat(253),
            format!("{}.b", "a".repeat(234)),
        ] {
            let ticket = queue(&name).some_ticket();
            assert!(ticket.parse::<LeaseName>().is_ok(), "{ticket}");
            assert!(ticket.len() <= 253 && ticket.contains(OF));
        }
        assert_ne!(queue("a").some_ticket(), queue("a").some_ticket());
    }
}
