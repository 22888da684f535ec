//! A watch's body on its way through the proxy: passed on at once, held back, ended or cut.

use super::Shared;
use super::front::Reset;
use super::serve::Body;
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use hyper::body::Incoming;
use std::io;
use std::sync::Arc;

/// A body that follows `upstream`, and the switches.
pub(super) fn pass(mut upstream: Incoming, shared: Arc<Shared>, reset: Reset) -> Body {
    let (mut sender, body) = Channel::<_, io::Error>::new(1);
    // Read before the answer is on record: a test that saw it may end or cut the watch at once.
    let start = *shared.switches.borrow();
    tokio::spawn(async move {
        loop {
            let frame = tokio::select! {
                frame = upstream.frame() => frame,
                () = shared.until(|now| now.watch_ends != start.watch_ends) => return,
                () = shared.until(|now| now.watch_cuts != start.watch_cuts) => return cut(sender, &reset),
            };
            tokio::select! {
                () = shared.until(|now| !now.frozen && !now.watches_paused) => {}
                () = shared.until(|now| now.watch_ends != start.watch_ends) => return,
                () = shared.until(|now| now.watch_cuts != start.watch_cuts) => return cut(sender, &reset),
            }
            match frame {
                Some(Ok(frame)) => {
                    if sender.send(frame).await.is_err() {
                        // The client has gone.
                        return;
                    }
                }
                Some(Err(_)) => return cut(sender, &reset),
                None => return,
            }
        }
    });
    body.boxed()
}

fn cut(sender: http_body_util::channel::Sender<hyper::body::Bytes, io::Error>, reset: &Reset) {
    reset.set();
    sender.abort(io::ErrorKind::ConnectionReset.into());
}
