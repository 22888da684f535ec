//! The signals that ask the process to end: which is the first, and when somebody insists.

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

/// What a terminal says when it is gone, from the shell and once more from the kernel, and what a service manager may send
/// right after TERM (systemd.kill(5), SendSIGHUP). This number and the next three are the same everywhere (POSIX, kill).
pub const SIGHUP: i32 = 1;

const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;
const SIGTERM: i32 = 15;
/// Ctrl-Break, on Windows alone (signal.h of its C runtime). Elsewhere the number is another signal's, of job control.
const SIGBREAK: i32 = if cfg!(windows) { 21 } else { SIGINT };

/// What stands for a signal where none has arrived, and what was wanted is not wanted any more.
pub(super) const WITHDRAWN: i32 = 0;

/// Whether of these signals, all that were received, a second one insists that the process ends at once: two of those that a
/// person types, or sends. Any other asks it to end, as the first one does, and is nobody's second word: of the end of a
/// terminal, of a time or of a limit (SIGXCPU comes every second) the system tells by itself, and more than once.
fn insists(received: &[i32]) -> bool {
    let by_somebody = |signal: &&i32| [SIGINT, SIGQUIT, SIGTERM, SIGBREAK].contains(*signal);
    received.iter().filter(by_somebody).count() >= 2
}

/// Whether a signal only repeats that the process is to end, where one was received before: by a terminal that is gone, not by
/// somebody.
pub fn is_echo(signal: i32, is_first: bool) -> bool {
    signal == SIGHUP && !is_first
}

/// The signals that ask the process to end.
#[derive(Clone)]
pub struct Interrupt {
    signals: Option<watch::Receiver<Vec<i32>>>,
    /// So many came before this began, and were for something else.
    before: usize,
    /// The first signal is somebody else's: only who insists ends it.
    patient: bool,
    /// Each ends this once it is true.
    withdrawn: Vec<watch::Receiver<bool>>,
}

impl Interrupt {
    /// Signals as they arrive on a channel that holds all received so far.
    pub fn new(received: watch::Receiver<Vec<i32>>) -> Self {
        Self {
            signals: Some(received),
            before: 0,
            patient: false,
            withdrawn: Vec::new(),
        }
    }

    /// No signal ever arrives.
    pub fn never() -> Self {
        Self {
            signals: None,
            before: 0,
            patient: false,
            withdrawn: Vec::new(),
        }
    }

    /// The same for what goes on to its end where it is asked to end: nothing ends it but somebody who insists.
    #[must_use]
    pub fn patient(&self) -> Self {
        Self {
            patient: true,
            ..self.clone()
        }
    }

    /// How many signals have arrived.
    pub fn count(&self) -> usize {
        self.signals.as_ref().map_or(0, |all| all.borrow().len())
    }

    /// The same for what begins once so many have arrived.
    #[must_use]
    pub fn after(&self, before: usize) -> Self {
        Self {
            before,
            ..self.clone()
        }
    }

    /// The same, and as if a first signal had come once `withdrawn` is true.
    #[must_use]
    pub fn or(mut self, withdrawn: watch::Receiver<bool>) -> Self {
        self.withdrawn.push(withdrawn);
        self
    }

    /// The first signal, if one has arrived that ends this.
    pub fn received(&self) -> Option<i32> {
        let signals = self.signals.as_ref();
        let ends = |received: &[i32]| ends(since(received, self.before), self.patient);
        let first = signals.and_then(|signals| ends(&signals.borrow()));
        let withdrawn = || self.withdrawn.iter().any(|one| *one.borrow());
        first.or_else(|| withdrawn().then_some(WITHDRAWN))
    }

    /// Returns once one has arrived that ends this, with the first signal.
    pub async fn arrived(&self) -> i32 {
        let withdrawn = async |channel: &watch::Receiver<bool>| match channel
            .clone()
            .wait_for(|withdrawn| *withdrawn)
            .await
        {
            Ok(_) => WITHDRAWN,
            Err(_) => std::future::pending().await,
        };
        let mut withdrawn: FuturesUnordered<_> = self.withdrawn.iter().map(withdrawn).collect();
        tokio::select! {
            biased;
            signal = self.signalled(self.patient) => signal,
            Some(withdrawn) = withdrawn.next() => withdrawn,
        }
    }

    /// Returns once somebody insists, with the first signal.
    pub async fn insisted(&self) -> i32 {
        self.signalled(true).await
    }

    async fn signalled(&self, patient: bool) -> i32 {
        let Some(mut channel) = self.signals.clone() else {
            return std::future::pending().await;
        };
        let before = self.before;
        let arrived = channel.wait_for(|all| ends(since(all, before), patient).is_some());
        match arrived.await {
            Ok(all) => since(&all, before).first().copied().unwrap_or(WITHDRAWN),
            Err(_) => std::future::pending().await,
        }
    }
}

/// Those of these signals that came after the first so many.
fn since(received: &[i32], before: usize) -> &[i32] {
    received.get(before..).unwrap_or_default()
}

/// The first of these signals, if they end what is patient, or not.
fn ends(received: &[i32], patient: bool) -> Option<i32> {
    let first = received.first().copied();
    first.filter(|_| !patient || insists(received))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const SIGALRM: i32 = 14;
    const SIGXCPU: i32 = 24;

    #[test]
    fn a_second_signal_insists_and_the_end_of_a_terminal_is_nobodys_second_word() {
        let (hup, int, term) = (SIGHUP, SIGINT, SIGTERM);
        for (received, expected) in [
            (&[][..], false),
            (&[int], false),
            (&[int, int], true),
            (&[term, int], true),
            (&[int, SIGQUIT], true),
            // bash, and then the kernel.
            (&[hup, hup], false),
            (&[hup, hup, hup, hup], false),
            // A terminal that goes after Ctrl-C, and systemd with SendSIGHUP.
            (&[int, hup], false),
            (&[term, hup], false),
            (&[term, hup, hup], false),
            // It is the first that somebody sends.
            (&[hup, int], false),
            (&[hup, term, hup], false),
            (&[hup, term, term], true),
            (&[term, hup, term], true),
            (&[SIGXCPU, SIGXCPU, SIGALRM], false),
        ] {
            assert_eq!(insists(received), expected, "{received:?}");
        }
        assert!(is_echo(hup, false));
        assert!(!is_echo(hup, true) && !is_echo(term, false) && !is_echo(term, true));
    }

    #[test]
    fn the_first_signal_ends_what_is_not_patient_and_who_insists_ends_all() {
        let (sender, receiver) = watch::channel(Vec::new());
        let plain = Interrupt::new(receiver);
        let patient = plain.patient();
        let ended = |one: &Interrupt| (one.received(), one.arrived().now_or_never());
        let insisted = || plain.insisted().now_or_never();
        assert_eq!(
            (ended(&plain), ended(&patient)),
            ((None, None), (None, None))
        );
        sender.send_modify(|all| all.push(SIGHUP));
        assert_eq!(ended(&plain), (Some(SIGHUP), Some(SIGHUP)));
        sender.send_modify(|all| all.extend([SIGHUP, SIGTERM]));
        assert_eq!(ended(&patient), (None, None));
        assert_eq!(insisted(), None);
        sender.send_modify(|all| all.push(SIGINT));
        assert_eq!(ended(&patient), (Some(SIGHUP), Some(SIGHUP)));
        assert_eq!(insisted(), Some(SIGHUP));
    }

    #[test]
    fn what_is_withdrawn_ends_as_if_by_a_signal() {
        let (withdraw, withdrawn) = watch::channel(false);
        let interrupt = Interrupt::never().or(withdrawn);
        assert_eq!(interrupt.received(), None);
        assert_eq!(interrupt.arrived().now_or_never(), None);
        withdraw.send_replace(true);
        assert_eq!(interrupt.received(), Some(WITHDRAWN));
        assert_eq!(interrupt.arrived().now_or_never(), Some(WITHDRAWN));
        assert_eq!(interrupt.insisted().now_or_never(), None);
    }

    #[test]
    fn of_two_that_may_withdraw_it_either_does() {
        for which in 0..2 {
            let (one, first) = watch::channel(false);
            let (other, second) = watch::channel(false);
            let interrupt = Interrupt::never().or(first).or(second);
            assert_eq!(interrupt.arrived().now_or_never(), None);
            [one, other][which].send_replace(true);
            assert_eq!(interrupt.received(), Some(WITHDRAWN), "{which}");
            assert_eq!(
                interrupt.arrived().now_or_never(),
                Some(WITHDRAWN),
                "{which}"
            );
        }
    }
}
