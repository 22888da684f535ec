//! What the operations ask of an API server for one Lease and for many, and the closed set of its answers.

mod objects;
mod queue;

use std::time::Duration;

use bytes::Bytes;
use futures::stream::LocalBoxStream;
use jiff::Timestamp;

use super::record::{FIELD_MANAGER, Lease, Record};

pub use objects::Objects;
pub use queue::{Queue, Tickets};

/// How long the watch of one Lease may take to begin: a server answers it at once.
pub const WATCH_OPENING: Duration = Duration::from_secs(10);

/// One Lease on one API server. Each call is one attempt: nothing behind it retries.
pub trait Api {
    /// Under which name its writes are noted in managedFields.
    fn manager(&self) -> &str {
        FIELD_MANAGER
    }
    /// A consistent read: GET without a resourceVersion parameter.
    fn get(&self, limit: Duration) -> impl Future<Output = Result<Found, Fault>>;
    /// POST. With `dry_run` the server checks and stores nothing.
    fn create(
        &self,
        lease: &Lease,
        dry_run: bool,
        limit: Duration,
    ) -> impl Future<Output = Result<Write, Fault>>;
    /// PUT of the whole object, under the resourceVersion and the uid that it was read with.
    fn replace(
        &self,
        record: &Record,
        limit: Duration,
    ) -> impl Future<Output = Result<Write, Fault>>;
    /// PUT with `dryRun=All`, as `manager`: the object as it would be stored now, with the time that the server would
    /// stamp it with. Nothing is stored.
    fn try_replace(
        &self,
        record: &Record,
        manager: &str,
        limit: Duration,
    ) -> impl Future<Output = Result<Write, Fault>>;
    /// DELETE, under the resourceVersion and the uid that it was read with. With `dry_run` the server checks and deletes
    /// nothing.
    fn delete(
        &self,
        record: &Record,
        dry_run: bool,
        limit: Duration,
    ) -> impl Future<Output = Result<Deletion, Fault>>;
    /// What it means that a request has brought nothing for `limit`. Whoever asked may go on listening to it; the next
    /// request is sent on a new connection.
    fn silent(&self, limit: Duration) -> Fault;
    /// The changes after `resource_version`. The stream ends when the server ends it.
    fn watch(&self, resource_version: &str) -> LocalBoxStream<'static, LeaseEvent>;
    /// Major and minor version of the server; `None` if it says neither.
    fn version(&self, limit: Duration) -> impl Future<Output = Result<Option<(u32, u32)>, Fault>>;
}

/// Several Leases of a namespace that one watch shows.
pub trait Changes {
    /// What is there of them, and then the changes, in one stream; through this label alone where all of them have it. It
    /// ends when the server ends it.
    fn watch_all(&self, label: Option<(&str, &str)>) -> LocalBoxStream<'static, LeaseEvent>;
}

/// Leases of a namespace or of all, as a selection has them. Each call is one attempt: nothing behind it retries.
pub trait Leases: Clone + 'static {
    /// A page of the list, of at most so many, `from` where the page before it ended.
    fn page(
        &self,
        size: u32,
        from: Option<&str>,
        limit: Duration,
    ) -> impl Future<Output = Result<Page, Fault>>;
    /// The changes after `resource_version`, a JSON watch event a line; from an empty one on, what is there now comes first.
    /// The answer has to begin within `opening`. The stream ends when the server ends it.
    fn watch(
        &self,
        resource_version: &str,
        opening: Duration,
    ) -> impl Future<Output = Result<Lines, Fault>>;
    /// One of them by its name, which takes no permission to list.
    fn get(&self, name: &str, limit: Duration) -> impl Future<Output = Result<Found, Fault>>;
    /// Major and minor version of the server; `None` if it says neither.
    fn version(&self, limit: Duration) -> impl Future<Output = Result<Option<(u32, u32)>, Fault>>;
    /// What it means that a page is no list of Leases.
    fn foreign(&self, page: &[u8]) -> Fault;
}

/// The lines of a watch. A fault is the last.
pub type Lines = LocalBoxStream<'static, Result<Bytes, Fault>>;

/// The answer to a DELETE.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// Deleted, or it will be once its finalizers are done.
    Done,
    /// 409: the resourceVersion or the uid is not the stored one any more; or so the server says.
    Conflict(Rejection),
    /// 404: there is no such Lease.
    Absent,
}

/// A page of a list, not decoded yet.
pub struct Page {
    /// The answer's body.
    pub body: Bytes,
    /// The server's `Date`.
    pub date: Option<Timestamp>,
}

/// The answer to a read.
#[derive(Clone, Debug)]
pub enum Found {
    /// The Lease, and the server's `Date` (its own clock, whole seconds) if it sent one.
    Lease {
        /// The object.
        record: Record,
        /// The `Date` header.
        date: Option<Timestamp>,
    },
    /// There is no such Lease.
    Absent,
}

/// The answer to a write.
#[derive(Clone, Debug)]
pub enum Write {
    /// Written; the object as it was stored, by what the server says.
    Done(Lease),
    /// 409 on a PUT: the resourceVersion or the uid is not the stored one any more; or so the server says, and its words
    /// tell whether it was an admission webhook.
    Conflict(Rejection),
    /// 409 on a POST: a Lease of this name exists.
    Exists(Rejection),
    /// 404 on a PUT.
    Absent(Rejection),
}

/// No answer that decides anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request never left: no connection, or no credentials to send with it.
    NotSent(TransportError),
    /// The server answered and did nothing.
    Rejected(Rejection),
    /// It was sent, and what became of it is unknown: a write may have happened, or may still happen.
    Unknown(String),
    /// Something answered that is no Kubernetes API server: a login page, a gateway, another program's port.
    Foreign {
        /// The server's address.
        server: String,
        /// What it answered.
        answer: String,
    },
    /// The server answered that a write was done, and what counts was not stored: what it said, in words.
    NotStored(String),
}

/// Why a request could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// Nothing listens there.
    Refused {
        /// The server's address.
        server: String,
    },
    /// Anything else on the way: name resolution, routing, TLS, a proxy.
    Connect {
        /// The server's address.
        server: String,
        /// What is wrong, in words.
        detail: String,
        /// What kind of trouble it is.
        why: ConnectFailure,
    },
    /// The credentials could not be had: a token file, an exec plugin.
    Credentials(Unusable),
    /// The credentials are not there yet: a credential plugin takes its time, or asks its user. In words.
    Slow(String),
}

/// What keeps a connection from coming about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The server's name does not resolve.
    Name,
    /// Nothing answers: no connection within the time a request may take.
    Silence,
    /// The server's certificate is signed by an authority that is not trusted here.
    Authority,
    /// The server's certificate is of no use, whoever signed it.
    Certificate,
    /// The server's certificate has expired, or is not valid yet, by this machine's clock.
    Validity,
    /// The server's certificate is for other names.
    OtherNames(Vec<String>),
    /// The server wants another client certificate.
    ClientCertificate,
    /// The other side does not speak TLS.
    NoTls,
    /// The proxy in between does not connect.
    Proxy,
    /// Anything else.
    Other,
}

/// Credentials that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// Why not.
    pub detail: String,
    /// What a credential plugin said, or what the kubeconfig says about installing it, line by line.
    pub said: Vec<String>,
}

/// A request the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status.
    pub code: u16,
    /// The reason word of the Status object, as in `Error from server (Forbidden)`.
    pub reason: String,
    /// The server's message.
    pub message: String,
    /// What it means to us.
    pub kind: RejectionKind,
    /// What to do about it, where this side knows more than the server says.
    pub advice: Option<String>,
    /// Whether a Status object said so: a gateway's page says nothing of what the server behind it did.
    pub is_status: bool,
}

/// What a rejection means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// 401: the credentials are missing, wrong or expired.
    Unauthorized,
    /// 403: a permission is missing, or an admission rule says no.
    Forbidden,
    /// 404 for the namespace itself.
    NamespaceMissing,
    /// 404 for the Lease.
    LeaseMissing,
    /// 404 for the path: this server has no Leases, or is no Kubernetes API server.
    NotServed,
    /// 409, though nobody is known to have changed anything, or again and again.
    Conflict,
    /// 410: the resourceVersion, or the page, is too old to go on from.
    Gone,
    /// 429: come back later.
    TooManyRequests {
        /// The server's Retry-After.
        retry_after: Option<Duration>,
    },
    /// 400, 405, 415, 422 and whatever else will not be better next time.
    Invalid,
}

/// One event of a watch.
#[derive(Clone, Debug)]
pub enum LeaseEvent {
    /// The watch is established.
    Open,
    /// The Lease is now like this.
    Lease(Record),
    /// The Lease is gone.
    Deleted,
    /// The watch is alive.
    Bookmark,
    /// The watch broke, or was refused; no more follows.
    Broken(Fault),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

impl Fault {
    /// What the server's no means, if this is one.
    pub fn rejected(&self) -> Option<RejectionKind> {
        match self {
            Self::Rejected(rejection) => Some(rejection.kind),
            Self::NotSent(_) | Self::Unknown(_) | Self::Foreign { .. } | Self::NotStored(_) => None,
        }
    }

    /// Whether trying again later can help without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::Unknown(_) | Self::Foreign { .. } | Self::NotStored(_) => true,
            Self::Rejected(rejection) => match rejection.kind {
                RejectionKind::TooManyRequests { .. } | RejectionKind::Conflict => true,
                RejectionKind::Unauthorized
                | RejectionKind::Forbidden
                | RejectionKind::NamespaceMissing
                | RejectionKind::LeaseMissing
                | RejectionKind::NotServed
                | RejectionKind::Gone
                | RejectionKind::Invalid => false,
            },
        }
    }

    /// How long the server asked us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Some(RejectionKind::TooManyRequests { retry_after }) = self.rejected() {
            retry_after
        } else {
            None
        }
    }

    /// Whether a write that was answered like this may have happened all the same: what sends requests twice gives the
    /// answer to the second, which may be any refusal, and a gateway's page is nobody's word.
    pub fn may_hide_success(&self) -> bool {
        match self {
            Self::Rejected(_) | Self::NotStored(_) => true,
            Self::Unknown(_) | Self::Foreign { .. } | Self::NotSent(_) => false,
        }
    }

    /// Whether it says that the credentials are no good any more: whatever is asked next is answered so too.
    pub fn is_of_credentials(&self) -> bool {
        self.rejected() == Some(RejectionKind::Unauthorized)
    }

    /// Whether it says that what was to be replaced is not there.
    pub fn is_of_absence(&self) -> bool {
        matches!(self, Self::Rejected(rejection) if rejection.code == 404)
    }

    /// Whether a write that ended like this may have happened, or may still happen. A gateway's page in place of the
    /// answer proves nothing about the server behind it.
    pub fn leaves_outcome_open(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::Foreign { .. } => true,
            Self::NotSent(_) | Self::Rejected(_) | Self::NotStored(_) => false,
        }
    }
}
