//! What was done to a Lease, as a sentence, a name or a versioned document, whose schema is `docs/outcome.schema.json`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Failure;
use super::document::{self, API_VERSION, object_name};
use super::format::{ObjectFormat, ValueFormat};
use crate::lease::operate::{DryRun, Grant};
use crate::lease::record::{Lease, hide_managed_fields};
use crate::lease::summary::Summary;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// By `acquire`.
    Acquired,
    /// By `renew`.
    Renewed,
    /// By `release`.
    Released,
    /// By `steal`.
    Stolen,
    /// By `failover`.
    FailedOver,
    /// By `prune`: deleted.
    Pruned,
    /// By `hold`.
    Held,
}

/// How far a hold has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The lease is held, as far as is known, and the command runs or will.
    Held,
    /// It is over.
    Ended {
        /// The exit code of the hold.
        exit_code: u32,
        /// How the lease was lost, if it was.
        lost: Option<String>,
        /// Whether it was given back; `None` where that is not known.
        released: Option<bool>,
    },
}

impl Action {
    /// As sentences have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::FailedOver => "failed over",
            other => other.name(),
        }
    }

    /// As documents have it.
    fn name(self) -> &'static str {
        match self {
            Self::Acquired => "acquired",
            Self::Renewed => "renewed",
            Self::Released => "released",
            Self::Stolen => "stolen",
            Self::FailedOver => "failedOver",
            Self::Pruned => "pruned",
            Self::Held => "held",
        }
    }

    /// Whether a grant stands then.
    fn grants(self) -> bool {
        match self {
            Self::Acquired | Self::Renewed | Self::Stolen | Self::FailedOver | Self::Held => true,
            Self::Released | Self::Pruned => false,
        }
    }
}

/// What was done to one Lease. What is not known is left out of the document.
#[derive(Clone, Debug)]
pub struct Outcome {
    action: Action,
    dry_run: Option<DryRun>,
    waited: Option<Duration>,
    vacant: Option<Duration>,
    fencing_token: Option<String>,
    before: Option<Arc<Lease>>,
    /// `None` once it is deleted.
    after: Option<Lease>,
    /// The Lease as it is, or was last.
    lease: Lease,
    /// What was done, where one word does not tell.
    words: Option<String>,
    phase: Option<Phase>,
    /// Whether the grant that stands then is none that came of this.
    grantless: bool,
}

impl Outcome {
    /// This was done, and the Lease was `before` that and `after` it.
    pub fn new(action: Action, before: Option<Arc<Lease>>, after: &Lease) -> Self {
        Self {
            action,
            dry_run: None,
            waited: None,
            vacant: None,
            fencing_token: None,
            before,
            after: Some(after.clone()),
            lease: after.clone(),
            words: None,
            phase: None,
            grantless: false,
        }
    }

    /// No grant came of it, as far as is known.
    #[must_use]
    pub fn without_grant(self) -> Self {
        Self {
            grantless: true,
            ..self
        }
    }

    /// A Lease was deleted that was like this.
    pub fn of_deletion(action: Action, before: &Lease) -> Self {
        Self {
            after: None,
            ..Self::new(action, Some(Arc::new(before.clone())), before)
        }
    }

    /// A grant of ours was made.
    pub fn of_grant(action: Action, grant: &Grant) -> Self {
        Self::new(action, grant.before.clone(), &grant.record)
            .with_token(Some(grant.fencing_token.clone()))
    }

    /// The fencing token of the grant, where it is known.
    #[must_use]
    pub fn with_token(self, fencing_token: Option<String>) -> Self {
        Self {
            fencing_token,
            ..self
        }
    }

    /// How long was waited for it, of all that it took.
    #[must_use]
    pub fn after_waiting(self, waited: Duration) -> Self {
        Self {
            waited: Some(waited),
            ..self
        }
    }

    /// Then nobody had it for so long.
    #[must_use]
    pub fn vacant_for(self, vacant: Duration) -> Self {
        Self {
            vacant: Some(vacant),
            ..self
        }
    }

    /// What the sentence says was done, instead of the action's word.
    #[must_use]
    pub fn said(self, words: String) -> Self {
        Self {
            words: Some(words),
            ..self
        }
    }

    /// It would be done: nothing was stored.
    #[must_use]
    pub fn tried(self, dry_run: DryRun) -> Self {
        Self {
            dry_run: Some(dry_run),
            ..self
        }
    }

    /// Of a hold, which has got so far.
    #[must_use]
    pub fn in_phase(self, phase: Phase) -> Self {
        Self {
            phase: Some(phase),
            ..self
        }
    }

    /// The Lease as it is then, or was before it was deleted.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// What to print: the sentence, or what the format asks for.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn text(
        &self,
        format: Option<&ObjectFormat>,
        managed_fields: bool,
    ) -> Result<String, Failure> {
        let name = object_name(self.lease.name());
        match format {
            None => Ok(format!("{name} {}\n", self.words())),
            Some(ObjectFormat::Name) => Ok(format!("{name}\n")),
            Some(ObjectFormat::Value(format)) => {
                let shown = Shown::new(format, managed_fields);
                document::value(&headed("Outcome", self.fields(shown)), format)
            }
        }
    }

    /// As kubectl says it.
    fn words(&self) -> String {
        let word = self.words.as_deref().unwrap_or(self.action.word());
        match self.dry_run {
            None => word.to_owned(),
            Some(DryRun::Client) => format!("{word} (dry run)"),
            Some(DryRun::Server) => format!("{word} (server dry run)"),
        }
    }

    fn fields(&self, shown: Shown) -> Map<String, Value> {
        let (before, after) = (self.before.as_deref(), &self.lease);
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        put("action", Some(json!(self.action.name())));
        put("metadata", Some(metadata(after)));
        put(
            "dryRun",
            self.dry_run.map(|dry_run| match dry_run {
                DryRun::Client => json!("client"),
                DryRun::Server => json!("server"),
            }),
        );
        let granted = self.action.grants() && !self.grantless && after.holder().is_some();
        put(
            "grant",
            granted.then(|| grant(after, self.fencing_token.as_deref())),
        );
        let seconds = |span: Duration| json!(span.as_millis() as f64 / 1000.0);
        put("waitedSeconds", self.waited.map(seconds));
        put("vacantSeconds", self.vacant.map(seconds));
        // A renewal follows no grant but its own.
        let is_over = |before: &&Lease| self.after.is_none() || !after.same_grant(before);
        let followed = before.filter(is_over);
        put("previous", followed.and_then(previous));
        put("before", before.map(|lease| shown.object(lease)));
        put(
            "after",
            self.after.as_ref().map(|lease| shown.object(lease)),
        );
        match &self.phase {
            None => {}
            Some(Phase::Held) => put("phase", Some(json!("held"))),
            Some(Phase::Ended {
                exit_code,
                lost,
                released,
            }) => {
                put("phase", Some(json!("ended")));
                put("exitCode", Some(json!(exit_code)));
                put("lost", lost.as_deref().and_then(text));
                put("released", released.map(Value::from));
            }
        }
        fields
    }
}

/// What was done to several Leases, as one document.
///
/// # Errors
/// When it cannot be written down.
pub fn list(
    outcomes: &[Outcome],
    format: &ValueFormat,
    managed_fields: bool,
) -> Result<String, Failure> {
    let shown = Shown::new(format, managed_fields);
    let items = outcomes.iter().map(|outcome| outcome.fields(shown).into());
    let items = Map::from_iter([("items".to_owned(), items.collect::<Vec<Value>>().into())]);
    document::value(&headed("OutcomeList", items), format)
}

fn headed(kind: &str, mut fields: Map<String, Value>) -> Value {
    fields.insert("apiVersion".to_owned(), json!(API_VERSION));
    fields.insert("kind".to_owned(), json!(kind));
    fields.into()
}

/// How much of an object is shown.
#[derive(Clone, Copy)]
struct Shown {
    managed_fields: bool,
}

impl Shown {
    /// As in kubectl, a template finds managedFields in any case.
    fn new(format: &ValueFormat, managed_fields: bool) -> Self {
        let is_template = !matches!(format, ValueFormat::Document(_));
        Self {
            managed_fields: managed_fields || is_template,
        }
    }

    fn object(self, lease: &Lease) -> Value {
        let mut object = lease.as_json().clone();
        if !self.managed_fields {
            hide_managed_fields(&mut object);
        }
        object
    }
}

/// Which Lease it is. One that is not stored has no uid.
fn metadata(lease: &Lease) -> Value {
    filled([
        ("namespace", text(lease.namespace())),
        ("name", text(lease.name())),
        ("uid", text(lease.uid())),
    ])
}

fn grant(lease: &Lease, fencing_token: Option<&str>) -> Value {
    let duration = lease.duration().map(|duration| json!(duration.as_secs()));
    filled([
        ("holder", lease.holder().and_then(text)),
        ("uid", text(lease.uid())),
        ("transitions", Some(json!(lease.transitions()))),
        ("acquireTime", lease.acquire_time().and_then(text)),
        ("leaseDurationSeconds", duration),
        ("fencingToken", fencing_token.and_then(text)),
    ])
}

/// Whose grant it followed; times that an earlier one has left behind are not the holder's.
fn previous(lease: &Lease) -> Option<Value> {
    let facts = Summary::from(&**lease);
    let time = |time: Option<jiff::Timestamp>| time.map(|time| json!(time.to_string()));
    Some(filled([
        ("holder", Some(json!(facts.holder?))),
        ("acquireTime", time(facts.acquired)),
        ("renewTime", time(facts.renewed)),
        ("reason", facts.reason.as_deref().and_then(text)),
    ]))
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!(text))
}

fn filled<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter();
    let fields = fields.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    fields.collect::<Map<String, Value>>().into()
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
