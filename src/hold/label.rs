//! The label that a pod carries while the command runs: set and taken off over conflicts, faults and lost replies.

mod pod;
mod process;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};

use crate::clock::{Clock, Instant};
use crate::lease::api::{Fault, Objects};
pub use pod::Label;
use pod::{Aim, Own, Pod, Step, step};

/// How long one request may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pauses between tries grow from the one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// So many times it is written to a server that stores something else.
const WRITES: u32 = 3;

/// So many conflicts in a row are answered at once: a pod's status changes often, but not for ever.
const CONFLICTS: u32 = 5;

/// What was tried in vain.
#[derive(Default)]
struct Tries {
    writes: u32,
    conflicts: u32,
}

/// Which pod, and which label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The label.
    pub label: Label,
}

/// Why a label is not on a pod, or still is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The API server could not be asked, or said no.
    Fault(Fault),
    /// There is no such pod.
    Missing,
    /// Another pod has the name by now.
    Another,
    /// The pod has had the label before, with this value, and not from us.
    Foreign(String),
    /// Another hold that is alive has set it: its process.
    Occupied(String),
    /// The server stores it otherwise.
    Altered,
    /// There was no time to ask.
    Late,
}

impl Trouble {
    /// Whether nothing can change it but somebody's hand.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Fault(fault) => !fault.is_transient(),
            Self::Missing
            | Self::Another
            | Self::Foreign(_)
            | Self::Occupied(_)
            | Self::Altered => true,
            Self::Late => false,
        }
    }
}

/// A pod's label, as a hold has it.
pub trait PodLabel {
    /// Where it is.
    fn place(&self) -> &Place;
    /// Sets it, within this time.
    fn set(&self, within: Duration) -> LocalBoxFuture<'_, Result<(), Trouble>>;
    /// Takes it off, and has no request that was sent before set it any more. `say` hears of the first trouble; the last is
    /// what stands in the way when the time is over.
    fn clear<'a>(
        &'a self,
        within: Duration,
        say: &'a dyn Fn(&Trouble),
    ) -> LocalBoxFuture<'a, Result<(), Trouble>>;
}

/// The label of one pod on one API server.
pub struct LabelledPod<O, C> {
    objects: O,
    clock: C,
    place: Place,
    path: String,
    /// The pod's uid: another of the same name is none of ours.
    uid: RefCell<Option<String>>,
    /// The pod as it was seen last.
    seen: RefCell<Option<Pod>>,
    /// On top of which resourceVersion a request to set it may still be carried out.
    open: RefCell<Option<String>>,
    /// Whether it was asked for, and not seen taken off since.
    has_set: Cell<bool>,
    /// What our mark says.
    mark: String,
    /// Whether the process that a mark names is there.
    is_alive: fn(&str) -> bool,
}

impl<O: Objects, C: Clock> LabelledPod<O, C> {
    /// Nothing is sent yet. Without `uid` the pod that is seen first is the one.
    pub fn new(objects: O, clock: C, place: Place, uid: Option<String>) -> Self {
        let Place { namespace, pod, .. } = &place;
        let mark = place.label.marked_by(process::ourselves().as_deref());
        Self {
            path: format!("/api/v1/namespaces/{namespace}/pods/{pod}"),
            objects,
            clock,
            place,
            uid: RefCell::new(uid),
            seen: RefCell::default(),
            open: RefCell::default(),
            has_set: Cell::new(false),
            mark,
            is_alive: process::is_alive,
        }
    }

    /// Takes off what an earlier process has left, and finds out meanwhile whether the label can be set.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn prepare(&self, within: Duration) -> Result<(), Trouble> {
        self.reach(Aim::Off, self.clock.now() + within, |trouble| {
            trouble.is_final()
        })
        .await
    }

    /// The label as it is aimed at, by then. `gives_up` tells whether a trouble ends it before.
    async fn reach(
        &self,
        aim: Aim,
        until: Instant,
        gives_up: impl Fn(&Trouble) -> bool,
    ) -> Result<(), Trouble> {
        let (mut tries, mut pause) = (Tries::default(), FIRST_PAUSE);
        let mut last = Trouble::Late;
        loop {
            let now = self.clock.now();
            if now >= until {
                return Err(last);
            }
            let limit = ATTEMPT.min(until.since(now));
            let trouble = match self.one_step(aim, limit, &mut tries).await {
                Ok(true) => return Ok(()),
                Ok(false) => continue,
                Err(trouble) => trouble,
            };
            if gives_up(&trouble) {
                return Err(trouble);
            }
            let asked = match &trouble {
                Trouble::Fault(fault) => fault.retry_after(),
                _ => None,
            };
            last = trouble;
            let wait = asked.map_or(pause, |asked| asked.min(LONGEST_PAUSE).max(pause));
            pause = (pause * 2).min(LONGEST_PAUSE);
            let next = (self.clock.now() + wait).min(until);
            self.clock.sleep_until(next).await;
        }
    }

    /// One request at most; true if nothing is to be done any more.
    async fn one_step(
        &self,
        aim: Aim,
        limit: Duration,
        tries: &mut Tries,
    ) -> Result<bool, Trouble> {
        let known = self.seen.take();
        let (patch, on) = match known {
            None => (Pod::nothing(self.uid.borrow().as_deref()), None),
            Some(pod) => {
                if let Some(process) = self.occupant(&pod) {
                    return Err(Trouble::Occupied(process));
                }
                let open = self.open.borrow().clone();
                let own = Own {
                    mark: &self.mark,
                    open: open.as_deref(),
                    has_set: self.has_set.get(),
                };
                match step(aim, &pod, &self.place.label, own) {
                    Step::Done => {
                        self.has_set.set(aim == Aim::On);
                        *self.seen.borrow_mut() = Some(pod);
                        return Ok(true);
                    }
                    Step::Foreign(value) => return Err(Trouble::Foreign(value)),
                    Step::Patch(_) if tries.writes >= WRITES => {
                        tries.writes = 0;
                        return Err(Trouble::Altered);
                    }
                    Step::Patch(patch) => (patch, Some(pod)),
                }
            }
        };
        let had_set = self.has_set.get();
        if aim == Aim::On
            && let Some(pod) = &on
        {
            // Noted before it is sent: whoever stops listening does not know what becomes of it.
            *self.open.borrow_mut() = Some(pod.resource_version.clone());
            self.has_set.set(true);
        }
        match self.objects.patch(&self.path, &patch, limit).await {
            Ok(object) => {
                let pod = Pod::of(&object, &self.place.label);
                let pod = pod.ok_or(Trouble::Altered)?;
                let uid = self.uid.borrow_mut().get_or_insert(pod.uid.clone()).clone();
                if uid != pod.uid {
                    return Err(Trouble::Another);
                }
                if on.is_some() {
                    tries.writes += 1;
                    tries.conflicts = 0;
                }
                *self.seen.borrow_mut() = Some(pod);
                Ok(false)
            }
            Err(Fault::Rejected(rejection)) if rejection.code == 404 && rejection.is_status => {
                Err(Trouble::Missing)
            }
            // Changed since, as a kubelet does all the time: looked at again.
            Err(Fault::Rejected(rejection))
                if rejection.code == 409 && on.is_some() && tries.conflicts < CONFLICTS =>
            {
                tries.conflicts += 1;
                self.has_set.set(had_set);
                Ok(false)
            }
            // The uid is not to be changed, may that mean; but the words name the pod too, and a name can say anything.
            Err(Fault::Rejected(rejection)) if matches!(rejection.code, 409 | 422) => {
                match self.is_another(limit).await {
                    true => Err(Trouble::Another),
                    false => Err(Trouble::Fault(Fault::Rejected(rejection))),
                }
            }
            Err(fault) => Err(Trouble::Fault(fault)),
        }
    }

    /// Another process that has set the label and is there.
    fn occupant(&self, pod: &Pod) -> Option<String> {
        let process = pod.process()?;
        let is_ours = self.mark.split_once(' ').map(|(_, own)| own) == Some(process);
        (!is_ours && (self.is_alive)(process)).then(|| process.to_owned())
    }

    /// Whether the pod of that name is seen to be another, by a patch that changes nothing.
    async fn is_another(&self, limit: Duration) -> bool {
        let Some(uid) = self.uid.borrow().clone() else {
            return false;
        };
        let nothing = Pod::nothing(None);
        let seen = self.objects.patch(&self.path, &nothing, limit).await;
        seen.is_ok_and(|object| {
            Pod::of(&object, &self.place.label).is_some_and(|pod| pod.uid != uid)
        })
    }
}

impl<O: Objects, C: Clock> PodLabel for LabelledPod<O, C> {
    fn place(&self) -> &Place {
        &self.place
    }

    fn set(&self, within: Duration) -> LocalBoxFuture<'_, Result<(), Trouble>> {
        let until = self.clock.now() + within;
        self.reach(Aim::On, until, Trouble::is_final).boxed_local()
    }

    fn clear<'a>(
        &'a self,
        within: Duration,
        say: &'a dyn Fn(&Trouble),
    ) -> LocalBoxFuture<'a, Result<(), Trouble>> {
        let until = self.clock.now() + within;
        let said = RefCell::new(false);
        async move {
            let cleared = self.reach(Aim::Off, until, |trouble| match trouble {
                // The pod that carried it is gone; or the label is somebody else's by now.
                Trouble::Missing
                | Trouble::Another
                | Trouble::Foreign(_)
                | Trouble::Occupied(_) => true,
                // A permission may come back.
                Trouble::Fault(_) | Trouble::Altered | Trouble::Late => {
                    if !said.replace(true) {
                        say(trouble);
                    }
                    false
                }
            });
            match cleared.await {
                Err(
                    Trouble::Missing
                    | Trouble::Another
                    | Trouble::Foreign(_)
                    | Trouble::Occupied(_),
                ) => Ok(()),
                cleared => cleared,
            }
        }
        .boxed_local()
    }
}

#[cfg(test)]
#[path = "label_tests.rs"]
mod tests;
