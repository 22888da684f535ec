//! A thread of its own for a client in Rust: its runtime, its wall clock, and what it has said so far.

use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::candidate::{Candidate, Terms};
use crate::clock;
use crate::scene::SOON;

/// What a test wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Running,
    Released,
    Dead,
}

#[derive(Default)]
struct Heard {
    leads: bool,
    follows: usize,
    errors: Vec<String>,
}

/// Where the client says how it went. Clones are the same one.
#[derive(Clone, Default)]
pub struct Said(Arc<(Mutex<Heard>, Condvar)>);

impl Said {
    /// It has the Lease, or somebody else has.
    pub fn leads(&self, leads: bool) {
        let mut heard = self.lock();
        heard.leads = leads;
        heard.follows += usize::from(!leads);
        self.0.1.notify_all();
    }

    /// It does not know.
    pub fn error(&self, error: &dyn std::fmt::Debug) {
        let mut heard = self.lock();
        heard.leads = false;
        heard.errors.push(format!("{error:?}"));
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.0.lock().expect("nobody panics with the lock")
    }

    #[track_caller]
    fn wait(&self, what: &str, wanted: impl Fn(&Heard) -> bool) {
        let deadline = Instant::now() + SOON;
        let mut heard = self.lock();
        while !wanted(&heard) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let errors = heard.errors.join("\n");
                drop(heard);
                panic!("the client did not say within {SOON:?} that {what}; its errors:\n{errors}");
            }
            let waited = self.0.1.wait_timeout(heard, left);
            heard = waited.expect("nobody panics with the lock").0;
        }
    }
}

/// What a client is given to run with.
pub struct Task {
    pub said: Said,
    pub wanted: watch::Receiver<Wanted>,
}

impl Task {
    /// A pause, or less if it is to end.
    pub async fn pause(&mut self, pause: Duration) -> Wanted {
        let ended = self.wanted.wait_for(|wanted| *wanted != Wanted::Running);
        match tokio::time::timeout(pause, ended).await {
            Ok(Ok(wanted)) => *wanted,
            Ok(Err(_)) => Wanted::Dead,
            Err(_) => Wanted::Running,
        }
    }
}

/// The thread.
pub struct Worker {
    said: Said,
    wanted: watch::Sender<Wanted>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub fn start<F: Future<Output = ()>>(
        terms: Terms,
        client: impl FnOnce(Task) -> F + Send + 'static,
    ) -> Box<dyn Candidate> {
        let (wanted, mut told) = watch::channel(Wanted::Running);
        let said = Said::default();
        let task = Task {
            said: said.clone(),
            wanted: told.clone(),
        };
        let thread = std::thread::spawn(move || {
            clock::set_ahead(terms.ahead);
            // All of the client on this very thread, so that all of it has this clock.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = client(task) => {}
                    // In the middle of whatever it does.
                    _ = told.wait_for(|wanted| *wanted == Wanted::Dead) => {}
                }
            });
        });
        Box::new(Self {
            said,
            wanted,
            thread: Some(thread),
        })
    }
}

impl Candidate for Worker {
    fn wait_leads(&self) {
        self.said.wait("it has the Lease", |heard| heard.leads);
    }

    fn wait_follows(&self, times: usize) {
        let before = self.said.lock().follows;
        self.said.wait("somebody else has the Lease", |heard| {
            heard.follows >= before + times
        });
    }

    fn wait_error(&self, part: &str) {
        self.said.wait(part, |heard| {
            heard.errors.iter().any(|error| error.contains(part))
        });
    }

    fn release(&mut self) {
        self.wanted.send_replace(Wanted::Released);
    }

    fn die(self: Box<Self>) {}
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.wanted.send_replace(Wanted::Dead);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
