use super::*;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use proptest::prelude::*;

/// Text over which the inflater panics.
const INFLATING: &str = "a deliberate bug while inflating";

pub(super) fn while_inflating(fresh: &[u8]) {
    let is_there = fresh.windows(INFLATING.len()).any(|bytes| bytes == INFLATING.as_bytes());
    assert!(!is_there, "{INFLATING}");
}

/// `data` as a deflate stream with a new block every `block` bytes.
fn deflated(data: &[u8], level: u32, block: usize) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut stream = Vec::with_capacity(data.len() * 2 + 1000);
    for chunk in data.chunks(block) {
        let status = compress.compress_vec(chunk, &mut stream, FlushCompress::Sync);
        assert_eq!(status.unwrap(), Status::Ok);
        stream.reserve(data.len() + 1000);
    }
    assert_eq!(compress.compress_vec(&[], &mut stream, FlushCompress::Finish).unwrap(), Status::StreamEnd);
    stream
}

/// The reference result for a stream: its output, and whether it is complete.
fn reference(stream: &[u8]) -> (Vec<u8>, bool) {
    let mut decompress = Decompress::new(false);
    let mut data = Vec::with_capacity(1 << 16);
    loop {
        let before = (decompress.total_in(), decompress.total_out());
        let rest = &stream[usize::try_from(decompress.total_in()).unwrap()..];
        match decompress.decompress_vec(rest, &mut data, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return (data, true),
            Ok(_) if before != (decompress.total_in(), decompress.total_out()) => data.reserve(1 << 16),
            Ok(_) | Err(_) => return (data, false),
        }
    }
}

/// Reads a stream, at most `most` bytes per call.
fn read_at(stream: &[u8], most: usize) -> impl Fn(u64, &mut [u8]) -> io::Result<usize> {
    move |offset, buffer| {
        let rest = usize::try_from(offset).ok().and_then(|offset| stream.get(offset..)).unwrap_or_default();
        let length = rest.len().min(most).min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

/// Our result from a checkpoint on, reading and inflating in steps of the given sizes, with the checkpoints on
/// the way.
fn inflated(
    stream: &[u8],
    from: Option<&Checkpoint>,
    (input, output): (usize, usize),
    spacing: u64,
) -> (Vec<u8>, bool, Vec<Checkpoint>) {
    let read = read_at(stream, input);
    let decoder = from.map_or_else(|| Ok(InflateDecoder::from_start()), InflateDecoder::from_checkpoint);
    let (mut decoder, mut data, mut points) = (decoder.unwrap(), Vec::new(), Vec::new());
    loop {
        let length = data.len() + output;
        match decoder.run(&read, Some(spacing), output, &mut |bytes| data.extend_from_slice(bytes)) {
            Ok(Stop::Full) => assert_eq!(data.len(), length),
            Ok(Stop::At(point)) => points.push(point),
            Ok(Stop::End) => return (data, true, points),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Damaged);
                return (data, false, points);
            }
        }
    }
}

/// The chunks we lend and the checkpoints on the way. Every `keep`th chunk is kept.
fn lent(stream: &[u8], spacing: u64, keep: usize) -> (Vec<u8>, Vec<Checkpoint>) {
    let read = read_at(stream, usize::MAX);
    let (mut decoder, mut data, mut points) = (InflateDecoder::from_start(), Vec::new(), Vec::new());
    let mut spare = None;
    for turn in 1.. {
        let (chunk, stop) = decoder.chunk(&read, Some(spacing));
        if turn % keep == 0 {
            let kept = chunk.keep(spare.take());
            data.extend_from_slice(&kept);
            spare = Some(kept);
        } else {
            data.extend_from_slice(&chunk);
        }
        match stop.unwrap() {
            Stop::Full => {}
            Stop::At(point) => points.push(point),
            Stop::End => return (data, points),
        }
    }
    unreachable!()
}

#[test]
fn a_checkpoint_keeps_only_what_is_referred_to() {
    // Far and near matches, over many windows and slides of the buffer.
    let words: Vec<_> = (0..5000_u32).map(|n| format!("{:x}.", n.wrapping_mul(2_654_435_761))).collect();
    let at = |n: usize| words[n * n % 4999].as_bytes();
    let data: Vec<u8> = (0..200_000).flat_map(at).copied().collect();
    let stream = deflated(&data, 6, 10_000);
    let (found, points) = lent(&stream, 50_000, usize::MAX);
    assert!(found == data);
    let (_, _, whole) = inflated(&stream, None, (1 << 16, 1 << 16), 50_000);
    assert_eq!(points.len(), whole.len());
    for keep in 1..4 {
        assert!(lent(&stream, 50_000, keep) == (data.clone(), points.clone()), "one of {keep} is kept");
    }
    for (point, whole) in points.iter().zip(&whole) {
        assert_eq!((point.out, point.input), (whole.out, whole.input));
        let (rest, complete, _) = inflated(&stream, Some(point), (1 << 16, 1 << 16), u64::MAX);
        assert!(complete && rest == data[usize::try_from(point.out).unwrap()..]);
        assert!(point.weight() <= whole.weight());
    }
    // Nothing refers back to random bytes.
    let random: Vec<u8> =
        (0..200_000_u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as u8).collect();
    let (_, points) = lent(&deflated(&random, 9, 10_000), 50_000, usize::MAX);
    assert!(points.len() >= 3 && points.iter().all(|point| point.window.len() < 2000));
}

/// Text with words that recur, nearby and far away.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => "[a-z]{1,9} ",
        2 => Just("\\u00e9 and the same words again, ".to_owned()),
        1 => "[ -~]{1,40}",
        1 => (1..400_usize).prop_map(|count| "x".repeat(count)),
        1 => (1..60_usize).prop_map(|count| "abcdefghij".repeat(count)),
    ];
    prop::collection::vec(word, 0..400).prop_map(|words| words.concat().into_bytes())
}

const SIZES: [(usize, usize); 6] = [(1, 1), (7, 63), (8, 4097), (1000, 65), (1 << 16, 1 << 19), (1 << 20, 5)];

proptest! {
    #[test]
    fn what_was_deflated_is_inflated(
        data in text(), level in 0..10_u32, block in 1..9000_usize, sizes in prop::sample::select(SIZES.to_vec())
    ) {
        let stream = deflated(&data, level, block);
        let (found, complete, _) = inflated(&stream, None, sizes, u64::MAX);
        prop_assert!(complete);
        prop_assert_eq!(found, data);
    }

    #[test]
    fn from_each_checkpoint_on_it_is_the_same(
        data in text(), level in 0..10_u32, block in 1..900_usize, spacing in 1..3000_u64
    ) {
        let stream = deflated(&data, level, block);
        let (_, _, points) = inflated(&stream, None, (1 << 16, 1000), spacing);
        for point in &points {
            let (found, complete, _) = inflated(&stream, Some(point), (9, 777), u64::MAX);
            prop_assert!(complete);
            prop_assert_eq!(&found[..], &data[usize::try_from(point.out).unwrap()..]);
        }
        prop_assert!(points.windows(2).all(|pair| pair[1].out - pair[0].out >= spacing));
        let (found, points) = lent(&stream, spacing, usize::MAX);
        prop_assert_eq!(&found, &data);
        for point in &points {
            let (found, complete, _) = inflated(&stream, Some(point), (9, 777), u64::MAX);
            prop_assert!(complete);
            prop_assert_eq!(&found[..], &data[usize::try_from(point.out).unwrap()..]);
        }
    }

    #[test]
    fn damaged_streams_are_refused_where_others_refuse_them(
        data in text(),
        level in 0..10_u32,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in prop::option::of(any::<prop::sample::Index>()),
        sizes in prop::sample::select(SIZES.to_vec()),
    ) {
        let mut stream = deflated(&data, level, 500);
        for (place, byte) in places {
            let place = place.index(stream.len());
            stream[place] ^= byte;
        }
        if let Some(cut) = cut {
            stream.truncate(cut.index(stream.len()));
        }
        agree(&stream, sizes)?;
    }

    #[test]
    fn any_bytes_are_refused_where_others_refuse_them(
        stream in prop::collection::vec(any::<u8>(), 0..300), sizes in prop::sample::select(SIZES.to_vec())
    ) {
        agree(&stream, sizes)?;
    }

    #[test]
    fn codes_of_all_lengths_are_read(data in prop::collection::vec(rare(), 0..40_000), level in 1..10_u32) {
        let stream = deflated(&data, level, usize::MAX);
        let (found, complete, _) = inflated(&stream, None, (4096, 4096), u64::MAX);
        prop_assert!(complete);
        prop_assert_eq!(found, data);
    }
}

/// Bytes each half as frequent as the one before, which makes their codes long.
fn rare() -> impl Strategy<Value = u8> {
    any::<u32>().prop_map(|bits| bits.leading_zeros() as u8 * 7)
}

/// Our output equals the reference, and if the stream is incomplete, stops where it does.
fn agree(stream: &[u8], sizes: (usize, usize)) -> Result<(), TestCaseError> {
    let (expected, complete) = reference(stream);
    let (found, ours, _) = inflated(stream, None, sizes, u64::MAX);
    prop_assert_eq!(ours, complete);
    if complete {
        prop_assert_eq!(found, expected);
    } else {
        let common = found.len().min(expected.len());
        prop_assert_eq!(&found[..common], &expected[..common]);
    }
    Ok(())
}

/// A bit stream, written lowest bit first, from pairs of a count and a value.
fn bits(chunks: &[(usize, u32)]) -> Vec<u8> {
    let all = chunks.iter().flat_map(|&(count, value)| (0..count).map(move |bit| value >> bit & 1));
    let all: Vec<_> = all.collect();
    all.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | *bit as u8)).collect()
}

#[test]
fn a_handwritten_block_is_inflated() {
    // Last block, fixed codes: `a` (0x30 + 97, highest bit first), a copy of 3 from distance 1, the end.
    let a = (8, 0b1000_1001);
    let stream = bits(&[(1, 1), (2, 1), a, (7, 0b100_0000), (5, 0), (7, 0)]);
    assert_eq!(inflated(&stream, None, (1, 10), 1), (b"aaaa".to_vec(), true, vec![]));
    // The same with distance 2, before the start of the output.
    let stream = bits(&[(1, 1), (2, 1), a, (7, 0b100_0000), (5, 0b10000), (7, 0)]);
    let (found, complete, _) = inflated(&stream, None, (9, 10), 1);
    assert_eq!((found, complete), (b"a".to_vec(), false));
}

#[test]
fn copies_may_reach_back_a_whole_window() {
    // 32 KiB in which only the first and last bytes repeat.
    let mut data: Vec<u8> = (0..32_768_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for _ in 0..5 {
        data.extend_from_within(data.len() - 32_768..);
    }
    let stream = deflated(&data, 9, usize::MAX);
    let (found, complete, _) = inflated(&stream, None, (1 << 16, 1 << 16), u64::MAX);
    assert!(complete && found == data);
}

#[test]
fn a_truncated_stream_produces_no_invented_bytes() {
    let data = "The end is near, and nothing comes behind it. ".repeat(40).into_bytes();
    let stream = deflated(&data, 6, usize::MAX);
    for length in 0..stream.len() {
        let (found, complete, _) = inflated(&stream[..length], None, (1 << 16, 1 << 16), u64::MAX);
        assert!(!complete && data.starts_with(&found), "cut at {length}");
    }
}

/// A block whose codes are written out: `a` and the end, or `a`, a copy of three and the end, and one distance, 1, in one
/// bit.
fn own_codes(data: &[(usize, u32)]) -> Vec<u8> {
    // Of the code-length code: 18 (many zeros) in one bit; 2 and 1 in two.
    let mut chunks = vec![(1, 1), (2, 2), (5, 1), (5, 0), (4, 14)];
    chunks.extend([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2].map(|length| (3, length)));
    let zeros = |count: u32| [(1, 0), (7, count - 11)];
    let (one, two) = ((2, 0b01), (2, 0b11));
    // Symbols 97 (`a`), 256 (the end) and 257 (a copy of three), then the only distance.
    chunks.extend(zeros(97));
    chunks.push(one);
    chunks.extend([zeros(138), zeros(20)].concat());
    chunks.extend([two, two, one]);
    chunks.extend(data);
    bits(&chunks)
}

#[test]
fn a_single_distance_may_leave_bits_without_a_meaning() {
    let (a, end, copy) = ((1, 0), (2, 0b01), (2, 0b11));
    assert_eq!(
        inflated(&own_codes(&[a, copy, (1, 0), end]), None, (9, 10), 1),
        (b"aaaa".to_vec(), true, vec![])
    );
    // The other bit is no distance, at the end of the data or before more of it.
    for more in [0, 40] {
        let stream = [own_codes(&[a, copy, (1, 1), end]), vec![0; more]].concat();
        agree(&stream, (9, 10)).unwrap();
        assert_eq!(reason(&stream), "the compressed data is damaged");
    }
    // Without the distance, the data ends too early.
    let filled = own_codes(&[a, a, a, a, copy]);
    let used =
        (0..8).find(|&more| own_codes(&[&[a; 4][..], &vec![a; more], &[copy]].concat()).len() > filled.len());
    let exact = own_codes(&[&[a; 4][..], &vec![a; used.unwrap() - 1], &[copy]].concat());
    assert_eq!(reason(&exact), "the compressed data ends too early");
}

#[test]
fn a_block_may_know_only_its_end() {
    let with = |bit: u32| {
        // Of the code-length code: 1 and 18 in a bit each. Symbol 256 and the only distance have one bit.
        let mut chunks = vec![(1, 1), (2, 2), (5, 0), (5, 0), (4, 14)];
        chunks.extend([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].map(|length| (3, length)));
        chunks.extend([(1, 1), (7, 138 - 11), (1, 1), (7, 118 - 11), (1, 0), (1, 0), (1, bit)]);
        bits(&chunks)
    };
    assert_eq!(inflated(&with(0), None, (9, 10), 1), (vec![], true, vec![]));
    for more in [0, 40] {
        let stream = [with(1), vec![0; more]].concat();
        agree(&stream, (9, 10)).unwrap();
        assert_eq!(reason(&stream), "the compressed data is damaged");
    }
}

#[test]
fn distances_that_have_no_meaning_are_damage() {
    // Fixed codes: `a`, a copy of 3, the distance symbol 30.
    let stream = bits(&[(1, 1), (2, 1), (8, 0b1000_1001), (7, 0b100_0000), (5, 0b01111), (7, 0)]);
    assert_eq!(inflated(&stream, None, (9, 10), 1), (b"a".to_vec(), false, vec![]));
    assert_eq!(reason(&stream), "the compressed data is damaged");
}

/// Why a stream can't be inflated.
fn reason(stream: &[u8]) -> String {
    let read = read_at(stream, usize::MAX);
    let mut decoder = InflateDecoder::from_start();
    decoder.run(&read, None, 1 << 16, &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn checkpoints_that_cannot_be_those_of_a_stream_do_not_fit() {
    let point = |out: u64, input: u64| Checkpoint {
        out,
        input,
        bits: 3,
        value: 0,
        window_bytes: 4,
        window: lz4_flex::block::compress(b"four").into(),
    };
    let fit = |points: Vec<Checkpoint>| Checkpoints { points }.fit(100, 1_000);
    assert!(fit(vec![]) && fit(vec![point(1, 1), point(2, 1), point(1_000, 100)]));
    let descending = [vec![point(2, 1), point(2, 2)], vec![point(1, 2), point(2, 1)]];
    assert!(descending.into_iter().all(|points| !fit(points)));
    for (out, input) in [(0, 1), (1_001, 1), (1, 0), (1, 101)] {
        assert!(!fit(vec![point(out, input)]), "{out} {input}");
    }
    assert!(!fit(vec![Checkpoint { bits: 8, ..point(1, 1) }]));
    assert!(!fit(vec![Checkpoint { window_bytes: 32_769, ..point(1, 1) }]));
    // A window that is shorter than it says, and one that can't be decompressed.
    assert!(InflateDecoder::from_checkpoint(&point(1, 1)).is_ok());
    for damaged in
        [Checkpoint { window_bytes: 5, ..point(1, 1) }, Checkpoint { window_bytes: 3, ..point(1, 1) }]
    {
        let error = InflateDecoder::from_checkpoint(&damaged).err().unwrap();
        assert_eq!(error.to_string(), "a checkpoint is damaged");
    }
}

#[test]
fn a_whole_stream_has_a_limit() {
    let data = vec![b'a'; 200_000];
    let stream = deflated(&data, 6, usize::MAX);
    assert_eq!(whole_stream(&stream, data.len()), Some(data.clone()));
    assert_eq!(whole_stream(&stream, data.len() - 1), None);
    assert_eq!(whole_stream(&stream, 10), None);
    assert_eq!(whole_stream(&stream[..stream.len() / 2], data.len()), None);
}
