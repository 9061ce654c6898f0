//! ZIPs that were cut off, touched, or made to mean two things.

use super::*;

pub(super) fn recovered(bytes: &[u8]) -> Archive {
    let limits = Limits { recover: true, ..Limits::default() };
    Archive::zip(file_of(bytes), "x.zip", &limits, &Arc::default()).unwrap()
}

/// A ZIP whose local headers say neither sizes nor checksums: flag 3 and zeros, with a descriptor after the data.
pub(super) fn streamed_zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in entries {
        let zip = zip_bytes(&[(name, bytes, CompressionMethod::DEFLATE)]);
        let compressed = u32::from_le_bytes(zip[18..22].try_into().unwrap()) as usize;
        let mut header = zip[..30].to_vec();
        header[6] |= 8;
        let (crc, sizes) = (zip[14..18].to_vec(), zip[18..26].to_vec());
        header[14..26].fill(0);
        out.extend(header);
        out.extend(&zip[30..30 + name.len() + compressed]);
        out.extend(b"PK\x07\x08");
        out.extend(crc);
        out.extend(sizes);
    }
    out
}

#[test]
fn a_zip_without_its_directory_is_read_by_its_local_headers() {
    let (first, second) = (text(300_000, 1), text(5_000, 2));
    let whole = zip_bytes(&[
        ("first", &first, CompressionMethod::DEFLATE),
        ("second", &second, CompressionMethod::Stored),
    ]);
    let directory = position(&whole, b"PK\x01\x02");
    let refused = message(open(&whole[..directory]));
    assert!(refused.contains("--recover"), "{refused}");
    let streamed_bytes = streamed_zip(&[("first", &first), ("second", &second)]);
    for bytes in [&whole[..directory], &streamed_bytes] {
        let archive = recovered(bytes);
        let names: Vec<_> = archive.entries().iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["first", "second"]);
        for (entry, data) in [(0, &first), (1, &second)] {
            let (all, result) = streamed(&archive, entry);
            result.unwrap();
            assert!(all == *data);
        }
        assert_eq!(archive.notes(), ["no usable directory; its entries were found by their local headers"]);
    }
}

#[test]
fn what_is_recovered_has_the_limits_of_any_archive() {
    let bomb = vec![0; 5 << 20];
    let sized = zip_bytes(&[
        ("first", &bomb, CompressionMethod::DEFLATE),
        ("second", b"", CompressionMethod::Stored),
    ]);
    let sized = &sized[..position(&sized, b"PK\x01\x02")];
    let streamed = streamed_zip(&[("first", &bomb), ("second", b"")]);
    let limits = Limits { recover: true, ..Limits::default() };
    for bytes in [sized, &streamed] {
        let refused = |limits: Limits| {
            let error = Archive::zip(file_of(bytes), "x.zip", &limits, &Arc::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit);
            error.to_string()
        };
        let said = refused(Limits { max_bytes: 1 << 20, ..limits });
        let size = said.strip_prefix("x.zip: expands to ").expect(&said);
        assert!(size.ends_with(", limit is 1 MiB (--max-size)"), "{said}");
        let said = refused(Limits { max_entries: 1, ..limits });
        assert_eq!(said, "x.zip: more than 1 entries, which is the limit");
    }
}

#[test]
fn a_stored_entry_without_a_size_ends_at_its_descriptor() {
    let stored = zip_bytes(&[("first", b"some words", CompressionMethod::Stored)]);
    let mut bytes = stored[..position(&stored, b"PK\x01\x02")].to_vec();
    let checksum = bytes[14..18].to_vec();
    bytes[6] |= 8;
    bytes[14..26].fill(0);
    let (all, result) = streamed(&recovered(&bytes), 0);
    assert_eq!(
        (all.as_slice(), message(result).as_str()),
        (&b"some words"[..], "x.zip: first: its checksum is wrong")
    );
    bytes.extend(b"PK\x07\x08");
    bytes.extend(checksum);
    bytes.extend([10, 0, 0, 0, 10, 0, 0, 0]);
    let (all, result) = streamed(&recovered(&bytes), 0);
    assert_eq!((all.as_slice(), result.is_ok()), (&b"some words"[..], true));
}

/// A form of descriptor: its signature, and the width of its sizes.
type DescriptorForm = (&'static [u8], usize);

const DESCRIPTOR_FORMS: [DescriptorForm; 4] = [(b"PK\x07\x08", 4), (b"PK\x07\x08", 8), (b"", 4), (b"", 8)];

/// A ZIP of stored entries, whose local headers say neither sizes nor checksums.
fn streamed_stored(entries: &[(&str, &[u8])], (signature, width): DescriptorForm) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, data) in entries {
        let mut header = zip_bytes(&[(name, data, CompressionMethod::Stored)])[..30 + name.len()].to_vec();
        let crc = header[14..18].to_vec();
        header[6] |= 8;
        header[14..26].fill(0);
        out.extend(header);
        out.extend(*data);
        out.extend(signature);
        out.extend(crc);
        for _ in 0..2 {
            out.extend(&(data.len() as u64).to_le_bytes()[..width]);
        }
    }
    out
}

/// Asserts that all of these entries are recovered, and are whole but for those in `damaged`.
#[track_caller]
fn assert_recovered(zip: &[u8], entries: &[(&str, &[u8])], damaged: &[&str]) {
    let archive = recovered(zip);
    let found: Vec<_> = archive.entries().iter().map(|entry| entry.name).collect();
    assert_eq!(found, entries.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (at, (name, data)) in (0..).zip(entries) {
        let (all, result) = streamed(&archive, at);
        assert_eq!(result.is_err(), damaged.contains(name), "{name}");
        assert_eq!(all.len(), data.len(), "{name}");
        assert!(damaged.contains(name) || all == *data, "{name}");
    }
    let notes: Vec<_> = damaged.iter().map(|name| format!("{name} is damaged")).collect();
    assert_eq!(archive.notes()[1..], notes);
}

#[test]
fn a_stored_entry_without_a_size_ends_where_its_length_and_checksum_are_right() {
    let (words, none) = (text(300_000, 1), Vec::new());
    // A ZIP in it, and descriptors that aren't its own: of another length, and of its length until there.
    let inner = streamed_stored(&[("inner", b"some words")], DESCRIPTOR_FORMS[0]);
    let mut tricky = [&words[..], &inner, b"PK\x07\x08", &[7; 12], &words, b"PK"].concat();
    let length = (tricky.len() as u32).to_le_bytes();
    tricky.extend([b"PK\x07\x08", &[1, 2, 3, 4], &length, &length, &words[..]].concat());
    for form in DESCRIPTOR_FORMS {
        let entries = [("a", &tricky[..]), ("b", &b"Tea"[..]), ("c", &none[..]), ("d", &tricky[..])];
        let mut zip = streamed_stored(&entries, form);
        assert_recovered(&zip, &entries, &[]);
        // The directory after the entries marks the end of the last one too.
        zip.extend(b"PK\x01\x02");
        assert_recovered(&zip, &entries, &[]);
    }
}

#[test]
fn a_stored_entry_with_a_wrong_byte_hides_none_of_those_after_it() {
    let words = text(300_000, 1);
    for form in DESCRIPTOR_FORMS {
        let entries = [("a", &words[..]), ("b", &b"Tea"[..]), ("c", &words[..])];
        let mut zip = streamed_stored(&entries, form);
        zip[200_000] ^= 1;
        assert_recovered(&zip, &entries, &["a"]);
        // Without its descriptor, an entry ends at the next header.
        let header = position(&zip, b"b") - 30;
        let own = form.0.len() + 4 + 2 * form.1;
        zip.drain(header - own..header);
        assert_recovered(&zip, &entries, &["a"]);
    }
}

#[test]
fn a_broken_entry_with_a_large_descriptor_is_recovered_up_to_the_break() {
    let data = text(300_000, 1);
    let small = streamed_zip(&[("first", &data), ("second", b"Tea")]);
    let second = position(&small, b"second") - 30;
    // The sizes of the first descriptor with eight bytes each.
    let (sizes, rest) = small.split_at(second - 8);
    let (compressed, size) = (&rest[..4], &rest[4..8]);
    let mut zip = [sizes, compressed, &[0; 4], size, &[0; 4], &small[second..]].concat();
    zip[second / 2] ^= 0xff;
    let archive = recovered(&zip);
    let (all, result) = streamed(&archive, 0);
    assert!(result.is_err() && all.len() > 50_000 && data.starts_with(&all[..50_000]), "{}", all.len());
    assert_eq!(streamed(&archive, 1).0, b"Tea");
}

#[test]
fn a_cut_entry_is_recovered_as_far_as_it_goes() {
    let data = text(300_000, 1);
    let sized = zip_bytes(&[("first", &data, CompressionMethod::DEFLATE)]);
    let stored = zip_bytes(&[("first", &data, CompressionMethod::Stored)]);
    for bytes in [sized, stored, streamed_zip(&[("first", &data)])] {
        for cut in [bytes.len() / 2, bytes.len() / 3, 40] {
            let archive = recovered(&bytes[..cut]);
            let (all, result) = streamed(&archive, 0);
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Damaged);
            assert!(data.starts_with(&all) && (cut < 1000 || all.len() > data.len() / 5), "{}", all.len());
            assert_eq!(archive.notes()[1], "first is cut off");
        }
    }
}

/// Three streamed entries, whose descriptors begin with `signature`, and where the data of the first begins and ends.
fn three_streamed(signature: &[u8]) -> ([Vec<u8>; 3], Vec<u8>, std::ops::Range<usize>) {
    let data = [text(300_000, 1), text(5_000, 2), text(5_000, 3)];
    let zip = streamed_zip(&[("first", &data[0]), ("second", &data[1]), ("third", &data[2])]);
    let second = position(&zip, b"second") - 30;
    let mut unsigned = Vec::new();
    let mut rest = &zip[..];
    while let Some(at) = rest.windows(4).position(|word| word == b"PK\x07\x08") {
        unsigned.extend(&rest[..at]);
        unsigned.extend(signature);
        rest = &rest[at + 4..];
    }
    unsigned.extend(rest);
    (data, unsigned, 35..second - 16)
}

/// Asserts that the first of three entries is said to be damaged and breaks off, and that the others are whole.
#[track_caller]
fn assert_only_the_first_is_damaged(zip: &[u8], data: &[Vec<u8>; 3]) {
    let archive = recovered(zip);
    let names: Vec<_> = archive.entries().iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert_eq!(streamed(&archive, 0).1.unwrap_err().kind(), ErrorKind::Damaged);
    for entry in [1, 2] {
        let (all, result) = streamed(&archive, entry);
        result.unwrap();
        assert!(all == data[entry as usize]);
    }
    assert_eq!(archive.notes()[1..], ["first is damaged"]);
}

#[test]
fn a_streamed_entry_with_a_wrong_byte_hides_none_of_those_after_it() {
    // What follows a wrong byte is inflated to nonsense, often past the end of the entry.
    for signature in [&b"PK\x07\x08"[..], b""] {
        let (data, zip, first) = three_streamed(signature);
        for at in first.clone().step_by(499) {
            for bits in [0x01, 0x40, 0xff] {
                let mut changed = zip.clone();
                changed[at] ^= bits;
                assert_only_the_first_is_damaged(&changed, &data);
            }
        }
        let mut lost = zip.clone();
        lost[first.start + 5_000..first.start + 6_000].fill(0);
        assert_only_the_first_is_damaged(&lost, &data);
    }
}

#[test]
fn a_streamed_entry_without_a_descriptor_that_fits_ends_at_the_next_header() {
    const NO_BLOCK: u8 = 7;
    let (data, mut zip, first) = three_streamed(b"PK\x07\x08");
    zip[first.start] = NO_BLOCK;
    zip.drain(first.start + 100..first.start + 200);
    assert_only_the_first_is_damaged(&zip, &data);
}

#[test]
fn every_truncation_and_every_flipped_byte_is_recovered_or_refused() {
    let data = text(2_000, 1);
    let whole =
        zip_bytes(&[("a", &data, CompressionMethod::DEFLATE), ("b", &data, CompressionMethod::Stored)]);
    let limits = Limits { recover: true, ..Limits::default() };
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        for bytes in [&whole[..at], &changed] {
            let Ok(archive) = Archive::zip(file_of(bytes), "x.zip", &limits, &Arc::default()) else {
                continue;
            };
            for entry in 0..archive.entries().len() as u32 {
                let (all, result) = streamed(&archive, entry);
                assert!(result.is_err() || all == data || all.is_empty(), "byte {at}");
            }
        }
    }
}

#[test]
fn several_directories_are_noted() {
    let (one, other) =
        (("a", &b"one"[..], CompressionMethod::Stored), ("b", &b"two"[..], CompressionMethod::Stored));
    let (first, second) = (zip_bytes(&[one]), zip_bytes(&[other]));
    assert_eq!(open(&first).unwrap().notes(), [""; 0]);
    // A stored ZIP as the last entry has its own directory where it belongs.
    let nested = zip_bytes(&[("inner.zip", &first, CompressionMethod::Stored)]);
    assert_eq!(open(&nested).unwrap().notes(), [""; 0]);
    let mut commented = first.clone();
    let length = commented.len();
    commented[length - 2..].copy_from_slice(&(second.len() as u16).to_le_bytes());
    commented.extend(&second);
    let appended = [&first[..], &second].concat();
    for bytes in [commented, appended] {
        let archive = open(&bytes).unwrap();
        assert_eq!(archive.notes(), ["has several directories: other programs may see other files in it"]);
    }
}

#[test]
fn a_local_header_that_contradicts_the_directory_is_reported() {
    let data = text(1_000, 1);
    let bytes = zip_bytes(&[("data", &data, CompressionMethod::DEFLATE)]);
    let contradiction = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        open(&bytes).unwrap().contradiction(0)
    };
    assert_eq!(contradiction(0, b'P'), None);
    for (at, what) in [(30, "name"), (8, "compression method"), (22, "size"), (14, "checksum")] {
        let said = contradiction(at, bytes[at] ^ 1).expect(what);
        assert!(said.starts_with(&format!("its local header has a different {what} from")), "{said}");
    }
}

/// A ZIP with two entries called `a`.
fn zip_of_equal_names() -> Vec<u8> {
    let mut bytes =
        zip_bytes(&[("a", b"first", CompressionMethod::Stored), ("b", b"second", CompressionMethod::Stored)]);
    let second = position(&bytes, b"bsecond");
    bytes[second] = b'a';
    let first = position(&bytes, b"PK\x01\x02");
    let second = first + 4 + position(&bytes[first + 4..], b"PK\x01\x02");
    bytes[second + 46] = b'a';
    bytes
}

#[test]
fn equal_names_are_both_listed() {
    let archive = open(&zip_of_equal_names()).unwrap();
    let names: Vec<_> = archive.entries().iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a", "a"]);
    assert_eq!(read_all(&archive, 0, 9).unwrap(), b"first");
    assert_eq!(read_all(&archive, 1, 9).unwrap(), b"second");
}

/// Shadowed by the reader's own type once `zip::read` exports it.
struct ZipIterable<R>(std::marker::PhantomData<R>);

#[test]
fn zip_is_pinned_because_its_stable_reader_drops_entries_of_equal_names() {
    const ADVICE: &str =
        "and require zip like any other crate in Cargo.toml, without `=`; then delete this test";
    let stable = zip::ZipArchive::new(Cursor::new(zip_of_equal_names())).unwrap();
    assert_eq!(stable.len(), 1, "in src/archive/directory.rs, read with `zip::ZipArchive`, {ADVICE}");
    let found = {
        #[allow(unused_imports, reason = "only looks for a name")]
        use zip::read::*;
        std::any::type_name::<ZipIterable<File>>()
    };
    assert!(found.starts_with("gptfs::"), "in src/archive/directory.rs, import `{found}`, {ADVICE}");
    let pinned = include_str!("../../../Cargo.toml").contains("version = \"=");
    assert!(pinned, "an unstable interface may change with every release: pin zip exactly in Cargo.toml");
}

#[test]
fn zips_inside_a_zip_are_unpacked_up_to_a_limit() {
    let large = vec![0; 70 << 20];
    let outer = zip_bytes(&[("a.zip", &large, CompressionMethod::DEFLATE)]);
    let unpack = |max_unpacked: Option<u64>| {
        let limits = Limits { max_unpacked, ..Limits::default() };
        let outer = Archive::zip(file_of(&outer), "x.zip", &limits, &Arc::default()).unwrap();
        outer.nested(0, &Arc::default()).unwrap_err()
    };
    let error = unpack(None);
    assert_eq!(error.kind(), ErrorKind::Limit);
    let said = error.to_string();
    assert!(
        said.starts_with("x.zip: a.zip: unpacking it takes 70 MiB in a temporary file, limit is 64.2 MiB"),
        "{said}"
    );
    assert!(said.ends_with("(--max-unpacked)"), "{said}");
    assert_eq!(unpack(Some(70 << 20)).kind(), ErrorKind::NotAnExport, "it isn't a ZIP");
}

/// A ZIP of two entries whose file was modified a minute ago, and that file.
fn zip_of_a_minute_ago(data: &[u8]) -> (Archive, File) {
    let bytes =
        zip_bytes(&[("data", data, CompressionMethod::DEFLATE), ("stored", data, CompressionMethod::Stored)]);
    let file = file_of(&bytes);
    set_time(&file);
    let archive =
        Archive::zip(file.try_clone().unwrap(), "x.zip", &Limits::default(), &Arc::default()).unwrap();
    (archive, file)
}

fn set_time(file: &File) {
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000))
        .unwrap();
}

/// Waits until the clock of the file system has moved on, so that changes can be told apart.
fn next_tick(file: &File) {
    let changed = |file: &File| {
        use std::os::unix::fs::MetadataExt;
        let metadata = file.metadata().unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    let (before, start) = (changed(file), std::time::Instant::now());
    while changed(file) == before {
        assert!(start.elapsed().as_secs() < 10, "the clock does not advance");
        set_time(file);
    }
}

#[test]
fn a_touched_zip_with_the_same_bytes_stays_readable() {
    let data = text(6 << 20, 1);
    let (archive, file) = zip_of_a_minute_ago(&data);
    streamed(&archive, 0).1.unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
    let mut range = Vec::new();
    archive.read_range(0, 5_000_000, 5_000_010, &mut range).unwrap();
    assert!(range == data[5_000_000..5_000_010]);
    assert!(read_all(&archive, 1, 1 << 20).unwrap() == data);
}

#[test]
fn a_change_in_place_is_noticed_even_if_the_time_is_set_back() {
    let data = text(6 << 20, 1);
    let (archive, file) = zip_of_a_minute_ago(&data);
    streamed(&archive, 0).1.unwrap();
    next_tick(&file);
    let (first, second) =
        (archive.entries().get(0).unwrap().header, archive.entries().get(1).unwrap().header);
    for header in [first, second] {
        file.write_all_at(&[7; 64], header + 200_000).unwrap();
    }
    set_time(&file);
    let error = archive.read_range(0, 5_000_000, 5_000_010, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "x.zip: data: changed while it was in use");
    assert!(archive.read_at(1, 0, &mut [0; 10]).is_err());
}
