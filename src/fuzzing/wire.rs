//! What supervisor and watchdog hear of each other: any bytes, cut anywhere.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::hold::watchdog::Inbox;
use crate::hold::watchdog::wire::{ToSupervisor, ToWatchdog};

/// The size of the pieces, and what comes in them.
pub fn fuzz(input: &[u8]) {
    let Some((size, stream)) = input.split_first() else {
        return;
    };
    let size = usize::from(*size) + 1;
    heard::<ToSupervisor>(stream, size);
    for message in heard::<ToWatchdog>(stream, size) {
        if let ToWatchdog::Start(start) = message {
            let mut orders = start.orders;
            orders.renewed(orders.fence_at());
            assert!(orders.fence_at() >= start.orders.fence_at());
        }
    }
}

/// The messages of a stream: the same ones however it is cut, and each written again is itself.
fn heard<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    stream: &[u8],
    size: usize,
) -> Vec<T> {
    let messages = taken::<T>(stream, size);
    assert_eq!(messages, taken::<T>(stream, stream.len().max(1)));
    let ends = stream.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(messages.len(), ends);
    let heard: Vec<T> = messages.into_iter().flatten().collect();
    for message in &heard {
        let line = serde_json::to_string(message).expect("a message can be written") + "\n";
        let again = taken::<T>(line.as_bytes(), size);
        assert_eq!(
            again.first().and_then(Option::as_ref),
            Some(message),
            "{line}"
        );
        assert_eq!(again.len(), 1, "{line}");
    }
    heard
}

/// What is taken out of an inbox that hears of a stream in pieces; `None` for a line that is no message.
fn taken<T: DeserializeOwned>(stream: &[u8], size: usize) -> Vec<Option<T>> {
    let (mut inbox, mut taken) = (Inbox::default(), Vec::new());
    for mut piece in stream.chunks(size) {
        while !piece.is_empty() {
            let more = inbox.receive_by(|buffer| std::io::Read::read(&mut piece, buffer));
            assert!(more.expect("a slice can be read"));
            while let Some(message) = inbox.next() {
                taken.push(message.ok());
            }
        }
    }
    taken
}
