//! What may be advised to somebody who wants a Lease that another has, by what the Lease is. Nothing else advises to steal or to
//! force an unlock (a test below reads the sources), so that no command is advised that is refused or does harm.

use super::hint::{self, Hint};
use super::words::pasted;
use crate::lease::keeper::{Keeper, Nature, Other};

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
        Nature::Election => Err(
            "It elects a leader, who is best stopped by its own means (kubectl scale)".to_owned(),
        ),
        // Its own command removes what it keeps in the Lease.
        Nature::Terraform => Err(format!(
            "If nobody works with that state any more: terraform force-unlock {}{}   (tofu for OpenTofu)",
            if holder.starts_with('-') { "-- " } else { "" },
            pasted(holder)
        )),
        Nature::Kept(keeper) => Err(format!("It is no lock: {}", keeps(*keeper))),
    }
}

/// What ends a grant that never expires by itself.
pub fn ended_by(nature: Nature) -> &'static str {
    match nature {
        Nature::Lock | Nature::Election => "only release or steal ends it",
        Nature::Terraform => "only its own unlock ends it",
        Nature::Kept(_) => "it is no lock",
    }
}

/// Why a grant never expires by itself.
pub fn endless_because(nature: Nature) -> &'static str {
    match nature {
        Nature::Terraform => "it is not renewed",
        Nature::Lock | Nature::Election | Nature::Kept(_) => "it has no duration",
    }
}

/// What a Lease is that is no lock, and why it is of no use to take it.
pub fn keeps(keeper: Keeper) -> String {
    match keeper {
        Keeper::Node => {
            format!(
                "it is a node's heartbeat, and the kubelet renews it whoever its holder is; to take the node out of use: {}",
                hint::kubectl_as_admin("drain")
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
            "it is etcd-druid's bookkeeping, which is written anew whoever its holder is".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Each in turn; the match below fails to compile where one is missing.
    const ALL: [Nature; 7] = [
        Nature::Lock,
        Nature::Election,
        Nature::Terraform,
        Nature::Kept(Keeper::Node),
        Nature::Kept(Keeper::ApiServer),
        Nature::Kept(Keeper::Election),
        Nature::Kept(Keeper::EtcdDruid),
    ];

    #[test]
    fn only_a_lock_is_advised_to_be_stolen_and_everything_else_has_its_own_advice() {
        for nature in ALL {
            let other = Other {
                holder: "it's x".to_owned(),
                nature,
            };
            let advised = steal(&other, "job", "n", From::Holder);
            let (is_lock, has) = match nature {
                Nature::Lock => (
                    true,
                    "kubectl lease steal job -n n --if-holder 'it'\\''s x'",
                ),
                Nature::Election => (false, "kubectl scale"),
                Nature::Terraform => (false, "terraform force-unlock 'it'\\''s x'"),
                Nature::Kept(Keeper::Node) => (false, "kubectl drain"),
                Nature::Kept(Keeper::ApiServer) => (false, "API server's identity"),
                Nature::Kept(Keeper::Election) => (false, "the control plane"),
                Nature::Kept(Keeper::EtcdDruid) => (false, "bookkeeping"),
            };
            assert_eq!(advised.is_ok(), is_lock, "{nature:?}");
            let text = advised.map_or_else(|instead| instead, |hint| hint.to_string());
            assert!(text.contains(has), "{text}");
            assert_eq!(text.contains("lease steal"), is_lock, "{text}");
        }
    }

    #[test]
    fn no_takeover_is_advised_elsewhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let read = |file: &str| std::fs::read_to_string(root.join(file)).expect("a source");
        for file in [
            "error.rs",
            "error/unsaid.rs",
            "error/advice.rs",
            "output/status/describe.rs",
            "commands/mod.rs",
            "commands/check.rs",
            "commands/saying.rs",
        ] {
            let text = read(file);
            assert!(!text.contains("(\"steal\""), "{file}");
            assert!(!text.contains("force-unlock {"), "{file}");
        }
        // Who asked for it, and is told of the flag that it takes.
        assert_eq!(read("error/refused.rs").matches("(\"steal\")").count(), 1);
    }
}
