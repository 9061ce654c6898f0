//! Entries that we can name but not read, and directories.

use super::*;

#[test]
fn encrypted_and_unsupported_entries_are_named_when_read() {
    let plain = zip_bytes(&[("data", b"secret", CompressionMethod::Stored)]);
    let directory = position(&plain, b"PK\x01\x02");
    let mut bytes = plain.clone();
    bytes[6] |= 1;
    bytes[directory + 8] |= 1;
    let archive = open(&bytes).unwrap();
    let expected = "x.zip: data: encrypted (ZipCrypto); gptfs cannot read it";
    assert_eq!(message(archive.check_readable(0)), expected);
    assert_eq!(message(streamed(&archive, 0).1), expected);
    assert_eq!(message(archive.read_at(0, 0, &mut [0])), expected);
    let mut bytes = plain;
    bytes[8] = 14;
    bytes[directory + 10] = 14;
    let archive = open(&bytes).unwrap();
    assert_eq!(archive.entries().get(0).unwrap().method, Method::Unsupported(14));
    assert!(message(archive.check_readable(0)).contains("compressed by method 14"));
}

#[test]
fn the_aes_key_length_is_reported_if_the_directory_says_it() {
    let said = |id: u16, strength: u8| {
        let mut options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).into_full_options();
        options.add_extra_field(0x7777, vec![1, 2, 3], true).unwrap();
        // Version 2, vendor AE, strength, method 8.
        options.add_extra_field(0x9999, vec![2, 0, b'A', b'E', strength, 8, 0], true).unwrap();
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("data", options).unwrap();
        writer.write_all(b"secret").unwrap();
        let mut bytes = writer.finish().unwrap().into_inner();
        let directory = position(&bytes, b"PK\x01\x02");
        let extra = directory + position(&bytes[directory..], &[0x99, 0x99]);
        bytes[extra..extra + 2].copy_from_slice(&id.to_le_bytes());
        bytes[directory + 8] |= 1;
        bytes[directory + 10] = 99;
        message(open(&bytes).unwrap().check_readable(0))
    };
    for (id, strength, name) in [
        (0x9901, 1, "AES-128"),
        (0x9901, 2, "AES-192"),
        (0x9901, 3, "AES-256"),
        (0x9901, 4, "AES"),
        (0x9902, 3, "AES"),
    ] {
        assert_eq!(said(id, strength), format!("x.zip: data: encrypted ({name}); gptfs cannot read it"));
    }
}

#[test]
fn a_name_that_ends_with_a_slash_of_either_kind_is_a_directory() {
    let mut bytes = zip_bytes(&[
        ("folder/", b"", CompressionMethod::Stored),
        ("windows_", b"", CompressionMethod::Stored),
        ("file", b"", CompressionMethod::Stored),
    ]);
    while let Some(at) = bytes.windows(8).position(|name| name == b"windows_") {
        bytes[at + 7] = b'\\';
    }
    let archive = open(&bytes).unwrap();
    let kinds: Vec<_> = archive.entries().iter().map(|entry| (entry.name, entry.kind)).collect();
    let expected =
        [("folder/", EntryKind::Directory), ("windows\\", EntryKind::Directory), ("file", EntryKind::File)];
    assert_eq!(kinds, expected);
    assert_eq!(message(archive.check_readable(0)), "x.zip: folder/: a directory");
}
