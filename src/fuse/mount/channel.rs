//! What the process that will serve a mount tells the one that started it: messages over a socket, each ended by a zero
//! byte.

use super::News;
use crate::error::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;

/// One message from the serving process.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Notice {
    /// Something to show.
    News(News),
    /// The mount can be used.
    Ready,
    /// There will be no mount, for this reason.
    Failed(ErrorKind, String),
}

impl Notice {
    /// The notice of a failure.
    pub(super) fn failed(error: &Error) -> Self {
        Self::Failed(error.kind(), error.to_string())
    }
}

/// Sends `notice`.
///
/// # Errors
/// If nobody listens.
pub(super) fn send(mut socket: &UnixStream, notice: &Notice) -> io::Result<()> {
    let frame = postcard::to_stdvec_cobs(notice).map_err(io::Error::other)?;
    socket.write_all(&frame)
}

/// Takes the first complete notice from `received`, passing over what can't be understood.
pub(super) fn take(received: &mut Vec<u8>) -> Option<Notice> {
    while let Some(end) = received.iter().position(|&byte| byte == 0) {
        let mut frame: Vec<u8> = received.drain(..=end).collect();
        if let Ok(notice) = postcard::from_bytes_cobs(&mut frame) {
            return Some(notice);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Snapshot;
    use std::io::Read;

    #[test]
    fn notices_arrive_whole_however_they_are_split() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let sent = [
            Notice::News(News::Progress(Snapshot { done: 5, total: 9, items: u64::MAX })),
            Notice::News(News::Note("ünï\0".into())),
            Notice::Ready,
        ];
        for notice in &sent {
            send(&ours, notice).unwrap();
        }
        drop(ours);
        let (mut received, mut notices) = (Vec::new(), Vec::new());
        for byte in io::BufReader::new(theirs).bytes() {
            received.push(byte.unwrap());
            notices.extend(take(&mut received));
        }
        assert!(received.is_empty());
        assert_eq!(notices, sent);
    }

    #[test]
    fn garbage_is_passed_over() {
        let mut received = b"\x02\xff\0\x01\0".to_vec();
        received.extend(postcard::to_stdvec_cobs(&Notice::Ready).unwrap());
        assert_eq!(take(&mut received), Some(Notice::Ready));
        assert_eq!(take(&mut received), None);
    }

    #[test]
    fn every_kind_of_error_arrives() {
        // A kind is its number on the wire, so this finds all that exist.
        let kinds: Vec<ErrorKind> =
            (0..).map_while(|number: u8| postcard::from_bytes(&[number]).ok()).collect();
        assert!(kinds.len() >= 12, "{kinds:?}");
        for kind in kinds {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            send(&ours, &Notice::failed(&Error::new(kind, "a: b"))).unwrap();
            drop(ours);
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            assert_eq!(take(&mut received), Some(Notice::Failed(kind, "a: b".into())));
        }
    }
}
