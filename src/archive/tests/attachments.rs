//! More files read at once than are remembered.

use super::*;

/// Reads all entries `step` bytes at a time, in turn, and compares them with `files`.
fn assert_readable_in_turn(archive: &Archive, files: &[Vec<u8>], step: usize) {
    let mut buffer = vec![0; step];
    for start in (0..files[0].len()).step_by(step) {
        for (entry, file) in (0..).zip(files) {
            let mut read = 0;
            while read < step.min(file.len() - start) {
                let found = archive.read_at(entry, (start + read) as u64, &mut buffer[read..]).unwrap();
                assert!(found > 0, "entry {entry} ends at {}", start + read);
                read += found;
            }
            assert!(buffer[..read] == file[start..start + read], "entry {entry} at {start}");
        }
    }
}

fn zip_of(files: &[Vec<u8>], method: CompressionMethod) -> Archive {
    let names: Vec<_> = (0..files.len()).map(|at| format!("{at}.txt")).collect();
    let entries: Vec<_> = names.iter().zip(files).map(|(name, file)| (&**name, &**file, method)).collect();
    open(&zip_bytes(&entries)).unwrap()
}

#[test]
fn more_deflated_attachments_than_are_remembered_are_read_in_turn() {
    let size = super::random::SMALL_BYTES as usize + 100_000;
    let files: Vec<_> = (0..6).map(|seed| text(size, seed)).collect();
    assert_readable_in_turn(&zip_of(&files, CompressionMethod::Deflated), &files, 1 << 20);
}

#[test]
fn a_stored_attachment_that_was_forgotten_is_verified_when_it_is_read_again() {
    let access = super::random::RandomAccess::new(0, Arc::default());
    for entry in 0..20 {
        assert_eq!(access.follow(entry, 0, b"ab", 4), None);
    }
    // The first ones are forgotten, so what follows is out of order.
    assert_eq!(access.follow(0, 2, b"cd", 4), None);
    assert_eq!(access.follow(19, 2, b"cd", 4), Some(crc32fast::hash(b"abcd")));
    assert_eq!(access.follow(0, 0, b"abcd", 4), Some(crc32fast::hash(b"abcd")));
}
