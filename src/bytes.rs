//! Copies of many bytes.

/// How much is copied at once, in bytes.
///
/// The C library copies more than 4 KiB by one instruction (`rep movsb`), which on some processors takes twenty times
/// as long where the two places lie nearly alike within their pages, as buffers from the system do.
const AT_ONCE: usize = 2 << 10;

/// Appends `bytes` to `buffer`. Linear.
pub fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.reserve(bytes.len());
    bytes.chunks(AT_ONCE).for_each(|piece| buffer.extend_from_slice(piece));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_arrive_behind_those_that_were_there() {
        for length in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE + 7] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut buffer = b"before".to_vec();
            append(&mut buffer, &bytes);
            assert_eq!(buffer, [b"before", &bytes[..]].concat());
        }
    }
}
