//! The picture in the README, drawn from a real run: `cargo run --example picture > docs/picture.svg`.
//!
//! Two shells on one cluster (the in-process server, or the kube-apiserver that KUBEBUILDER_ASSETS names), `kubectl` and
//! `bash` from PATH; so on Unix alone.
#![allow(clippy::disallowed_macros, reason = "an example prints as it likes")]

#[cfg(unix)]
mod play;
#[cfg(unix)]
mod stage;
#[cfg(unix)]
mod svg;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    play::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("picture: it takes terminals and bash");
}
