//! Copying large byte slices.

/// Copy step in bytes.
///
/// For more than 4 KiB the C library uses a single instruction (`rep movsb`), which on some processors is twenty
/// times slower if source and destination have nearly the same offset within their pages, as buffers from the
/// system do.
const COPY_STEP: usize = 2 << 10;

/// Appends `bytes` to `buffer`. Linear.
pub fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.reserve(bytes.len());
    bytes.chunks(COPY_STEP).for_each(|chunk| buffer.extend_from_slice(chunk));
}

/// Copies as much of `from` as fits to the start of `to`. Linear.
pub fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.chunks_mut(COPY_STEP).zip(from.chunks(COPY_STEP)) {
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
