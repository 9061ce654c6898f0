//! The catalog of a saved index.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = gptfs::fuzzing::saved_catalog(bytes);
});
