//! Bytes: copies, a hash, tables of positions, and byte order marks.

mod positions;

pub(crate) use positions::Positions;

/// Copy step in bytes.
///
/// For more than 4 KiB the C library uses a single instruction (`rep movsb`), which on some processors is twenty
/// times slower if source and destination have nearly the same offset within their pages, as buffers from the
/// system do.
const COPY_STEP: usize = 2 << 10;

/// Appends `bytes` to `buffer`. Linear.
pub(crate) fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.reserve(bytes.len());
    bytes.chunks(COPY_STEP).for_each(|chunk| buffer.extend_from_slice(chunk));
}

/// Copies as much of `from` as fits to the start of `to`. Linear.
pub(crate) fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.chunks_mut(COPY_STEP).zip(from.chunks(COPY_STEP)) {
        let length = to.len().min(from.len());
        if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
            to.copy_from_slice(from);
        }
    }
}

/// `text` without the byte order mark that some programs put before it.
pub(crate) fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// U+FEFF in UTF-8.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The 64-bit FNV-1a hash: stable across machines and versions, and not meant to resist an attacker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    /// Hashes the next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The hash of all bytes so far.
    pub(crate) fn sum(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut hash = Fnv::default();
        hash.write(b"foo");
        hash.write(b"bar");
        assert_eq!(hash.sum(), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn exactly_the_requested_bytes_are_copied() {
        for length in [0, 1, COPY_STEP - 1, COPY_STEP, COPY_STEP + 1, 5 * COPY_STEP + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut buffer = b"before".to_vec();
            append(&mut buffer, &bytes);
            assert_eq!(buffer, [b"before", &bytes[..]].concat());
            for room in [length / 2, length, length + 9] {
                let mut buffer = vec![b'x'; room];
                copy(&mut buffer, &bytes);
                let copied = length.min(room);
                assert_eq!(buffer[..copied], bytes[..copied]);
                assert!(buffer[copied..].iter().all(|&byte| byte == b'x'));
            }
        }
    }
}
