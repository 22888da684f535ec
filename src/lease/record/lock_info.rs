//! What Terraform and OpenTofu write about a lock of theirs, in an annotation of its Lease.

use serde::Deserialize;

use super::object::Fields;

/// Written by the kubernetes backend of both while a state is locked (`statemgr.LockInfo` in Terraform).
pub(super) const ANNOTATION: &str = "app.terraform.io/lock-info";

/// Who has locked a state, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LockInfo {
    /// Names the lock; the holder identity is the same.
    #[serde(rename = "ID")]
    pub id: String,
    /// `OperationTypeApply` and others.
    pub operation: String,
    /// What its user said.
    pub info: String,
    /// `user@host`
    pub who: String,
    /// The version of Terraform or OpenTofu.
    pub version: String,
    /// When, by the holder's clock, as written.
    pub created: String,
    /// The state's path, where it has one.
    pub path: String,
}

/// Whether an annotation of this text is about the lock that `holder` names. Neither of them renews a lock, so that it lasts
/// until its own unlock. Whatever else the text says may be of a later version.
pub(super) fn is_lock_of(text: &str, holder: &str) -> bool {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "ID")]
        id: String,
    }
    let named = serde_json::from_str::<Named>(text);
    named.is_ok_and(|named| !holder.is_empty() && named.id == holder)
}

impl Fields<'_> {
    /// What Terraform or OpenTofu says of its lock; `None` where there is nothing, or nothing that can be read.
    pub fn lock_info(&self) -> Option<LockInfo> {
        let info: LockInfo = serde_json::from_str(self.annotation(ANNOTATION)?).ok()?;
        (!info.id.is_empty()).then_some(info)
    }

    /// `metadata.annotations`, without those that this program keeps for itself or has read otherwise.
    pub fn other_annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        let read = self.lock_info().is_some();
        self.annotations()
            .filter(move |(key, _)| !(read && *key == ANNOTATION))
    }

    /// Whether a holder that is present and empty, as an editor leaves it, keeps them from locking: they take any for a lock, and
    /// everybody else takes it for free.
    pub fn is_locked_by_nobody(&self) -> bool {
        let blank = self.spec.holder_identity.as_deref() == Some("");
        blank && self.is_terraforms()
    }

    /// Whether Terraform or OpenTofu locks states with it: its own command frees it.
    pub fn is_terraforms(&self) -> bool {
        self.annotation(ANNOTATION).is_some() || self.label("tfstate").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::record::Lease;
    use serde_json::json;

    fn lease(text: &str) -> Lease {
        let object = json!({ "metadata": { "annotations": { ANNOTATION: text, "a": "b" } } });
        Lease::new(object).expect("a lease")
    }

    #[test]
    fn the_note_about_a_lock_is_read_whatever_else_it_says() {
        let read = lease(r#"{"ID":"7","Who":"me@host","Later":[1]}"#);
        let info = read.lock_info().expect("it can be read");
        assert_eq!((info.id.as_str(), info.who.as_str()), ("7", "me@host"));
        assert_eq!(read.other_annotations().collect::<Vec<_>>(), [("a", "b")]);
    }

    #[test]
    fn what_cannot_be_read_stays_an_annotation() {
        for text in ["", "{", "[]", r#"{"ID":7}"#, r#"{"Who":"me"}"#] {
            let read = lease(text);
            assert_eq!(read.lock_info(), None, "{text}");
            assert_eq!(read.other_annotations().count(), 2, "{text}");
            assert!(read.is_terraforms());
        }
    }
}
