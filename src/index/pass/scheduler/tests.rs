//! Each rule of sharing the work, and then all of them with threads.

use super::*;

fn chunk(bytes: &[u8]) -> OwnedChunk {
    OwnedChunk::copied(bytes, None)
}

/// Offers one conversation.
fn offer<P, S: Splits>(work: &Scheduler<P, S>, place: P, json: &[u8]) {
    if is_large(json) {
        work.offer_large(place, ElementJson::InBuffer(json));
    } else {
        let mut batch = work.batch();
        batch.push(place, json);
        work.offer(batch);
    }
}

/// What is known about the first conversation of a batch.
fn place(batch: &MeasureBatch<&'static str>) -> &'static str {
    batch.elements().next().map_or("", |(place, _)| place)
}

impl Splits for () {
    fn held(&self) -> usize {
        0
    }
}

#[test]
fn helpers_split_while_few_conversations_wait_and_readers_once_enough_do() {
    let work = Scheduler::new(1, 1);
    work.put_back(0, ());
    offer(&work, "small", b"{}");
    assert!(work.direct(0).is_none());
    assert!(matches!(work.accept(0, chunk(b"x")), Some(Next::Waits)));
    assert!(matches!(work.next(), Some(Task::Split { .. })));
    work.put_back(0, ());
    assert!(matches!(work.next(), Some(Task::Measure(_))));
    assert!(matches!(work.accept(0, chunk(b"y")), Some(Next::Waits)));
    offer(&work, "enough", &vec![b' '; ENOUGH_BYTES]);
    // Chunks are split in order.
    let next = work.accept(0, chunk(b"z"));
    let Some(Next::First(Task::Split { chunk: first, .. }, back)) = next else {
        panic!("not what was read first")
    };
    assert_eq!((&*first, &*back), (&b"y"[..], &b"z"[..]));
    assert!(work.direct(0).is_none(), "somebody splits");
    work.put_back(0, ());
    assert!(matches!(work.accept(0, back), Some(Next::Split((), back)) if *back == *b"z"));
    assert!(matches!(work.next(), Some(Task::Measure(_))));
}

#[test]
fn beside_a_huge_conversation_others_wait() {
    let work = Scheduler::new(1, 1);
    work.put_back(0, ());
    offer(&work, "huge", &vec![b' '; LARGE_TOGETHER + 1]);
    let Some(Task::Measure(huge)) = work.next() else { panic!("nothing to measure") };
    offer(&work, "large", &vec![b' '; ENOUGH_BYTES]);
    offer(&work, "small", b"{}");
    let next = work.accept(0, chunk(b"x"));
    let Some(Next::First(Task::Measure(small), back)) = next else { panic!("not the small one") };
    assert_eq!(place(&small), "small");
    work.finish(small);
    assert!(work.lock().job(Choice::Largest).is_none());
    work.finish(huge);
    assert!(matches!(work.accept(0, back), Some(Next::Split(..))));
    assert!(matches!(work.next(), Some(Task::Measure(job)) if place(&job) == "large"));
}

#[test]
fn a_reader_leaves_large_conversations_to_helpers_while_chunks_may_wait() {
    let work = Scheduler::new(1, 1);
    work.put_back(0, ());
    let large = vec![b' '; WAITING_BYTES + 1];
    offer(&work, "large", &large);
    offer(&work, "small", b"{}");
    let next = || work.accept(0, chunk(b"x")).unwrap();
    let measured = |next| match next {
        Next::First(Task::Measure(job), _) => Some(place(&job)),
        _ => None,
    };
    assert_eq!(measured(next()), Some("small"));
    for _ in 0..CHUNKS {
        assert!(matches!(next(), Next::Waits));
    }
    assert_eq!(measured(next()), Some("large"));
}

#[test]
fn a_helper_is_woken_for_two_chunks_or_a_conversation() {
    let work = Scheduler::new(1, 1);
    work.put_back(0, ());
    assert!(matches!(work.accept(0, chunk(b"x")), Some(Next::Waits)));
    assert!(!work.lock().has_task());
    assert!(matches!(work.accept(0, chunk(b"y")), Some(Next::Waits)));
    assert!(work.lock().has_task());
    let Some(Task::Split { .. }) = work.next() else { panic!("nothing to split") };
    assert!(!work.lock().has_task(), "somebody splits");
    offer(&work, "small", b"{}");
    assert!(work.lock().has_task());
}

/// Splits into words, each of them a conversation.
struct Words(Vec<u8>);

impl Splits for Words {
    fn held(&self) -> usize {
        self.0.len()
    }
}

/// Everything measured, with one reader per text, chunks of the given length, and some helpers.
fn measured(texts: &[String], length: usize, helpers: usize) -> Vec<Vec<u8>> {
    let work = Scheduler::new(texts.len(), helpers);
    let found = Mutex::new(Vec::new());
    let split = |reader: usize, mut splitter: Words, chunk: &[u8]| {
        for &byte in chunk {
            if byte == b' ' {
                offer(&work, reader, &std::mem::take(&mut splitter.0));
            } else {
                splitter.0.push(byte);
            }
        }
        work.put_back(reader, splitter);
    };
    let perform = |task| match task {
        Task::Split { reader, splitter, chunk } => split(reader, splitter, &chunk),
        Task::Measure(job) => {
            found.lock().unwrap().extend(job.elements().map(|(_, json)| json.to_vec()));
            work.finish(job);
        }
    };
    let help = || {
        while let Some(task) = work.next() {
            perform(task);
        }
    };
    let read = |reader: usize, text: &str| {
        work.put_back(reader, Words(Vec::new()));
        for bytes in text.as_bytes().chunks(length) {
            let mut rest = chunk(bytes);
            loop {
                match work.accept(reader, rest).unwrap() {
                    Next::Waits => break,
                    Next::Split(splitter, rest) => {
                        split(reader, splitter, &rest);
                        break;
                    }
                    Next::First(task, back) => {
                        perform(task);
                        rest = back;
                    }
                }
            }
        }
        while let Ended::First(task) = work.end(reader).unwrap() {
            perform(task);
        }
        work.turn_helper();
        help();
    };
    let (read, help) = (&read, &help);
    std::thread::scope(|scope| {
        for (reader, text) in texts.iter().enumerate() {
            scope.spawn(move || read(reader, text));
        }
        (0..helpers).for_each(|_| drop(scope.spawn(help)));
    });
    found.into_inner().unwrap()
}

#[test]
fn every_conversation_is_measured_once_with_any_number_of_threads() {
    // Some are large, and one is huge.
    let word = |n: usize| format!("{n}{} ", "x".repeat(n * n % 50));
    let large = |n: usize| "y".repeat(n) + " ";
    let mut texts = vec![(0..3000).map(word).collect::<String>(), (3000..3500).map(word).collect()];
    texts[0].extend([LARGE_BYTES, 2 * LARGE_BYTES, LARGE_TOGETHER + 1].map(large));
    texts[0].extend((3500..5000).map(word));
    let mut expected: Vec<_> = texts
        .iter()
        .flat_map(|text| text.split_ascii_whitespace())
        .map(|word| word.as_bytes().to_vec())
        .collect();
    expected.sort();
    for (length, helpers) in [(100, 1), (100, 3), (1000, 0), (1000, 7), (100_000, 2)] {
        let mut found = measured(&texts, length, helpers);
        found.sort();
        assert!(found == expected, "{length} {helpers}");
    }
}

#[test]
fn only_one_conversation_grows_beyond_what_is_held_together() {
    let work: Scheduler<&str, Words> = Scheduler::new(3, 0);
    let held = |reader: usize, bytes: usize| work.put_back(reader, Words(vec![b'x'; bytes]));
    let take = |reader: usize| match work.direct(reader) {
        Some(Direct::Alone(splitter)) => Some(splitter),
        _ => None,
    };
    held(0, HELD_TOGETHER - LARGE_BYTES);
    held(1, LARGE_BYTES);
    held(2, 10);
    assert!(take(0).is_some(), "both fit");
    held(0, HELD_TOGETHER);
    let first = take(0).expect("it alone may grow");
    assert!(take(1).is_none() && take(2).is_some(), "only small ones go on beside it");
    work.put_back(0, first);
    assert!(take(1).is_none() && take(0).is_some());
    held(0, 0);
    assert!(take(1).is_some(), "it is complete");
}

#[test]
fn the_number_of_waiting_jobs_is_bounded_however_small_their_conversations_are() {
    let work: Scheduler<usize, ()> = Scheduler::new(1, 1);
    let mut batch = work.batch();
    for n in 0..500_000 {
        batch.push(n, b"0");
        if batch.is_full() {
            work.offer(std::mem::replace(&mut batch, work.batch()));
        }
    }
    work.offer(batch);
    let state = work.lock();
    assert!(state.jobs.len() <= 500_000 * (ELEMENT_BYTES + 1) / BATCH_BYTES + 1, "{}", state.jobs.len());
    assert!(state.waiting >= state.jobs.len() * JOB_BYTES);
}
