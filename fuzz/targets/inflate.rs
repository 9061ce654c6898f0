//! Raw deflate streams, compared with zlib-rs.

#![no_main]

use flate2::{Decompress, FlushDecompress, Status};

const LIMIT: usize = 1 << 20;

libfuzzer_sys::fuzz_target!(|stream: &[u8]| {
    let mut expected = Vec::with_capacity(LIMIT + 1);
    let status = Decompress::new(false).decompress_vec(stream, &mut expected, FlushDecompress::Finish);
    let complete = matches!(status, Ok(Status::StreamEnd)) && expected.len() <= LIMIT;
    assert_eq!(gptfs::fuzzing::inflate(stream, LIMIT), complete.then_some(expected));
});
