//! Which answers are about credentials, for what is said where some could not be read anew.

use crate::lease::api::{ConnectFailure, Fault, RejectionKind, TransportError};

/// Whether other certificates, keys or tokens may change that.
pub fn is_about_credentials(fault: &Fault) -> bool {
    match fault {
        Fault::Rejected(rejection) => rejection.kind == RejectionKind::Unauthorized,
        Fault::NotSent(TransportError::Connect { why, .. }) => match why {
            ConnectFailure::Authority
            | ConnectFailure::Certificate
            | ConnectFailure::Validity
            | ConnectFailure::OtherNames(_)
            | ConnectFailure::ClientCertificate => true,
            ConnectFailure::Name
            | ConnectFailure::Silence
            | ConnectFailure::NoTls
            | ConnectFailure::Proxy
            | ConnectFailure::Other => false,
        },
        Fault::NotSent(
            TransportError::Refused { .. }
            | TransportError::Credentials(_)
            | TransportError::Slow(_),
        )
        | Fault::Unknown(_)
        | Fault::NotStored(_)
        | Fault::Foreign { .. } => false,
    }
}

/// Says what could not be read anew where that may be why.
pub fn with_unread(mut fault: Fault, unread: &[String]) -> Fault {
    if !unread.is_empty() && is_about_credentials(&fault) {
        let unread = unread.join("; ");
        match &mut fault {
            Fault::NotSent(TransportError::Connect { detail, .. }) => {
                *detail = format!("{detail} ({unread})");
            }
            Fault::Rejected(rejection) => {
                rejection.message = format!("{} ({unread})", rejection.message);
            }
            Fault::NotSent(_) | Fault::Unknown(_) | Fault::NotStored(_) | Fault::Foreign { .. } => {
            }
        }
    }
    fault
}
