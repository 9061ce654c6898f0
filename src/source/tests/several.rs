//! Several exports, exports in several parts, and exports next to others.

use super::*;

#[test]
fn several_sources_are_one_export() {
    let place = TestFolder::new();
    let paths = [
        place.put("old.zip", zip(&["conversations.json"])),
        place.put("new.json", ONE),
        place.put("old.zip", zip(&["conversations.json"])),
    ];
    let export = open(&paths, &Limits::default()).unwrap();
    assert_eq!(shards(&export), ["conversations.json", "new.json"]);
    assert_eq!(export.form.to_string(), "2 sources, 2 × conversations.json");
    assert_eq!(export.name, "old.zip and 1 more");
}

#[test]
fn exports_have_names_only_if_there_are_several() {
    let place = TestFolder::new();
    let export = zip(&["conversations.json"]);
    let names = |paths: &[PathBuf]| open(paths, &Limits::default()).unwrap().origins;
    let old = place.put("old.zip", export.clone());
    let part = place.put("x-part-0001.zip", export.clone());
    place.put("x-part-0002.zip", zip(&["a.dat"]));
    assert!(names(std::slice::from_ref(&part)).is_empty());
    assert_eq!(names(&[old.clone(), part]), ["old.zip", "x", "x"]);
    // Where two have one name, each has its folder before it.
    let same = place.put("new/old.zip", export.clone());
    let folder = old.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(names(&[old, same]), [format!("{folder}/old.zip"), "new/old.zip".to_owned()]);
    // Or as many as it takes.
    let [one, two] = ["1/y/x.zip", "2/y/x.zip"].map(|name| place.put(name, export.clone()));
    assert_eq!(names(&[one, two]), ["1/y/x.zip", "2/y/x.zip"]);
    // A folder may hold exports or what a container wraps.
    let exports = place.put("all/a.zip", export.clone()).with_file_name("");
    place.put("all/b.zip", export.clone());
    assert_eq!(names(&[exports]), ["a.zip", "b.zip"]);
    let years = place.put("years/2023/a.zip", export.clone()).with_file_name("").with_file_name("");
    place.put("years/2024/a.zip", export.clone());
    assert_eq!(names(&[years]), ["2023/a.zip", "2024/a.zip"]);
    let unpacked = place.put("one/Conversations__0-chatgpt-0001.zip", export.clone()).with_file_name("");
    place.put("one/Conversations__0-chatgpt-0002.zip", export);
    assert!(names(&[unpacked]).is_empty());
}

#[test]
fn problems_name_their_export_if_there_are_several() {
    let place = TestFolder::new();
    let sound = place.put("sound.zip", zip(&["conversations.json"]));
    let names = ["conversations-000.json", "conversations-002.json", "aa/up.txt", "export_manifest.json"];
    let odd = place.put("odd.zip", renamed(zip(&names), "aa/up", "../up"));
    let subjects = |paths: &[PathBuf]| {
        let problems = open(paths, &Limits::default()).unwrap().problems;
        problems.into_iter().map(|problem| problem.subject).collect::<Vec<_>>()
    };
    let own = ["conversations-001.json", "../up.txt", "export_manifest.json"];
    assert_eq!(subjects(std::slice::from_ref(&odd)), own);
    assert_eq!(subjects(&[sound, odd]), own.map(|name| format!("odd.zip: {name}")));
}

#[test]
fn parts_that_are_missing_are_problems() {
    let place = TestFolder::new();
    let problems = |source: &str| {
        let problems = place.open(source).unwrap().problems;
        problems
            .into_iter()
            .map(|problem| format!("{}: {}", problem.subject, problem.reason))
            .collect::<Vec<_>>()
    };
    place.put("x-part-0001.zip", zip(&["conversations.json"]));
    place.put("x-part-0003.zip", zip(&["a.dat"]));
    let second = "x: part 2 is missing; put it beside the others";
    assert_eq!(problems("x-part-0001.zip"), [second]);
    assert_eq!(problems(""), [second]);
    place.put("x-part-0007.zip", zip(&["b.dat"]));
    let others = "x: parts 4 to 6 are missing; put them beside the others";
    assert_eq!(problems("x-part-0003.zip"), [second, others]);
    // One that can't be read is not missing.
    place.put("x-part-0002.zip", "no ZIP");
    let found = problems("x-part-0001.zip");
    assert!(found.len() == 2 && found[1] == others && found[0].ends_with("end-of-central-directory record)"));
    place.put("whole/x-part-0001.zip", zip(&["conversations.json"]));
    place.put("whole/x-part-0002.zip", zip(&["a.dat"]));
    assert_eq!(problems("whole/x-part-0002.zip"), [""; 0]);
    let inner: Vec<_> = [1, 3].map(|n| format!("Conversations__a-part-000{n}.zip")).into();
    let [first, third] = [zip(&["conversations.json"]), zip(&["a.dat"])];
    let entries = [(inner[0].as_str(), &first[..]), (&inner[1], &third)];
    place.put("container.zip", zip_with(CompressionMethod::Stored, &entries));
    assert_eq!(problems("container.zip"), ["Conversations__a: part 2 is missing"]);
}

#[test]
fn a_part_that_was_downloaded_twice_is_read_once() {
    let place = TestFolder::new();
    let second = zip(&["file-a.dat"]);
    place.put("x-part-0001.zip", zip(&["conversations.json"]));
    place.put("x-part-0002 (1).zip", &second);
    for source in ["x-part-0001.zip", "x-part-0002 (1).zip"] {
        let export = place.open(source).unwrap();
        assert_eq!((names(&export, &export.files), problems(&export)), (vec!["file-a.dat"], vec![]));
    }
    place.put("x-part-0002.zip", &second);
    for source in ["x-part-0001.zip", "x-part-0002.zip", "x-part-0002 (1).zip"] {
        assert_eq!(place.open(source).unwrap().archives.len(), 2, "{source}");
    }
    // Only if it is the same.
    place.put("x-part-0002 (1).zip", zip(&["file-b.dat"]));
    assert_eq!(place.open("x-part-0001.zip").unwrap().archives.len(), 3);
}

#[test]
fn exports_next_to_the_conversations_of_a_folder_are_named() {
    let place = TestFolder::new();
    let full = zip(&["export/conversations-000.json"]);
    let problems = |sources: &[&str]| {
        let paths: Vec<_> = sources.iter().map(|source| place.0.path().join(source)).collect();
        let problems = open(&paths, &Limits::default()).unwrap().problems;
        problems.into_iter().map(|problem| problem.reason).collect::<Vec<_>>()
    };
    place.put("x/conversations.json", ONE);
    // Users' own files, and ZIPs without conversations.
    for own in ["user-1/full.zip", "file-abc-full.zip", "dalle-generations/full.zip", "Files__1/full.zip"] {
        place.put(&format!("x/{own}"), &full);
    }
    place.put("x/photos.zip", zip(&["conversation.jpg"]));
    place.put("x/broken.zip", "PK");
    assert_eq!(problems(&["x"]), [""; 0]);
    place.put("x/full.zip", &full);
    let one = "full.zip is an export too and is not opened; to show it too, name it as a source";
    assert_eq!(problems(&["x"]), [one]);
    assert_eq!(problems(&["x", "x/full.zip"]), [""; 0]);
    let portal = zip_with(CompressionMethod::Stored, &[("a/Conversations__1.zip", &full)]);
    place.put("x/downloads/portal.zip", portal);
    let both = "2 ZIPs in it are exports too and are not opened, such as downloads/portal.zip; to show them too, name \
                them as sources";
    assert_eq!(problems(&["x"]), [both]);
    // Only the first 16 ZIPs are looked into.
    for number in 0..30 {
        place.put(&format!("many/{number:02}.zip"), if number < 20 { zip(&["a.txt"]) } else { full.clone() });
    }
    place.put("many/conversations.json", ONE);
    assert_eq!(problems(&["many"]), [""; 0]);
}
