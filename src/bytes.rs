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

/// Copies `from` to the start of `to`, or as much as there is room for. Linear.
pub fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.chunks_mut(AT_ONCE).zip(from.chunks(AT_ONCE)) {
        let length = to.len().min(from.len());
        if let (Some(to), Some(from)) = (to.get_mut(..length), from.get(..length)) {
            to.copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_arrive_and_no_others_change() {
        for length in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE + 7] {
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
