//! The text of an answer, with the component language.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = gptfs::fuzzing::answer(bytes);
});
