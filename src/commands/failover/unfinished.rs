//! `failover` that has made a holder step down, or named the next one, and does not know that who should has followed: the document
//! of what was done, without a grant.

use super::Call;
use crate::commands::saying::{outcome_text, say_done};
use crate::commands::several::Errors;
use crate::output::format::ObjectFormat;
use crate::output::outcome::{Action, Outcome};

impl Call<'_> {
    /// Prints it where a document is asked for; sentences are said on stderr.
    pub(super) async fn tell_unfinished(&self, done: Outcome) {
        let output = &self.args.output;
        let Some(format @ ObjectFormat::Value(_)) = &output.format else {
            return;
        };
        let done = done.without_grant();
        let text = outcome_text(&done, Some(format), output.show_managed_fields);
        let word = Action::FailedOver.word();
        if let Err(error) = say_done(text, None, &self.interrupt, &self.subject, word).await {
            // How it ends is known already.
            let _ = Errors::default().say(&error);
        }
    }
}
