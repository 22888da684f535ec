//! Unguessable names from the kernel.

/// `bytes` random bytes in hexadecimal.
pub(crate) fn hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).expect("a system has random bytes");
    buffer.iter().map(|byte| format!("{byte:02x}")).collect()
}
