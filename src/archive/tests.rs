//! Archives come from the `zip` crate; odd ones are made by changing their bytes.

mod attachments;
mod encrypted;
mod folders;
mod recovered;
mod unlucky;

use super::*;
use proptest::prelude::*;
use std::io::{Cursor, Seek, Write};
use std::os::unix::fs::FileExt;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

fn zip_bytes(entries: &[(&str, &[u8], CompressionMethod)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes, method) in entries {
        let options = SimpleFileOptions::default().compression_method(*method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn open(bytes: &[u8]) -> Result<Archive> {
    Archive::zip(file_of(bytes), "x.zip", &Limits::default(), &Arc::default())
}

/// Text that compresses like chats do, reproducible by seed.
fn text(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut text = Vec::with_capacity(bytes + 16);
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write!(text, "word{} ", (state >> 40) % 5_000).unwrap();
    }
    text.truncate(bytes);
    text
}

fn streamed(archive: &Archive, entry: u32) -> (Vec<u8>, Result<()>) {
    let mut all = Vec::new();
    let result = archive.stream(entry, SPACING_BYTES, &mut |chunk| {
        all.extend_from_slice(&chunk);
        Ok(())
    });
    (all, result)
}

fn read_all(archive: &Archive, entry: u32, step: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; step];
    loop {
        let read = archive.read_at(entry, all.len() as u64, &mut buffer)?;
        if read == 0 {
            return Ok(all);
        }
        all.extend_from_slice(&buffer[..read]);
    }
}

fn message(result: Result<impl Sized>) -> String {
    result.err().expect("this should fail").to_string()
}

fn position(haystack: &[u8], needle: &[u8]) -> usize {
    haystack.windows(needle.len()).position(|window| window == needle).unwrap()
}

#[test]
fn every_way_of_reading_gives_the_same_bytes() {
    let big = text(9 << 20, 1);
    let small = text(5_000, 2);
    let bytes = zip_bytes(&[
        ("big", &big, CompressionMethod::DEFLATE),
        ("stored", &big, CompressionMethod::Stored),
        ("small", &small, CompressionMethod::DEFLATE),
        ("small stored", &small, CompressionMethod::Stored),
        ("empty", b"", CompressionMethod::DEFLATE),
        ("empty stored", b"", CompressionMethod::Stored),
    ]);
    for (entry, expected) in [&big, &big, &small, &small, &vec![], &vec![]].into_iter().enumerate() {
        let entry = entry as u32;
        // Attachments are read without having been streamed …
        let fresh = open(&bytes).unwrap();
        assert!(read_all(&fresh, entry, 128 * 1024).unwrap() == *expected, "{entry}");
        assert!(read_all(&fresh, entry, 100_003).unwrap() == *expected, "{entry}");
        // … and conversations after streaming.
        let archive = open(&bytes).unwrap();
        let (all, result) = streamed(&archive, entry);
        result.unwrap();
        assert!(all == *expected, "{entry}");
        assert!(read_all(&archive, entry, 128 * 1024).unwrap() == *expected, "{entry}");
        let mut range = b"kept".to_vec();
        archive.read_range(entry, 0, expected.len() as u64, &mut range).unwrap();
        assert!(range[4..] == expected[..], "{entry}");
    }
    assert_eq!(open(&bytes).unwrap().checkpoints(0), None);
}

#[test]
fn streaming_records_a_checkpoint_about_every_mebibyte() {
    let big = text(9 << 20, 1);
    let archive = open(&zip_bytes(&[("big", &big, CompressionMethod::DEFLATE)])).unwrap();
    streamed(&archive, 0).1.unwrap();
    let points = archive.checkpoints(0).unwrap();
    assert!((5..=9).contains(&points.len()), "{}", points.len());
    assert!(points.weight() < 9 * 33 * 1024);
}

#[test]
fn checkpoints_serve_a_later_process_and_wrong_ones_are_refused() {
    let big = text(5 << 20, 3);
    let bytes = zip_bytes(&[
        ("big", &big, CompressionMethod::DEFLATE),
        ("other", &big[..3 << 20], CompressionMethod::DEFLATE),
        ("stored", &big, CompressionMethod::Stored),
    ]);
    let first = open(&bytes).unwrap();
    streamed(&first, 0).1.unwrap();
    let kept = postcard::to_stdvec(&*first.checkpoints(0).unwrap()).unwrap();
    let points: Checkpoints = postcard::from_bytes(&kept).unwrap();
    assert_eq!(&points, &*first.checkpoints(0).unwrap());
    let second = open(&bytes).unwrap();
    assert!(!second.set_checkpoints(1, points.clone()) && !second.set_checkpoints(2, points.clone()));
    assert!(second.set_checkpoints(0, points));
    let mut range = Vec::new();
    second.read_range(0, 4_000_000, 4_100_000, &mut range).unwrap();
    assert!(range == big[4_000_000..4_100_000]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_range_equals_the_slice(
        megabytes in 1_usize..12,
        seed: u64,
        noise in any::<bool>(),
        method in prop_oneof![Just(CompressionMethod::DEFLATE), Just(CompressionMethod::Stored)],
        stream_first in any::<bool>(),
        capacity in prop_oneof![Just(0_usize), Just(5 << 20), Just(32 << 20)],
        places in prop::collection::vec((0..1_000_usize, 0..300_usize, 0..1_000_usize, any::<bool>()), 1..12),
    ) {
        let mut data = text(megabytes << 20, seed);
        if noise {
            // A stretch that deflate stores, and one that it shrinks to almost nothing.
            let quarter = data.len() / 4;
            let mut state = seed;
            for byte in &mut data[..quarter] {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            data[2 * quarter..].fill(b' ');
        }
        let bytes = zip_bytes(&[("first", b"x", method), ("data", &data, method)]);
        let spans = Arc::new(SpanCache::new(capacity));
        let archive = Archive::zip(file_of(&bytes), "x.zip", &Limits::default(), &spans).unwrap();
        if stream_first {
            streamed(&archive, 1).1.unwrap();
        }
        for (from, share, odd, as_range) in places {
            let start = (data.len() / 1_000 * from + odd).min(data.len());
            let end = (start + data.len() / 1_000 * share + 7).min(data.len());
            let mut got = Vec::new();
            if as_range {
                archive.read_range(1, start as u64, end as u64, &mut got).unwrap();
            } else {
                got = vec![0; end - start];
                prop_assert_eq!(archive.read_at(1, start as u64, &mut got).unwrap(), got.len());
            }
            prop_assert!(got == data[start..end], "{}..{}", start, end);
            prop_assert!(spans.bytes() <= capacity);
        }
    }
}

/// Number of bytes inflated by `work`.
fn decoded(work: impl FnOnce()) -> u64 {
    let before = random::DECODED.get();
    work();
    random::DECODED.get() - before
}

#[test]
fn concurrent_readers_share_inflated_data_instead_of_inflating_twice() {
    let data = text(6 << 20, 5);
    let size = data.len();
    let archive = open(&zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)])).unwrap();
    streamed(&archive, 0).1.unwrap();
    // Neighbours in the same stretches.
    let ranges: Vec<_> = (0..size).step_by(90_000).map(|start| start..(start + 90_000).min(size)).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        while let Some(range) = ranges.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            let mut found = Vec::new();
            archive.read_range(0, range.start as u64, range.end as u64, &mut found).unwrap();
            assert!(found == data[range.clone()], "{range:?}");
        }
    };
    let inflated: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| decoded(work))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // The first reader of a stretch may start at its checkpoint while another is still on its way there.
    assert!(inflated <= size as u64 * 5 / 4, "{inflated} of {size}");
}

#[test]
fn reading_forwards_inflates_each_byte_only_once() {
    let data = text(40 << 20, 5);
    let bytes = zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)]);
    let size = data.len() as u64;
    // An attachment that was never streamed.
    let archive = open(&bytes).unwrap();
    assert_eq!(decoded(|| assert!(read_all(&archive, 0, 128 * 1024).unwrap() == data)), size);
    assert_eq!(archive.trust_of(0), trust::VERIFIED);
    // Its end is close to a checkpoint by now.
    assert!(decoded(|| assert_eq!(archive.read_at(0, 10 << 20, &mut [0; 10]).unwrap(), 10)) < 3 << 20);
    // Consecutive conversations of a streamed entry, and a very long one.
    let archive = open(&bytes).unwrap();
    streamed(&archive, 0).1.unwrap();
    let mut range = Vec::new();
    let first = decoded(|| archive.read_range(0, 0, 80_000, &mut range).unwrap());
    assert!(first < 200_000, "{first}: a reader waits for data past its conversation");
    let conversations = first
        + decoded(|| {
            for start in (80_000..size).step_by(80_000) {
                archive.read_range(0, start, (start + 80_000).min(size), &mut range).unwrap();
            }
        });
    assert_eq!(conversations, size);
    assert!(range == data);
    let end = 30 << 20;
    let long = decoded(|| archive.read_range(0, 1 << 20, end, &mut Vec::new()).unwrap());
    assert!(long <= end, "{long}");
}

#[test]
fn reading_one_conversation_inflates_only_its_neighbourhood() {
    let data = text(40 << 20, 6);
    let archive = open(&zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)])).unwrap();
    streamed(&archive, 0).1.unwrap();
    let one = decoded(|| archive.read_range(0, 33_000_000, 33_010_000, &mut Vec::new()).unwrap());
    assert!(one < 3 << 20, "{one}");
}

#[test]
fn a_very_long_deflate_block_is_read_in_bounded_steps() {
    // Zeros: one symbol encodes 258 bytes, so blocks are megabytes long.
    let data = vec![0; 40 << 20];
    let spans = Arc::new(SpanCache::default());
    let bytes = zip_bytes(&[("zeros", &data, CompressionMethod::DEFLATE)]);
    let archive = Archive::zip(file_of(&bytes), "x.zip", &Limits::default(), &spans).unwrap();
    assert!(read_all(&archive, 0, 128 * 1024).unwrap() == data);
    assert!(spans.bytes() <= 32 << 20);
    streamed(&archive, 0).1.unwrap();
    let mut range = Vec::new();
    archive.read_range(0, 1, 40 << 20, &mut range).unwrap();
    assert!(range == data[1..]);
}

#[test]
fn nested_zips_are_read_in_place_or_spooled() {
    let inner_data = text(3 << 20, 7);
    let inner = zip_bytes(&[("conversations.json", &inner_data, CompressionMethod::DEFLATE)]);
    let outer = zip_bytes(&[
        ("a.zip", &inner, CompressionMethod::Stored),
        ("b.zip", &inner, CompressionMethod::DEFLATE),
    ]);
    let outer = open(&outer).unwrap();
    for entry in 0..2 {
        let nested = outer.nested(entry, &Arc::default()).unwrap();
        assert!(streamed(&nested, 0).0 == inner_data);
        assert!(read_all(&nested, 0, 70_000).unwrap() == inner_data);
        assert_eq!(nested.identity().bytes, inner.len() as u64);
    }
    assert_eq!(outer.nested(1, &Arc::default()).unwrap().label(), "x.zip: b.zip");
}

#[test]
fn junk_before_a_zip_shifts_its_offsets() {
    let data = text(100_000, 1);
    let mut bytes = b"#!/bin/sh\nexit\n".to_vec();
    bytes.extend(zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)]));
    let archive = open(&bytes).unwrap();
    assert!(read_all(&archive, 0, 4_096).unwrap() == data);
}

#[test]
fn zip64_sizes_and_offsets_are_read() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::DEFLATE).large_file(true);
    writer.start_file("big one", options).unwrap();
    writer.write_all(b"small after all").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(read_all(&open(&bytes).unwrap(), 0, 100).unwrap(), b"small after all");
}

#[test]
fn sizes_in_a_data_descriptor_are_taken_from_the_directory() {
    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("data", SimpleFileOptions::default()).unwrap();
    writer.write_all(&text(50_000, 9)).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    // Flag 3 of the local header: its sizes are zero and follow the data.
    assert_eq!(bytes[6] & 8, 8);
    assert_eq!(bytes[18..26], [0; 8]);
    assert!(read_all(&open(&bytes).unwrap(), 0, 4_096).unwrap() == text(50_000, 9));
}

#[test]
fn a_file_that_is_not_a_zip_is_reported_as_such() {
    let none = "x.zip: not a zip archive (no end-of-central-directory record)";
    assert_eq!(message(open(b"hello, this is no zip at all")), none);
    assert_eq!(message(open(b"")), "x.zip: not a zip archive (the file is empty)");
    let whole = zip_bytes(&[("data", &text(100_000, 1), CompressionMethod::DEFLATE)]);
    let error = open(&whole[..whole.len() / 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert_eq!(
        error.to_string(),
        format!(
            "{none}; it begins like one, so the download was probably cut short; --recover shows what is there"
        )
    );
}

#[test]
fn every_truncation_and_every_flipped_byte_is_handled() {
    let whole = zip_bytes(&[
        ("one", &text(300, 1), CompressionMethod::DEFLATE),
        ("two", b"stored", CompressionMethod::Stored),
    ]);
    let survive = |bytes: &[u8]| {
        if let Ok(archive) = open(bytes) {
            for entry in 0..archive.entries().len() as u32 {
                let _ = streamed(&archive, entry);
                let _ = read_all(&archive, entry, 64);
            }
        }
    };
    for length in 0..whole.len() {
        survive(&whole[..length]);
    }
    for at in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            survive(&bytes);
        }
    }
}

#[test]
fn a_wrong_checksum_is_detected_before_a_small_file_is_served() {
    for method in [CompressionMethod::DEFLATE, CompressionMethod::Stored] {
        let mut bytes = zip_bytes(&[("data", &text(1_000, 1), method)]);
        let directory = position(&bytes, b"PK\x01\x02");
        bytes[directory + 16] ^= 1;
        let archive = open(&bytes).unwrap();
        let mut buffer = [0; 10];
        let error = archive.read_at(0, 0, &mut buffer).unwrap_err();
        assert_eq!(error.to_string(), "x.zip: data: its checksum is wrong");
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert_eq!(buffer, [0; 10]);
        assert!(archive.read_at(0, 5, &mut buffer).is_err());
        // The indexer gets all bytes, then the error.
        let archive = open(&bytes).unwrap();
        let (all, result) = streamed(&archive, 0);
        assert!(all == text(1_000, 1));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Damaged);
    }
}

#[test]
fn a_wrong_checksum_of_a_large_file_is_detected_at_its_end() {
    for method in [CompressionMethod::DEFLATE, CompressionMethod::Stored] {
        let data = text(6 << 20, 1);
        let mut bytes = zip_bytes(&[("data", &data, method)]);
        let directory = position(&bytes, b"PK\x01\x02");
        bytes[directory + 16] ^= 1;
        let archive = open(&bytes).unwrap();
        assert_eq!(archive.read_at(0, 0, &mut [0; 1 << 12]).unwrap(), 1 << 12);
        assert!(message(read_all(&archive, 0, 1 << 16)).ends_with("its checksum is wrong"));
        assert!(archive.read_at(0, 0, &mut [0; 10]).is_err());
    }
}

#[test]
fn everything_before_a_break_stays_readable() {
    let data = text(6 << 20, 1);
    let mut bytes = zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)]);
    let end = position(&bytes, b"PK\x01\x02");
    // Cut off the last quarter of the compressed data.
    bytes[end + 20..end + 24].copy_from_slice(&(end as u32 / 4 * 3).to_le_bytes());
    let archive = open(&bytes).unwrap();
    let (all, result) = streamed(&archive, 0);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Damaged);
    assert!(all.len() > 3 << 20 && all.len() < data.len());
    let good = 3 << 20;
    assert!(all[..good] == data[..good]);
    let mut range = Vec::new();
    for start in [0, 1_000_000, good - 5_000] {
        range.clear();
        archive.read_range(0, start as u64, start as u64 + 5_000, &mut range).unwrap();
        assert!(range == data[start..start + 5_000]);
    }
    // Readable to the last byte before the break: exactly what was streamed.
    range.clear();
    archive.read_range(0, good as u64, all.len() as u64, &mut range).unwrap();
    assert!(range == all[good..]);
    for start in [good, data.len() - 5_000] {
        assert!(archive.read_range(0, start as u64, data.len() as u64, &mut range).is_err());
    }
    assert!(archive.read_at(0, 0, &mut [0; 10]).is_err());
}

#[test]
fn a_false_size_in_the_header_is_damage() {
    let data = text(10_000, 1);
    for (size, expected) in [
        (9_999_u32, "x.zip: data: longer than its header says"),
        (10_001, "x.zip: data: shorter than its header says"),
    ] {
        let mut bytes = zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)]);
        let directory = position(&bytes, b"PK\x01\x02");
        bytes[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
        let archive = open(&bytes).unwrap();
        let (all, result) = streamed(&archive, 0);
        assert_eq!(message(result), expected);
        assert!(all.len() <= size as usize && data.starts_with(&all));
        assert_eq!(
            message(archive.read_range(0, 0, 20_000, &mut Vec::new())),
            "x.zip: data: shorter than it was"
        );
    }
    // A large file is inflated while it is read, so its end is the place to notice.
    let data = text(6 << 20, 1);
    let mut bytes = zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)]);
    let directory = position(&bytes, b"PK\x01\x02");
    bytes[directory + 24..directory + 28].copy_from_slice(&(data.len() as u32 + 5).to_le_bytes());
    let archive = open(&bytes).unwrap();
    assert_eq!(archive.read_at(0, 0, &mut [0; 10]).unwrap(), 10);
    assert_eq!(message(read_all(&archive, 0, 1 << 16)), "x.zip: data: shorter than its header says");
    let mut bytes = zip_bytes(&[("data", &data, CompressionMethod::Stored)]);
    let directory = position(&bytes, b"PK\x01\x02");
    bytes[directory + 24..directory + 28].copy_from_slice(&99_u32.to_le_bytes());
    assert!(message(streamed(&open(&bytes).unwrap(), 0).1).contains("contradict"));
}

#[test]
fn bombs_are_refused_before_anything_is_inflated() {
    let limits = Limits { max_bytes: 1 << 20, ..Limits::default() };
    let bytes = zip_bytes(&[
        ("one", &vec![0; 700_000], CompressionMethod::DEFLATE),
        ("two", &vec![0; 700_000], CompressionMethod::DEFLATE),
    ]);
    let error = Archive::zip(file_of(&bytes), "x.zip", &limits, &Arc::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.to_string(), "x.zip: expands to 1.3 MiB, limit is 1 MiB (--max-size)");
    let stored = zip_bytes(&[("one", &vec![0; 2_000_000], CompressionMethod::Stored)]);
    assert!(Archive::zip(file_of(&stored), "x.zip", &limits, &Arc::default()).is_ok());
}

#[test]
fn entries_that_share_bytes_are_refused() {
    let mut bytes = zip_bytes(&[
        ("one", &text(500, 1), CompressionMethod::DEFLATE),
        ("two", &text(500, 2), CompressionMethod::DEFLATE),
    ]);
    let first = position(&bytes, b"PK\x01\x02");
    let second = first + 4 + position(&bytes[first + 4..], b"PK\x01\x02");
    bytes.copy_within(first + 42..first + 46, second + 42);
    let error = open(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.to_string(), "x.zip: entries overlap; refusing (zip bomb?)");
}

#[test]
fn too_many_entries_are_refused() {
    let bytes = zip_bytes(&[
        ("1", b"", CompressionMethod::Stored),
        ("2", b"", CompressionMethod::Stored),
        ("3", b"", CompressionMethod::Stored),
    ]);
    let limits = Limits { max_entries: 2, ..Limits::default() };
    let error = Archive::zip(file_of(&bytes), "x.zip", &limits, &Arc::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.to_string(), "x.zip: 3 entries, limit is 2");
}

#[test]
fn a_folder_with_too_many_files_or_directories_is_refused() {
    for (files, directories) in [(3, 0), (1, 2), (0, 3)] {
        let top = tempfile::tempdir().unwrap();
        (0..files).for_each(|at| std::fs::write(top.path().join(format!("f{at}")), "").unwrap());
        (0..directories).for_each(|at| std::fs::create_dir(top.path().join(format!("d{at}"))).unwrap());
        let open = |max_entries| {
            let limits = Limits { max_entries, ..Limits::default() };
            Archive::folder(top.path(), "top", &limits, &Arc::default())
        };
        let error = open(2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(error.to_string(), "top: more than 2 files, which is the limit");
        assert_eq!(open(3).unwrap().entries().len(), files);
    }
}

#[test]
fn a_directory_that_promises_more_entries_than_it_has_is_damage() {
    let mut bytes = zip_bytes(&[("data", b"x", CompressionMethod::Stored)]);
    let end = position(&bytes, b"PK\x05\x06");
    bytes[end + 8..end + 12].fill(0xee);
    assert_eq!(open(&bytes).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn a_file_changed_in_place_gives_errors_and_never_wrong_bytes() {
    let data = text(6 << 20, 1);
    let bytes = zip_bytes(&[
        ("data", &data, CompressionMethod::DEFLATE),
        ("stored", &data, CompressionMethod::Stored),
    ]);
    let changes: [fn(&File); 2] =
        [|file| file.write_all_at(&[7; 4096], 1 << 20).unwrap(), |file| file.set_len(2 << 20).unwrap()];
    for change in changes {
        let mut file = file_of(&bytes);
        // File system clocks may be coarse, and two writes within one tick can't be told apart.
        let earlier = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
        file.set_modified(earlier).unwrap();
        file.rewind().unwrap();
        let archive =
            Archive::zip(file.try_clone().unwrap(), "x.zip", &Limits::default(), &Arc::default()).unwrap();
        streamed(&archive, 0).1.unwrap();
        let mut range = Vec::new();
        archive.read_range(0, 10, 20, &mut range).unwrap();
        change(&file);
        // Cached data stays readable.
        archive.read_range(0, 10, 20, &mut range).unwrap();
        assert!(range[10..] == data[10..20]);
        let error = archive.read_range(0, 5_000_000, 5_000_010, &mut range).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert_eq!(error.to_string(), "x.zip: data: changed while it was in use");
        // The other entry is served only if its bytes are still the same.
        let is_whole = file.metadata().unwrap().len() == bytes.len() as u64;
        let mut start = [0; 10];
        assert_eq!(archive.read_at(1, 0, &mut start).is_ok(), is_whole);
        assert!(!is_whole || start == data[..10]);
        assert_eq!(streamed(&archive, 1).1.is_ok(), is_whole);
    }
}

#[test]
fn a_reader_can_stop_the_stream_with_its_own_error() {
    let bytes = zip_bytes(&[("data", &text(2 << 20, 1), CompressionMethod::DEFLATE)]);
    let archive = open(&bytes).unwrap();
    let mut calls = 0;
    let result = archive.stream(0, SPACING_BYTES, &mut |bytes| {
        assert!((1..=CHUNK_BYTES).contains(&bytes.len()));
        calls += 1;
        Err(Error::new(ErrorKind::NotAnExport, "enough"))
    });
    assert_eq!((calls, message(result)), (1, "enough".to_owned()));
    assert_eq!(archive.trust_of(0), trust::UNKNOWN);
    let mut longest = 0;
    let all = archive.stream(0, u64::MAX, &mut |bytes| {
        longest = longest.max(bytes.len());
        Ok(())
    });
    assert!(all.is_ok() && longest <= CHUNK_BYTES, "{longest}");
}

#[test]
fn a_folder_lists_its_files_without_following_links() {
    let top = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    std::fs::create_dir_all(top.path().join("b/c")).unwrap();
    std::fs::write(top.path().join("b/c/deep"), "deep").unwrap();
    std::fs::write(top.path().join("a"), "first").unwrap();
    std::fs::write(top.path().join(".hidden"), "hidden").unwrap();
    std::os::unix::fs::symlink(outside.path(), top.path().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), top.path().join("s")).unwrap();
    let archive = Archive::folder(top.path(), "top", &Limits::default(), &Arc::default()).unwrap();
    let names: Vec<_> = archive.entries().iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a", "b/c/deep"]);
    assert_eq!(read_all(&archive, 1, 3).unwrap(), b"deep");
    let note = archive.notes().concat();
    assert!(note.starts_with("2 names are left out, the first: "), "{note}");
    assert!(note.ends_with(" is a symbolic link, which is not followed"), "{note}");
    // A link in a file's place is not followed either.
    std::fs::remove_file(top.path().join("a")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), top.path().join("a")).unwrap();
    assert_eq!(message(read_all(&archive, 0, 3)), "top: a: changed while it was in use");
}

#[test]
fn directories_of_a_folder_that_cannot_be_listed_are_noted() {
    // Paths longer than the system takes can't be made, but directories can be renamed from the deepest up.
    let nest = |top: &Path, name: &str| {
        let mut path = top.join(["d"; 16].join("/"));
        std::fs::create_dir_all(path.join("deeper")).unwrap();
        while path != top {
            std::fs::rename(&path, path.with_file_name(name)).unwrap();
            path.pop();
        }
    };
    let notes = |top: &Path| {
        let archive = Archive::folder(top, "top", &Limits::default(), &Arc::default()).unwrap();
        assert!(archive.entries().iter().any(|entry| entry.name == "seen"));
        archive.notes().to_vec()
    };
    let top = tempfile::tempdir().unwrap();
    std::fs::write(top.path().join("seen"), "").unwrap();
    assert_eq!(notes(top.path()), [""; 0]);
    nest(top.path(), "e");
    let path = format!("{}/deeper", ["e"; 16].join("/"));
    assert_eq!(notes(top.path()), [format!("{path} is nested too deeply")]);
    nest(top.path(), &"f".repeat(255));
    let found = notes(top.path()).concat();
    assert!(found.starts_with("2 directories are left out, the first: "), "{found}");
}

#[test]
fn an_undecodable_name_cannot_control_the_terminal() {
    let bytes = zip_bytes(&[("\u{1b}[2J", b"x", CompressionMethod::Stored)]);
    let directory = position(&bytes, b"PK\x01\x02");
    let mut bytes = bytes;
    bytes[directory + 16] ^= 1;
    let error = message(read_all(&open(&bytes).unwrap(), 0, 3));
    assert!(error.starts_with("x.zip: \\u{1b}[2J: "), "{error}");
}

#[test]
fn a_large_export_has_no_more_checkpoints_than_a_gigabyte() {
    assert_eq!(spacing(0), SPACING_BYTES);
    assert_eq!(spacing(1_000_000_000), SPACING_BYTES);
    assert_eq!(spacing(2 << 30), 2 << 20);
    assert_eq!(spacing(16 << 30), 4 << 20);
    let bytes = zip_bytes(&[("big", &text(9 << 20, 1), CompressionMethod::DEFLATE)]);
    let counts = [1_u64 << 20, 4 << 20].map(|spacing| {
        let archive = open(&bytes).unwrap();
        archive.stream(0, spacing, &mut |_| Ok(())).unwrap();
        archive.checkpoints(0).unwrap().len()
    });
    assert!((1..=2).contains(&counts[1]) && counts[0] >= 5, "{counts:?}");
}
