//! Job control in a hold, where there is none.

use super::super::job::Step;
use super::super::news::Group;
use super::{Hold, Next};
use crate::clock::Clock;
use crate::lease::api::Api;

impl<A: Api, C: Clock> Hold<'_, A, C> {
    /// The command has begun: the console is everybody's.
    pub(super) fn begun(&mut self, _: Group) {}

    /// The command has ended.
    pub(super) fn take_terminal_back(&mut self) {}

    /// Nothing stops us.
    pub(super) fn take_and_look(&mut self, step: Step) -> Next {
        match step {}
    }

    /// Nobody tells us anything.
    pub(super) fn told(&mut self, _: i32) -> Next {
        Next::Wait
    }
}
