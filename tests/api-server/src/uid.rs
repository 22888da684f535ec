//! Unique ids for objects, in the form of a version 4 UUID.

use std::hash::{BuildHasher, RandomState};

/// A fresh random uid. `RandomState` is seeded by the operating system: enough for objects in tests.
pub(crate) fn fresh() -> String {
    let high = RandomState::new().hash_one("high");
    let low = RandomState::new().hash_one(("low", high));
    let version = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
    let variant = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        version >> 32,
        (version >> 16) & 0xffff,
        version & 0xffff,
        variant >> 48,
        variant & 0xffff_ffff_ffff
    )
}

/// Five letters and digits, as they end a generated name: none that could make a word.
pub(crate) fn suffix() -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let random = RandomState::new().hash_one("suffix").to_le_bytes();
    let letter = |byte: &u8| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]);
    random[..5].iter().map(letter).collect()
}
