use super::*;
use crate::catalog::{Catalog, Head};
use crate::fs::fake::{Fake, MARCH, head, rich, sized};
use crate::testing::until;
use std::sync::mpsc::{Receiver, channel};

/// `count` conversations in one month, named by their positions.
fn heads(count: usize) -> Vec<Head> {
    (0..count).map(|number| head(&format!("{number:08x}-1"), &format!("{number:03}"), MARCH)).collect()
}

fn start(library: Fake, workers: usize) -> (Arc<Fake>, Pool) {
    let (library, fs) = library.mount();
    (library, Pool::start(Arc::new(fs), workers).unwrap())
}

fn with(heads: Vec<Head>) -> Fake {
    Fake::new(Catalog { heads, ..Catalog::default() })
}

fn ask(pool: &Pool, path: &str, offset: u64, length: usize) -> Receiver<Result<Vec<u8>, ErrorKind>> {
    let (sender, receiver) = channel();
    let answer = Box::new(move |bytes: Result<&[u8], ErrorKind>| {
        sender.send(bytes.map(<[u8]>::to_vec)).unwrap();
    });
    pool.read(pool.0.fs.resolve(path).unwrap(), offset, length, answer);
    receiver
}

#[test]
fn many_readers_of_all_pages_of_a_conversation_cost_one_reading() {
    let gated = Fake { gated: [0].into(), ..with(vec![rich(heads(1).remove(0), &[2, 3], 0)]) };
    let (library, pool) = start(gated, 4);
    let paths = ["2025/03/000.md", "2025/03/000.branches/2.md", "2025/03/000.assets/plan.md"];
    let answers: Vec<_> = (0..99).map(|at| ask(&pool, paths[at % 3], at as u64 % 10, 3)).collect();
    library.open_gate();
    for (at, answer) in answers.into_iter().enumerate() {
        let whole = pool.0.fs.read(pool.0.fs.resolve(paths[at % 3]).unwrap(), 0, usize::MAX).unwrap();
        assert_eq!(answer.recv().unwrap().unwrap(), whole[at % 10..at % 10 + 3]);
    }
    assert_eq!(*lock(&library.readings), [0]);
}

#[test]
fn small_reads_get_through_while_large_conversations_render() {
    let mut heads = heads(4);
    heads.iter_mut().take(3).for_each(|head| *head = sized(head.clone(), LARGE_BYTES));
    heads.push(rich(head("ffffffff-1", "raw", MARCH), &[], 5000));
    let (library, pool) = start(Fake { gated: [0, 1, 2].into(), ..with(heads) }, 2);
    let slow =
        ["2025/03/000.md", "2025/03/001.md", "2025/03/002.md"].map(|path| ask(&pool, path, 1 << 20, 1));
    assert_eq!(ask(&pool, "2025/03/003.md", 0, 6).recv().unwrap().unwrap(), b"Thread");
    assert_eq!(ask(&pool, "2025/03/raw.assets/map.png", 1, 2).recv().unwrap().unwrap(), [1, 2]);
    library.open_gate();
    assert!(slow.into_iter().all(|answer| answer.recv().unwrap().unwrap() == b"x"));
}

#[test]
fn an_error_or_a_bug_reaches_every_reader_and_is_not_remembered() {
    let (library, pool) = start(Fake { panicking: Some(40), lying: Some(0), ..with(heads(81)) }, 2);
    // Far apart, so that nothing is read ahead.
    for _ in 0..5 {
        assert_eq!(ask(&pool, "2025/03/000.md", 0, 1).recv().unwrap(), Err(ErrorKind::Unexpected));
        assert_eq!(ask(&pool, "2025/03/040.md", 0, 1).recv().unwrap(), Err(ErrorKind::Unexpected));
    }
    library.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ask(&pool, "2025/03/080.md", 0, 1).recv().unwrap(), Err(ErrorKind::Damaged));
    library.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(ask(&pool, "2025/03/080.md", 0, 1).recv().unwrap().unwrap(), b"T");
}

#[test]
fn a_walk_is_rendered_ahead_in_its_order() {
    let (library, fs) = with(heads(200)).mount();
    // A single worker, so that the order of its work is the order of the readings.
    let crew = Crew { fs: Arc::new(fs), workers: 1, state: Mutex::default(), work: Condvar::new() };
    let pool = Pool(Arc::new(crew));
    let worker = Arc::clone(&pool.0);
    thread::spawn(move || worker.serve(0..0));
    for path in ["2025/03/000.md", "2025/03/001.md"] {
        ask(&pool, path, 0, 1).recv().unwrap().unwrap();
    }
    until("eight more are read", || lock(&library.readings).len() >= 10);
    assert_eq!(*lock(&library.readings), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_moves_backwards_is_recognised_too() {
    let (library, pool) = start(with(heads(200)), 2);
    for path in ["2025/03/100.md", "2025/03/099.md"] {
        ask(&pool, path, 0, 1).recv().unwrap().unwrap();
    }
    until("eight more are read", || lock(&library.readings).len() >= 10);
    let mut read = lock(&library.readings).clone();
    read.sort_unstable();
    assert_eq!(read, (91..=100).collect::<Vec<_>>());
}

#[test]
fn readers_go_before_the_rest_of_a_run() {
    let mut heads = heads(60);
    heads.push(rich(head("ffffffff-1", "raw", MARCH), &[], 5000));
    let (library, pool) = start(Fake { gated: (2..59).collect(), ..with(heads) }, 2);
    for path in ["2025/03/000.md", "2025/03/001.md"] {
        ask(&pool, path, 0, 1).recv().unwrap().unwrap();
    }
    until("a worker is in a run", || lock(&library.readings).len() >= 3);
    let part = ask(&pool, "2025/03/raw.assets/map.png", 0, 9);
    let page = ask(&pool, "2025/03/059.md", 0, 6);
    library.open_gate();
    assert_eq!(part.recv().unwrap().unwrap().len(), 9);
    assert_eq!(page.recv().unwrap().unwrap(), b"Thread");
}

#[test]
fn memory_is_released_when_nobody_has_read_for_a_while() {
    let (library, pool) = start(with(heads(1)), 2);
    assert_eq!(ask(&pool, "2025/03/000.md", 0, 6).recv().unwrap().unwrap(), b"Thread");
    until("the pool rests", || library.released.load(std::sync::atomic::Ordering::SeqCst) > 0);
    assert!(pool.0.fs.cached(pool.0.fs.resolve("2025/03/000.md").unwrap()).is_none());
}
