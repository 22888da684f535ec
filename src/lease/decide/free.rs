//! The decisions of `release --force`: what is shown and agreed to, and what is freed on the strength of it.

use jiff::Timestamp;

use super::steal::Agreement;
use super::{Refusal, Seen};
use crate::lease::keeper::{Keeper, Other};
use crate::lease::record::{Record, Taken};

/// What `release --force` wants.
#[derive(Clone, Debug)]
pub struct FreeTerms {
    /// Free it from this holder only.
    pub if_holder: Option<String>,
    /// Whether somebody can be asked again. If not, what was agreed to is the grant that was shown first, and no other;
    /// or any grant of `if_holder`.
    pub asks: bool,
    /// Who frees it.
    pub by: String,
    /// Why, as far as that was said.
    pub reason: Option<String>,
}

impl FreeTerms {
    /// The Lease freed, with whose it was and who has freed it noted, for whoever misses it.
    fn freed(&self, record: &Record, wall: Timestamp) -> Record {
        let (by, because) = (self.by.as_str(), self.reason.as_deref());
        let freed = record.freed(wall);
        freed.taken_from_holder(record, Taken::ForceReleased, by, because, wall)
    }
}

/// The next step of `release --force`.
#[derive(Clone, Debug, PartialEq)]
pub enum FreeStep {
    /// Show the record and ask.
    Ask,
    /// PUT this.
    Replace(Record),
    /// It cannot be.
    Refuse(Refusal),
}

/// The next step of `release --force`: frees only the grant that was shown and agreed to.
pub fn free(
    terms: &FreeTerms,
    seen: &Seen,
    agreed: Option<&Agreement>,
    wall: Timestamp,
) -> FreeStep {
    let record = match seen {
        Seen::Absent => return FreeStep::Refuse(Refusal::NotFound),
        Seen::Lease(seen) => seen.record(),
    };
    let other = Other::of(record);
    if let Some(wanted) = &terms.if_holder
        && record.holder() != Some(wanted.as_str())
    {
        return FreeStep::Refuse(Refusal::HolderIs(other));
    }
    let Some(other) = other else {
        return match record.is_locked_by_nobody() && !record.is_terminating() {
            // Nobody's grant ends.
            true => FreeStep::Replace(record.freed(wall)),
            false => FreeStep::Refuse(Refusal::HolderIs(None)),
        };
    };
    // Whatever keeps it writes it again, and meanwhile a node or an API server counts as dead.
    if let Some(keeper) = Keeper::of(record) {
        return FreeStep::Refuse(Refusal::NotFreed(keeper));
    }
    // Nobody could have it after that.
    if record.is_terminating() {
        return FreeStep::Refuse(Refusal::Terminating);
    }
    let may_ask = terms.asks || terms.if_holder.is_some();
    match agreed {
        Some(agreed) if agreed.covers(record) => FreeStep::Replace(terms.freed(record, wall)),
        Some(agreed) if !may_ask => FreeStep::Refuse(agreed.not_as_shown(record, other)),
        Some(_) | None => FreeStep::Ask,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lease::decide::Change;
    use crate::lease::evidence::Observation;
    use crate::lease::keeper::Nature;
    use crate::lease::testing::{at, free as free_lease, held, other as other_of, wall};

    const NOW: &str = "2020-01-01T01:00:00Z";

    fn step(record: &Record, agreed: Option<(&Record, bool)>, terms: &FreeTerms) -> FreeStep {
        let seen = Seen::Lease(Observation::first(record.clone(), at(1.0), None));
        let agreed = agreed.map(|(record, expired)| Agreement {
            record: record.clone(),
            expired,
        });
        free(terms, &seen, agreed.as_ref(), wall(NOW))
    }

    fn other(holder: &str) -> Other {
        other_of(holder, Nature::Lock)
    }

    fn terms(if_holder: Option<&str>, asks: bool) -> FreeTerms {
        let if_holder = if_holder.map(str::to_owned);
        FreeTerms {
            if_holder,
            asks,
            by: "me".to_owned(),
            reason: None,
        }
    }

    #[test]
    fn what_was_agreed_to_is_freed_though_its_holder_has_renewed_it_and_nothing_else_is() {
        let shown = held("x", 60);
        let time = |time: &str| json!(format!("2020-01-01T00:00:{time}.000000Z"));
        let renewed = shown.with_spec("renewTime", time("09"));
        let regranted = renewed.with_spec("leaseTransitions", json!(5));
        let others = regranted.with_spec("holderIdentity", json!("y"));
        let shorter = shown.with_spec("leaseDurationSeconds", json!(5));
        let label = shown.with(|object| object["metadata"]["labels"] = json!({ "a": "b" }));
        let recreated = shown.with(|object| object["metadata"]["uid"] = json!("uid-2"));
        for (now, expired, covered) in [
            (&shown, false, true),
            (&shown, true, true),
            (&renewed, false, true),
            // Who was shown as dead lives.
            (&renewed, true, false),
            (&label, true, true),
            (&shorter, false, false),
            (&regranted, false, false),
            (&others, false, false),
            (&recreated, false, false),
        ] {
            let agreed = Some((&shown, expired));
            let holder = now.holder().unwrap_or_default();
            let change = match now {
                _ if holder != "x" => Change::Holder(Some("x".to_owned())),
                now if *now == regranted || *now == recreated => Change::Regranted,
                now if *now == shorter => Change::Duration {
                    shown: shown.duration(),
                    now: now.duration(),
                },
                _ => Change::Revived,
            };
            let refused = Refusal::NotAsShown {
                change,
                now: other(holder),
            };
            let (again, silent) = match covered {
                true => {
                    let freed = now.freed(wall(NOW)).taken_from_holder(
                        now,
                        Taken::ForceReleased,
                        "me",
                        None,
                        wall(NOW),
                    );
                    let written = FreeStep::Replace(freed);
                    (written.clone(), written)
                }
                false => (FreeStep::Ask, FreeStep::Refuse(refused)),
            };
            assert_eq!(step(now, agreed, &terms(None, true)), again, "{now:?}");
            assert_eq!(step(now, agreed, &terms(None, false)), silent, "{now:?}");
        }
        assert_eq!(step(&shown, None, &terms(None, false)), FreeStep::Ask);
        // Any grant of the holder that was named.
        let named = terms(Some("x"), false);
        assert_eq!(
            step(&regranted, Some((&shown, false)), &named),
            FreeStep::Ask
        );
        let refused = FreeStep::Refuse(Refusal::HolderIs(Some(other("y"))));
        assert_eq!(step(&others, Some((&shown, false)), &named), refused);
    }

    #[test]
    fn what_is_free_or_gone_or_no_lock_or_on_its_way_out_is_refused_whoever_agreed() {
        let anybody = terms(None, false);
        let refused = |record: &Record| step(record, Some((record, false)), &anybody);
        let is_free = FreeStep::Refuse(Refusal::HolderIs(None));
        assert_eq!(refused(&free_lease(60)), is_free);
        let named = terms(Some("x"), true);
        assert_eq!(step(&free_lease(60), None, &named), is_free);
        // Terraform takes that for a lock, and nobody else does.
        let blank = free_lease(60).with(|object| {
            object["metadata"]["labels"] = json!({ "tfstate": "true" });
            object["metadata"]["annotations"] = json!({ "app.terraform.io/lock-info": "{}" });
        });
        let FreeStep::Replace(unlocked) = refused(&blank) else {
            panic!("it stays locked")
        };
        assert_eq!(unlocked.as_json()["spec"].get("holderIdentity"), None);
        assert_eq!(unlocked.as_json()["metadata"]["annotations"], json!({}));
        assert_eq!(step(&blank, None, &named), is_free);
        assert_eq!(refused(&unlocked), is_free);
        let absent = free(&anybody, &Seen::Absent, None, wall(NOW));
        assert_eq!(absent, FreeStep::Refuse(Refusal::NotFound));
        let heartbeat = held("n-1", 40).with(|object| {
            object["metadata"]["ownerReferences"] = json!([{ "kind": "Node", "name": "n-1" }]);
        });
        let node = Keeper::Node("n-1".to_owned());
        assert_eq!(
            refused(&heartbeat),
            FreeStep::Refuse(Refusal::NotFreed(node))
        );
        let elected = held("x", 40).with_spec("strategy", json!("OldestEmulationVersion"));
        let election = FreeStep::Refuse(Refusal::NotFreed(Keeper::Election));
        assert_eq!(refused(&elected), election);
        let ending = held("x", 40).with(|object| {
            object["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
        });
        assert_eq!(refused(&ending), FreeStep::Refuse(Refusal::Terminating));
    }
}
