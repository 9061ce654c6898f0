//! Local headers in the forms that writers give them, and what may follow their data.

use super::unlucky::{recovered, streamed_zip};
use super::*;

const ENCRYPTED: u16 = 1;
const STREAMED: u16 = 8;

/// A local header of a stored entry.
fn local(name: &str, flags: u16, crc: u32, sizes: [u32; 2], extra: &[u8]) -> Vec<u8> {
    let [compressed, size] = sizes.map(u32::to_le_bytes);
    let lengths = [name.len() as u16, extra.len() as u16].map(u16::to_le_bytes).concat();
    let fixed =
        [&b"PK\x03\x04\x14\0"[..], &flags.to_le_bytes(), &[0; 6], &crc.to_le_bytes(), &compressed, &size];
    [&fixed.concat(), &lengths, name.as_bytes(), extra].concat()
}

/// What an archive holds: each entry's name, its bytes, and why reading it failed.
fn found(zip: &[u8]) -> Vec<(String, Vec<u8>, String)> {
    let archive = recovered(zip);
    let entry = |(at, entry): (u32, Entry<'_>)| {
        let (bytes, result) = streamed(&archive, at);
        (entry.name.to_owned(), bytes, result.err().map_or(String::new(), |error| error.to_string()))
    };
    (0..).zip(archive.entries().iter()).map(entry).collect()
}

fn whole(name: &str, bytes: &[u8]) -> (String, Vec<u8>, String) {
    (name.to_owned(), bytes.to_vec(), String::new())
}

#[test]
fn inflated_data_is_whole_whatever_follows_it() {
    let (first, second) = (text(5_000, 1), text(300, 2));
    let alone = streamed_zip(&[("first", &first)]);
    // Without its descriptor, which has 16 bytes, and with half of it.
    let (bare, half) = (&alone[..alone.len() - 16], &alone[..alone.len() - 8]);
    let next = streamed_zip(&[("second", &second)]);
    for end in [&b""[..], b"PK", b"junk", b"PK\x01\x02"] {
        assert_eq!(found(&[bare, end].concat()), [whole("first", &first)]);
        assert_eq!(recovered(&[bare, end].concat()).notes().len(), 1);
        let both = [whole("first", &first), whole("second", &second)];
        assert_eq!(found(&[bare, end, &next].concat()), both);
        assert_eq!(found(&[half, end, &next].concat()), both);
    }
}

#[test]
fn sizes_in_a_zip64_field_are_those_of_the_entry() {
    let words = b"some words";
    let mut field = vec![1, 0, 16, 0];
    field.extend([words.len() as u64; 2].map(u64::to_le_bytes).concat());
    let crc = crc32fast::hash(words);
    let other = [0x55, 0x54, 1, 0, 7];
    for extra in [&field[..], &[&other, &field[..]].concat()] {
        let zip =
            [&local("a", 0, crc, [u32::MAX; 2], extra), &words[..], &local("b", 0, 0, [0; 2], &[])].concat();
        assert_eq!(found(&zip), [whole("a", words), whole("b", b"")]);
    }
    // A field with one size says nothing about the other, and one that is cut off says nothing at all.
    let short = [&[1, 0, 8, 0], &[9; 8][..]].concat();
    for extra in [&short[..], &field[..9]] {
        let zip = [&local("a", 0, crc, [10; 2], extra), &words[..]].concat();
        assert_eq!(found(&zip), [whole("a", words)]);
    }
}

#[test]
fn sizes_in_the_header_of_a_streamed_entry_are_believed() {
    let words = b"some words";
    let crc = crc32fast::hash(words);
    let next = local("b", 0, 0, [0; 2], &[]);
    let zip = [&local("a", STREAMED, crc, [10; 2], &[]), &words[..], b"PK\x07\x08 and more", &next].concat();
    assert_eq!(found(&zip), [whole("a", words), whole("b", b"")]);
}

#[test]
fn data_that_we_cannot_read_ends_at_its_descriptor() {
    let mut header = local("a", STREAMED, 0, [0; 2], &[]);
    header[8] = 14;
    // Its sizes differ, and its checksum is that of other bytes.
    let descriptor = [&b"PK\x07\x08"[..], &[1, 2, 3, 4], &[10, 0, 0, 0], &[50, 0, 0, 0]].concat();
    let zip = [&header[..], b"some bytes", &descriptor, &local("b", 0, 0, [0; 2], &[])].concat();
    let archive = recovered(&zip);
    let found: Vec<_> = archive.entries().iter().map(|entry| (entry.name, entry.size)).collect();
    assert_eq!(found, [("a", 50), ("b", 0)]);
    assert_eq!(archive.notes().len(), 1, "nothing is said to be damaged");
    assert!(message(archive.check_readable(0)).contains("compressed by method 14"));
}

#[test]
fn entries_that_are_not_files_keep_their_place() {
    let words = b"some words";
    let zip = [
        local("folder/", 0, 0, [0; 2], &[]),
        local("folder\\", 0, 0, [0; 2], &[]),
        local("secret", ENCRYPTED | STREAMED, 0, [0; 2], &[]),
        [9; 40].to_vec(),
        local("folder/a", 0, crc32fast::hash(words), [10; 2], &[]),
        words.to_vec(),
    ];
    let archive = recovered(&zip.concat());
    let kinds: Vec<_> = archive.entries().iter().map(|entry| (entry.name, entry.kind)).collect();
    let expected = [
        ("folder/", EntryKind::Directory),
        ("folder\\", EntryKind::Directory),
        ("secret", EntryKind::File),
        ("folder/a", EntryKind::File),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(
        message(streamed(&archive, 2).1),
        "x.zip: secret: encrypted (ZipCrypto); gptfs cannot read it"
    );
    assert_eq!(read_all(&archive, 3, 100).unwrap(), words);
}
