//! What the process that will serve a mount tells the one that was started: frames over a socket.
//!
//! A frame is a tag, a length (four bytes, little-endian) and that many bytes.

use super::{News, Snapshot};
use crate::error::{Error, ErrorKind};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;

/// One message from the serving process.
#[derive(Debug)]
pub(super) enum Message {
    News(News),
    /// The mount can be used.
    Ready,
    /// There will be no mount.
    Failed(Error),
}

const PROGRESS: u8 = b'p';
const NOTE: u8 = b'n';
const READY: u8 = b'r';
const FAILED: u8 = b'f';

/// Every kind of error, by its number on the wire.
const KINDS: [ErrorKind; 11] = [
    ErrorKind::Unexpected,
    ErrorKind::Usage,
    ErrorKind::NotAnExport,
    ErrorKind::Damaged,
    ErrorKind::Limit,
    ErrorKind::Environment,
    ErrorKind::Interrupted,
    ErrorKind::NotFound,
    ErrorKind::NotADirectory,
    ErrorKind::IsADirectory,
    ErrorKind::OutOfMemory,
];

/// Sends `message`.
///
/// # Errors
/// If nobody listens any more.
pub(super) fn send(mut socket: &UnixStream, message: &Message) -> io::Result<()> {
    let (tag, body) = match message {
        Message::News(News::Progress(Snapshot { done, total, conversations })) => {
            (PROGRESS, [done, total, conversations].iter().flat_map(|number| number.to_le_bytes()).collect())
        }
        Message::News(News::Note(text)) => (NOTE, text.clone().into_bytes()),
        Message::News(News::Ready) | Message::Ready => (READY, Vec::new()),
        Message::Failed(error) => {
            let kind = KINDS.iter().position(|kind| *kind == error.kind()).unwrap_or(0);
            let mut body = vec![kind as u8];
            body.extend(error.to_string().into_bytes());
            (FAILED, body)
        }
    };
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let mut frame = vec![tag];
    frame.extend(length.to_le_bytes());
    frame.extend(body);
    socket.write_all(&frame)
}

/// Takes the first whole message from `received`.
pub(super) fn take(received: &mut Vec<u8>) -> Option<Message> {
    let (head, rest) = received.split_at_checked(5)?;
    let [tag, length @ ..] = head else { return None };
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let body = rest.get(..length)?;
    let message = match *tag {
        PROGRESS => Message::News(News::Progress(snapshot(body))),
        NOTE => Message::News(News::Note(String::from_utf8_lossy(body).into_owned())),
        READY => Message::Ready,
        _ => {
            let (kind, text) = body.split_first().unwrap_or((&0, &[]));
            let kind = KINDS.get(usize::from(*kind)).copied().unwrap_or(ErrorKind::Unexpected);
            Message::Failed(Error::new(kind, String::from_utf8_lossy(text)))
        }
    };
    received.drain(..length.saturating_add(5));
    Some(message)
}

fn snapshot(body: &[u8]) -> Snapshot {
    let number = |at: usize| {
        let bytes = body.get(at * 8..at * 8 + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_le_bytes)
    };
    Snapshot { done: number(0), total: number(1), conversations: number(2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn messages_arrive_whole_however_they_are_cut() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let progress = Snapshot { done: 5, total: 9, conversations: u64::MAX };
        send(&ours, &Message::News(News::Progress(progress))).unwrap();
        send(&ours, &Message::News(News::Note("ünï".into()))).unwrap();
        send(&ours, &Message::Ready).unwrap();
        drop(ours);
        let (mut received, mut messages) = (Vec::new(), Vec::new());
        for byte in io::BufReader::new(theirs).bytes() {
            received.push(byte.unwrap());
            messages.extend(take(&mut received));
        }
        assert!(received.is_empty());
        let [Message::News(News::Progress(p)), Message::News(News::Note(note)), Message::Ready] =
            &messages[..]
        else {
            panic!("{messages:?}");
        };
        assert_eq!((*p, note.as_str()), (progress, "ünï"));
    }

    #[test]
    fn every_kind_of_error_keeps_its_exit_code() {
        for kind in KINDS {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            send(&ours, &Message::Failed(Error::new(kind, "a: b"))).unwrap();
            drop(ours);
            let mut received = Vec::new();
            theirs.read_to_end(&mut received).unwrap();
            let Some(Message::Failed(error)) = take(&mut received) else { panic!() };
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, "a: b"));
        }
    }
}
