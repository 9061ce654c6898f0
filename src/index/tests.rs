//! A page is as long as it was measured, whatever happened to the export; otherwise it couldn't be read.

use super::*;
use crate::archive::Limits;
use crate::source;
use crate::time::Zone;
use proptest::prelude::*;
use std::path::Path;

/// Fragments that overwrite or interrupt an export: JSON syntax, invalid JSON, and page syntax.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\n",
    b"\0",
    b"\xff",
    b"\xed\xa0\xbd",
    b"null",
    b"NaN",
    b"1e999",
    b"[]",
    b"{}",
    b"[}",
    b"{]",
    b"\\ud83d",
    b"```",
    b"\\u0000",
    b"\"mapping\":{",
    b"</details>",
];

/// How the export is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExportForm {
    /// One conversation.
    Bare,
    /// A list of two.
    List,
    /// The same two in the vendor's viewer page.
    Viewer,
}

impl ExportForm {
    /// An export of this form in its own folder.
    fn export(self, json: &[u8]) -> tempfile::TempDir {
        let (name, text) = match self {
            Self::Bare | Self::List => ("conversations.json", json.to_vec()),
            Self::Viewer => {
                ("chat.html", [b"<html><script>\nvar jsonData = ", json, b";\n</script></html>"].concat())
            }
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        folder
    }
}

/// A change at a relative position.
#[derive(Clone, Debug)]
enum Damage {
    Over(&'static [u8]),
    Between(&'static [u8]),
    Lost(usize),
    CutOff,
}

fn damages() -> impl Strategy<Value = Vec<(f64, Damage)>> {
    let chunk = || prop::sample::select(&PIECES[..]);
    let damage = prop_oneof![
        4 => chunk().prop_map(Damage::Over),
        4 => chunk().prop_map(Damage::Between),
        2 => (1..60_usize).prop_map(Damage::Lost),
        1 => Just(Damage::CutOff),
    ];
    prop::collection::vec((0.0..1.0, damage), 0..6)
}

fn damaged(mut json: Vec<u8>, damages: &[(f64, Damage)]) -> Vec<u8> {
    for (place, damage) in damages {
        #[allow(clippy::cast_sign_loss, reason = "a share of a length is one")]
        let at = (json.len() as f64 * place) as usize;
        let rest = json.len() - at;
        match damage {
            Damage::Over(chunk) => drop(json.splice(at..at + rest.min(1), chunk.iter().copied())),
            Damage::Between(chunk) => drop(json.splice(at..at, chunk.iter().copied())),
            Damage::Lost(length) => drop(json.drain(at..at + rest.min(*length))),
            Damage::CutOff => json.truncate(at),
        }
    }
    json
}

/// The conversations of all fixtures.
fn fixtures() -> &'static [Vec<u8>] {
    static FIXTURES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/chatgpt");
        let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).collect();
        cases.sort();
        cases.iter().map(|case| std::fs::read(case.join("conversation.json")).unwrap()).collect()
    })
}

/// Asserts that every page of the export at `path` is as long as it was measured. Returns false if it is not an
/// export.
fn pages_fit(path: &Path, options: &IndexOptions) -> bool {
    const STEM: &str = "A stem";
    let export = source::open(&[path.to_owned()], &Limits::default());
    let index = match export.and_then(|export| Index::build(export, options, &Progress::default())) {
        Ok(index) => index,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotAnExport, "{error}");
            return false;
        }
    };
    for (at, head) in index.catalog().heads.iter().enumerate() {
        let branches = head.branches.iter().map(|branch| Page::Branch(branch.number));
        for page in branches.chain([Page::Thread]) {
            let measured = head.measure(page).unwrap().size(STEM.len());
            assert_eq!(index.page(at, page, STEM).unwrap().len() as u64, measured, "{page:?} of {at}");
        }
        for asset in &head.assets {
            if let AssetContent::Canvas(position) = asset.content {
                let document = index.page(at, Page::Canvas(position), STEM).unwrap();
                assert_eq!(document.len() as u64, asset.bytes, "canvas {position} of {at}");
            }
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn pages_are_as_long_as_they_were_measured_whatever_the_damage(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        damages in damages(),
        form in prop::sample::select(&[ExportForm::Bare, ExportForm::List, ExportForm::Viewer][..]),
        all in any::<bool>(),
        jobs in 1..3_usize,
        limit in prop_oneof![3 => Just(usize::MAX), 1 => 0..8000_usize],
    ) {
        let (first, second) = (first.get(fixtures()), second.get(fixtures()));
        let list = || [b"[", &first[..], b", ", second, b"]"].concat();
        let json = damaged(if form == ExportForm::Bare { first.clone() } else { list() }, &damages);
        let folder = form.export(&json);
        let render = render::Options { all, ..render::Options::new(Zone::utc()) };
        pages_fit(folder.path(), &IndexOptions { jobs, max_conversation: limit, ..IndexOptions::new(render) });
    }
}

#[test]
fn the_pages_of_all_fixtures_are_as_long_as_they_were_measured() {
    let json = [b"[", &fixtures().join(&b","[..])[..], b"]"].concat();
    for form in [ExportForm::List, ExportForm::Viewer] {
        let options = IndexOptions::new(render::Options::new(Zone::utc()));
        assert!(pages_fit(form.export(&json).path(), &options), "{form:?} is no export");
    }
}
