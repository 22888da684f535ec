//! Shows what a process takes the time for, on Linux alone: elsewhere there is no library that lies to it.

#[cfg(target_os = "linux")]
#[path = "clocks/linux.rs"]
mod linux;

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
}
