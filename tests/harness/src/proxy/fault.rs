//! What a fault does, and which requests it meets.

use super::Request;
use super::tally::{Active, Met};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What happens to a request instead of being passed on and answered.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The server carries it out; the client's connection is reset without a reply.
    DropReply,
    /// The connection is reset; the server never sees the request.
    Refuse,
    /// Never answered; the server never sees the request.
    Hang,
    /// The server carries it out; the client is never answered.
    HangAfterCommit,
    /// Passed on only after this time, unless the client has gone by then.
    Delay(Duration),
    /// Passed on only after this time, also when the client has gone by then.
    Late(Duration),
    /// Passed on only once the test opens this, unless the client has gone by then.
    HeldBack(Latch),
    /// Passed on at once, answered this much later.
    DelayReply(Duration),
    /// Passed on and answered, and passed on once more this much later, whatever becomes of the client.
    Twice(Duration),
    /// Answered with the `Date` moved by so many seconds.
    Redate(i64),
    /// The server carries it out; the reply ends in the middle, and the connection with it. Not for watches.
    Truncate,
    /// The server carries it out; the connection is reset in the middle of the reply. Not for watches.
    Break,
    /// The server carries it out; the reply comes in small pieces over this time. Not for watches.
    Trickle(Duration),
    /// Passed on with its JSON body changed by this, as a mutating admission webhook changes it.
    Alter(fn(&mut Value)),
    /// Answered 200 with the very object that was sent; the server never sees the request.
    Echo,
    /// Answered with this; the server never sees the request.
    Respond {
        /// The HTTP status.
        status: u16,
        /// More headers, such as Retry-After.
        headers: Vec<(String, String)>,
        /// The whole body.
        body: String,
    },
    /// The server carries it out; the client is told this instead.
    RespondAfterCommit {
        /// The HTTP status.
        status: u16,
        /// More headers, such as Retry-After.
        headers: Vec<(String, String)>,
        /// The whole body.
        body: String,
    },
}

impl Fault {
    /// An API server's `Status` with this message, before the request is passed on.
    pub fn status(status: u16, reason: &str, message: &str) -> Fault {
        Fault::Respond {
            status,
            headers: Vec::new(),
            body: status_body(status, reason, message),
        }
    }

    /// The same after the server has carried it out.
    pub fn status_after_commit(status: u16, reason: &str, message: &str) -> Fault {
        Fault::RespondAfterCommit {
            status,
            headers: Vec::new(),
            body: status_body(status, reason, message),
        }
    }

    /// The same fault with one more header on its answer; the others have no answer to put it on.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Fault {
        if let Fault::Respond { headers, .. } | Fault::RespondAfterCommit { headers, .. } =
            &mut self
        {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Its name, as [`Request::fault`] has it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Fault::DropReply => "DropReply",
            Fault::Refuse => "Refuse",
            Fault::Hang => "Hang",
            Fault::HangAfterCommit => "HangAfterCommit",
            Fault::Delay(_) => "Delay",
            Fault::Late(_) => "Late",
            Fault::HeldBack(_) => "HeldBack",
            Fault::DelayReply(_) => "DelayReply",
            Fault::Twice(_) => "Twice",
            Fault::Redate(_) => "Redate",
            Fault::Truncate => "Truncate",
            Fault::Break => "Break",
            Fault::Trickle(_) => "Trickle",
            Fault::Alter(_) => "Alter",
            Fault::Echo => "Echo",
            Fault::Respond { .. } => "Respond",
            Fault::RespondAfterCommit { .. } => "RespondAfterCommit",
        }
    }
}

/// What holds requests back until a test opens it. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Latch(Arc<watch::Sender<bool>>);

impl Latch {
    /// One that holds back.
    pub fn closed() -> Latch {
        Latch(Arc::new(watch::Sender::new(false)))
    }

    /// Lets go what it holds back, and holds nothing back any more.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub(super) async fn opened(&self) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

fn status_body(status: u16, reason: &str, message: &str) -> String {
    serde_json::json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": status,
    })
    .to_string()
}

/// Chooses requests.
pub struct Match(Box<dyn Fn(&Request) -> bool + Send>);

impl Match {
    /// Every request.
    pub fn any() -> Match {
        Match::when(|_| true)
    }

    /// Requests for which `test` is true.
    pub fn when(test: impl Fn(&Request) -> bool + Send + 'static) -> Match {
        Match(Box::new(test))
    }

    /// GET of one object or a list, not a watch, nor of Events, nor of who waits in line.
    pub fn get() -> Match {
        Match::method("GET").and(|request| !request.is_watch())
    }

    /// Watches.
    pub fn watch() -> Match {
        Match::when(Request::is_watch)
    }

    /// PUT.
    pub fn put() -> Match {
        Match::method("PUT")
    }

    /// POST, of anything but an Event.
    pub fn post() -> Match {
        Match::method("POST")
    }

    fn method(method: &'static str) -> Match {
        Match::when(move |request| {
            request.method == method && !request.is_of_events() && !request.is_of_a_line()
        })
    }

    /// Of these, only requests for which `test` is true too.
    #[must_use]
    pub fn and(self, test: impl Fn(&Request) -> bool + Send + 'static) -> Match {
        Match::when(move |request| (self.0)(request) && test(request))
    }

    /// Of these, only requests whose path contains `part`.
    #[must_use]
    pub fn path(self, part: &str) -> Match {
        let part = part.to_owned();
        self.and(move |request| request.path.contains(&part))
    }

    /// Of these, only requests whose JSON body passes `test`.
    #[must_use]
    pub fn body(self, test: impl Fn(&Value) -> bool + Send + 'static) -> Match {
        self.and(move |request| test(&request.json()))
    }
}

/// A fault that waits for its requests.
pub(super) struct Programmed {
    pub(super) matching: Match,
    pub(super) fault: Fault,
    pub(super) times: usize,
    pub(super) active: Active,
}

/// Takes the first fault that meets `request`.
pub(super) fn take(faults: &mut Vec<Programmed>, request: &Request) -> Option<(Fault, Met)> {
    faults.retain(|fault| !fault.active.is_withdrawn());
    let index = faults
        .iter()
        .position(|fault| (fault.matching.0)(request))?;
    let fault = faults[index].fault.clone();
    let met = faults[index].active.meet();
    faults[index].times = faults[index].times.saturating_sub(1);
    faults.retain(|fault| fault.times > 0);
    Some((fault, met))
}
