//! The commands in hints. Each has the connection flags that this call was given, so that pasting it does the same thing to
//! the same cluster: nothing else puts `kubectl` before words that ask a cluster (a test below reads the sources).

pub mod advised;
pub mod freed;

use std::fmt;
use std::sync::OnceLock;

use crate::words::quoting;

/// What this call was given and what it is about. Flags have a blank before each.
pub struct Call {
    /// The flag that tells where the kubeconfig is.
    pub file: String,
    /// The flag that tells the cluster, and who asks unless another flag does.
    pub context: String,
    /// The flags that tell the cluster alone.
    pub cluster: String,
    /// The flags that tell who asks.
    pub who: String,
    /// The one of them that chooses an entry of the kubeconfig.
    pub user: String,
    /// The flag that tells as which identity; an identity of the environment is there when the command is pasted.
    pub identity: String,
    /// Whether this call makes an identity up.
    pub unique: bool,
    /// Whether it asks for several Leases in one request: a permission for some names alone does not allow that.
    pub together: bool,
    /// The verbs on Leases that all of it takes.
    pub verbs: Vec<&'static str>,
    /// The Leases that it is about, each once.
    pub names: Vec<String>,
    /// The subcommand, and the flags that change what it does: a command of a hint that does the same once more has them too.
    pub subcommand: String,
    pub flags: Vec<Flag>,
    /// The command that it runs, quoted, behind ` -- `; empty if there is none.
    pub command: String,
}

/// A flag as it is typed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its name, without the hyphens.
    pub name: String,
    /// All of it, with its value.
    pub text: String,
}

static CALL: OnceLock<Call> = OnceLock::new();

/// Notes what this call was given, once in a process, before anything is said.
pub fn note(call: Call) {
    // Who notes it twice has noted the same.
    let _ = CALL.set(call);
}

/// A command to paste.
#[derive(Clone, Debug)]
pub struct Hint {
    words: String,
    /// What this call was given, where the command does the same once more.
    again: Vec<Flag>,
    more: String,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        for flag in &self.again {
            write!(f, " {}", flag.text)?;
        }
        f.write_str(&self.more)
    }
}

impl Hint {
    /// Another program's command, which asks no cluster.
    pub fn elsewhere(words: &str) -> Self {
        Self::new(words.to_owned())
    }

    fn new(words: String) -> Self {
        Self {
            words,
            again: Vec::new(),
            more: String::new(),
        }
    }

    /// The same with more words behind the flags: a flag among them counts, and not the one that this call was given.
    #[must_use]
    pub fn with(mut self, more: impl fmt::Display) -> Self {
        let more = more.to_string();
        self.again
            .retain(|flag| !more.split([' ', '=']).any(|word| is_flag(word, &flag.name)));
        self.more.push_str(&format!(" {more}"));
        self
    }

    /// The same with this value of a flag, if this call was given another.
    #[must_use]
    pub fn instead(mut self, name: &str, value: &str) -> Self {
        for given in &mut self.again {
            if given.name == name {
                given.text = flag(name, value);
            }
        }
        self
    }

    /// The same with the command that this call runs, if any.
    #[must_use]
    pub fn running(mut self) -> Self {
        match CALL.get() {
            Some(call) => self.more.push_str(&call.command),
            None => self.more.push_str(" -- COMMAND"),
        }
        self
    }
}

/// The subcommands that act as an identity.
pub const ACTING: [&str; 7] = [
    "acquire", "hold", "renew", "check", "release", "steal", "failover",
];

/// `kubectl lease SUBCOMMAND NAME`, of a Lease in that namespace, as the identity of this call.
pub fn lease(subcommand: &str, name: &str, namespace: &str) -> Hint {
    let identity = CALL.get().map_or("", |call| &call.identity);
    lease_with(subcommand, name, namespace, identity)
}

/// The same as this identity, whichever the call was given.
pub fn lease_as(subcommand: &str, name: &str, namespace: &str, holder: &str) -> Hint {
    lease_with(subcommand, name, namespace, &flag_of(holder))
}

/// The same as the holder of a grant that this call was given.
pub fn lease_of_grant(subcommand: &str, name: &str, namespace: &str, holder: &str) -> Hint {
    match CALL.get().is_some_and(|call| call.unique) {
        true => lease_as(subcommand, name, namespace, holder),
        false => lease(subcommand, name, namespace),
    }
}

fn lease_with(subcommand: &str, name: &str, namespace: &str, identity: &str) -> Hint {
    let Hint { words, .. } = kubectl_in(&format!("lease {subcommand} {name}"), namespace);
    let acts = ACTING.contains(&subcommand);
    let same = CALL
        .get()
        .filter(|call| acts && call.subcommand == subcommand);
    Hint {
        again: same.map(|call| call.flags.clone()).unwrap_or_default(),
        ..Hint::new(words + if acts { identity } else { "" })
    }
}

fn is_flag(word: &str, name: &str) -> bool {
    word.strip_prefix("--") == Some(name)
}

fn flag_of(holder: &str) -> String {
    format!(" {}", flag("holder", holder))
}

/// `kubectl` with these words, in that namespace.
pub fn kubectl_in(words: &str, namespace: &str) -> Hint {
    kubectl(&format!("{words} -n {namespace}"))
}

/// `kubectl` with these words, as whoever asked.
pub fn kubectl(words: &str) -> Hint {
    let who = CALL.get().map_or("", |call| &call.who);
    let Hint { words, .. } = kubectl_as_admin(words);
    Hint::new(words + who)
}

/// `kubectl config` with these words: what the kubeconfig has for this call. Who asks instead is nothing to it.
pub fn kubectl_config(words: &str) -> Hint {
    let flags = CALL.get().map(|call| {
        let Call {
            file,
            context,
            cluster,
            user,
            ..
        } = call;
        format!("{file}{context}{cluster}{user}")
    });
    Hint::new(format!(
        "kubectl config {words}{}",
        flags.unwrap_or_default()
    ))
}

/// `kubectl` with these words, for somebody else, who has more permissions: all that tells which cluster is meant, as it was
/// given, and nothing that tells who asks. The context stays: with a cluster in its place, whoever pastes the command would send
/// the credentials of another context there.
pub fn kubectl_as_admin(words: &str) -> Hint {
    let flags = (CALL.get()).map(|call| format!("{}{}{}", call.file, call.context, call.cluster));
    Hint::new(format!("kubectl {words}{}", flags.unwrap_or_default()))
}

/// Whether this call asks for any of several Leases, whichever it begins with.
pub fn is_of_any() -> bool {
    CALL.get().is_some_and(|call| call.together)
}

/// The Leases that this call is about, each once, if that one is among them; else that one alone; none where a permission is
/// for all.
pub fn names_with(name: &str) -> Vec<String> {
    if is_of_any() {
        return Vec::new();
    }
    let all = CALL.get().map_or(&[][..], |call| &call.names);
    match all.iter().any(|known| known == name) {
        true => all.to_owned(),
        false => vec![name.to_owned()],
    }
}

/// The verbs on Leases that all of this call takes; `None` if nothing was noted.
pub fn needed() -> Option<&'static [&'static str]> {
    Some(CALL.get()?.verbs.as_slice())
}

/// `--NAME VALUE`, quoted for the shell; in one word where the value would be taken for another flag.
pub fn flag(name: &str, value: &str) -> String {
    quoting::shell().flag(name, value)
}

#[cfg(test)]
mod tests;
