//! What stands in the way of a connection before anything is sent: the kubeconfig, the flags, a file that they name.

use std::path::PathBuf;

use crate::hint;

/// Why nothing says how to get to the server, or as whom.
#[derive(Debug)]
pub enum ConfigError {
    /// Flags that do not go together, or cannot be sent.
    Usage(String),
    /// The kubeconfig cannot be read or used.
    Kubeconfig(String),
    /// There is no kubeconfig, and this is no pod.
    NoKubeconfig(LookedFor),
    /// A flag chooses something of a kubeconfig, and there is none.
    NothingToChoose {
        /// The flag.
        flag: &'static str,
        /// The kind and the name.
        what: String,
        /// Where it was looked for.
        looked_for: LookedFor,
    },
    /// The kubeconfig has no current context.
    NoCurrentContext {
        /// The contexts there are.
        known: Vec<String>,
    },
    /// An entry that is not in the kubeconfig.
    NoSuchEntry {
        /// Its kind.
        entry: Entry,
        /// The one asked for.
        name: String,
        /// The context that asks for it; `None` for a flag, or the current context itself.
        named_by: Option<String>,
        /// Those there are.
        known: Vec<String>,
    },
    /// A file or a variable that says how to get to the server, or as whom, cannot be used.
    File {
        /// Which, and why not.
        what: String,
        /// The next step.
        next: String,
    },
}

/// Where a kubeconfig was looked for.
#[derive(Debug)]
pub struct LookedFor {
    /// KUBECONFIG says so.
    pub by_environment: bool,
    /// The files.
    pub paths: Vec<PathBuf>,
}

/// What a kubeconfig has by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Which cluster, as whom, in which namespace.
    Context,
    /// An API server.
    Cluster,
    /// Credentials.
    User,
}

impl ConfigError {
    /// Whether the command line is wrong.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_))
    }

    /// What happened, and then what to do, a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Usage(text) => vec![format!("error: {text}")],
            Self::Kubeconfig(text) => vec![
                format!("error: cannot use the kubeconfig: {text}"),
                format!(
                    "Check the file that KUBECONFIG or --kubeconfig names: {}",
                    hint::kubectl_config("view")
                ),
            ],
            Self::File { what, next } => vec![format!("error: {what}"), next.clone()],
            Self::NoKubeconfig(looked_for) => vec![
                format!("error: no kubeconfig: {}", without_kubeconfig(looked_for)),
                "Set KUBECONFIG, give --kubeconfig FILE, or give --server and --token".to_owned(),
            ],
            Self::NothingToChoose {
                flag,
                what,
                looked_for,
            } => vec![
                format!(
                    "error: {what} does not exist: no kubeconfig: {}",
                    without_kubeconfig(looked_for)
                ),
                format!(
                    "{flag} chooses from a kubeconfig: set KUBECONFIG, or give --kubeconfig FILE"
                ),
            ],
            Self::NoCurrentContext { known } => vec![
                "error: the kubeconfig has no current context".to_owned(),
                format!(
                    "Choose one with --context or {}; there are: {}",
                    hint::kubectl_config("use-context"),
                    list(known)
                ),
            ],
            Self::NoSuchEntry {
                entry,
                name,
                named_by,
                known,
            } => entry_lines(*entry, name, named_by.as_deref(), known),
        }
    }
}

/// Why there is no kubeconfig.
fn without_kubeconfig(looked_for: &LookedFor) -> String {
    let LookedFor {
        by_environment,
        paths,
    } = looked_for;
    let empty = paths.iter().find(|path| path.exists());
    let all = paths.iter().map(|path| path.display().to_string());
    let all = all.collect::<Vec<String>>().join(" and ");
    match (empty, by_environment, paths.len()) {
        (Some(first), ..) => format!("{} has no clusters and no contexts", first.display()),
        (None, true, 0) => "KUBECONFIG names no file".to_owned(),
        (None, true, 1) => format!("KUBECONFIG names {all}, which does not exist"),
        (None, true, _) => format!("KUBECONFIG names {all}, which do not exist"),
        (None, false, 0) if cfg!(windows) => {
            "KUBECONFIG, HOME, HOMEPATH and USERPROFILE are not set".to_owned()
        }
        (None, false, 0) => "KUBECONFIG and HOME are not set".to_owned(),
        (None, false, _) => format!("KUBECONFIG is not set, and {all} does not exist"),
    }
}

/// An entry that the kubeconfig does not have: those it has, and which was meant perhaps.
fn entry_lines(entry: Entry, name: &str, named_by: Option<&str>, known: &[String]) -> Vec<String> {
    let kind = match entry {
        Entry::Context => "context",
        Entry::Cluster => "cluster",
        Entry::User => "user",
    };
    let by = named_by.map_or_else(String::new, |context| {
        format!(", but context {context:?} names it")
    });
    let meant =
        nearest(name, known).map_or_else(String::new, |name| format!("Did you mean {name:?}? "));
    vec![
        format!("error: {kind} {name:?} does not exist{by}"),
        format!("{meant}The kubeconfig has: {}", list(known)),
    ]
}

/// The name that was meant, if one is near enough.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    /// Below this two names have little in common: `dve` is as near to `dev`.
    const NEAR: f64 = 0.65;
    /// Nobody types a longer one, and to compare two takes the product of their lengths, in memory too.
    const LONGEST: usize = 256;
    let wanted = name.to_lowercase();
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let part = if !wanted.is_empty() && known.contains(&wanted) {
            1.0
        } else {
            0.0
        };
        let changed = strsim::normalized_damerau_levenshtein(&wanted, &known);
        f64::max(part, changed).max(strsim::jaro(&wanted, &known))
    };
    let may_be_meant = |known: &&String| name.len() <= LONGEST && known.len() <= LONGEST;
    known
        .iter()
        .filter(may_be_meant)
        // Of several that are as near, the first.
        .rev()
        .map(|known| (likeness(known), known.as_str()))
        .filter(|(likeness, _)| *likeness > NEAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// Names in one line; of very many only the first.
fn list(names: &[String]) -> String {
    const MANY: usize = 20;
    match names {
        [] => "none".to_owned(),
        names if names.len() > MANY => format!(
            "{}, and {} more",
            names[..MANY].join(", "),
            names.len() - MANY
        ),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_types_is_not_meant() {
        let found = |length: usize| {
            let name = "x".repeat(length);
            let known = [format!("{name}y"), format!("{name}z")];
            nearest(&format!("{name}w"), &known).is_some()
        };
        assert_eq!((found(10), found(255), found(256)), (true, true, false));
    }
}
