//! What the server says when a request about an object of any kind fails, in the words of a real one.

use serde_json::{Value, json};

use crate::{
    kind::Kind,
    status::{Cause, GROUP, Status},
};

/// The names by which messages call one object.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    group: &'static str,
    /// The group that is named beside the kind.
    inner_group: &'static str,
    plural: &'static str,
    kind: &'static str,
    name: &'a str,
}

impl<'a> Subject<'a> {
    pub fn lease(name: &'a str) -> Self {
        Self {
            group: GROUP,
            inner_group: GROUP,
            plural: "leases",
            kind: "Lease",
            name,
        }
    }

    pub fn of(kind: &Kind, name: &'a str) -> Self {
        Self {
            group: kind.group,
            inner_group: kind.inner_group(),
            plural: kind.plural,
            kind: kind.kind,
            name,
        }
    }

    /// Named by its resource: `pods "p"`.
    fn by_resource(
        &self,
        code: u16,
        reason: &'static str,
        told: impl Fn(&str) -> String,
    ) -> Status {
        self.told(code, reason, self.group, self.plural, told)
    }

    fn told(
        &self,
        code: u16,
        reason: &'static str,
        group: &str,
        word: &str,
        told: impl Fn(&str) -> String,
    ) -> Status {
        let mut details = json!({"name": self.name, "kind": word});
        let mut qualified = word.to_owned();
        if !group.is_empty() {
            details["group"] = group.into();
            qualified = format!("{word}.{group}");
        }
        let message = told(&format!("{qualified} \"{}\"", self.name));
        Status::about(code, reason, message, details)
    }

    pub fn not_found(&self) -> Status {
        self.by_resource(404, "NotFound", |named| format!("{named} not found"))
    }

    pub fn already_exists(&self) -> Status {
        self.by_resource(409, "AlreadyExists", |named| {
            format!("{named} already exists")
        })
    }

    /// The write expected another object than the one that is there.
    pub fn conflict(&self, why: &str) -> Status {
        self.by_resource(409, "Conflict", |named| {
            format!("Operation cannot be fulfilled on {named}: {why}")
        })
    }

    /// A deletion expected another object. The real server names the kind here, not the resource.
    pub fn precondition(&self, why: &str) -> Status {
        self.told(409, "Conflict", self.inner_group, self.kind, |named| {
            format!("Operation cannot be fulfilled on {named}: {why}")
        })
    }

    pub fn invalid(&self, causes: &[Cause]) -> Status {
        Status::invalid_in(self.inner_group, self.kind, self.name, causes)
    }

    /// The uid that a PUT carries is not the object's: "" for an object that is not there.
    pub fn uid_conflict(&self, key: &str, wanted: &str, stored: &str) -> Status {
        let plural = self.plural;
        self.conflict(&format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{plural}/{key}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {stored}"
        ))
    }
}

/// A stored uid never changes.
pub(crate) fn immutable_uid(uid: &Value) -> Cause {
    Cause::invalid("metadata.uid", uid, "field is immutable")
}
