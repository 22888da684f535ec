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
        let is = |record: &&&Record| wanted(&Nature::of(record));
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
