//! Who is asking: the holder identity when none is given (design section 8).

use crate::lease::values::HolderIdentity;

/// Where an identity may come from, in order.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--holder`
    pub flag: Option<HolderIdentity>,
    /// `$KUBECTL_LEASE_HOLDER`
    pub environment: Option<String>,
    /// `$POD_NAME`
    pub pod_name: Option<String>,
    /// The user's name.
    pub user: Option<String>,
    /// The machine's name.
    pub host: Option<String>,
}

impl Sources {
    /// The flag, and what the environment and the machine say.
    pub fn from_process(flag: Option<HolderIdentity>) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        Self {
            flag,
            environment: variable("KUBECTL_LEASE_HOLDER"),
            pod_name: variable("POD_NAME"),
            user: variable("USER")
                .or_else(|| variable("LOGNAME"))
                .or_else(|| variable("USERNAME")),
            host: host_name(),
        }
    }

    /// `--holder`, else `$KUBECTL_LEASE_HOLDER`, else `$POD_NAME`, else user@host.
    ///
    /// # Errors
    /// When the variable that is asked first is set and empty.
    pub fn identity(&self) -> Result<HolderIdentity, String> {
        if let Some(flag) = &self.flag {
            return Ok(flag.clone());
        }
        if let Some(text) = &self.environment {
            return text.parse().map_err(|error| {
                format!("KUBECTL_LEASE_HOLDER={text:?}: {error}; unset it or give --holder")
            });
        }
        if let Some(pod) = self
            .pod_name
            .as_deref()
            .filter(|name| !name.trim().is_empty())
        {
            return pod.parse();
        }
        let user = self
            .user
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or("unknown");
        let host = self
            .host
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or("localhost");
        format!("{user}@{host}").parse()
    }
}

#[cfg(unix)]
fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Sources {
        Sources {
            flag: "flag".parse().ok(),
            environment: Some("env".into()),
            pod_name: Some("pod".into()),
            user: Some("me".into()),
            host: Some("here".into()),
        }
    }

    #[test]
    fn the_flag_comes_first_then_the_environment_then_the_pod_then_user_at_host() {
        let mut sources = all();
        let mut order = Vec::new();
        order.push(sources.identity());
        sources.flag = None;
        order.push(sources.identity());
        sources.environment = None;
        order.push(sources.identity());
        sources.pod_name = None;
        order.push(sources.identity());
        let order: Vec<String> = order
            .into_iter()
            .map(|id| id.expect("an identity").to_string())
            .collect();
        assert_eq!(order, ["flag", "env", "pod", "me@here"]);
    }

    #[test]
    fn an_empty_variable_is_refused_by_its_name() {
        let sources = Sources {
            flag: None,
            environment: Some(String::new()),
            ..all()
        };
        assert!(
            sources
                .identity()
                .is_err_and(|error| error.contains("KUBECTL_LEASE_HOLDER"))
        );
    }
}
