//! The writer's threads against readers that are slow, stuck or gone.

use std::sync::mpsc;

use super::*;

/// A writer whose two threads write where the test says.
fn writer(
    out: impl FnMut(&str) -> io::Result<()> + Send + 'static,
    err: impl FnMut(&str) -> io::Result<()> + Send + 'static,
) -> Arc<Writer> {
    let writer = Arc::new(Writer::default());
    let (of_out, of_err) = (Arc::clone(&writer), Arc::clone(&writer));
    std::thread::spawn(move || of_out.serve(Stream::Out, out));
    std::thread::spawn(move || of_err.serve(Stream::Err, err));
    writer
}

/// A stream that writes only when told to.
fn stuck() -> (mpsc::Sender<()>, impl FnMut(&str) -> io::Result<()> + Send) {
    let (let_go, told) = mpsc::channel();
    (let_go, move |_: &str| {
        let _ = told.recv();
        Ok(())
    })
}

/// A stream that hands on what it was given.
fn kept(name: &'static str, to: mpsc::Sender<String>) -> impl FnMut(&str) -> io::Result<()> + Send {
    move |text: &str| {
        let _ = to.send(format!("{name}: {text}"));
        Ok(())
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
}

#[test]
fn what_was_said_first_is_written_first_on_either_stream() {
    let (sender, said) = mpsc::channel();
    let writer = writer(kept("out", sender.clone()), kept("err", sender));
    for number in 0..100 {
        let stream = if number % 3 == 0 {
            Stream::Out
        } else {
            Stream::Err
        };
        writer.say(stream, number.to_string());
    }
    for number in 0..100 {
        let name = if number % 3 == 0 { "out" } else { "err" };
        assert_eq!(said.recv(), Ok(format!("{name}: {number}")));
    }
}

#[test]
fn a_stream_that_is_stuck_does_not_silence_the_other() {
    let (_let_go, out) = stuck();
    let (sender, said) = mpsc::channel();
    let writer = writer(out, kept("err", sender));
    writer.say(Stream::Out, "acquired".to_owned());
    writer.say(Stream::Err, "lost".to_owned());
    assert_eq!(said.recv(), Ok("err: lost".to_owned()));
}

#[test]
fn a_reader_that_has_stopped_reading_is_not_waited_for() {
    let (let_go, err) = stuck();
    let writer = writer(|_| Ok(()), err);
    for number in 0..2 * QUEUE {
        writer.say(Stream::Err, number.to_string());
    }
    let waiting = writer.lock().lanes[Stream::Err as usize].waiting.len();
    assert!((QUEUE - 1..=QUEUE).contains(&waiting), "{waiting}");
    drop(let_go);
    // Each gives it a moment; on a busy machine so many lines take several.
    let moments = (0..200).take_while(|_| {
        writer.drain();
        writer.lock().is_busy(Stream::Err)
    });
    assert!(moments.count() < 200, "they are never written");
}

#[test]
fn whoever_waits_hears_how_the_write_went() {
    let full = |_: &str| Err(io::ErrorKind::StorageFull.into());
    let writer = writer(full, |_| Ok(()));
    let delivery = writer.deliver(Stream::Out, "acquired".to_owned());
    let failed = runtime().block_on(delivery).expect_err("it is full");
    assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    let failed = writer
        .write(Stream::Out, "acquired".to_owned())
        .expect_err("it is full");
    assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_result_that_is_not_wanted_any_more_is_not_written() {
    let (let_go, mut wait) = stuck();
    let (sender, said) = mpsc::channel();
    let mut keep = kept("out", sender);
    let writer = writer(
        move |text| {
            keep(text)?;
            wait(text)
        },
        |_| Ok(()),
    );
    writer.say(Stream::Out, "first".to_owned());
    assert_eq!(said.recv(), Ok("out: first".to_owned()));
    let unwanted = writer.deliver(Stream::Out, "unwanted".to_owned());
    writer.say(Stream::Out, "last".to_owned());
    drop(unwanted);
    drop(let_go);
    assert_eq!(said.recv(), Ok("out: last".to_owned()));
}
