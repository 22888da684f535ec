//! The private tokio runtime under the harness's blocking API.

use std::future::Future;
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(6)
        .thread_name("harness")
        .enable_all()
        .build()
        .expect("the harness needs threads for its runtime")
});

/// The runtime that proxies and API clients live on, as long as the process.
pub(crate) fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// Runs `future` to its end on the calling test's thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}
