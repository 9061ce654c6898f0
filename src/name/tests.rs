use super::*;
use proptest::prelude::*;

fn title(title: &str) -> String {
    FileName::for_title(Some(title)).as_str().to_owned()
}

fn file(name: &str) -> String {
    FileName::for_file(name).as_str().to_owned()
}

#[test]
fn a_missing_or_empty_title_is_untitled() {
    assert_eq!(FileName::for_title(None).as_str(), "Untitled");
    for empty in [
        "", " ", "...", "\u{200b}", "\n\t", "???", "~-. ", "\u{200d}\u{fe0f}", "\u{2800}", "\u{fdd0}\u{fffd}",
    ] {
        assert_eq!(title(empty), "Untitled", "{empty:?}");
    }
}

#[test]
fn forbidden_characters_become_one_hyphen_per_run() {
    assert_eq!(title("Tea / coffee: which?"), "Tea - coffee- which-");
    assert_eq!(title("a<>:\"/\\|?*b"), "a-b");
    assert_eq!(title("a/-b"), "a--b");
    assert_eq!(title("a/\u{200d}/b"), "a-b");
}

#[test]
fn blanks_and_controls_are_tidied() {
    assert_eq!(title("  a\r\n\tb\u{a0}\u{3000} c\x07\x1b[2J  "), "a b c[2J");
    assert_eq!(title("x\u{202e}txt.exe"), "xtxt.exe");
}

#[test]
fn troublesome_first_and_last_characters_are_trimmed() {
    assert_eq!(title("-rf"), "rf");
    assert_eq!(title(".~ -.bashrc"), "bashrc");
    assert_eq!(title("wait... "), "wait");
    assert_eq!(title("a . ."), "a");
}

#[test]
fn windows_device_names_get_an_underscore() {
    assert_eq!(title("CON"), "CON_");
    assert_eq!(title("con.txt"), "con_.txt");
    assert_eq!(title("Aux ."), "Aux_");
    assert_eq!(title("lpt1"), "lpt1_");
    assert_eq!(title("COM²"), "COM²_");
    assert_eq!(title("CONOUT$"), "CONOUT$_");
    for harmless in ["Console", "COM", "COM10", "NULL", "a.CON"] {
        assert_eq!(title(harmless), harmless);
    }
}

#[test]
fn every_script_and_emoji_sequence_is_kept() {
    for kept in [
        "Ünïcödé",
        "日本語",
        "العربية",
        "한국어",
        "Привет",
        "ไทย",
        "नमस्ते",
        "👩\u{200d}👩\u{200d}👧",
        "👩🏽\u{200d}🚀",
        "❤\u{fe0f}\u{200d}🔥",
        "1\u{fe0f}\u{20e3}",
        "🇩🇪",
        "🙂\u{200d}↔\u{fe0f}",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "\u{f8ff}",
    ] {
        assert_eq!(title(kept), kept);
    }
}

#[test]
fn zero_width_characters_outside_emoji_are_removed() {
    assert_eq!(title("a\u{200d}b"), "ab");
    assert_eq!(title("👩\u{200d}"), "👩");
    assert_eq!(title("👩\u{200d}x"), "👩x");
    assert_eq!(title("a\u{fe0f}1\u{fe0f}"), "a1");
    assert_eq!(title("🏴\u{e0067}x\u{e0041}"), "🏴x");
    assert_eq!(title("pass\u{ad}word\u{feff}"), "password");
    // Removing it from between a letter and its mark lets the two compose.
    assert_eq!(title("e\u{200d}\u{301}"), "é");
}

#[test]
fn a_pictograph_composed_with_a_mark_is_not_joined() {
    assert_eq!(title("🙂\u{200d}↔\u{200d}\u{338}"), "🙂↮");
}

#[test]
fn names_are_in_nfc() {
    assert_eq!(title("Cafe\u{301}"), "Café");
    assert_eq!(title("\u{1112}\u{1161}\u{11ab}"), "한");
}

#[test]
fn a_long_title_is_cut_between_graphemes() {
    assert_eq!(title(&"a".repeat(300)), "a".repeat(200));
    // 25 bytes per family: eight fit exactly, and only seven after a letter.
    let family = "👩\u{200d}👩\u{200d}👧\u{200d}👦";
    assert_eq!(title(&family.repeat(20)), family.repeat(8));
    assert_eq!(title(&format!("a{}", family.repeat(20))), format!("a{}", family.repeat(7)));
    // A letter is kept or dropped with all its marks.
    let marked = format!("{}q{}", "a".repeat(198), "\u{301}".repeat(3));
    assert_eq!(title(&marked), "a".repeat(198));
    // The new end is trimmed too.
    assert_eq!(title(&format!("{} .{}", "a".repeat(198), "b".repeat(9))), "a".repeat(198));
}

#[test]
fn an_endless_grapheme_is_cut_between_characters() {
    assert_eq!(title(&format!("q{}", "\u{301}".repeat(1000))), format!("q{}", "\u{301}".repeat(30)));
    let endless = title(&"👩\u{200d}".repeat(1000));
    assert!(endless.len() <= 200 && endless.ends_with('👩'), "{endless}");
}

#[test]
fn huge_titles_cost_no_more_than_reading_them() {
    // Without an early cut each of these would be quadratic or sort megabytes; the name shows that nothing is
    // lost.
    assert_eq!(title(&format!("{}x", " ".repeat(10 << 20))), "x");
    assert_eq!(title(&format!("{}x", "\u{200b}".repeat(3 << 20))), "x");
    assert_eq!(title(&format!("{}x", "/".repeat(10 << 20))), "x");
    let marks = "\u{316}\u{301}".repeat(3 << 20);
    assert_eq!(title(&format!("a{marks}")), format!("á{}", "\u{316}".repeat(30)));
    assert_eq!(title(&"\u{1112}\u{1161}\u{11ab}".repeat(1 << 20)), "한".repeat(66));
}

#[test]
fn a_file_keeps_its_extension() {
    assert_eq!(file("map of the old town.png"), "map of the old town.png");
    assert_eq!(file("archive.tar.gz"), "archive.tar.gz");
    assert_eq!(file(&format!("{}.jpeg", "é".repeat(300))), format!("{}.jpeg", "é".repeat(97)));
    assert_eq!(file("report .pdf"), "report.pdf");
    assert_eq!(file("a.p:ng"), "a.p-ng");
    assert_eq!(file("???.png"), "Untitled.png");
    assert_eq!(file("a.png. "), "a.png");
    assert_eq!(file("a.png.\u{200b}"), "a.png");
    assert_eq!(file("nul.txt"), "nul_.txt");
    assert_eq!(file("con.tar.gz"), "con_.tar.gz");
}

#[test]
fn only_the_last_component_of_a_path_is_used() {
    assert_eq!(file("/mnt/data/report.csv"), "report.csv");
    assert_eq!(file("..\\..\\windows\\evil.dll"), "evil.dll");
    assert_eq!(file("folder/"), "folder");
    assert_eq!(file("../.."), "Untitled");
    assert_eq!(file(""), "Untitled");
}

#[test]
fn a_dotfile_loses_its_dot() {
    assert_eq!(file(".gitignore"), "gitignore");
    assert_eq!(file(" ..png"), "png");
    assert_eq!(file(".env.local"), "env.local");
}

#[test]
fn a_sentence_has_no_extension() {
    assert_eq!(file("Dr. Strange and friends"), "Dr. Strange and friends");
    let long = format!("a.{}", "b".repeat(20));
    assert_eq!(file(&long), long);
}

#[test]
fn a_suffix_fits_after_every_name() {
    let trip = FileName::for_title(Some("Trip"));
    assert_eq!(trip.with_suffix("-6c74a896").as_str(), "Trip-6c74a896");
    assert_eq!(trip.with_suffix("-/../\u{202e}x").as_str(), "Trip-x");
    let long = FileName::for_title(Some(&"é".repeat(300)));
    let name = long.with_suffix(&format!("-{}", "0".repeat(100)));
    assert_eq!(name.as_str().len(), 246);
    assert_eq!(name.with_suffix("-2").as_str().len(), 246);
    assert!(name.with_suffix("-2").as_str().ends_with("-2"));
    assert_eq!(FileName::for_file("map.png").with_stem_suffix("-2").as_str(), "map-2.png");
    assert_eq!(FileName::for_file("map").with_stem_suffix("-2").as_str(), "map-2");
}

#[test]
fn only_portable_names_are_accepted_unchanged() {
    for good in ["a", "a.png", "Trip-6c74a896", "é", &"a".repeat(255)] {
        assert_eq!(FileName::new(good).as_ref().map(FileName::as_str), Some(good));
    }
    for bad in ["", ".", "..", "a/b", "a\0", "a ", "CON", "-x", "e\u{301}", "a\u{200b}", &"a".repeat(256)] {
        assert_eq!(FileName::new(bad), None, "{bad:?}");
    }
}

#[test]
fn names_that_differ_only_in_case_or_form_share_a_key() {
    for (one, other) in [
        ("Trip", "tRIP"),
        ("Straße", "STRASSE"),
        ("STRAẞE", "straße"),
        ("ΟΔΟΣ", "οδος"),
        ("ΟΔΟΣ", "οδοσ"),
        ("İstanbul", "i\u{307}stanbul"),
        ("ﬁn", "FIN"),
        ("Café", "CAFE\u{301}"),
        ("ᾳ", "ΑΙ"),
        ("\u{212a}", "k"),
        ("❤\u{fe0f}", "❤"),
        ("ſ", "S"),
        ("Ǆ", "ǅ"),
    ] {
        assert_eq!(fold(one), fold(other), "{one} {other}");
    }
    for (one, other) in [("a", "b"), ("é", "e"), ("日", "月"), ("ss", "s")] {
        assert_ne!(fold(one), fold(other), "{one} {other}");
    }
}

#[test]
fn the_key_is_the_same_for_every_case_of_every_character() {
    for c in '\0'..=char::MAX {
        let key = fold(&c.to_string());
        assert_eq!(fold(&c.to_uppercase().to_string()), key, "{c:?}");
        assert_eq!(fold(&c.to_lowercase().to_string()), key, "{c:?}");
        assert_eq!(fold(&key), key, "{c:?}");
    }
}

/// The promises of [`FileName`], stated independently of its construction.
fn is_portable(name: &str) -> bool {
    let zero_width = |c: char| matches!(c, '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{2060}' | '\u{feff}');
    (1..=NAME_BYTES).contains(&name.len())
        && unicode_normalization::is_nfc(name)
        && !name.contains(|c: char| c.is_control() || crate::text::is_bidi_control(c) || zero_width(c))
        && !name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '\u{fffd}', '\u{fdd0}'])
        && !name.contains(|c: char| c.is_whitespace() && c != ' ')
        && !name.contains("  ")
        && !name.starts_with(['.', '-', '~', ' '])
        && !name.ends_with(['.', ' '])
        && !is_device(name.split('.').next().unwrap_or_default().trim_end())
}

/// Characters with special rules, more often than chance would produce them.
fn hostile_text() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "\u{200d}", "\u{fe0f}", "👩", "❤", "↔", "\u{338}", "\u{301}", "\u{316}", "\u{344}", "🏴",
        "\u{e0067}", "\u{e007f}", ".", " ", "-", "~", "/", ":", "*", "\u{202e}", "CON", "nul", "a", "é", "1",
        "\u{20e3}", "\u{1100}", "\u{1161}", "\u{11a8}", "🏽", "ß", "\u{0}", "\n", "\u{fdd0}", ".png",
        "\u{1d160}", "\u{9c7}", "\u{9be}", "<", "\u{600}", "abcdefghijklmnopqrst",
    ]);
    prop_oneof![
        proptest::collection::vec(pieces, 0..120).prop_map(|pieces| pieces.concat()),
        proptest::collection::vec(any::<char>(), 0..120).prop_map(|chars| chars.iter().collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_name_is_portable_and_its_own_name(text in hostile_text(), n in 0u32..9999) {
        let stem = FileName::for_title(Some(&text));
        prop_assert!(is_portable(stem.as_str()) && stem.as_str().len() <= 200, "{stem:?}");
        prop_assert_eq!(&FileName::for_title(Some(stem.as_str())), &stem);
        prop_assert_eq!(FileName::new(stem.as_str()), Some(stem.clone()));
        let suffixed = stem.with_suffix(&format!("-{n}"));
        prop_assert!(is_portable(&format!("{suffixed}.branches")), "{suffixed:?}");
        prop_assert_eq!(FileName::new(suffixed.as_str()), Some(suffixed.clone()));

        let name = FileName::for_file(&text);
        prop_assert!(is_portable(name.as_str()) && name.as_str().len() <= 200, "{name:?}");
        prop_assert_eq!(&FileName::for_file(name.as_str()), &name);
        prop_assert_eq!(FileName::new(name.as_str()), Some(name.clone()));
        let numbered = name.with_stem_suffix(&format!("-{n}"));
        prop_assert_eq!(FileName::new(numbered.as_str()), Some(numbered.clone()));
    }

    #[test]
    fn an_ascii_ending_adds_itself_to_the_key(text in hostile_text()) {
        let stem = FileName::for_title(Some(&text));
        for ending in [".md", ".assets", ".branches", "-6c74a896"] {
            prop_assert_eq!(fold(&format!("{stem}{ending}")), fold(stem.as_str()) + ending);
        }
    }
}
