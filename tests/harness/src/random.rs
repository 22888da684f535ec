//! Unguessable names from the kernel.

use std::fs::File;
use std::io::Read;

/// `bytes` random bytes in hexadecimal.
pub(crate) fn hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut buffer))
        .expect("a Unix system has /dev/urandom");
    buffer.iter().map(|byte| format!("{byte:02x}")).collect()
}
