//! kubectl's connection flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::lease::values;

/// kubectl's connection flags, by kubectl's names.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Connection (as kubectl)")]
pub struct ConnectionArgs {
    /// Path to the kubeconfig file
    #[arg(long, global = true, value_name = "FILE", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The kubeconfig cluster to use
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// The namespace of the lease
    #[arg(short, long, global = true, value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
    /// Address of the API server
    #[arg(short, long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Bearer token; not sent over plain http
    #[arg(long, global = true, value_name = "TOKEN")]
    pub token: Option<String>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP")]
    pub impersonate_groups: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID")]
    pub impersonate_uid: Option<String>,
    /// What else to say of who is impersonated; may be repeated
    #[arg(long = "as-user-extra", global = true, value_name = "KEY=VALUE", value_parser = extra)]
    pub impersonate_extra: Vec<(String, String)>,
    /// CA bundle to verify the API server with
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<String>,
    /// Client certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub client_certificate: Option<String>,
    /// Key of the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<String>,
    /// Name to expect in the API server's certificate
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Do not verify the API server's certificate
    #[arg(long, global = true)]
    pub insecure_skip_tls_verify: bool,
    /// Of kubectl; servers take no passwords since 1.19, and what stands before one may
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub username: Option<String>,
    /// Of kubectl
    #[arg(long, global = true, hide = true, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Of kubectl; its preferences are for its own commands
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub kuberc: Option<String>,
    /// Of kubectl; -v traces everything
    #[arg(long, global = true, hide = true, value_name = "PATTERN=N,…")]
    pub vmodule: Option<String>,
    /// Of kubectl; here nothing is cached
    #[arg(long, global = true, hide = true, value_name = "FOLDER")]
    pub cache_dir: Option<String>,
    /// Of kubectl; every server version is taken
    #[arg(long, global = true, hide = true)]
    pub match_server_version: bool,
    /// Of kubectl; no answer is asked for compressed
    #[arg(long, global = true, hide = true)]
    pub disable_compression: bool,
    /// Of kubectl; Leases have no warnings
    #[arg(long, global = true, hide = true)]
    pub warnings_as_errors: bool,
    /// Of kubectl; there is nothing to profile
    #[arg(long, global = true, hide = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Of kubectl
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub profile_output: Option<String>,
    /// Of kubectl; what is said is said at once
    #[arg(long, global = true, hide = true, value_name = "DURATION")]
    pub log_flush_frequency: Option<String>,
    /// The longest one request may take, a login's questions apart (5m); 0 for the default: 10s to
    /// read, at most 5s to write
    #[arg(long, global = true, value_name = "DURATION", allow_hyphen_values = true, value_parser = request_timeout)]
    pub request_timeout: Option<Duration>,
}

/// As kubectl: an empty one is as if it was not given.
fn namespace(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    values::namespace(text)
}

/// As kubectl: an empty one is as if it was not given, and one below nothing is no limit. The default stands for both.
fn request_timeout(text: &str) -> Result<Duration, String> {
    let is_plain = |text: &str| text.parse::<u64>().is_ok();
    match text.strip_prefix('-') {
        _ if text.is_empty() => Ok(Duration::ZERO),
        Some(span) if !is_plain(span) && values::parse_duration(span).is_ok() => Ok(Duration::ZERO),
        Some(_) | None => values::parse_duration(text),
    }
}

/// A key may have more than one value, each given by a flag of its own.
fn extra(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("give KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen of kubectl 1.32.
    #[test]
    fn a_request_timeout_is_read_as_kubectl_reads_one() {
        for (text, wanted) in [
            ("", Some(0)),
            ("-1s", Some(0)),
            ("-0s", Some(0)),
            ("0", Some(0)),
            ("5", Some(5)),
            ("+5s", Some(5)),
            ("-5", None),
            ("-", None),
            ("--", None),
            ("--5s", None),
            ("-x", None),
            ("1d", None),
        ] {
            let read = request_timeout(text).ok();
            assert_eq!(read, wanted.map(Duration::from_secs), "{text:?}");
        }
    }
}
