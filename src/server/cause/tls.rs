//! TLS's errors in plain words: the libraries' own are names of variants.

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::lease::api::ConnectFailure;

const UNTRUSTED: &str = "its certificate is signed by an authority that is not trusted here";
const NOTHING_IN_COMMON: &str =
    "it shares no TLS version or cipher with kubectl-lease, which speaks TLS 1.2 and 1.3";

/// What TLS has against a connection that is coming up.
pub fn handshake(error: &TlsError) -> (String, ConnectFailure) {
    match error {
        TlsError::InvalidCertificate(error) => certificate(error),
        TlsError::InvalidMessage(_) => ("it does not speak TLS".to_owned(), ConnectFailure::NoTls),
        TlsError::AlertReceived(alert) => {
            let (words, why) = alert_words(*alert);
            (words.to_owned(), why)
        }
        TlsError::PeerIncompatible(_) => (NOTHING_IN_COMMON.to_owned(), ConnectFailure::NoTls),
        other => (plain(other), ConnectFailure::Other),
    }
}

/// What the other side has against our certificate, which it may say after the handshake: with TLS 1.3 the request is on
/// its way by then, and nobody reads it.
pub fn against_client(error: &TlsError) -> Option<(String, ConnectFailure)> {
    let TlsError::AlertReceived(alert) = error else {
        return None;
    };
    let (words, why) = alert_words(*alert);
    (why == ConnectFailure::ClientCertificate).then(|| (words.to_owned(), why))
}

/// Any of these errors in a line.
pub fn plain(error: &TlsError) -> String {
    match error {
        TlsError::InvalidCertificate(error) => certificate(error).0,
        TlsError::AlertReceived(alert) => alert_words(*alert).0.to_owned(),
        TlsError::PeerIncompatible(_) => NOTHING_IN_COMMON.to_owned(),
        TlsError::DecryptError
        | TlsError::InvalidMessage(_)
        | TlsError::PeerSentOversizedRecord => "the data was damaged on its way".to_owned(),
        TlsError::FailedToGetCurrentTime => "this machine's clock cannot be read".to_owned(),
        TlsError::FailedToGetRandomBytes => "this machine gives no random numbers".to_owned(),
        TlsError::InconsistentKeys(_) => {
            "the client key does not belong to the client certificate".to_owned()
        }
        TlsError::PeerMisbehaved(_)
        | TlsError::InappropriateMessage { .. }
        | TlsError::InappropriateHandshakeMessage { .. } => {
            "it breaks the rules of TLS; something else may listen there".to_owned()
        }
        _ => "the TLS handshake failed".to_owned(),
    }
}

fn certificate(error: &CertificateError) -> (String, ConnectFailure) {
    let is = |text: &str, why: ConnectFailure| (format!("its certificate {text}"), why);
    let bad = |text: &str| is(text, ConnectFailure::Certificate);
    let untimely = |text: &str| is(text, ConnectFailure::Validity);
    match error {
        CertificateError::ExpiredContext { not_after, .. } => match day(not_after.as_secs()) {
            Some(day) => untimely(&format!("expired on {day}")),
            None => untimely("has expired"),
        },
        CertificateError::Expired => untimely("has expired"),
        CertificateError::NotValidYetContext { not_before, .. } => {
            match day(not_before.as_secs()) {
                Some(day) => untimely(&format!("is not valid before {day}")),
                None => untimely("is not valid yet"),
            }
        }
        CertificateError::NotValidYet => untimely("is not valid yet"),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names: Vec<String> = presented.iter().map(|name| plain_name(name)).collect();
            let only = match names.as_slice() {
                [] => "it names nothing".to_owned(),
                names => format!("it is for {}", names.join(", ")),
            };
            let expected = expected.to_str();
            let text = format!("is not for {expected}: {only}");
            is(&text, ConnectFailure::OtherNames(names))
        }
        CertificateError::NotValidForName => is(
            "is for another name",
            ConnectFailure::OtherNames(Vec::new()),
        ),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            (UNTRUSTED.to_owned(), ConnectFailure::Authority)
        }
        CertificateError::Revoked => bad("was revoked"),
        CertificateError::UnknownRevocationStatus
        | CertificateError::ExpiredRevocationList
        | CertificateError::ExpiredRevocationListContext { .. }
        | CertificateError::InvalidOcspResponse => {
            bad("may be revoked: nobody says that it is not")
        }
        CertificateError::BadEncoding => bad("is damaged"),
        CertificateError::UnhandledCriticalExtension => {
            bad("demands something that is not supported here (a critical extension)")
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            bad("is signed by a method that is not supported here, as SHA-1 is not")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            bad("is not for servers (its extendedKeyUsage lacks serverAuth)")
        }
        // webpki's own, which are names of variants in text too.
        CertificateError::Other(other) => match other.to_string() {
            text if text.contains("CaUsedAsEndEntity") => {
                bad("is an authority's, and no server's (CA:TRUE)")
            }
            text if text.contains("EndEntityUsedAsCa") => {
                bad("is signed by one that is no authority's (CA:FALSE)")
            }
            text if text.contains("UnsupportedCertVersion") => {
                bad("is of an old version, and only X.509 version 3 is supported")
            }
            text if text.contains("NameConstraint") => {
                bad("is for a name that its authority may not sign for")
            }
            text if text.contains("PathLenConstraint") || text.contains("Maximum") => {
                bad("comes with more authorities in between than are allowed")
            }
            _ => bad("is malformed"),
        },
        _ => bad("is not acceptable here"),
    }
}

fn alert_words(alert: AlertDescription) -> (&'static str, ConnectFailure) {
    let client = |words| (words, ConnectFailure::ClientCertificate);
    match alert {
        AlertDescription::CertificateExpired => {
            client("it says that the client certificate has expired")
        }
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            client("it wants a client certificate")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => client("it does not accept the client certificate"),
        AlertDescription::UnrecognisedName => (
            "it does not know the server name that it was asked for",
            ConnectFailure::OtherNames(Vec::new()),
        ),
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity
        | AlertDescription::NoApplicationProtocol => (NOTHING_IN_COMMON, ConnectFailure::NoTls),
        AlertDescription::InternalError => (
            "it had an error of its own during the TLS handshake",
            ConnectFailure::Other,
        ),
        _ => ("it broke off the TLS handshake", ConnectFailure::Other),
    }
}

fn day(seconds: u64) -> Option<String> {
    let seconds = i64::try_from(seconds).ok()?;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.strftime("%Y-%m-%d").to_string())
}

/// `DnsName("x")` and `IpAddress(x)` as rustls writes what a certificate is for.
fn plain_name(name: &str) -> String {
    let inner = name
        .split_once('(')
        .map_or(name, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{InconsistentKeys, InvalidMessage, OtherError, PeerIncompatible, PeerMisbehaved};

    use super::*;

    #[derive(Debug)]
    struct Said(&'static str);

    impl std::fmt::Display for Said {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Said {}

    /// A word in the middle of which a capital letter stands is the name of a variant.
    fn is_plain(text: &str) -> bool {
        let known = |word: &&str| ["extendedKeyUsage", "serverAuth"].contains(word);
        let camel = |word: &str| {
            word.chars().any(char::is_lowercase) && word.chars().skip(1).any(char::is_uppercase)
        };
        let words = || text.split(|c: char| !c.is_alphanumeric());
        words().all(|word| !camel(word) || known(&word))
            && !["Some(", "{ ", "webpki", "rustls"]
                .iter()
                .any(|part| text.contains(part))
    }

    #[test]
    fn no_error_of_tls_is_told_in_names_of_variants() {
        let other = |text| CertificateError::Other(OtherError(Arc::new(Said(text))));
        let certificates = [
            CertificateError::BadEncoding,
            CertificateError::Expired,
            CertificateError::NotValidYet,
            CertificateError::Revoked,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::UnknownIssuer,
            CertificateError::UnknownRevocationStatus,
            CertificateError::ExpiredRevocationList,
            CertificateError::BadSignature,
            CertificateError::NotValidForName,
            CertificateError::InvalidPurpose,
            CertificateError::InvalidOcspResponse,
            CertificateError::ApplicationVerificationFailure,
            other("CaUsedAsEndEntity"),
            other("EndEntityUsedAsCa"),
            other("UnsupportedCertVersion"),
            other("NameConstraintViolation"),
            other("PathLenConstraintViolated"),
            other("MaximumPathBuildCallsExceeded"),
            other("InvalidSerialNumber"),
        ];
        let mut errors: Vec<TlsError> = (0..=u8::MAX)
            .map(|code| TlsError::AlertReceived(AlertDescription::from(code)))
            .collect();
        errors.extend(certificates.map(TlsError::InvalidCertificate));
        errors.extend([
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType),
            TlsError::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            TlsError::PeerMisbehaved(PeerMisbehaved::MissingKeyShare),
            TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch),
            TlsError::DecryptError,
            TlsError::EncryptError,
            TlsError::HandshakeNotComplete,
            TlsError::PeerSentOversizedRecord,
            TlsError::NoApplicationProtocol,
            TlsError::General("UnexpectedThing".to_owned()),
            TlsError::Other(OtherError(Arc::new(Said("SomethingElse")))),
        ]);
        for error in errors {
            for text in [plain(&error), handshake(&error).0] {
                assert!(is_plain(&text), "{error:?}: {text}");
            }
        }
    }

    #[test]
    fn only_what_is_about_the_client_counts_after_the_handshake() {
        let alert = |alert| against_client(&TlsError::AlertReceived(alert)).is_some();
        assert!(alert(AlertDescription::CertificateRequired));
        assert!(alert(AlertDescription::UnknownCA));
        assert!(!alert(AlertDescription::InternalError));
        assert!(!alert(AlertDescription::BadRecordMac));
        assert!(against_client(&TlsError::DecryptError).is_none());
    }
}
