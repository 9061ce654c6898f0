use super::*;
use crate::name::fold;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// 2025-03-04T05:06:07Z.
const MARCH: f64 = 1_741_064_767.0;

/// A title over which gptfs panics while it lays out the tree.
const LAYING_OUT: &str = "a deliberate bug while laying out";

pub(super) fn while_laying_out(stems: &[FileName]) {
    assert!(!stems.iter().any(|stem| stem.as_str() == LAYING_OUT), "{LAYING_OUT}");
}

fn head(id: &str, title: &str, created: f64) -> Head {
    Head::bare(id, title, created)
}

fn layout(heads: Vec<Head>) -> Layout {
    Layout::new(&Catalog { heads, ..Catalog::default() }, &Zone::utc())
}

fn stems(heads: Vec<Head>) -> Vec<String> {
    layout(heads).stems.iter().map(ToString::to_string).collect()
}

#[test]
fn months_follow_the_zone_and_keep_the_order_of_the_archive() {
    let new_year = 1_735_687_800.0; // 2024-12-31T23:30:00Z
    let heads = vec![
        head("b", "B", MARCH),
        head("n", "N", new_year),
        head("a", "A", MARCH),
        head("u", "U", f64::NAN),
    ];
    let catalog = Catalog { heads, ..Catalog::default() };
    let layout = Layout::new(&catalog, &Zone::utc());
    let month = |month, heads: &[usize]| Month { month, heads: heads.to_vec() };
    assert_eq!(
        layout.years(),
        [
            Year { year: 2024, months: vec![month(12, &[1])] },
            Year { year: 2025, months: vec![month(3, &[0, 2])] }
        ]
    );
    assert_eq!(layout.undated(), [3]);
    let berlin = Layout::new(&catalog, &Zone::named("Europe/Berlin").unwrap());
    assert_eq!(berlin.years(), [Year { year: 2025, months: vec![month(1, &[1]), month(3, &[0, 2])] }]);
}

#[test]
fn the_oldest_conversation_keeps_the_plain_name() {
    assert_eq!(
        stems(vec![
            head("6C74A896-0000-4000-8000-000000000001", "New chat", MARCH + 2.0),
            head("aaaaaaaa-0000-4000-8000-000000000002", "New chat", MARCH + 1.0),
            head("WEB:bbbbbbbb-0000-4000-8000-000000000003", "new CHAT", MARCH + 3.0),
        ]),
        ["New chat-6c74a896", "New chat", "new CHAT-bbbbbbbb"]
    );
    // At equal age, the smaller id wins.
    assert_eq!(stems(vec![head("b0000000", "x", MARCH), head("a0000000", "x", MARCH)]), ["x-b0000000", "x"]);
}

#[test]
fn equal_titles_in_different_months_do_not_collide() {
    assert_eq!(stems(vec![head("a", "x", MARCH), head("b", "x", MARCH + 4e6)]), ["x", "x"]);
}

#[test]
fn ids_with_a_common_prefix_get_more_digits() {
    assert_eq!(
        stems(vec![
            head("00000000-0000-4000-8000-000000001000", "x", MARCH),
            head("11111111-2222-4000-8000-000000001000", "x", MARCH + 1.0),
            head("11111111-3333-4000-8000-000000001000", "x", MARCH + 2.0),
            head("22222222-3333-4000-8000-000000001000", "x", MARCH + 3.0),
        ]),
        ["x", "x-111111112222", "x-111111113333", "x-22222222"]
    );
}

#[test]
fn conversations_with_equal_ids_are_numbered() {
    let id = "6c74a896-0000-4000-8000-000000001000";
    let all = "6c74a896000040008000000000001000";
    assert_eq!(
        stems((0..4).map(|n| head(id, "x", MARCH + f64::from(n))).collect()),
        ["x".to_owned(), format!("x-{all}"), format!("x-{all}-2"), format!("x-{all}-3")]
    );
}

#[test]
fn a_title_that_looks_like_a_name_with_suffix_keeps_it() {
    assert_eq!(
        stems(vec![
            head("00000000-1", "Trip", MARCH),
            head("6c74a896-1234-0", "Trip", MARCH + 1.0),
            head("99999999-1", "Trip-6C74A896", MARCH + 2.0),
        ]),
        ["Trip", "Trip-6c74a8961234", "Trip-6C74A896"]
    );
}

#[test]
fn an_id_that_is_not_hexadecimal_is_hashed() {
    let names =
        stems(vec![head("", "x", MARCH), head("chat-1", "x", MARCH + 1.0), head("chat-2", "x", MARCH + 2.0)]);
    let suffix = names[1].strip_prefix("x-").unwrap();
    assert!(suffix.len() == 8 && suffix.chars().all(|c| c.is_ascii_hexdigit()), "{names:?}");
    assert_ne!(names[1], names[2]);
    // Digits that begin it, in other than hexadecimal words, are not taken for the whole.
    let names = stems(vec![head("a", "x", MARCH), head("deadbeef-chat", "x", MARCH + 1.0)]);
    assert!(names[1].len() == "x-".len() + 8 && names[1] != "x-deadbeef", "{names:?}");
}

#[test]
fn conversations_without_ids_differ_by_the_rest_that_is_known() {
    let heads = [head("", "x", MARCH), head("", "x", MARCH + 1.0), head("", "x", MARCH + 2.0)];
    let names = stems(heads.to_vec());
    assert_eq!(names[0], "x");
    assert_ne!(names[1], names[2]);
    assert!(names[1..].iter().all(|name| name.len() == "x-".len() + 8), "{names:?}");
    let mut reversed = stems(heads.iter().rev().cloned().collect());
    reversed.reverse();
    assert_eq!(reversed, names, "whatever their order");
}

#[test]
fn suffixes_in_titles_never_collide() {
    let titles = ["Trip", "Trip.assets", "Trip.branches", "Trip.md", "Trip.md.md", "2.md", "undated", "2025"];
    let names = stems(titles.iter().map(|title| head(title, title, MARCH)).collect());
    assert_eq!(names, titles);
    let mut keys = HashSet::new();
    for name in &names {
        for ending in [PAGE, ASSETS, BRANCHES] {
            assert!(keys.insert(fold(&format!("{name}{ending}"))), "{name}{ending}");
        }
    }
}

#[test]
fn long_titles_that_become_equal_by_truncation_get_suffixes() {
    let long = "é".repeat(120);
    let names = stems(vec![
        head("00000000-1", &format!("{long}a"), MARCH),
        head("6c74a896-1", &format!("{long}b"), MARCH + 1.0),
    ]);
    assert_eq!(names, ["é".repeat(100), format!("{}-6c74a896", "é".repeat(100))]);
}

#[test]
fn file_names_are_kept_unless_taken_or_not_portable() {
    let given = ["map.png", "MAP.png", "a/../b.txt", "map-2.png", "map.png", "CON", "map.png"];
    let names: Vec<String> = file_names(given.into_iter()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["map.png", "MAP-2.png", "b.txt", "map-2-2.png", "map-3.png", "CON_", "map-4.png"]);
    let names: Vec<String> =
        file_names(["a.md", "a-2.md", "a.md"].into_iter()).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a.md", "a-2.md", "a-3.md"]);
}

#[test]
fn every_character_of_the_basic_plane_makes_a_unique_name() {
    let titles: Vec<String> = ('\0'..='\u{ffff}').map(String::from).collect();
    let heads: Vec<Head> = titles
        .iter()
        .enumerate()
        .map(|(n, title)| head(&format!("{n:08x}-0000-4000-8000-000000000000"), title, MARCH))
        .collect();
    let names = stems(heads);
    assert_eq!(names.len(), 63_488);
    let keys: HashSet<String> = names.iter().map(|name| fold(name)).collect();
    assert_eq!(keys.len(), names.len());
    for name in &names {
        assert!(FileName::new(name).is_some(), "{name:?}");
    }
}

fn seconds(heads: Vec<Head>) -> Duration {
    let catalog = Catalog { heads, ..Catalog::default() };
    let start = Instant::now();
    let layout = Layout::new(&catalog, &Zone::utc());
    let time = start.elapsed();
    let unique: HashSet<String> = layout.stems.iter().map(|stem| fold(stem.as_str())).collect();
    assert_eq!(unique.len(), catalog.heads.len());
    time
}

#[test]
fn equal_titles_cost_little_more_than_distinct_ones() {
    let id = |n: u32| format!("{:08x}-0000-4000-8000-000000000000", n.wrapping_mul(2_654_435_761));
    let different = seconds((0..10_000).map(|n| head(&id(n), &format!("{n} is a title"), MARCH)).collect());
    let equal = seconds((0..10_000).map(|n| head(&id(n), "This is a title", MARCH)).collect());
    // Identical ids are the worst case.
    let same = seconds((0..10_000).map(|_| head(&id(1), "This is a title", MARCH)).collect());
    println!("10,000 different titles {different:?}, equal titles {equal:?}, equal ids too {same:?}");
    // Quadratic work would take a thousand times as long.
    let limit = different * 100 + Duration::from_secs(1);
    assert!(equal < limit && same < limit, "{different:?} {equal:?} {same:?}");
}

/// Heads whose titles, ids and times often collide.
fn crowded_heads() -> impl Strategy<Value = Vec<Head>> {
    let title = proptest::sample::select(vec![
        "x", "X", "ß", "SS", "x-00000001", "x-000000010000", "x-00000002", "ss-00000001", "", "Untitled",
        "e\u{301}", "É",
    ]);
    let id = (1u32..4, 0u32..3).prop_map(|(a, b)| format!("{a:08x}-{b:04x}-4000-8000-"));
    proptest::collection::vec((title, id, 0u32..3), 0..40).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            // The last digits make all ids unique, whatever order the catalog has later.
            .map(|(n, (title, id, time))| head(&format!("{id}{n:012x}"), title, MARCH + f64::from(time)))
            .collect()
    })
}

proptest! {
    #[test]
    fn names_are_unique_and_do_not_depend_on_the_order(
        (heads, shuffled) in crowded_heads().prop_flat_map(|heads| (Just(heads.clone()), Just(heads).prop_shuffle()))
    ) {
        let by_id = |heads: Vec<Head>| -> HashMap<String, String> {
            let ids: Vec<String> = heads.iter().map(|head| head.id.to_string()).collect();
            ids.into_iter().zip(stems(heads)).collect()
        };
        let names = by_id(heads.clone());
        let keys: HashSet<String> = names.values().map(|name| fold(name)).collect();
        prop_assert_eq!(keys.len(), heads.len());
        prop_assert_eq!(&names, &by_id(shuffled));
        // The oldest of each key has the plain name.
        let mut oldest: HashMap<String, &Head> = HashMap::new();
        for head in &heads {
            let first = oldest.entry(fold(title(head).as_str())).or_insert(head);
            if (head.created, &head.id) < (first.created, &first.id) {
                *first = head;
            }
        }
        for head in oldest.values() {
            let plain = title(head);
            prop_assert_eq!(&names[head.id.as_ref()], plain.as_str());
        }
    }
}

#[test]
fn the_day_may_be_before_the_title() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    let day = 86_400.0;
    let long = "x".repeat(300);
    let heads = vec![
        head("aaaaaaaa", "Trip", MARCH),
        head("bbbbbbbb", "Trip", MARCH + 60.0),
        head("cccccccc", "Trip", MARCH + 7.0 * day),
        head("dddddddd", "", MARCH + 20.0 * 3600.0),
        head("eeeeeeee", "CON", MARCH),
        head("ffffffff", &long, MARCH),
        head("00000000", "Trip", f64::NAN),
    ];
    let layout = Layout::with_days(&Catalog { heads, ..Catalog::default() }, &berlin);
    let stems: Vec<_> = layout.stems.iter().map(FileName::as_str).collect();
    let cut = format!("04 {}", &long[..197]);
    // The evening of the 4th in London is the 5th in Berlin.
    let expected = ["04 Trip", "04 Trip-bbbbbbbb", "11 Trip", "05 Untitled", "04 CON_", &cut, "Trip"];
    assert_eq!(stems, expected);
    assert!(stems.iter().all(|stem| FileName::new(stem).is_some()));
}
