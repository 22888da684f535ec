//! What may be advised to somebody who wants a Lease that another has, by what the Lease is. Nothing else advises to steal or to
//! force an unlock (a test below reads the sources), so that no command is advised that is refused or does harm.

use super::Hint;
use crate::hint;
use crate::lease::keeper::{Keeper, Nature, Other, Ticket};
use crate::lease::record::Record;
use crate::words::pasted;

/// How a takeover is advised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// From whoever has it.
    Anybody,
    /// From this holder alone.
    Holder,
}

/// The command that takes it from `other`.
///
/// # Errors
/// With what to say instead, where that is not to be done.
pub fn steal(other: &Other, name: &str, namespace: &str, from: From) -> Result<Hint, String> {
    let Other { holder, nature } = other;
    match nature {
        Nature::Lock => {
            let steal = hint::lease("steal", name, namespace);
            Ok(match from {
                From::Anybody => steal,
                From::Holder => steal.with(hint::flag("if-holder", holder)),
            })
        }
        Nature::Election => Err(format!("{ELECTS}. {}", stepping_down(name, namespace))),
        // Its own command removes what it keeps in the Lease.
        Nature::Terraform => Err(format!(
            "If nobody works with that state any more: terraform force-unlock {}{}   (tofu for OpenTofu)",
            if holder.starts_with('-') { "-- " } else { "" },
            pasted(holder)
        )),
        Nature::Exhausted => Err(exhausted(name, namespace)),
        Nature::Kept(keeper) => Err(format!("It is not a lock: {}", keeps(keeper))),
    }
}

const ELECTS: &str = "It elects a leader, who is best stopped by its own means (kubectl scale)";

/// How another is made the leader.
fn stepping_down(name: &str, namespace: &str) -> String {
    let failover = hint::lease("failover", name, namespace);
    format!("To have another one lead: {failover}")
}

/// What is to be done about a Lease that nobody can take any more.
pub fn exhausted(name: &str, namespace: &str) -> String {
    format!(
        "When nobody holds it, delete it and create it again: {}",
        hint::kubectl_in(&format!("delete lease {name}"), namespace)
    )
}

/// What whoever steals it must know, a line each: what goes on all the same, and what is to be done instead. Where it is shown
/// as expired there is no leader any more.
pub fn warnings(record: &Record, expired: bool) -> Vec<String> {
    let Some(other) = Other::of(record) else {
        return Vec::new();
    };
    let goes_on = match &other.nature {
        Nature::Lock | Nature::Exhausted => return Vec::new(),
        Nature::Kept(keeper) => {
            return vec![format!("warning: it is not a lock: {}", keeps(keeper))];
        }
        Nature::Election if expired => return Vec::new(),
        Nature::Election => "its leader works on until it notices",
        Nature::Terraform => {
            "nothing stops who has locked the state: an apply goes on, and its own unlock fails then"
        }
    };
    let (name, namespace) = (record.name(), record.namespace());
    let mut lines = vec![format!("warning: {goes_on}")];
    match &other.nature {
        Nature::Election => lines.extend([ELECTS.to_owned(), stepping_down(name, namespace)]),
        _ => lines.extend(steal(&other, name, namespace, From::Holder).err()),
    }
    lines
}

/// What ends a grant that never expires by itself.
pub fn ended_by(nature: &Nature) -> &'static str {
    match nature {
        Nature::Lock | Nature::Election => "only release or steal ends it",
        Nature::Exhausted => "only release ends it",
        Nature::Terraform => "only its own unlock ends it",
        Nature::Kept(_) => "it is not a lock",
    }
}

/// Why a grant never expires by itself.
pub fn endless_because(nature: &Nature) -> &'static str {
    match nature {
        Nature::Terraform => "it is not renewed",
        Nature::Lock | Nature::Election | Nature::Exhausted | Nature::Kept(_) => {
            "it has no duration"
        }
    }
}

/// The command that ends a place in line.
fn out_of_line(ticket: &Ticket) -> Hint {
    let Ticket {
        name, namespace, ..
    } = ticket;
    hint::kubectl_in(&format!("delete lease {name}"), namespace)
}

/// What a Lease is that is not a lock, and why it is of no use to take it.
pub fn keeps(keeper: &Keeper) -> String {
    match keeper {
        Keeper::Node(name) => {
            format!(
                "it is a node's heartbeat, and the kubelet renews it whoever its holder is; to take the node out of use: {}",
                hint::kubectl_as_admin(&format!("drain {name} --ignore-daemonsets"))
            )
        }
        Keeper::ApiServer => {
            "it is an API server's identity, and the API server renews it whoever its holder is"
                .to_owned()
        }
        Keeper::Election => {
            "the control plane elects its holder, and ends what anybody else writes; it cannot be stolen".to_owned()
        }
        Keeper::EtcdDruid => {
            "it is etcd-druid's bookkeeping, which it writes again whoever the holder is".to_owned()
        }
        Keeper::Waiter(ticket) => format!(
            "it is somebody's place in line for {:?}, which is what to acquire, to steal or to release; to take whoever waits there out of line: {}",
            ticket.of,
            out_of_line(ticket)
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Each in turn; the match below fails to compile where one is missing.
    fn all() -> [Nature; 9] {
        [
            Nature::Lock,
            Nature::Election,
            Nature::Terraform,
            Nature::Exhausted,
            Nature::Kept(Keeper::Node("n-1".to_owned())),
            Nature::Kept(Keeper::ApiServer),
            Nature::Kept(Keeper::Election),
            Nature::Kept(Keeper::EtcdDruid),
            Nature::Kept(Keeper::Waiter(Box::new(Ticket {
                name: "job.waiter-a".to_owned(),
                namespace: "n".to_owned(),
                of: "job".to_owned(),
            }))),
        ]
    }

    #[test]
    fn only_a_lock_is_advised_to_be_stolen_and_everything_else_has_its_own_advice() {
        for nature in all() {
            let other = Other {
                holder: "it's x".to_owned(),
                nature: nature.clone(),
            };
            let advised = steal(&other, "job", "n", From::Holder);
            let (is_lock, has) = match nature {
                Nature::Lock => (
                    true,
                    "kubectl lease steal job -n n --if-holder 'it'\\''s x'",
                ),
                Nature::Election => (false, "kubectl scale"),
                Nature::Terraform => (false, "terraform force-unlock 'it'\\''s x'"),
                Nature::Exhausted => (false, "kubectl delete lease job -n n"),
                Nature::Kept(Keeper::Node(_)) => (false, "kubectl drain n-1 --ignore-daemonsets"),
                Nature::Kept(Keeper::ApiServer) => (false, "API server's identity"),
                Nature::Kept(Keeper::Election) => (false, "the control plane"),
                Nature::Kept(Keeper::EtcdDruid) => (false, "bookkeeping"),
                Nature::Kept(Keeper::Waiter(_)) => {
                    (false, "kubectl delete lease job.waiter-a -n n")
                }
            };
            assert_eq!(advised.is_ok(), is_lock, "{nature:?}");
            let text = advised.map_or_else(|instead| instead, |hint| hint.to_string());
            assert!(text.contains(has), "{text}");
            assert_eq!(text.contains("lease steal"), is_lock, "{text}");
        }
    }

    #[test]
    fn no_takeover_is_advised_elsewhere() {
        // Help and concepts name the subcommand; who asked for a steal is told of the flag that it takes.
        let may = |file: &Path| {
            let exempt = ["cli", "usage", "hint/advised.rs", "commands/explain.rs"];
            exempt.iter().any(|exempt| file.starts_with(exempt))
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = hint::tests::sources(&root);
        assert!(files.len() > 100, "{}", files.len());
        files.retain(|file| !may(file));
        for file in files {
            let text = std::fs::read_to_string(root.join(&file)).expect("a source");
            let code = text.split("#[cfg(test)]\nmod tests {").next();
            // However the lines are broken.
            let code: String = (code.unwrap_or_default().lines())
                .filter(|line| !line.trim_start().starts_with("//"))
                .flat_map(|line| line.chars().filter(|c| !c.is_whitespace()))
                .collect();
            let count = |words: &str| code.matches(words).count();
            let made = count("lease(\"steal\"")
                + count("lease_as(\"steal\"")
                + count("lease_of_grant(\"steal\"")
                + count("leasesteal")
                + count("force-unlock");
            let asked_for = usize::from(file == Path::new("error/refused.rs"));
            assert_eq!(made, asked_for, "{}", file.display());
        }
    }
}
