//! What works here and would not in kubectl, said once in a process: whoever hears it can mend it before kubectl is needed.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use kube::config::ExecConfig;

use super::exec::V1;

static SAY: OnceLock<fn(&str)> = OnceLock::new();

static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Tells how to say a line; before that nothing is said, as while a shell completes a word.
pub fn warn_through(say: fn(&str)) {
    // Whoever tells it twice tells the same.
    let _ = SAY.set(say);
}

/// Says that kubectl refuses something about the plugin `name` of `whose`.
pub fn warn(whose: &str, name: &str, what: &str) {
    let Some(say) = SAY.get() else { return };
    let line = format!("warning: {whose}, {name}: {what}");
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(line.clone()) {
        say(&line);
    }
}

/// What kubectl refuses about an entry (client-go, tools/clientcmd/validation.go).
pub fn about(exec: &ExecConfig) -> Vec<String> {
    let version = exec.api_version.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    if version.is_empty() {
        found.push(format!(
            "apiVersion is missing, without which kubectl runs no plugin; add apiVersion: {V1}"
        ));
    }
    // In v1beta1 it is IfAvailable unless it is given.
    if exec.interactive_mode.is_none() && matches!(version, "" | V1) {
        found.push(format!(
            "interactiveMode is missing, without which kubectl does not run a plugin of {V1}; add interactiveMode: IfAvailable, or Never"
        ));
    }
    found
}

/// What kubectl refuses about an ExecCredential that has no such field.
pub fn lacking(field: &str) -> String {
    let value = match field {
        "kind" => "ExecCredential",
        _ => "the one of the entry",
    };
    format!("what it printed has no {field}, which kubectl demands; have the plugin print {value}")
}
