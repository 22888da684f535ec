//! What it takes to stand in line.

use super::{GET, Of, Permission, Resource, TELL, UPDATE, WATCH, Way, named};

pub const GET_TICKETS: Permission = Permission::to("get", Resource::Tickets);
pub const LIST_TICKETS: Permission = Permission::to("list", Resource::Tickets);
pub const WATCH_TICKETS: Permission = Permission::to("watch", Resource::Tickets);
pub const CREATE_TICKETS: Permission = Permission::to("create", Resource::Tickets);
pub const UPDATE_TICKETS: Permission = Permission::to("update", Resource::Tickets);
pub const DELETE_TICKETS: Permission = Permission::to("delete", Resource::Tickets);

/// What a place in line takes, beside what the lease takes: others' places are looked at, and ended once they are over.
const IN_LINE: &[Permission] = &[
    GET,
    UPDATE,
    GET_TICKETS,
    LIST_TICKETS,
    WATCH_TICKETS,
    CREATE_TICKETS,
    UPDATE_TICKETS,
    DELETE_TICKETS,
];
/// `acquire --queue`
pub static ACQUIRES_IN_LINE: Way = named("acquire --queue", IN_LINE, &[WATCH, TELL]);
/// `hold --queue`
pub static HOLDS_IN_LINE: Way = named("hold --queue", IN_LINE, &[WATCH, TELL]);
/// `hold --slots --queue`
pub static HOLDS_SLOTS_IN_LINE: Way = Way {
    call: "hold --slots --queue",
    needs: IN_LINE,
    better: &[WATCH, TELL],
    of: Of::All,
};
