//! The one question before something is taken from whoever holds it.

use super::exported;
use crate::lease::operate::{End, Interrupt};
use crate::output::prompt::{self, NoAnswer};
use crate::output::terminal;

/// The columns of the terminal that a question is asked on. What nobody is asked about is shown whole.
pub fn columns(yes: bool) -> Option<usize> {
    let asks = !yes && terminal::can_ask();
    asks.then(|| usize::from(terminal::width_of_questions()))
}

/// Whether it may be done, as it was shown.
///
/// # Errors
/// When the answer is no, or cannot be had.
pub async fn confirmed(yes: bool, question: &str, interrupt: &Interrupt) -> Result<(), End> {
    if yes {
        // A hold around this process stops it when its lease is taken: what was said must have been written before that.
        if !exported::held().is_empty() {
            // Other leases may be kept by this thread meanwhile. Whether it was written nobody can say.
            let _ = tokio::task::spawn_blocking(terminal::drain).await;
        }
        return Ok(());
    }
    if !terminal::can_ask() {
        let why = "not confirmed: there is no terminal to ask on; give --yes";
        return Err(End::Declined(why.to_owned()));
    }
    match prompt::ask(question, interrupt.arrived()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(End::Declined("declined".to_owned())),
        Err(NoAnswer::Failed(why)) => Err(End::Declined(format!("not confirmed: {why}"))),
        Err(NoAnswer::Interrupted(signal)) => Err(End::Interrupted(signal)),
    }
}
