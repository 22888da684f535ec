//! The validated values a request is made of: lease name, holder identity, lease duration, labels.

mod manager;
mod pairs;
mod queue;
mod slots;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

pub use manager::Manager;
pub use pairs::{parse_annotations, parse_labels};
pub use queue::{OF_SLOTS, QueueName};
pub use slots::{SlotCount, Slots, index as slot_index};

/// The name of a Lease object: a DNS-1123 subdomain, as the API server validates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName(String);

impl LeaseName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LeaseName {
    type Err = String;

    /// A name alone, or as kubectl and its `-o name` write one: `lease/NAME`, `leases.coordination.k8s.io/NAME`.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = match text.split_once('/') {
            Some((kind, name)) if is_lease(kind) => name,
            Some((kind, _)) => {
                return Err(format!(
                    "{kind:?} is not a kind of lease: give NAME or lease/NAME"
                ));
            }
            None => text,
        };
        dns_subdomain(name)?;
        Ok(Self(name.to_owned()))
    }
}

/// Whether kubectl takes `kind` for Leases: the resource or the kind, with its group, with its version and group, or alone.
pub fn is_lease(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let (kind, group) = kind
        .split_once('.')
        .unwrap_or((&kind, "coordination.k8s.io"));
    matches!(kind, "lease" | "leases")
        && matches!(group, "coordination.k8s.io" | "v1.coordination.k8s.io")
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn dns_subdomain(text: &str) -> Result<(), String> {
    let label_ok = |label: &str| {
        let edge = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let bytes = label.as_bytes();
        edge(bytes.first().copied())
            && edge(bytes.last().copied())
            && bytes
                .iter()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-')
    };
    if text.len() <= 253 && text.split('.').all(label_ok) {
        Ok(())
    } else {
        Err(
            "a lease name is a DNS subdomain: at most 253 lower case letters, digits, '-' and '.', \
             beginning and ending with a letter or digit"
                .to_owned(),
        )
    }
}

/// Checks a namespace name: a DNS-1123 label.
///
/// # Errors
/// Says what is allowed.
pub fn namespace(text: &str) -> Result<String, String> {
    if text.len() <= 63 && !text.contains('.') && dns_subdomain(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err(
            "a namespace name is a DNS label: at most 63 lower case letters, digits and '-', \
             beginning and ending with a letter or digit"
                .to_owned(),
        )
    }
}

/// Who holds a grant; never empty, because an empty `holderIdentity` means that the Lease is free. A new one is not blank
/// either: that is a script's variable that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderIdentity(String);

impl HolderIdentity {
    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names a holder that there is already: other clients may have stored one of blanks.
    ///
    /// # Errors
    /// When it is empty.
    pub fn stored(text: &str) -> Result<Self, String> {
        match text.is_empty() {
            true => text.parse(),
            false => Ok(Self(text.to_owned())),
        }
    }

    /// The same identity made unique to one grant by a random suffix: `identity_<uuid>`.
    #[must_use]
    pub fn unique(&self) -> Self {
        // One that was made unique before, and handed on by a variable, does not grow.
        let known = |(name, suffix): &(&str, &str)| {
            !name.is_empty() && suffix.len() == 36 && uuid::Uuid::try_parse(suffix).is_ok()
        };
        let name = self.0.rsplit_once('_').filter(known);
        let name = name.map_or(&*self.0, |(name, _)| name);
        Self(format!("{name}_{}", uuid::Uuid::new_v4()))
    }
}

impl FromStr for HolderIdentity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            Err(
                "a holder identity must not be empty: an empty holder means that the lease is free"
                    .to_owned(),
            )
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for HolderIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A lease duration: whole seconds, 1 to 2147483647 (`spec.leaseDurationSeconds` is an int32 above zero).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaseDuration(u32);

impl LeaseDuration {
    /// What client-go records in a Lease that it releases, whatever its holder had asked for.
    pub const WRITTEN_BY_A_RELEASE: Self = Self(1);

    /// The shortest that a Lease can record.
    pub const SHORTEST: Self = Self(1);

    /// The longest that `spec.leaseDurationSeconds` can say.
    pub const LONGEST: Self = Self(i32::MAX as u32);

    /// A duration of `seconds`, if the API server would take it.
    pub fn from_secs(seconds: i64) -> Option<Self> {
        u32::try_from(seconds)
            .ok()
            .filter(|s| (1..=i32::MAX as u32).contains(s))
            .map(Self)
    }

    /// A duration known at compile time.
    pub const fn constant(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Whole seconds.
    pub fn as_secs(self) -> u32 {
        self.0
    }

    /// The same span as a [`Duration`].
    pub fn as_duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl FromStr for LeaseDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span = parse_duration(text)?;
        if span.is_zero() {
            return Err("a lease duration is at least 1s".to_owned());
        }
        if span.subsec_nanos() != 0 {
            return Err("a lease duration is in whole seconds".to_owned());
        }
        i64::try_from(span.as_secs())
            .ok()
            .and_then(Self::from_secs)
            .ok_or_else(|| format!("a lease duration is at most {}s (an int32)", i32::MAX))
    }
}

impl fmt::Display for LeaseDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

/// Reads `90s`, `10m`, `1h30m`, `500ms` or plain seconds.
///
/// # Errors
/// Says what is allowed.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is written like 90s, 10m, 1h30m or plain seconds".to_owned();
    if text.starts_with('-') {
        return Err("a duration must not be negative".to_owned());
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c == ',') {
        return Err(wrong());
    }
    let span = jiff::SignedDuration::from_str(text).map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_named_as_kubectl_names_one() {
        for text in "x lease/x leases/x Lease/x lease.coordination.k8s.io/x \
            leases.coordination.k8s.io/x leases.v1.coordination.k8s.io/x"
            .split(' ')
        {
            let name = text.parse::<LeaseName>().map(|name| name.to_string());
            assert_eq!(name.as_deref(), Ok("x"), "{text}");
        }
        for text in "pod/x leases.example.com/x leasecandidates.coordination.k8s.io/x lease/ /x \
            lease/x/y lease/X"
            .split(' ')
        {
            assert!(text.parse::<LeaseName>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_kubectl_users_write_them() {
        let read = [("90s", 90), ("10m", 600), ("1h30m", 5400), ("15", 15)];
        for (text, seconds) in read.into_iter().chain([("0", 0)]) {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_duration(text), Ok(duration), "{text}");
        }
        assert_eq!(parse_duration("1500ms"), Ok(Duration::from_millis(1500)));
        for text in [
            "",
            "x",
            "-5s",
            "5 s",
            "1h 30m",
            "s",
            "--",
            "1e3",
            "10m,5s",
            "5 minutes ago",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_lease_duration_is_whole_seconds_within_int32() {
        for (text, seconds) in [("2", 2), ("2147483647", i32::MAX as u32)] {
            let duration = text.parse().map(LeaseDuration::as_secs);
            assert_eq!(duration, Ok(seconds));
        }
        for text in "0 0s -1 500ms 1.5s 2147483648 99999999999999999999 abc".split(' ') {
            assert!(
                text.parse::<LeaseDuration>().is_err(),
                "{text:?} was accepted"
            );
        }
    }

    #[test]
    fn a_lease_name_is_a_dns_subdomain() {
        for name in ["a", "my-lease", "a.b.c", "0-9", &"a".repeat(253)] {
            assert!(name.parse::<LeaseName>().is_ok(), "{name:?} was refused");
        }
        for name in [
            "",
            "A",
            "a_b",
            "-a",
            "a-",
            "a..b",
            ".a",
            "a/b",
            "a b",
            "ä",
            &"a".repeat(254),
        ] {
            assert!(name.parse::<LeaseName>().is_err(), "{name:?} was accepted");
        }
    }

    #[test]
    fn an_empty_holder_is_refused() {
        assert!("".parse::<HolderIdentity>().is_err());
        assert!("  ".parse::<HolderIdentity>().is_err());
        assert!(HolderIdentity::stored("").is_err());
        assert!(HolderIdentity::stored("  ").is_ok());
        assert!("me@host".parse::<HolderIdentity>().is_ok());
    }
}
