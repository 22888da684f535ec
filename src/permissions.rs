//! Which permissions each way to call a subcommand takes: the one table, for `can-i`, and for what is advised where one is
//! missing.

mod in_line;
pub mod role;

use in_line::{ACQUIRES_IN_LINE, HOLDS_IN_LINE, HOLDS_SLOTS_IN_LINE, LIST_TICKETS, WATCH_TICKETS};

/// What a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The Leases.
    Leases,
    /// Places in line, which are Leases of any name.
    Tickets,
    /// What holds them, mostly.
    Pods,
    /// What holds them otherwise; of no namespace.
    Nodes,
    /// What tells of what was done to them.
    Events,
    /// Who may be elected.
    LeaseCandidates,
}

impl Resource {
    /// The API group, and the name in it.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Leases | Self::Tickets => ("coordination.k8s.io", "leases"),
            Self::Pods => ("", "pods"),
            Self::Nodes => ("", "nodes"),
            Self::Events => ("events.k8s.io", "events"),
            Self::LeaseCandidates => ("coordination.k8s.io", "leasecandidates"),
        }
    }

    /// Whether its objects are in a namespace.
    pub fn is_namespaced(self) -> bool {
        match self {
            Self::Leases | Self::Tickets | Self::Pods | Self::Events | Self::LeaseCandidates => {
                true
            }
            Self::Nodes => false,
        }
    }
}

/// One permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// What it is about.
    pub resource: Resource,
    /// What it allows.
    pub verb: &'static str,
}

impl Permission {
    const fn to(verb: &'static str, resource: Resource) -> Self {
        Self { resource, verb }
    }

    /// For people: of Leases, the verb alone.
    pub fn words(self) -> String {
        match self.resource {
            Resource::Leases => self.verb.to_owned(),
            Resource::Tickets => format!("{} tickets", self.verb),
            other => format!("{} {}", self.verb, other.names().1),
        }
    }

    /// Whether it can be granted for one Lease alone. RBAC is asked about a create, and a list, before there is a name.
    pub fn takes_a_name(self) -> bool {
        self.resource == Resource::Leases && !matches!(self.verb, "create" | "list")
    }
}

/// A way to call a subcommand.
#[derive(Debug, PartialEq, Eq)]
pub struct Way {
    /// The words.
    pub call: &'static str,
    /// What it does not work without.
    pub needs: &'static [Permission],
    /// What it works without, later or with less to show.
    pub better: &'static [Permission],
    /// Whether it is about Leases that are named.
    pub of: Of,
}

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Leases that are named.
    Named,
    /// All of them.
    All,
}

const GET: Permission = Permission::to("get", Resource::Leases);
const LIST: Permission = Permission::to("list", Resource::Leases);
const WATCH: Permission = Permission::to("watch", Resource::Leases);
const CREATE: Permission = Permission::to("create", Resource::Leases);
const DELETE: Permission = Permission::to("delete", Resource::Leases);
const UPDATE: Permission = Permission::to("update", Resource::Leases);
const LIST_PODS: Permission = Permission::to("list", Resource::Pods);
const LIST_NODES: Permission = Permission::to("list", Resource::Nodes);
const HOLDERS: [Permission; 2] = [
    Permission::to("get", Resource::Pods),
    Permission::to("get", Resource::Nodes),
];

/// The namespace of the leases that Nodes renew.
const HEARTBEATS: &str = "kube-node-lease";

/// Told to others, as Events.
const TELL: Permission = Permission::to("create", Resource::Events);

const fn named(
    call: &'static str,
    needs: &'static [Permission],
    better: &'static [Permission],
) -> Way {
    Way {
        call,
        needs,
        better,
        of: Of::Named,
    }
}

/// `create`
pub static CREATES: Way = named("create", &[CREATE], &[]);
/// `create --ignore-existing`, which shows with `-o` what is there.
pub static CREATES_OR_SHOWS: Way = named("create --ignore-existing", &[CREATE], &[GET]);
/// `acquire`
pub static ACQUIRES: Way = named("acquire", &[GET, UPDATE], &[WATCH, TELL]);
/// `acquire --create`
pub static ACQUIRES_NEW: Way = named("acquire --create", &[GET, UPDATE, CREATE], &[WATCH, TELL]);
/// `hold`
pub static HOLDS: Way = named("hold", &[GET, UPDATE], &[WATCH, TELL]);
/// `hold --create`
pub static HOLDS_NEW: Way = named("hold --create", &[GET, UPDATE, CREATE], &[WATCH, TELL]);
/// `hold --cleanup`, which leaves a Lease that somebody waits for in line.
pub static HOLDS_CLEANING: Way = named(
    "hold --cleanup",
    &[GET, UPDATE, DELETE],
    &[WATCH, LIST_TICKETS, TELL],
);
/// `hold --label-pod`, whose Pod has another name.
pub static HOLDS_LABELLING: Way = named(
    "hold --label-pod",
    &[GET, UPDATE, Permission::to("patch", Resource::Pods)],
    &[WATCH, TELL],
);
/// `hold --slots`, whose Leases are NAME-0 and so on, and are watched together.
pub static HOLDS_SLOTS: Way = Way {
    call: "hold --slots",
    needs: &[GET, UPDATE],
    better: &[WATCH, TELL],
    of: Of::All,
};
/// `renew`
pub static RENEWS: Way = named("renew", &[GET, UPDATE], &[]);
/// `check`, whose dry run is an update to RBAC.
pub static CHECKS: Way = named("check", &[GET, UPDATE], &[]);
/// `release`
pub static RELEASES: Way = named("release", &[GET, UPDATE], &[]);
/// `steal`
pub static STEALS: Way = named(
    "steal",
    &[GET, UPDATE],
    &[WATCH, HOLDERS[0], HOLDERS[1], TELL],
);
/// `release --force`
pub static FREES: Way = named(
    "release --force",
    &[GET, UPDATE],
    &[HOLDERS[0], HOLDERS[1], TELL],
);
/// `release` of those that are chosen.
pub static RELEASES_MANY: Way = Way {
    call: "release -l",
    needs: &[GET, LIST, UPDATE],
    better: &[TELL],
    of: Of::All,
};
/// `steal` of those that are chosen.
pub static STEALS_MANY: Way = Way {
    call: "steal -l",
    needs: &[GET, LIST, UPDATE],
    better: &[WATCH, TELL],
    of: Of::All,
};
/// `failover`
pub static FAILS_OVER: Way = named(
    "failover",
    &[GET, UPDATE],
    &[WATCH, HOLDERS[0], HOLDERS[1], TELL],
);
/// `failover` of a coordinated election.
pub static FAILS_OVER_ELECTED: Way = named(
    "failover (election)",
    &[
        GET,
        UPDATE,
        Permission::to("list", Resource::LeaseCandidates),
    ],
    &[WATCH, HOLDERS[0], HOLDERS[1], TELL],
);
/// `wait`
pub static WAITS: Way = named("wait", &[GET], &[WATCH]);
/// `wait --for=expired`, whose updates are dry runs by which a server tells its time.
pub static WAITS_EXPIRED: Way = named("wait --for=expired", &[GET], &[WATCH, UPDATE]);
/// `prune NAME`, whose updates are dry runs by which a server tells its time.
pub static PRUNES_NAMED: Way = named("prune NAME", &[GET, DELETE], &[UPDATE, LIST_NODES, TELL]);
/// `prune`
pub static PRUNES: Way = Way {
    call: "prune",
    needs: &[LIST, DELETE],
    better: &[GET, UPDATE, LIST_NODES, TELL],
    of: Of::All,
};
/// `status NAME`
pub static SHOWS: Way = named(
    "status NAME",
    &[GET],
    &[
        WATCH,
        HOLDERS[0],
        HOLDERS[1],
        Permission::to("list", Resource::Events),
        LIST_TICKETS,
        WATCH_TICKETS,
    ],
);
/// `status`
pub static LISTS: Way = Way {
    call: "status",
    needs: &[LIST],
    better: &[WATCH],
    of: Of::All,
};
/// `status --holder-gone`, which cannot tell without what there is.
pub static LISTS_GONE: Way = Way {
    call: "status --holder-gone",
    needs: &[LIST, LIST_PODS, LIST_NODES],
    better: &[],
    of: Of::All,
};

/// All of them, as they are listed.
pub static WAYS: [&Way; 28] = [
    &CREATES,
    &CREATES_OR_SHOWS,
    &ACQUIRES,
    &ACQUIRES_NEW,
    &ACQUIRES_IN_LINE,
    &HOLDS,
    &HOLDS_NEW,
    &HOLDS_CLEANING,
    &HOLDS_LABELLING,
    &HOLDS_SLOTS,
    &HOLDS_IN_LINE,
    &HOLDS_SLOTS_IN_LINE,
    &RENEWS,
    &CHECKS,
    &RELEASES,
    &FREES,
    &STEALS,
    &RELEASES_MANY,
    &STEALS_MANY,
    &FAILS_OVER,
    &FAILS_OVER_ELECTED,
    &SHOWS,
    &LISTS,
    &LISTS_GONE,
    &WAITS,
    &WAITS_EXPIRED,
    &PRUNES_NAMED,
    &PRUNES,
];

impl Way {
    /// The verbs on Leases that it takes, the better ones too if `all`, in the order in which roles name them.
    pub fn verbs(&self, all: bool) -> Vec<&'static str> {
        let better = self.better.iter().filter(|_| all);
        let verbs = self.needs.iter().chain(better);
        let verbs: Vec<&str> = verbs
            .filter(|permission| permission.resource == Resource::Leases)
            .map(|permission| permission.verb)
            .collect();
        let order = [
            "get", "list", "update", "watch", "create", "patch", "delete",
        ];
        order
            .into_iter()
            .filter(|verb| verbs.contains(verb))
            .collect()
    }

    /// What it does not work without in this namespace; `None` for all of them. Where Nodes have their heartbeats, none is deleted
    /// of which it is not known that its Node is gone.
    pub fn needs_in(&self, namespace: Option<&str>) -> Vec<Permission> {
        let of_nodes = namespace == Some(HEARTBEATS);
        let also = |one: &&Permission| of_nodes && self.prunes() && **one == LIST_NODES;
        let better = self.better.iter().filter(also);
        self.needs.iter().chain(better).copied().collect()
    }

    /// What it works without there.
    pub fn better_in(&self, namespace: Option<&str>) -> Vec<Permission> {
        let needs = self.needs_in(namespace);
        let better = self.better.iter().copied();
        better.filter(|one| !needs.contains(one)).collect()
    }

    fn prunes(&self) -> bool {
        *self == PRUNES || *self == PRUNES_NAMED
    }

    /// Whether it counts where it is not asked for by its name: what deletes Leases, or changes or lists what else there is in the
    /// namespace, is not granted by the way.
    pub fn counts_unasked(&self) -> bool {
        let is_harmless = |one: &Permission| one.resource == Resource::Leases && *one != DELETE;
        self.needs.iter().all(is_harmless)
    }

    /// Whether it takes this resource.
    pub fn takes(&self, resource: Resource) -> bool {
        let all = self.needs.iter().chain(self.better);
        all.into_iter().any(|one| one.resource == resource)
    }

    /// As `--for` has it: whether there is a name, the call itself says.
    pub fn asked_as(&self) -> &'static str {
        self.call.strip_suffix(" NAME").unwrap_or(self.call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_further_than_leases_and_what_deletes_does_not_count_unasked() {
        let left = WAYS.into_iter().filter(|way| !way.counts_unasked());
        let left: Vec<&str> = left.map(|way| way.call).collect();
        let expected = [
            "acquire --queue",
            "hold --cleanup",
            "hold --label-pod",
            "hold --queue",
            "hold --slots --queue",
            "failover (election)",
            "status --holder-gone",
            "prune NAME",
            "prune",
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn among_heartbeats_a_prune_does_not_work_without_the_nodes() {
        for way in [&PRUNES, &PRUNES_NAMED] {
            assert!(!way.needs_in(Some("n")).contains(&LIST_NODES));
            assert!(way.better_in(None).contains(&LIST_NODES));
            assert!(way.needs_in(Some("kube-node-lease")).contains(&LIST_NODES));
            assert!(!way.better_in(Some("kube-node-lease")).contains(&LIST_NODES));
        }
        assert_eq!(STEALS.needs_in(Some("kube-node-lease")), STEALS.needs);
    }

    #[test]
    fn the_verbs_of_a_call_are_those_of_the_table_in_one_order() {
        assert_eq!(
            ACQUIRES_NEW.verbs(true),
            ["get", "update", "watch", "create"]
        );
        assert_eq!(ACQUIRES_NEW.verbs(false), ["get", "update", "create"]);
        assert_eq!(STEALS.verbs(true), ["get", "update", "watch"]);
        assert_eq!(LISTS.verbs(true), ["list", "watch"]);
        for way in WAYS {
            let all = way.needs.len() + way.better.len();
            let leases = way.verbs(true).len();
            let others =
                (way.needs.iter().chain(way.better)).filter(|one| one.resource != Resource::Leases);
            assert_eq!(
                all,
                leases + others.count(),
                "{way:?}: its verbs have no order"
            );
        }
    }
}
