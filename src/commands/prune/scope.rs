//! Where `prune` looks: the namespaces of the control plane only by their names.

use clap::ValueEnum;

use crate::cli::{ConnectionArgs, Proof, PruneArgs};
use crate::commands::Session;
use crate::commands::several::{distinct, is_the_clusters_own};
use crate::error::Error;
use crate::hint::{self, Hint, flag};
use crate::server::Selection;

/// Refuses a namespace that must be named and was not.
///
/// # Errors
/// With how to name it.
pub fn check(
    args: &PruneArgs,
    connection: &ConnectionArgs,
    session: &Session,
) -> Result<(), Error> {
    let namespace = session.namespace.as_str();
    let named = connection.namespace.as_deref() == Some(namespace);
    if args.all_namespaces || named || !is_the_clusters_own(namespace) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the namespace here is {namespace}, as the kubeconfig has it; to prune there, name it: {}",
        again(args, namespace)
    )))
}

/// The Leases to look through.
pub fn selection(args: &PruneArgs, session: &Session) -> Selection {
    Selection {
        namespace: (!args.all_namespaces).then(|| session.namespace.clone()),
        label_selector: args.selector.clone(),
        field_selector: args.field_selector.clone(),
    }
}

/// Whether a Lease is left out, because of all namespaces only the others were meant.
pub fn leaves_out(args: &PruneArgs, namespace: &str) -> bool {
    let selector = args.field_selector.as_deref().unwrap_or_default();
    let names = |term: &str| {
        let (field, value) = term.split_once('=').unwrap_or_default();
        field.trim() == "metadata.namespace" && value.trim_start_matches('=').trim() == namespace
    };
    args.all_namespaces && is_the_clusters_own(namespace) && !selector.split(',').any(names)
}

/// The same call, of that namespace where it is not of all.
pub fn again(args: &PruneArgs, namespace: &str) -> Hint {
    let mut words = "lease prune".to_owned();
    let mut add = |word: String| {
        words.push(' ');
        words.push_str(&word);
    };
    for name in distinct(&args.names) {
        add(name.to_string());
    }
    if let Some(selector) = &args.selector {
        add(flag("selector", selector));
    }
    if let Some(selector) = &args.field_selector {
        add(flag("field-selector", selector));
    }
    let classes: Vec<String> = (args.class.iter())
        .filter_map(|class| Some(class.to_possible_value()?.get_name().to_owned()))
        .collect();
    if !classes.is_empty() {
        add(flag("class", &classes.join(",")));
    }
    add(flag(
        "older-than",
        &format!("{}s", args.older_than.as_secs_f64()),
    ));
    match args.proof.proof {
        Proof::Any => {}
        Proof::Observed => add(flag("proof", "observed")),
    }
    match args.all_namespaces {
        true => hint::kubectl(&format!("{words} -A")),
        false => hint::kubectl_in(&words, namespace),
    }
}
