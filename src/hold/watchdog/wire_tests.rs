//! Messages through a stream that is cut anywhere, ends anywhere, or brings something else.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::hold::machine::Status;
use crate::hold::watchdog::Inbox;

/// What a word is made of: anything, on either kind of system.
#[cfg(unix)]
type Unit = u8;
#[cfg(windows)]
type Unit = u16;

#[cfg(unix)]
fn word(units: Vec<Unit>) -> Word {
    Word(OsString::from_vec(units))
}

#[cfg(windows)]
fn word(units: Vec<Unit>) -> Word {
    Word(OsString::from_wide(&units))
}

fn words() -> impl Strategy<Value = Vec<Word>> {
    vec(vec(any::<Unit>(), 0..40), 0..5).prop_map(|words| words.into_iter().map(word).collect())
}

fn to_watchdog() -> impl Strategy<Value = ToWatchdog> {
    let instant = any::<Duration>().prop_map(Instant::from_origin);
    let timing = Timing::new(Duration::from_secs(15), None, None).expect("fits");
    let start = (
        instant.clone(),
        any::<(i32, Option<i32>, bool)>(),
        words(),
        words(),
    )
        .prop_map(
            move |(sent_at, (on_lost, terminal_of, detaches), variables, command)| {
                ToWatchdog::Start(Box::new(Start {
                    orders: Orders {
                        sent_at,
                        timing,
                        on_lost,
                    },
                    terminal_of,
                    environment: variables.iter().cloned().zip(variables.clone()).collect(),
                    command,
                    detaches,
                    #[cfg(windows)]
                    streams: [None, Some(7), Some(usize::MAX)],
                }))
            },
        );
    prop_oneof![
        start,
        instant.prop_map(ToWatchdog::Held),
        any::<i32>().prop_map(ToWatchdog::Signal),
        Just(ToWatchdog::Stop),
        Just(ToWatchdog::Kill),
    ]
}

fn to_supervisor() -> impl Strategy<Value = ToSupervisor> {
    prop_oneof![
        Just(ToSupervisor::Ready),
        ".*".prop_map(ToSupervisor::Unready),
        any::<i32>().prop_map(ToSupervisor::Started),
        any::<i32>().prop_map(ToSupervisor::Failed),
        Just(ToSupervisor::Late),
        any::<Status>().prop_map(|status| ToSupervisor::Ended(Ended::Exited(status))),
        any::<i32>().prop_map(|signal| ToSupervisor::Ended(Ended::Signalled(signal))),
        any::<i32>().prop_map(ToSupervisor::Stopped),
        ".*".prop_map(ToSupervisor::Left),
        Just(ToSupervisor::Gone),
        ".*".prop_map(ToSupervisor::Detached),
    ]
}

fn stream(messages: &[impl Serialize]) -> Vec<u8> {
    let line = |message| serde_json::to_string(message).expect("any message can be written") + "\n";
    messages.iter().map(line).collect::<String>().into_bytes()
}

/// The messages of a stream that comes in pieces of this size; an error stands for a line that is none.
fn taken<T: serde::de::DeserializeOwned>(stream: &[u8], size: usize) -> Vec<Option<T>> {
    let (mut inbox, mut taken) = (Inbox::default(), Vec::new());
    for mut piece in stream.chunks(size) {
        inbox
            .receive_by(|buffer| std::io::Read::read(&mut piece, buffer))
            .expect("a slice");
        while let Some(message) = inbox.next() {
            taken.push(message.ok());
        }
    }
    taken
}

proptest! {
    #[test]
    fn messages_come_as_they_were_sent_however_the_stream_is_cut(
        ours in vec(to_watchdog(), 0..5),
        theirs in vec(to_supervisor(), 0..5),
        size in 1..200_usize,
    ) {
        let expected: Vec<_> = ours.iter().cloned().map(Some).collect();
        prop_assert_eq!(taken(&stream(&ours), size), expected);
        let expected: Vec<_> = theirs.iter().cloned().map(Some).collect();
        prop_assert_eq!(taken(&stream(&theirs), size), expected);
    }

    #[test]
    fn garbage_is_no_message_and_hides_none_that_follows(
        garbage in vec(any::<u8>(), 0..200),
        message in to_watchdog(),
    ) {
        let all = [&garbage[..], b"\n", &stream(&[&message])].concat();
        let all = taken::<ToWatchdog>(&all, 64);
        prop_assert_eq!(all.last(), Some(&Some(message)));
        prop_assert!(all[..all.len() - 1].iter().all(Option::is_none));
    }
}

#[test]
fn a_message_that_was_cut_off_is_none_wherever_that_was() {
    let messages = [
        ToSupervisor::Started(4711),
        ToSupervisor::Ended(Ended::Exited(12)),
        ToSupervisor::Left("1 (sh)".to_owned()),
        ToSupervisor::Fenced,
        ToSupervisor::Gone,
    ];
    for message in messages {
        let whole = stream(&[&message]);
        for length in 1..whole.len() {
            assert_eq!(taken::<ToSupervisor>(&whole[..length], 3), [], "{length}");
            // Nor does what a next one writes make it another.
            let torn = [&whole[..length], &whole].concat();
            assert_eq!(taken::<ToSupervisor>(&torn, 3), [None], "{length}");
        }
    }
}

#[test]
fn what_this_version_does_not_know_is_no_message() {
    for line in [
        "\"new\"",
        "{\"held\":-1}",
        "{\"ended\":{\"exited\":4294967296}}",
        #[cfg(unix)]
        "{\"ended\":{\"exited\":256}}",
        "gone",
        "",
    ] {
        let line = format!("{line}\n");
        assert_eq!(taken::<ToSupervisor>(line.as_bytes(), 9), [None], "{line}");
        assert_eq!(taken::<ToWatchdog>(line.as_bytes(), 9), [None], "{line}");
    }
}

#[test]
fn the_largest_command_is_not_much_longer_than_its_words() {
    let word = word(vec![0xff; (128 << 10) / size_of::<Unit>()]);
    let command: Vec<_> = (0..48).map(|_| word.clone()).collect();
    let text = stream(&[&command]);
    assert!(text.len() < 9 << 20, "{} bytes", text.len());
    assert_eq!(taken(&text, 16 << 10), [Some(command)]);
}
