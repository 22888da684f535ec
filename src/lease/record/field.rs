//! The names: of the fields of a spec that make a grant, of this program's annotations, and of this program in managedFields.

/// What says of an object that it is a Lease.
pub const KIND: [(&str, &str); 2] = [("apiVersion", "coordination.k8s.io/v1"), ("kind", "Lease")];

/// The holder identity.
pub const HOLDER: &str = "holderIdentity";
/// The lease duration, seconds.
pub const DURATION: &str = "leaseDurationSeconds";
/// When it was granted, by the holder's clock.
pub const ACQUIRE_TIME: &str = "acquireTime";
/// When it was last renewed, by the holder's clock.
pub const RENEW_TIME: &str = "renewTime";
/// How often the holder changed.
pub const TRANSITIONS: &str = "leaseTransitions";
/// Those that a grant writes.
pub const OF_GRANT: [&str; 5] = [HOLDER, DURATION, ACQUIRE_TIME, RENEW_TIME, TRANSITIONS];

/// What the names of this program's annotations begin with.
pub const OWN: &str = "kubectl-lease/";

/// The annotation that keeps `--reason`.
pub const REASON_ANNOTATION: &str = "kubectl-lease/reason";

/// The annotation of a Lease that was stolen from a holder that may still run: the transitions of the grant that it was stolen
/// by, for others may come after that and leave it, and the holder's identity. It goes when the holder must have stopped.
pub const VICTIM_ANNOTATION: &str = "kubectl-lease/victim";

/// The annotation by which a holder that was robbed says that it has stopped: the transitions, the acquireTime and the uid of
/// its own grant, and of no other. It stands on the grant that was put on top of that one.
pub const STOPPED_ANNOTATION: &str = "kubectl-lease/stopped";
/// The annotation of a grant that its holder put on top of one of its own that still stood, from which nothing else would tell it:
/// its transitions. Whoever has tried to release the earlier one sees by it that it was not released.
pub const REGRANTED_ANNOTATION: &str = "kubectl-lease/regranted";

/// The annotation that keeps from whom the Lease was taken last, by whom, why and when: JSON.
pub const PREVIOUS_ANNOTATION: &str = "kubectl-lease/previous";

/// The annotation of a Lease that recorded no duration before a grant of this tool: the transitions and the holder of the grant
/// that the recorded duration belongs to, and goes with.
pub const DURATION_ANNOTATION: &str = "kubectl-lease/duration-of-grant";

/// The annotation of a slot, one of the Leases `NAME-0`, `NAME-1` and so on that have so many holders at a time: how many there
/// are. What that of `NAME-0` says goes for all.
pub const SLOTS_ANNOTATION: &str = "kubectl-lease/slots";

/// The label of a slot: NAME, where that is short enough for the value of a label. By it one watch shows them all, and no others.
pub const SLOT_OF_LABEL: &str = "kubectl-lease/slot-of";

/// The label of a ticket, which is a waiter's place in the queue of another Lease: that Lease's name, or what stands for a longer one.
pub const QUEUE_OF_LABEL: &str = "kubectl-lease/queue-of";

/// The annotation of a ticket: the resourceVersion that it was created with. Its own grows with each renewal.
pub const PLACE_ANNOTATION: &str = "kubectl-lease/place";

/// The annotation of a ticket that goes before or behind others: a number, the larger first; 0 where there is none.
pub const PRIORITY_ANNOTATION: &str = "kubectl-lease/priority";

/// The annotation of a grant that was written under another name in managedFields (`--field-manager`): the transitions of the
/// grant, and that name, so that what it wrote is known for this program's.
pub const MANAGER_ANNOTATION: &str = "kubectl-lease/manager";

/// Our name in managedFields, unless `--field-manager` gives another.
pub const FIELD_MANAGER: &str = "kubectl-lease";

/// The name for dry runs that only ask what the server's time is: a manager that owns nothing yet is stamped with now by
/// every server, those too that leave the time of an entry alone while its fields stay the same ones.
pub const CLOCK_MANAGER: &str = "kubectl-lease-clock";
