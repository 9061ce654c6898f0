//! JSON, split with every instruction set.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = gptfs::fuzzing::scan(bytes);
});
