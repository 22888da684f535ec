//! `--label-pod`: which pod, and what is said of it.

use std::rc::Rc;
use std::time::Duration;

use crate::cli::AroundArgs;
use crate::clock::SystemClock;
use crate::commands::{SHORT_PATIENCE, Session};
use crate::error::Error;
use crate::hint::{self, Hint};
use crate::hold::label::{Label, LabelledPod, Place, Trouble};
use crate::lease::operate::Interrupt;
use crate::server::{Client, pod_namespace};
use crate::words;

/// The label of a pod on the server that is asked.
pub type PodLabel = LabelledPod<Client, SystemClock>;

const NAME: &str = "POD_NAME";

/// What tells the pod from another that gets its name after it. It is a field of the downward API too.
const UID: &str = "POD_UID";

/// The label that is asked for, if any is.
///
/// # Errors
/// When it is not known on which pod.
pub fn of(args: &AroundArgs, session: &Session) -> Result<Option<Rc<PodLabel>>, Error> {
    let Some((key, value)) = &args.label_pod else {
        return Ok(None);
    };
    let variable = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|text| !text.trim().is_empty())
    };
    let own = variable(NAME);
    let (namespace, pod) = match (&args.pod, &own) {
        (Some(pod), _) => (pod.namespace.clone(), pod.name.clone()),
        (None, Some(own)) => {
            let pod: crate::cli::PodName = own
                .trim()
                .parse()
                .map_err(|why| Error::Usage(format!("${NAME} is {own:?}: {why}")))?;
            (pod.namespace, pod.name)
        }
        (None, None) => {
            return Err(Error::Usage(format!(
                "--label-pod does not know which pod: give --pod, or set {NAME} in the pod's manifest (valueFrom: fieldRef: fieldPath: metadata.name)"
            )));
        }
    };
    let namespace = match namespace {
        Some(namespace) => namespace,
        None => pod_namespace()?.unwrap_or_else(|| session.namespace.clone()),
    };
    // Another pod's uid would be no condition but a mistake.
    let uid = variable(UID).filter(|_| own.as_deref().map(str::trim) == Some(pod.as_str()));
    let place = Place {
        namespace,
        pod,
        label: Label {
            key: key.clone(),
            value: value.clone(),
        },
    };
    let objects = session.store.clone();
    Ok(Some(Rc::new(LabelledPod::new(
        objects,
        SystemClock,
        place,
        uid,
    ))))
}

/// Takes off what an earlier process has left, before the lease is asked for: a pod that waits must not look like the one
/// that has it. An outage is waited for if `insist` says so.
///
/// # Errors
/// When the pod cannot be labelled, or a signal comes.
pub async fn prepare(label: &PodLabel, interrupt: &Interrupt, insist: bool) -> Result<(), Stop> {
    loop {
        let prepared = tokio::select! {
            biased;
            signal = interrupt.arrived() => return Err(Stop::Signal(signal)),
            prepared = label.prepare(SHORT_PATIENCE) => prepared,
        };
        let place = crate::hold::label::PodLabel::place(label);
        match prepared {
            Ok(()) => return Ok(()),
            Err(Trouble::Fault(fault)) if fault.is_transient() && insist => {
                crate::output::terminal::say(&stays(place, &Trouble::Fault(fault), SHORT_PATIENCE));
            }
            Err(Trouble::Fault(fault)) if fault.is_transient() => {
                let namespace = Some(place.namespace.clone());
                return Err(Stop::Failed(Error::Api { namespace, fault }));
            }
            Err(trouble) => return Err(Stop::Failed(error(place, &trouble))),
        }
    }
}

/// Why nothing is begun.
pub enum Stop {
    /// A signal asks us to end.
    Signal(i32),
    /// This came in between.
    Failed(Error),
}

/// The pod cannot be labelled.
pub fn error(place: &Place, trouble: &Trouble) -> Error {
    let Place {
        namespace,
        pod,
        label,
    } = place;
    let why = Error::Hold(format!(
        "pod {pod:?} cannot be labelled {label}: {}",
        text(place, trouble)
    ));
    let look = || {
        format!(
            "Look: {}",
            hint::kubectl_in(&format!("get pod {pod} --show-labels"), namespace)
        )
    };
    let then = match trouble {
        Trouble::Fault(fault) => {
            let fault = fault.clone();
            let namespace = Some(namespace.clone());
            Error::Api { namespace, fault }.lines().split_off(1)
        }
        Trouble::Foreign(_) => vec![format!(
            "Choose a label that nothing else gives the pod, and no controller selects it by. {}",
            look()
        )],
        Trouble::Occupied(_) => vec![format!(
            "Give this hold a label of its own, or end the other first. {}",
            look()
        )],
        Trouble::Missing | Trouble::Another | Trouble::Altered | Trouble::Late => vec![look()],
    };
    Error::Despite {
        why: Box::new(why),
        then,
    }
}

/// Why, in words.
fn text(place: &Place, trouble: &Trouble) -> String {
    match trouble {
        Trouble::Fault(fault) => fault.to_string(),
        Trouble::Missing => format!("there is no such pod in namespace {:?}", place.namespace),
        Trouble::Another => "another pod has that name now".to_owned(),
        Trouble::Foreign(value) => format!(
            "it has had {}={value} before, which is not from hold",
            place.label.key
        ),
        Trouble::Occupied(process) => format!(
            "another hold has given it that label: process {}",
            process.split('/').next().unwrap_or_default()
        ),
        Trouble::Altered => "the server stores it otherwise (an admission webhook?)".to_owned(),
        Trouble::Late => "no answer in time".to_owned(),
    }
}

/// It is still there, and that is being changed.
pub fn stays(place: &Place, trouble: &Trouble, left: Duration) -> String {
    format!(
        "pod {:?} may still carry {}: {}; trying for {} more. By hand: {}",
        place.pod,
        place.label,
        text(place, trouble),
        words::duration(left),
        off(place)
    )
}

/// It is still there, and nobody changes that any more.
pub fn left(place: &Place) -> String {
    format!(
        "pod {:?} may still carry {}. Take it off: {}",
        place.pod,
        place.label,
        off(place)
    )
}

/// The command that takes it off.
fn off(place: &Place) -> Hint {
    let Place {
        namespace,
        pod,
        label,
    } = place;
    hint::kubectl_in(&format!("label pod {pod} {}-", label.key), namespace)
}
