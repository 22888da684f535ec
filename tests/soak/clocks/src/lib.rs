//! Functions of the C library that show a wrong time or wait by one, instead of its own (`LD_PRELOAD`): CLOCK_REALTIME is ahead
//! by an offset, and the clocks that NTP slews run too fast or too slow. CLOCK_MONOTONIC_RAW tells the truth.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod kernel;
mod lie;
mod read;
mod settings;
mod wait;
