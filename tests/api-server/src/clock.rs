//! The server's clock: the real one plus an offset, in the formats that the API writes.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// The wall clock of a server that was set wrong by `offset`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub offset: SignedDuration,
}

impl Clock {
    pub fn now(self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.offset).unwrap_or(now)
    }
}

/// Whole seconds with a `Z`, as `metav1.Time` is written.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An HTTP-date, whole seconds.
pub(crate) fn http_date(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
