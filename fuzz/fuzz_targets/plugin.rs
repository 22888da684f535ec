//! Feeds `plugin`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kubectl_lease::fuzzing::run("plugin", input));
