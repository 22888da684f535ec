//! There is no job control on Windows: nothing to hear of, and nothing to do.

/// What a system without job control never does.
pub enum Step {}

/// The job that a hold is.
pub struct Job;

impl Job {
    /// The job.
    pub fn new(_: bool) -> Self {
        Self
    }

    /// The next signal of job control: none ever comes.
    pub async fn next(&mut self) -> i32 {
        std::future::pending().await
    }

    /// Nothing to do.
    pub fn end(&mut self) {}
}
