//! Arguments of `hold` that tell how it gets the lease, what else it does while it has it, and what follows.

use std::str::FromStr;

use clap::Args;

use crate::lease::values::{self, HolderIdentity, LeaseName};

/// A takeover, as `steal` does it.
#[derive(Args, Debug)]
pub struct TakeoverArgs {
    /// Take it over from whoever holds it, as steal does, then run the command; --timeout is not the wait for the
    /// present holder, which takes what is left of its duration
    #[arg(long, conflicts_with_all = ["slots", "queue"])]
    pub steal: bool,
    /// With --steal: do not ask, take it as it is shown
    #[arg(short, long, requires = "steal")]
    pub yes: bool,
    /// With --steal: steal only from this holder
    #[arg(long, value_name = "IDENTITY", value_parser = HolderIdentity::stored, requires = "steal")]
    pub if_holder: Option<HolderIdentity>,
    /// With --steal: do not wait until the present holder must have stopped; if the command ends before that, the
    /// lease is left to expire
    #[arg(long, requires = "steal")]
    pub now: bool,
    /// With --steal: even if it is not a lock but a node's heartbeat or the like
    #[arg(long, requires = "steal")]
    pub force: bool,
}

/// What is done beside the command, and after it.
#[derive(Args, Debug)]
pub struct AroundArgs {
    /// After a loss, wait for the lease and run the command again
    #[arg(long, requires = "command")]
    pub again: bool,
    /// With --again: run it again so many times at most [default: no limit]
    #[arg(long, value_name = "N", requires = "again")]
    pub max_restarts: Option<u32>,
    /// The pod carries this label exactly while the command runs under the lease
    #[arg(long, value_name = "KEY=VALUE", value_parser = one_label)]
    pub label_pod: Option<(String, String)>,
    /// Which pod [default: $POD_NAME, in $POD_NAMESPACE]
    #[arg(long, value_name = "[NAMESPACE/]NAME", requires = "label_pod")]
    pub pod: Option<PodName>,
    /// Delete the lease at the end, unless somebody has been waiting for it
    #[arg(long, conflicts_with = "slots")]
    pub cleanup: bool,
    /// Let what the command leaves behind run on, without the lease
    #[arg(long, requires = "command")]
    pub detach_children: bool,
}

/// A pod by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// Its namespace, if that was given.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Reads one label.
fn one_label(text: &str) -> Result<(String, String), String> {
    let mut all = values::parse_labels(text)?;
    match all.pop() {
        Some(label) if all.is_empty() => Ok(label),
        _ => Err("one label is written KEY=VALUE".to_owned()),
    }
}

impl FromStr for PodName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(values::namespace(namespace)?), name),
            None => (None, text),
        };
        // A slash in a Lease's name would be its kind.
        match name.parse::<LeaseName>() {
            Ok(parsed) if !name.contains('/') => Ok(Self {
                namespace,
                name: parsed.to_string(),
            }),
            _ => Err(format!(
                "{name:?} is not a pod's name: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_and_a_valid_one() {
        let label = |text: &str| one_label(text).ok();
        assert_eq!(
            label("example.com/role=active"),
            Some(("example.com/role".to_owned(), "active".to_owned()))
        );
        for text in [
            "", "role", "role=a b", "=x", "a=1,b=2", "role=-x", "a/b/c=1",
        ] {
            assert_eq!(label(text), None, "{text:?} was accepted");
        }
    }

    #[test]
    fn a_pod_is_named_alone_or_in_its_namespace() {
        let named = |text: &str| {
            text.parse()
                .ok()
                .map(|pod: PodName| (pod.namespace, pod.name))
        };
        assert_eq!(named("web-0"), Some((None, "web-0".to_owned())));
        let web = (Some("prod".to_owned()), "web-0".to_owned());
        assert_eq!(named("prod/web-0"), Some(web));
        for text in [
            "",
            "/web",
            "prod/",
            "a/b/c",
            "Prod/web",
            "we b",
            "pod/lease/x",
        ] {
            assert_eq!(named(text), None, "{text:?} was accepted");
        }
    }
}
