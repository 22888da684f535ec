//! A request that failed, in words.

use std::fmt;

use super::{Fault, TransportError};

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(TransportError::Refused { server }) => {
                write!(f, "the connection to {server} was refused")
            }
            Self::NotSent(TransportError::Connect { server, detail, .. }) => {
                write!(f, "cannot connect to {server}: {detail}")
            }
            Self::NotSent(TransportError::Credentials(unusable)) => {
                write!(f, "cannot use the credentials: {}", unusable.detail)
            }
            Self::NotSent(TransportError::Slow(detail)) => f.write_str(detail),
            Self::Foreign { server, answer } => {
                write!(
                    f,
                    "{server} does not answer like a Kubernetes API server: {answer}"
                )
            }
            Self::Rejected(rejection) => write!(
                f,
                "Error from server ({}): {}",
                rejection.reason, rejection.message
            ),
            Self::Unknown(detail) | Self::NotStored(detail) => f.write_str(detail),
        }
    }
}
