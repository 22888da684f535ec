use std::collections::BTreeMap;

use super::*;

const US: Pid = Pid::from_raw(100);
const LEADER: Pid = Pid::from_raw(200);

fn pid(number: i32) -> Pid {
    Pid::from_raw(number)
}

#[derive(Clone, Copy)]
struct Entry {
    seen: Seen,
    /// As the kernel has it now: 1 once the first one is gone.
    parent_now: Pid,
    group: Pid,
}

/// A kernel that hands orphans to process 1, and in which something happens right after a list was made.
struct World {
    processes: BTreeMap<Pid, Entry>,
    last: u64,
    followed: Vec<Pid>,
    after_lists: Vec<fn(&mut World)>,
    fails: bool,
}

impl World {
    /// We, and the leader of the command.
    fn new() -> (Self, Family) {
        let mut world = Self {
            processes: BTreeMap::new(),
            last: 0,
            followed: Vec::new(),
            after_lists: Vec::new(),
            fails: false,
        };
        world.fork(pid(1), pid(1));
        world.fork(pid(1), US);
        world.fork(US, LEADER);
        world.leave_group(LEADER);
        let us = world.see(US).expect("we are there");
        (world, Family::of(us))
    }

    fn fork(&mut self, parent: Pid, child: Pid) {
        self.last += 1;
        let forked_by = self.processes.get(&parent);
        let seen = Seen {
            pid: child,
            id: Id(self.last),
            parent: forked_by.map_or(Id(0), |entry| entry.seen.id),
            ended: false,
        };
        let entry = Entry {
            seen,
            parent_now: parent,
            group: forked_by.map_or(child, |entry| entry.group),
        };
        let before = self.processes.insert(child, entry);
        assert!(before.is_none(), "{child} is in use");
    }

    fn leave_group(&mut self, process: Pid) {
        self.entry(process).group = process;
    }

    /// It ends, and waits to be waited for.
    fn end(&mut self, process: Pid) {
        self.entry(process).seen.ended = true;
        for entry in self.processes.values_mut() {
            if entry.parent_now == process {
                entry.parent_now = pid(1);
            }
        }
    }

    /// It ends, and its parent has waited for it.
    fn be_gone(&mut self, process: Pid) {
        self.end(process);
        self.processes.remove(&process);
    }

    fn entry(&mut self, process: Pid) -> &mut Entry {
        self.processes.get_mut(&process).expect("it is there")
    }

    fn list(&mut self, which: impl Fn(&Entry) -> bool) -> io::Result<Vec<Pid>> {
        if self.fails {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let mut list: Vec<Pid> = (self.processes.iter())
            .filter(|(_, entry)| which(entry))
            .map(|(&pid, _)| pid)
            .collect();
        // In no order that says anything.
        list.reverse();
        if let Some(event) = self.after_lists.pop() {
            event(self);
        }
        Ok(list)
    }
}

impl Kernel for World {
    fn all(&mut self) -> io::Result<Vec<Pid>> {
        self.list(|_| true)
    }

    fn children(&mut self, of: Pid) -> io::Result<Vec<Pid>> {
        self.list(|entry| entry.parent_now == of)
    }

    fn group(&mut self, leader: Pid) -> io::Result<Vec<Pid>> {
        self.list(|entry| entry.group == leader)
    }

    fn see(&mut self, pid: Pid) -> Option<Seen> {
        self.processes.get(&pid).map(|entry| entry.seen)
    }

    fn follow(&mut self, pid: Pid) {
        self.followed.push(pid);
    }
}

fn look(family: &mut Family, world: &mut World) -> Vec<i32> {
    family.look(world, Some(LEADER)).expect("they are listed");
    numbers(family)
}

fn heed(family: &mut Family, world: &mut World, forked: &[i32]) -> Vec<i32> {
    let forked: Vec<Pid> = forked.iter().copied().map(pid).collect();
    family.heed(world, &forked).expect("they are listed");
    numbers(family)
}

fn numbers(family: &Family) -> Vec<i32> {
    let running = family.running().into_iter();
    running.map(|relative| relative.pid.as_raw()).collect()
}

#[test]
fn whoever_leaves_the_group_is_found_level_by_level_and_strangers_are_not() {
    let (mut world, mut family) = World::new();
    world.fork(LEADER, pid(201));
    world.leave_group(pid(201));
    world.fork(pid(201), pid(150));
    world.fork(pid(1), pid(300));
    world.fork(pid(300), pid(301));
    assert_eq!(look(&mut family, &mut world), [200, 201, 150]);
    assert_eq!(world.followed, [pid(200), pid(201), pid(150)]);
    let running = family.running();
    assert!(running.iter().all(|relative| relative.top == LEADER));
    let children: Vec<bool> = running.iter().map(|relative| relative.is_child).collect();
    assert_eq!(children, [true, false, false]);
    assert_eq!(family.children_of(LEADER), [pid(201)]);
    assert_eq!(family.children_of(pid(300)), []);
}

#[test]
fn an_orphan_is_found_by_the_parent_that_was_seen_and_that_one_is_forgotten() {
    let (mut world, mut family) = World::new();
    world.fork(LEADER, pid(201));
    world.leave_group(pid(201));
    look(&mut family, &mut world);
    world.fork(pid(201), pid(202));
    world.be_gone(pid(201));
    // By a list of children it would be launchd's.
    assert_eq!(world.processes[&pid(202)].parent_now, pid(1));
    assert_eq!(look(&mut family, &mut world), [200, 202]);
    assert_eq!(family.members.len(), 2);
    // And so on, also of one whose parent has been forgotten.
    world.fork(pid(202), pid(203));
    world.be_gone(pid(202));
    assert_eq!(look(&mut family, &mut world), [200, 203]);
    assert_eq!(family.running()[1].top, LEADER);
}

#[test]
fn the_leaders_orphans_are_found_once_it_is_gone_too() {
    let (mut world, mut family) = World::new();
    look(&mut family, &mut world);
    world.fork(LEADER, pid(201));
    world.leave_group(pid(201));
    world.be_gone(LEADER);
    family.look(&mut world, None).expect("they are listed");
    assert_eq!(numbers(&family), [201]);
    assert!(!family.running()[0].is_child);
}

#[test]
fn an_ended_process_that_nobody_waited_for_leads_to_its_children_and_does_not_count() {
    let (mut world, mut family) = World::new();
    world.fork(LEADER, pid(201));
    world.fork(pid(201), pid(202));
    world.leave_group(pid(202));
    world.end(pid(201));
    assert_eq!(look(&mut family, &mut world), [200, 202]);
    // One that was known before too.
    world.end(pid(202));
    assert_eq!(look(&mut family, &mut world), [200]);
}

/// The limit of all this: it is why nothing is acknowledged.
#[test]
fn an_orphan_whose_parent_came_and_went_between_two_looks_is_not_found() {
    let (mut world, mut family) = World::new();
    look(&mut family, &mut world);
    world.fork(LEADER, pid(201));
    world.fork(pid(201), pid(202));
    world.leave_group(pid(202));
    world.be_gone(pid(201));
    assert_eq!(look(&mut family, &mut world), [200]);
}

#[test]
fn one_of_the_commands_group_is_known_whoever_forked_it_and_so_is_whom_it_forks() {
    let (mut world, mut family) = World::new();
    look(&mut family, &mut world);
    world.fork(LEADER, pid(201));
    world.fork(pid(201), pid(202));
    world.be_gone(pid(201));
    assert_eq!(look(&mut family, &mut world), [200, 202]);
    assert_eq!(world.followed.last(), Some(&pid(202)));
    world.fork(pid(202), pid(203));
    world.leave_group(pid(203));
    world.leave_group(pid(202));
    world.be_gone(pid(202));
    assert_eq!(look(&mut family, &mut world), [200, 203]);
}

#[test]
fn a_number_that_left_the_group_and_was_given_away_is_not_taken_for_the_one_that_was_in_it() {
    let (mut world, mut family) = World::new();
    look(&mut family, &mut world);
    world.fork(LEADER, pid(201));
    world.fork(pid(201), pid(202));
    world.be_gone(pid(201));
    // After the list of the group; that of all is made before.
    world.after_lists = vec![
        |world| {
            world.be_gone(pid(202));
            world.fork(pid(1), pid(202));
            world.leave_group(pid(202));
        },
        |_| {},
    ];
    assert_eq!(look(&mut family, &mut world), [200]);
}

#[test]
fn whom_a_process_forks_while_it_is_looked_at_is_met_by_the_wake_that_the_fork_is() {
    let (mut world, mut family) = World::new();
    // Our own child is met without a word of it.
    assert_eq!(heed(&mut family, &mut world, &[]), [200]);
    world.fork(LEADER, pid(201));
    // Between the list of the leader's children and the look at that child.
    world.after_lists = vec![|world| {
        world.fork(pid(201), pid(202));
        world.leave_group(pid(202));
    }];
    assert_eq!(heed(&mut family, &mut world, &[200]), [200, 201, 202]);
    // It is followed before its own children are listed: no fork is lost between.
    assert_eq!(world.followed[1..], [pid(201), pid(202)]);
    // A double fork that is heeded before the middle one has been waited for.
    world.fork(pid(202), pid(203));
    world.fork(pid(203), pid(204));
    world.end(pid(203));
    // Its own child is launchd's by now, and in no list of ours.
    assert_eq!(heed(&mut family, &mut world, &[202]), [200, 201, 202, 204]);
}

#[test]
fn the_orphans_of_one_who_forked_and_ended_before_the_wake_was_heeded_are_found() {
    let (mut world, mut family) = World::new();
    world.fork(LEADER, pid(201));
    look(&mut family, &mut world);
    world.fork(pid(201), pid(202));
    world.leave_group(pid(202));
    world.be_gone(pid(201));
    assert_eq!(heed(&mut family, &mut world, &[201]), [200, 202]);
    assert_eq!(world.followed.last(), Some(&pid(202)));
}

#[test]
fn a_number_that_was_given_away_again_is_neither_a_descendant_nor_signalled() {
    let (mut world, mut family) = World::new();
    world.fork(LEADER, pid(201));
    look(&mut family, &mut world);
    let known = family.running()[1];
    assert!(is_itself(&mut world, known.pid, known.id));
    world.end(pid(201));
    assert!(!is_itself(&mut world, known.pid, known.id));
    world.be_gone(pid(201));
    assert!(!is_itself(&mut world, known.pid, known.id));
    world.fork(pid(1), pid(201));
    world.leave_group(pid(201));
    world.fork(pid(201), pid(202));
    assert!(!is_itself(&mut world, known.pid, known.id));
    // Its fork is heard of as the earlier one's: its children are none of ours either.
    assert!(!heed(&mut family, &mut world, &[201]).contains(&202));
    assert_eq!(look(&mut family, &mut world), [200]);
}

#[test]
fn who_is_listed_and_cannot_be_seen_is_not_taken_for_gone() {
    let (mut world, mut family) = World::new();
    world.fork(LEADER, pid(201));
    look(&mut family, &mut world);
    // Of all, and of the group; the last is done first.
    world.after_lists = vec![|world| {
        world.processes.remove(&pid(201));
    }];
    assert_eq!(look(&mut family, &mut world), [200, 201]);
    assert_eq!(look(&mut family, &mut world), [200]);
}

#[test]
fn what_cannot_be_listed_is_an_error_and_forgets_nobody() {
    let (mut world, mut family) = World::new();
    look(&mut family, &mut world);
    world.fails = true;
    assert!(family.look(&mut world, Some(LEADER)).is_err());
    assert!(family.heed(&mut world, &[LEADER]).is_err());
    assert_eq!(numbers(&family), [200]);
}

#[test]
fn who_is_gone_is_not_remembered_for_ever() {
    let (mut world, mut family) = World::new();
    for _ in 0..4 * FEW {
        world.fork(LEADER, pid(201));
        heed(&mut family, &mut world, &[200]);
        world.be_gone(pid(201));
    }
    assert!(family.members.len() <= FEW + 2, "{}", family.members.len());
}

#[test]
fn a_walk_visits_everybody_once_and_goes_on_until_nobody_new_is_found() {
    let (world, mut family) = World::new();
    let world = std::cell::RefCell::new(world);
    let mut visited = Vec::new();
    let whole = visit_while(
        &mut || {
            look(&mut family, &mut world.borrow_mut());
            family.running()
        },
        &mut |relative| {
            visited.push(relative.pid.as_raw());
            // Two of them fork once more when they are about to be killed.
            if visited.len() < 3 {
                let child = pid(200 + i32::try_from(visited.len()).expect("small"));
                world.borrow_mut().fork(relative.pid, child);
                world.borrow_mut().be_gone(relative.pid);
            }
            true
        },
    );
    assert!(whole);
    assert_eq!(visited, [200, 201, 202]);
}

#[test]
fn a_walk_can_be_broken_off_and_ends_where_somebody_forks_for_ever() {
    let relative = |number| Relative {
        pid: pid(number),
        id: Id(u64::try_from(number).expect("positive")),
        top: LEADER,
        is_child: false,
    };
    let mut next = 0;
    let mut fork = || {
        next += 1;
        vec![relative(next)]
    };
    assert!(!visit_while(&mut fork, &mut |_| false));
    let mut visits = 0;
    assert!(visit_while(&mut fork, &mut |_| {
        visits += 1;
        true
    }));
    assert_eq!(visits, LOOKS);
}
