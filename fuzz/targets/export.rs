//! A whole export in any form: a ZIP, JSON or a viewer page.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = gptfs::fuzzing::export(bytes);
});
