//! What `hold` without a command says on stdout, and what becomes of the lease where nobody reads it.

use futures::FutureExt;
use tokio::sync::{oneshot, watch};

use crate::error::{Error, Unsaid};
use crate::output::terminal::{self, Delivery};
use crate::signals::Received;

/// Ends a hold whose holder was told nothing, as `kill` would.
const SIGTERM: i32 = 15;

/// The signals received, and one to end by should it turn out that `acquired` cannot be said: a lease is not held for
/// nobody. It is not waited for: the renewals must go on while nobody reads.
pub fn until_unsaid(
    mut received: Received,
    acquired: Delivery,
    tell_unsaid: oneshot::Sender<Unsaid>,
) -> Received {
    let (all, merged) = watch::channel(received.borrow_and_update().clone());
    tokio::spawn(async move {
        let (mut acquired, mut tell_unsaid) = (Some(acquired), Some(tell_unsaid));
        loop {
            let written = async {
                match &mut acquired {
                    Some(acquired) => acquired.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = received.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let (old, new) = (all.borrow().len(), received.borrow_and_update().clone());
                    // The one of our own making is the last.
                    if tell_unsaid.is_some() && new.len() > old {
                        let _ = all.send(new);
                    }
                }
                written = written => {
                    acquired = None;
                    if let Err(error) = written
                        && let Some(tell) = tell_unsaid.take()
                        && tell.send(error.into()).is_ok()
                    {
                        all.send_modify(|all| all.push(SIGTERM));
                    }
                }
            }
        }
    });
    merged
}

/// A sentence on stdout; nothing where all is to be quiet, which anybody reads at once.
pub fn if_asked(sentence: String) -> String {
    match terminal::is_quiet() {
        true => String::new(),
        false => sentence,
    }
}

/// Nothing is held any more; whoever has stopped reading is not waited for.
pub fn say_released(text: String) -> Result<(), Error> {
    let released =
        terminal::deliver(if_asked(text)).map_err(|error| Error::Unsaid(error.into()))?;
    terminal::drain();
    match released
        .now_or_never()
        .map(|written| written.map_err(Unsaid::from))
    {
        // A reader that has gone knew as much as it wanted.
        None | Some(Ok(()) | Err(Unsaid::NobodyReads)) => Ok(()),
        Some(Err(unsaid)) => Err(Error::Unsaid(unsaid)),
    }
}
