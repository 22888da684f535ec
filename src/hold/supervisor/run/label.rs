//! What a hold does about the label of its pod.

use std::time::Duration;

use super::{Hold, Next, Note};
use crate::clock::Clock;
use crate::hold::label::Trouble;
use crate::hold::machine::Event;
use crate::lease::api::Api;

/// For so long, or the lease's duration if that is shorter, it is tried: as long as others wait where a holder dies, and
/// shorter than a pod has to end.
const TRIED_FOR: Duration = Duration::from_secs(15);

/// What came of it.
pub(super) enum Labelled {
    /// The pod carries it.
    Set,
    /// It could not be set.
    NotSet(Trouble),
    /// It is off, or nobody tries any more.
    Off,
}

impl<A: Api, C: Clock> Hold<'_, A, C> {
    fn patience(&self) -> Duration {
        self.terms.timing.duration.min(TRIED_FOR)
    }

    pub(super) fn set_label(&mut self) {
        let (terms, patience) = (self.terms, self.patience());
        let Some(label) = &terms.label else { return };
        let set = label.set(patience);
        self.labelling = Some(Box::pin(async move {
            match set.await {
                Ok(()) => Labelled::Set,
                Err(trouble) => Labelled::NotSet(trouble),
            }
        }));
    }

    pub(super) fn clear_label(&mut self) {
        let (terms, patience, say) = (self.terms, self.patience(), self.say);
        let Some(label) = &terms.label else { return };
        self.labelling = Some(Box::pin(async move {
            let stays = |trouble: &_| say(None, Note::LabelStays(Clone::clone(trouble), patience));
            if label.clear(patience, &stays).await.is_err() {
                say(None, Note::LabelLeft);
            }
            Labelled::Off
        }));
    }

    /// Nobody waits for it any more.
    pub(super) fn leave_label(&mut self) {
        self.labelling = None;
        (self.say)(None, Note::LabelLeft);
    }

    pub(super) fn labelled(&mut self, labelled: Labelled) -> Next {
        self.labelling = None;
        match labelled {
            Labelled::Set => self.feed(Event::LabelSet),
            Labelled::NotSet(trouble) => {
                self.report.unlabelled = Some(trouble);
                self.feed(Event::LabelNotSet)
            }
            Labelled::Off => self.feed(Event::LabelOff),
        }
    }
}
