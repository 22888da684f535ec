//! The command on Windows: a job object holds everything it starts, and ends it all at once.

use std::ffi::OsString;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use process_wrap::std::{ChildWrapper, CommandWrap, JobObject};
use tokio::sync::mpsc;

use crate::hold::machine::Ended;

/// News of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It ended.
    Ended(Ended),
}

/// There is no job control here.
pub struct Job;

impl Job {
    /// Nothing to hear of.
    pub fn new(_: bool) -> Self {
        Self
    }

    /// Never.
    pub async fn next(&mut self) -> i32 {
        std::future::pending().await
    }

    /// Nothing to do.
    pub fn end(&mut self) {}
}

/// Nothing is to be prepared here.
#[derive(Debug)]
pub struct Prepared;

impl Prepared {
    /// Ready.
    ///
    /// # Errors
    /// Never, on this system.
    pub fn new() -> Result<Self, String> {
        Ok(Self)
    }
}

/// A started command.
pub struct Child {
    process: Arc<Mutex<Box<dyn ChildWrapper>>>,
    ended: mpsc::Receiver<Ended>,
}

impl Child {
    /// Starts the command with `environment` added to ours.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        command: &[OsString],
        environment: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, String> {
        let (program, arguments) = command.split_first().ok_or("no command")?;
        let process = CommandWrap::with_new(program, |command| {
            command.args(arguments).envs(environment);
        })
        .wrap(JobObject)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.to_string_lossy()))?;
        let process = Arc::new(Mutex::new(process));
        let (sender, ended) = mpsc::channel(1);
        let watched = Arc::clone(&process);
        tokio::spawn(async move {
            loop {
                let status = watched
                    .lock()
                    .ok()
                    .and_then(|mut process| process.try_wait().ok().flatten());
                if let Some(status) = status {
                    let code = status
                        .code()
                        .and_then(|code| u8::try_from(code).ok())
                        .unwrap_or(1);
                    // Nobody listens any more once the hold is over.
                    let _ = sender.send(Ended::Exited(code)).await;
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Ok(Self { process, ended })
    }

    /// The next news.
    pub async fn news(&mut self) -> News {
        match self.ended.recv().await {
            Some(ended) => News::Ended(ended),
            None => std::future::pending().await,
        }
    }

    /// Nothing to tell: there is no watchdog.
    pub fn held(&mut self, _: crate::clock::Instant) {}

    /// Ctrl-C reaches the command by its console.
    pub fn forward(&mut self, _: i32) {}

    /// There is no gentler way.
    pub fn stop(&mut self) {
        self.kill();
    }

    /// Ends the command and everything it started.
    pub fn kill(&mut self) {
        if let Ok(mut process) = self.process.lock() {
            // Gone already: its end is reported anyway.
            let _ = process.start_kill();
        }
    }
}
