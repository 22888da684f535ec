//! How memory is had from the system, and given back.

/// From this size on a piece of memory is one of its own, as glibc begins with.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OF_ITS_OWN: i32 = 128 << 10;

/// Has glibc use one heap for all threads, and give back at once what is large. By itself it makes a heap for each thread, and
/// once a large piece was freed it keeps the next ones of that size: the pages of a list are kept, and copied as they grow.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "mallopt(3) has no other way")]
pub fn thrift() {
    use nix::libc::{M_ARENA_MAX, M_MMAP_THRESHOLD, mallopt};
    // SAFETY: it sets two numbers, and no other thread runs yet.
    unsafe {
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, OF_ITS_OWN);
    }
}

/// Other C libraries do so by themselves, or cannot be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn thrift() {}
