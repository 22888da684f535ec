//! What a pod shows of a label that is to be set or taken off, and what is to be written next, pure.

use serde_json::{Value, json};

/// Marks, as an annotation, a label that is ours. Behind it comes the name of the label.
const MARK: &str = "label-pod.kubectl-lease/";

/// What the mark says for a moment, so that a request that is still on its way comes too late.
const PASSING: &str = "off";

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

impl Label {
    /// The annotation that marks it as ours.
    fn mark(&self) -> String {
        match self.key.rsplit_once('/') {
            None => format!("{MARK}{}", self.key),
            // There is no room for two prefixes: a hash of all stands for this one, within 63 characters.
            Some((_, name)) => {
                let name: String = name.chars().take(46).collect();
                format!("{MARK}{name}.{:016x}", hash(&self.key))
            }
        }
    }

    /// What the mark says where this process has set it.
    pub fn marked_by(&self, process: Option<&str>) -> String {
        match process {
            Some(process) => format!("{self} {process}"),
            None => self.to_string(),
        }
    }
}

/// FNV-1a: the same in each version.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// What is known of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.uid`
    pub uid: String,
    /// `metadata.resourceVersion`
    pub resource_version: String,
    /// The value that the label has.
    value: Option<String>,
    /// What the mark says.
    mark: Option<String>,
    /// Whether something controls it, which may have given it the label, and may know it by that.
    is_controlled: bool,
}

impl Pod {
    /// Of this object; `None` if it is none.
    pub fn of(object: &Value, label: &Label) -> Option<Self> {
        let metadata = &object["metadata"];
        let text = |value: &Value| Some(value.as_str()?.to_owned());
        let owners = metadata["ownerReferences"].as_array();
        Some(Self {
            uid: text(&metadata["uid"])?,
            resource_version: text(&metadata["resourceVersion"])?,
            value: text(&metadata["labels"][&label.key]),
            mark: text(&metadata["annotations"][label.mark()]),
            is_controlled: owners.is_some_and(|all| all.iter().any(|o| o["controller"] == true)),
        })
    }

    /// A patch that changes nothing if this is still the pod.
    pub fn nothing(uid: Option<&str>) -> Value {
        match uid {
            Some(uid) => json!({ "metadata": { "uid": uid } }),
            None => json!({ "metadata": {} }),
        }
    }

    /// The process that has set the label, as the mark says.
    pub fn process(&self) -> Option<&str> {
        Some(self.mark.as_ref()?.split_once(' ')?.1)
    }

    fn patch(&self, label: &Label, value: Option<&str>, mark: Option<&str>) -> Value {
        let mut patch = json!({ "metadata": {
            "uid": self.uid,
            "resourceVersion": self.resource_version,
            "annotations": { label.mark(): mark },
        }});
        if value.is_some() || self.value.as_ref() == Some(&label.value) {
            patch["metadata"]["labels"] = json!({ &label.key: value });
        }
        patch
    }
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// The pod carries the label.
    On,
    /// It does not, and no request of ours can change that any more.
    Off,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It is as it is wanted.
    Done,
    /// Send this.
    Patch(Value),
    /// The label is somebody else's: the value that it has.
    Foreign(String),
}

/// What this process has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own<'a> {
    /// What its mark says.
    pub mark: &'a str,
    /// The resourceVersion on top of which a request to set the label may still be carried out.
    pub open: Option<&'a str>,
    /// Whether it has asked for the label, and not seen it taken off since.
    pub has_set: bool,
}

/// The next step.
pub fn step(aim: Aim, pod: &Pod, label: &Label, own: Own<'_>) -> Step {
    let is_ours = match (&pod.value, &pod.mark) {
        (None, _) => true,
        (Some(value), mark) if *value == label.value => {
            // Where nothing controls the pod, nothing knows it by its labels: left over, by whatever hand.
            // What we have set is ours, even if somebody has removed the mark.
            mark.is_some() || !pod.is_controlled || own.has_set
        }
        (Some(_), _) => false,
    };
    match (aim, &pod.value) {
        (Aim::On, Some(value)) if !is_ours => Step::Foreign(value.clone()),
        (Aim::On, Some(_)) if pod.mark.as_deref() == Some(own.mark) => Step::Done,
        (Aim::On, _) => Step::Patch(pod.patch(label, Some(&label.value), Some(own.mark))),
        (Aim::Off, Some(value)) if !is_ours && pod.mark.is_none() => Step::Foreign(value.clone()),
        // Given another value by somebody else: that stays.
        (Aim::Off, Some(_)) => Step::Patch(pod.patch(label, None, None)),
        (Aim::Off, None) if pod.mark.is_some() => Step::Patch(pod.patch(label, None, None)),
        // Any change will do: what was sent on top of this version is refused then.
        (Aim::Off, None) if own.open == Some(&pod.resource_version) => {
            Step::Patch(pod.patch(label, None, Some(PASSING)))
        }
        (Aim::Off, None) => Step::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        Label {
            key: "example.com/role".to_owned(),
            value: "active".to_owned(),
        }
    }

    fn pod(value: Option<&str>, mark: Option<&str>, controlled: bool) -> Pod {
        let object = json!({ "metadata": {
            "uid": "u", "resourceVersion": "7",
            "labels": { "app": "web", "example.com/role": value },
            "annotations": { "label-pod.kubectl-lease/role.10ae189508e71c6f": mark },
            "ownerReferences": [{ "kind": "ReplicaSet", "controller": controlled }],
        }});
        Pod::of(&object, &label()).expect("a pod")
    }

    fn patch(labels: Option<Option<&str>>, mark: Option<&str>) -> Step {
        let mut patch = json!({ "metadata": {
            "uid": "u", "resourceVersion": "7",
            "annotations": { "label-pod.kubectl-lease/role.10ae189508e71c6f": mark },
        }});
        if let Some(value) = labels {
            patch["metadata"]["labels"] = json!({ "example.com/role": value });
        }
        Step::Patch(patch)
    }

    const MINE: Option<&str> = Some("example.com/role=active 7/99");

    fn own(open: Option<&str>) -> Own<'_> {
        Own {
            mark: "example.com/role=active 7/99",
            open,
            has_set: false,
        }
    }

    #[test]
    fn a_label_is_set_with_its_mark_and_taken_off_with_it() {
        let set = patch(Some(Some("active")), MINE);
        assert_eq!(
            step(Aim::On, &pod(None, None, true), &label(), own(None)),
            set
        );
        let carries = pod(Some("active"), MINE, true);
        assert_eq!(step(Aim::On, &carries, &label(), own(None)), Step::Done);
        let off = patch(Some(None), None);
        assert_eq!(step(Aim::Off, &carries, &label(), own(None)), off);
        let bare = pod(None, None, true);
        assert_eq!(step(Aim::Off, &bare, &label(), own(Some("6"))), Step::Done);
        // Removed by hand.
        let off = patch(None, None);
        assert_eq!(
            step(Aim::Off, &pod(None, MINE, true), &label(), own(None)),
            off
        );
    }

    #[test]
    fn a_label_that_is_not_ours_is_left_alone() {
        for aim in [Aim::On, Aim::Off] {
            for controlled in [true, false] {
                let other = pod(Some("standby"), None, controlled);
                let foreign = Step::Foreign("standby".to_owned());
                assert_eq!(step(aim, &other, &label(), own(None)), foreign);
            }
            // A ReplicaSet would lose the pod, were it taken off.
            let template = pod(Some("active"), None, true);
            let foreign = Step::Foreign("active".to_owned());
            assert_eq!(step(aim, &template, &label(), own(None)), foreign);
        }
        // Changed by somebody since: only the mark is ours.
        let changed = pod(Some("standby"), MINE, true);
        assert_eq!(
            step(Aim::Off, &changed, &label(), own(None)),
            patch(None, None)
        );
    }

    #[test]
    fn what_we_have_set_is_ours_without_its_mark() {
        let bare = pod(Some("active"), None, true);
        let own = Own {
            has_set: true,
            ..own(None)
        };
        let off = patch(Some(None), None);
        assert_eq!(step(Aim::Off, &bare, &label(), own), off);
        // Given another value by somebody else: that stays.
        let other = pod(Some("standby"), None, true);
        let foreign = Step::Foreign("standby".to_owned());
        assert_eq!(step(Aim::Off, &other, &label(), own), foreign);
    }

    #[test]
    fn each_label_has_a_mark_of_its_own_that_is_a_name() {
        let mark = |key: &str| {
            let (key, value) = (key.to_owned(), "active".to_owned());
            Label { key, value }.mark()
        };
        let long = "a".repeat(63);
        let prefixed = [format!("a.example/{long}"), format!("b.example/{long}")];
        let keys = [
            "role",
            "a.example/role",
            "b.example/role",
            &long,
            &prefixed[0],
            &prefixed[1],
        ];
        let marks: std::collections::BTreeSet<String> = keys.map(mark).into();
        assert_eq!(marks.len(), keys.len());
        for mark in marks {
            let name = mark.strip_prefix(MARK).expect("the prefix");
            assert!(name.len() <= 63, "{name}");
        }
        assert_eq!(mark("role"), "label-pod.kubectl-lease/role");
    }

    #[test]
    fn the_mark_says_which_process_has_set_it() {
        assert_eq!(pod(None, MINE, true).process(), Some("7/99"));
        for mark in [None, Some("example.com/role=active"), Some(PASSING)] {
            assert_eq!(pod(None, mark, true).process(), None);
        }
    }

    #[test]
    fn what_is_left_over_on_a_pod_that_nothing_controls_is_ours_without_a_mark() {
        let left = pod(Some("active"), None, false);
        let off = patch(Some(None), None);
        assert_eq!(step(Aim::Off, &left, &label(), own(None)), off);
        let set = patch(Some(Some("active")), MINE);
        assert_eq!(step(Aim::On, &left, &label(), own(None)), set);
    }

    #[test]
    fn a_request_that_may_still_come_is_made_impossible() {
        let bare = pod(None, None, true);
        let passing = patch(None, Some("off"));
        assert_eq!(step(Aim::Off, &bare, &label(), own(Some("7"))), passing);
        let passed = pod(None, Some("off"), true);
        assert_eq!(
            step(Aim::Off, &passed, &label(), own(Some("7"))),
            patch(None, None)
        );
    }
}
