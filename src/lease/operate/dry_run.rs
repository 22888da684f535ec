//! A dry run: what an operation would write now, decided and at most checked by the server, and never stored.

/// Where a dry run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// Here: nothing but reads is sent.
    Client,
    /// At the server, which checks the write and stores nothing.
    Server,
}
