//! What whoever frees another's Lease by force must know: nothing waits until its holder has stopped.

use super::advised::{self, From};
use crate::hint;
use crate::lease::keeper::{Nature, Other};
use crate::lease::record::Record;

/// What goes on beside the next holder of one that is not known to have expired, a line each.
pub fn warnings(record: &Record) -> Vec<String> {
    let Some(other) = Other::of(record) else {
        return Vec::new();
    };
    let (name, namespace) = (record.name(), record.namespace());
    let mut lines = match &other.nature {
        Nature::Lock | Nature::Exhausted if record.duration().is_none() => vec![
            "warning: nothing tells whether its holder still runs: the next one may begin beside it at once".to_owned(),
        ],
        Nature::Lock | Nature::Exhausted => vec![
            "warning: nothing waits until its holder has stopped: the next one may begin beside it at once".to_owned(),
        ],
        Nature::Election => vec![
            "warning: its leader takes it back, or works on beside the next one".to_owned(),
            format!("To depose it: {}", hint::lease("failover", name, namespace)),
        ],
        // What is to be done instead is said of every takeover of one.
        Nature::Terraform | Nature::Kept(_) => Vec::new(),
    };
    if other.nature == Nature::Lock
        && record.duration().is_some()
        && let Ok(steal) = advised::steal(&other, name, namespace, From::Holder)
    {
        lines.push(format!("To wait for that, take it over: {steal}"));
    }
    if let Some(victim) = record.victim() {
        lines.push(format!(
            "warning: it was stolen from {victim:?}, who may still run as well"
        ));
    }
    lines
}

/// The same of several, a line for each kind; `some` names them.
pub fn warnings_of(records: &[&Record], some: fn(&[String]) -> String) -> Vec<String> {
    let of = |wanted: fn(&Nature) -> bool| {
        let is = |record: &&&Record| record.holder().is_some() && wanted(&Nature::of(record));
        let named = records.iter().filter(is);
        let names: Vec<String> = named.map(|record| format!("{:?}", record.name())).collect();
        (!names.is_empty()).then(|| some(&names))
    };
    let locks = of(|nature| matches!(nature, Nature::Lock | Nature::Exhausted));
    let elections = of(|nature| *nature == Nature::Election);
    let terraforms = of(|nature| *nature == Nature::Terraform);
    let lines = [
        locks.map(|names| {
            format!("warning: nothing waits until their holders have stopped, as steal does; the next ones may begin beside them at once: {names}")
        }),
        elections.map(|names| {
            format!("warning: their leaders take them back, or work on beside the next ones; failover deposes a leader: {names}")
        }),
        terraforms.map(|names| {
            format!("warning: locks of Terraform or OpenTofu, whose own unlock comes first; an apply goes on: {names}")
        }),
    ];
    lines.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lease::testing::{free, held};

    #[test]
    fn what_may_go_on_is_said_of_each_kind_and_what_waits_for_it_where_something_does() {
        let lock = held("x", 60);
        let steal =
            "To wait for that, take it over: kubectl lease steal my-lease -n default --if-holder x";
        let said = warnings(&lock);
        assert!(said[0].contains("nothing waits until its holder has stopped"));
        assert_eq!(said[1..], [steal]);
        // Nothing would wait for that one either.
        let endless = lock.with_spec("leaseDurationSeconds", json!(null));
        let [only] = &warnings(&endless)[..] else {
            panic!("{:?}", warnings(&endless))
        };
        assert!(only.contains("nothing tells whether its holder still runs"));
        let worn = lock.with_spec("leaseTransitions", json!(i32::MAX));
        assert_eq!(warnings(&worn).len(), 1);
        let election = held("pod-1_9cbf54e5-1136-44bd-8f9a-1dcd15c346b4", 15);
        let depose = "To depose it: kubectl lease failover my-lease -n default";
        assert_eq!(warnings(&election)[1..], [depose]);
        let stolen = lock.with_victim(Some("y"));
        let said = warnings(&stolen);
        assert_eq!(
            said[2..],
            ["warning: it was stolen from \"y\", who may still run as well"]
        );
        assert_eq!(warnings(&free(60)), [""; 0]);
    }

    #[test]
    fn of_several_each_kind_is_warned_of_once() {
        let named = |record: Record, name: &str| {
            record.with(|object| object["metadata"]["name"] = json!(name))
        };
        let locks = [named(held("x", 60), "a"), named(held("y", 60), "b")];
        let election = named(held("pod-1_9cbf54e5-1136-44bd-8f9a-1dcd15c346b4", 15), "c");
        let terraforms = named(held("7", 60), "d").with(|object| {
            object["metadata"]["annotations"] =
                json!({ "app.terraform.io/lock-info": "{\"ID\":\"7\"}" });
        });
        let all = [&locks[0], &locks[1], &election, &terraforms, &free(60)];
        let said = warnings_of(&all, |names| names.join("+"));
        let ends = ["\"a\"+\"b\"", "\"c\"", "\"d\""];
        assert_eq!(said.len(), ends.len(), "{said:?}");
        for (line, end) in said.iter().zip(ends) {
            assert!(line.ends_with(&format!(": {end}")), "{line}");
        }
    }
}
