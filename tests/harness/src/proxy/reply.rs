//! What can be done to a reply on its way back to the client: another date, half of it, or all of it very slowly.

use super::front::Reset;
use super::serve::{Body, Entry};
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use hyper::body::{Bytes, Frame};
use hyper::header::{self, HeaderValue};
use hyper::http::response::Parts;
use hyper::{HeaderMap, Response};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, tz::TimeZone};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// In how many pieces a reply trickles.
const PIECES: u32 = 20;

/// hyper drops what it has not written yet when a body fails.
const FLUSHED: Duration = Duration::from_millis(20);

/// How a reply breaks off.
#[derive(Clone, Copy)]
pub(super) enum Break {
    /// The connection is closed in good order.
    Close,
    /// The connection is reset.
    Reset,
}

/// Moves the `Date` by so many seconds.
pub(super) fn redate(headers: &mut HeaderMap, seconds: i64) {
    let moved = headers.get(header::DATE).and_then(|date| {
        // The parser knows offsets; HTTP's dates end in a name.
        let text = date.to_str().ok()?.replace("GMT", "+0000");
        let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        let moved = date.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        let moved = moved.to_zoned(TimeZone::UTC);
        let text = moved.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        HeaderValue::from_str(&text).ok()
    });
    if let Some(moved) = moved {
        headers.insert(header::DATE, moved);
    }
}

/// The first half of the body, under the length of the whole; the request counts as under way until then.
pub(super) async fn broken(
    response: Response<Body>,
    how: Break,
    reset: Reset,
    entry: Arc<Entry>,
) -> io::Result<Response<Body>> {
    let (parts, whole) = whole(response).await?;
    let (mut sender, body) = Channel::<_, io::Error>::new(1);
    let half = whole.slice(..whole.len() / 2);
    tokio::spawn(async move {
        // Fails only where the client has gone.
        let _ = sender.send(Frame::data(half)).await;
        sleep(FLUSHED).await;
        if matches!(how, Break::Reset) {
            reset.set();
        }
        sender.abort(io::ErrorKind::ConnectionAborted.into());
        drop(entry);
    });
    Ok(Response::from_parts(parts, body.boxed()))
}

/// The whole body, piece by piece over this time; the request counts as under way until then.
pub(super) async fn trickling(
    response: Response<Body>,
    time: Duration,
    entry: Arc<Entry>,
) -> io::Result<Response<Body>> {
    let (parts, mut rest) = whole(response).await?;
    let size = rest.len().div_ceil(PIECES as usize).max(1);
    let (mut sender, body) = Channel::<_, io::Error>::new(1);
    tokio::spawn(async move {
        while !rest.is_empty() {
            sleep(time / PIECES).await;
            let piece = rest.split_to(size.min(rest.len()));
            if sender.send(Frame::data(piece)).await.is_err() {
                break;
            }
        }
        drop(entry);
    });
    Ok(Response::from_parts(parts, body.boxed()))
}

/// All of it, with its length in its head.
async fn whole(response: Response<Body>) -> io::Result<(Parts, Bytes)> {
    let (mut parts, body) = response.into_parts();
    let whole = body.collect().await?.to_bytes();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, whole.len().into());
    Ok((parts, whole))
}
