//! Titles and names of files.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = gptfs::fuzzing::name(bytes);
});
