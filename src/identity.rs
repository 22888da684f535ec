//! Who is asking: the holder identity, also when none is given.

use std::ffi::{OsStr, OsString};

use crate::lease::values::HolderIdentity;

/// The variable that names a holder, and that a grant hands on.
pub const HOLDER: &str = "KUBECTL_LEASE_HOLDER";
const POD_NAME: &str = "POD_NAME";

/// What a kernel says that was given no name.
const NO_HOST_NAME: &str = "(none)";

/// Where an identity may come from, in order.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--holder`
    pub flag: Option<HolderIdentity>,
    /// `$KUBECTL_LEASE_HOLDER`
    pub environment: Option<OsString>,
    /// `$POD_NAME`
    pub pod_name: Option<OsString>,
    /// The account.
    pub account: Account,
    /// The machine's name.
    pub host: Option<OsString>,
}

/// Whom the process runs as. The environment is not asked: without a login (cron, a service, a container) it says nothing, and
/// whatever it says else may be another's.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The name that the system's accounts have for it, if it is one of them.
    pub name: Option<String>,
    /// Its number, where accounts have one.
    pub uid: Option<u32>,
}

impl Sources {
    /// The flag, and what the environment and the machine say.
    pub fn from_process(flag: Option<HolderIdentity>) -> Self {
        Self {
            flag,
            environment: std::env::var_os(HOLDER),
            pod_name: std::env::var_os(POD_NAME),
            account: account(),
            host: host_name(),
        }
    }

    /// `--holder`, else `$KUBECTL_LEASE_HOLDER`, else `$POD_NAME`, else user@host.
    ///
    /// # Errors
    /// When the variable that is asked first is empty or no text, or when nothing tells this process from others.
    pub fn identity(&self) -> Result<HolderIdentity, String> {
        if let Some(flag) = &self.flag {
            return Ok(flag.clone());
        }
        if let Some(value) = &self.environment {
            return variable(HOLDER, value);
        }
        // A pod without the field has an empty one.
        let is_blank = |value: &OsString| value.to_str().is_some_and(|text| text.trim().is_empty());
        if let Some(value) = self.pod_name.as_ref().filter(|value| !is_blank(value)) {
            return variable(POD_NAME, value);
        }
        let user = match (&self.account.name, self.account.uid) {
            (Some(name), _) if !name.trim().is_empty() => name.clone(),
            (_, Some(uid)) => format!("uid-{uid}"),
            (_, None) => return Err(unknown("this account has no name")),
        };
        let host = self.host.as_deref().map(OsStr::to_string_lossy);
        let host = host.as_deref().map(str::trim).unwrap_or_default();
        // With any other word for it, every such machine would be the same holder.
        if host.is_empty() || host == NO_HOST_NAME {
            return Err(unknown("this machine has no host name"));
        }
        format!("{user}@{host}").parse()
    }
}

fn variable(name: &str, value: &OsStr) -> Result<HolderIdentity, String> {
    let text = value.to_str().ok_or_else(|| {
        let shown = value.to_string_lossy();
        format!("{name}={shown:?}: it is not UTF-8; unset it or give --holder")
    })?;
    text.parse()
        .map_err(|error| format!("{name}={text:?}: {error}; unset it or give --holder"))
}

fn unknown(why: &str) -> String {
    format!("{why}, so others could be taken for this holder: give --holder, or set {HOLDER}")
}

#[cfg(unix)]
fn account() -> Account {
    let uid = nix::unistd::Uid::effective();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    Account {
        name: user.map(|user| user.name),
        uid: Some(uid.as_raw()),
    }
}

#[cfg(windows)]
fn account() -> Account {
    Account {
        name: whoami::username().ok(),
        uid: None,
    }
}

#[cfg(unix)]
fn host_name() -> Option<OsString> {
    nix::unistd::gethostname().ok()
}

#[cfg(windows)]
fn host_name() -> Option<OsString> {
    Some(gethostname::gethostname())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Sources {
        Sources {
            flag: "flag".parse().ok(),
            environment: Some("env".into()),
            pod_name: Some("pod".into()),
            account: Account {
                name: Some("me".into()),
                uid: Some(1000),
            },
            host: Some("here".into()),
        }
    }

    /// Without anything that names the holder.
    fn machine() -> Sources {
        Sources {
            flag: None,
            environment: None,
            pod_name: None,
            ..all()
        }
    }

    fn identity(sources: &Sources) -> Result<String, String> {
        sources.identity().map(|identity| identity.to_string())
    }

    #[test]
    fn the_flag_comes_first_then_the_environment_then_the_pod_then_user_at_host() {
        let mut sources = all();
        let mut order = vec![identity(&sources)];
        let forget: [fn(&mut Sources); 3] = [
            |it| it.flag = None,
            |it| it.environment = None,
            |it| it.pod_name = None,
        ];
        for forget in forget {
            forget(&mut sources);
            order.push(identity(&sources));
        }
        let expected = ["flag", "env", "pod", "me@here"].map(|name| Ok(name.to_owned()));
        assert_eq!(order, expected);
    }

    #[test]
    fn two_accounts_of_one_machine_are_never_one_holder() {
        let with = |name: Option<&str>, uid| {
            let account = Account {
                name: name.map(str::to_owned),
                uid: Some(uid),
            };
            identity(&Sources {
                account,
                ..machine()
            })
        };
        assert_eq!(with(Some("kim"), 1000).as_deref(), Ok("kim@here"));
        assert_eq!(with(None, 1000).as_deref(), Ok("uid-1000@here"));
        assert_eq!(with(None, 0).as_deref(), Ok("uid-0@here"));
        assert_eq!(with(Some(""), 65_534).as_deref(), Ok("uid-65534@here"));
    }

    #[test]
    fn two_machines_without_a_name_are_never_one_holder() {
        for host in [None, Some(""), Some(" "), Some("(none)")] {
            let sources = Sources {
                host: host.map(OsString::from),
                ..machine()
            };
            let error = identity(&sources).expect_err("no name");
            assert!(
                error.contains("no host name") && error.contains("--holder"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_variable_that_is_empty_is_refused_by_its_name_but_for_the_pods() {
        for value in ["", "  ", "\t\n"] {
            let sources = Sources {
                environment: Some(value.into()),
                ..machine()
            };
            let error = identity(&sources).expect_err("empty");
            assert!(error.starts_with("KUBECTL_LEASE_HOLDER="), "{error}");
            let sources = Sources {
                pod_name: Some(value.into()),
                ..machine()
            };
            assert_eq!(identity(&sources).as_deref(), Ok("me@here"));
        }
    }

    #[cfg(windows)]
    #[test]
    fn the_account_and_the_machine_are_those_of_the_system_whatever_the_environment_says() {
        // What GetUserNameW and GetComputerNameExW say, which the environment has only copies of.
        let sources = Sources::from_process(None);
        let name = sources.account.name.expect("an account");
        assert_eq!(Some(name), std::env::var("USERNAME").ok());
        let host = sources
            .host
            .expect("a name")
            .to_string_lossy()
            .to_ascii_uppercase();
        let short = std::env::var("COMPUTERNAME").expect("it is set for every process");
        assert!(
            host.starts_with(&short.to_ascii_uppercase()),
            "{host} {short}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_no_text_is_refused_by_its_name() {
        use std::os::unix::ffi::OsStringExt;

        let odd = || Some(OsString::from_vec(b"m\xff".to_vec()));
        let holder = Sources {
            environment: odd(),
            ..machine()
        };
        let pod = Sources {
            pod_name: odd(),
            ..machine()
        };
        for (sources, name) in [(holder, HOLDER), (pod, POD_NAME)] {
            let error = identity(&sources).expect_err("no text");
            let expected = format!("{name}=\"m\u{fffd}\": it is not UTF-8");
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
