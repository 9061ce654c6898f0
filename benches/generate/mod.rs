//! Generates invented but realistic exports: the same bytes for the same specification on every machine.
//!
//! Sizes and proportions follow real exports: a median conversation of 80 kB and a few of many megabytes, more metadata
//! than text in the full styles, tools, thoughts, searches, branches, and text that deflates about as well as real
//! text. [`Truth`] records what was written, so that tests can check what is read.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "all numbers are generated here and small"
)]
#![allow(dead_code, reason = "the suite and the benchmarks use different parts")]

mod conversation;
mod json;
mod random;
mod text;

use conversation::Conversation;
use json::Layout;
use random::Random;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// 2023 to 2025: a `conversations.json` in one line of ASCII, with full nodes and metadata.
    Classic,
    /// The same, minified and in UTF-8.
    Compact,
    /// 2026: 100 conversations per file, indented, with sorted keys and slim nodes without `children`.
    Sharded,
}

impl Style {
    /// Looks up a style by name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "classic" => Some(Self::Classic),
            "compact" => Some(Self::Compact),
            "sharded" => Some(Self::Sharded),
            _ => None,
        }
    }

    fn layout(self) -> Layout {
        match self {
            Self::Classic => Layout::Spaced,
            Self::Compact => Layout::Minified,
            Self::Sharded => Layout::Indented,
        }
    }
}

/// What to generate.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    /// The form.
    pub(crate) style: Style,
    /// Approximate bytes of JSON in conversations of realistic sizes.
    pub(crate) bytes: u64,
    /// Additional tiny conversations with one title in one month, May 2024.
    pub(crate) equal_titles: u32,
    /// Additional tiny conversations spread over the years.
    pub(crate) tiny: u32,
    /// Additional tiny conversations in one month, June 2025.
    pub(crate) tiny_in_one_month: u32,
    /// Size in bytes of an additional large conversation; 0 for none.
    pub(crate) huge: u64,
    /// Number of pictures. Each is referred to by a message, as long as there are enough conversations.
    pub(crate) assets: u32,
    /// The seed of the random numbers.
    pub(crate) seed: u64,
}

impl Spec {
    /// `megabytes` MB (10⁶ bytes) of realistic conversations and a few pictures.
    pub(crate) fn new(style: Style, megabytes: u64) -> Self {
        let (equal_titles, tiny, tiny_in_one_month) = (0, 0, 0);
        Self {
            style,
            bytes: megabytes * 1_000_000,
            equal_titles,
            huge: 0,
            tiny,
            tiny_in_one_month,
            assets: 8,
            seed: 1,
        }
    }
}

/// A conversation that was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    /// Its id.
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// When it began, in seconds since 1970.
    pub(crate) created: i64,
    /// Index of its file among `Truth::files`.
    pub(crate) file: usize,
    /// Offset of its opening brace in the file, in bytes.
    pub(crate) start: u64,
    /// Offset just past its closing brace.
    pub(crate) end: u64,
    /// Number of messages, visible or not.
    pub(crate) messages: u32,
    /// Number of leaves of its tree; 1 without branches.
    pub(crate) leaves: u32,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Truth {
    /// All conversations, in the order of the export.
    pub(crate) conversations: Vec<Known>,
    /// The names of the files that hold them.
    pub(crate) files: Vec<String>,
    /// Total size of those files.
    pub(crate) json_bytes: u64,
    /// Bytes of JSON in the `metadata` of messages.
    pub(crate) metadata_bytes: u64,
    /// Names of the pictures' entries.
    pub(crate) assets: Vec<String>,
}

/// Writes an export to `path`. Memory is bounded by the largest conversation, plus about 100 bytes for each.
///
/// # Errors
///
/// If the file can't be written.
pub(crate) fn write_zip(spec: &Spec, path: &Path) -> io::Result<Truth> {
    let mut random = Random::new(spec.seed);
    let plans = plans(spec, &mut random);
    let mut archive = Archive::new(path)?;
    let mut truth = Truth::default();
    let assets: Vec<Asset> = (0..spec.assets).map(|_| Asset::new(spec.style, &mut random)).collect();
    let mut writer = json::Writer::new(spec.style.layout());
    let per_file = if spec.style == Style::Sharded { 100 } else { usize::MAX };
    let every = (plans.len() / assets.len().max(1)).max(1);
    for (file, plans) in plans.chunks(per_file).enumerate() {
        let name = match spec.style {
            Style::Sharded => format!("conversations-{file:03}.json"),
            Style::Classic | Style::Compact => "conversations.json".to_owned(),
        };
        archive.begin(&name)?;
        truth.files.push(name);
        let mut at = archive.write(writer.list_start().as_bytes())?;
        for (index, plan) in plans.iter().enumerate() {
            if index > 0 {
                at += archive.write(writer.list_comma().as_bytes())?;
            }
            let number = truth.conversations.len();
            let asset = (number % every == every / 2).then(|| assets.get(number / every)).flatten();
            let mut of_its_own = Random::new(spec.seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9));
            let made = Conversation::write(spec.style, plan, asset, &mut of_its_own, &mut writer);
            let length = archive.write(writer.bytes())?;
            truth.metadata_bytes += made.metadata_bytes;
            truth.conversations.push(Known {
                id: made.id,
                title: made.title,
                created: plan.created,
                file,
                start: at,
                end: at + length,
                messages: made.messages,
                leaves: made.leaves,
            });
            at += length;
        }
        at += archive.write(writer.list_end().as_bytes())?;
        truth.json_bytes += at;
    }
    side_files(spec, &truth, &assets, &mut archive, &mut random)?;
    truth.assets = assets.into_iter().map(|asset| asset.entry).collect();
    archive.zip.finish()?.flush()?;
    Ok(truth)
}

/// The plan for one conversation.
#[derive(Clone, Debug)]
struct Plan {
    created: i64,
    bytes: usize,
    title: Option<&'static str>,
}

const MONTH: i64 = 30 * 86400;
/// From 2023-01-15 …
const FIRST: i64 = 1_673_740_800;
/// … to 2026-11-20.
const LAST: i64 = 1_795_132_800;
const MAY_2024: i64 = 1_714_521_600;
const JUNE_2025: i64 = 1_748_736_000;
const TINY: usize = 600;

/// Plans all conversations, newest first.
fn plans(spec: &Spec, random: &mut Random) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut add = |count: u32, from: i64, span: i64, title| {
        for _ in 0..count {
            plans.push(Plan { created: from + random.below(span as u64) as i64, bytes: TINY, title });
        }
    };
    // Stay a day away from the ends of the month, so that no time zone moves a conversation out of it.
    add(spec.equal_titles, MAY_2024 + 86400, MONTH - 2 * 86400, Some("Weekly plan"));
    add(spec.tiny_in_one_month, JUNE_2025 + 86400, MONTH - 2 * 86400, None);
    add(spec.tiny, FIRST, LAST - FIRST, None);
    if spec.huge > 0 {
        plans.push(Plan { created: MAY_2024, bytes: spec.huge as usize, title: None });
    }
    let largest = (spec.bytes as f64 * 0.031).clamp(1e6, 62e6);
    let mut left = spec.bytes as f64;
    let mut size = largest;
    while left > 0.0 {
        let bytes = size.min(left.max(4000.0));
        plans.push(Plan {
            created: FIRST + random.below((LAST - FIRST) as u64) as i64,
            bytes: bytes as usize,
            title: None,
        });
        left -= bytes;
        // The median is 80 kB, the 90th percentile 384 kB, and a few are far larger.
        let tail = if random.chance(0.02) { 3.0 } else { 1.0 };
        size = (80_000.0 * random.scale(1.73) * tail).clamp(1500.0, largest);
    }
    plans.sort_by_key(|plan| std::cmp::Reverse(plan.created));
    plans
}

/// A picture.
#[derive(Clone, Debug)]
struct Asset {
    id: String,
    /// The name of its entry.
    entry: String,
    /// The name that the user gave it.
    name: String,
    bytes: Vec<u8>,
}

impl Asset {
    fn new(style: Style, random: &mut Random) -> Self {
        let id = format!("file-{}", random.letters(22));
        let name = format!("{} {}.png", text::word(random), text::word(random));
        let entry = if style == Style::Sharded { format!("{id}.dat") } else { format!("{id}-{name}") };
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        let length = 20_000 + random.below(200_000);
        bytes.extend((0..length).map(|_| random.next() as u8));
        Self { id, entry, name, bytes }
    }
}

fn side_files(
    spec: &Spec,
    truth: &Truth,
    assets: &[Asset],
    archive: &mut Archive,
    random: &mut Random,
) -> io::Result<()> {
    for asset in assets {
        archive.file(&asset.entry, &asset.bytes)?;
    }
    let user = format!("{{\"id\": \"user-{}\", \"email\": \"somebody@example.org\"}}", random.letters(24));
    archive.file("user.json", user.as_bytes())?;
    archive.file("message_feedback.json", b"[]")?;
    archive.file("shared_conversations.json", b"[]")?;
    if spec.style == Style::Sharded {
        let names: Vec<_> =
            assets.iter().map(|asset| format!("\"{}\": \"{}\"", asset.entry, asset.name)).collect();
        archive.file("conversation_asset_file_names.json", format!("{{{}}}", names.join(", ")).as_bytes())?;
        let files: Vec<_> = truth.files.iter().map(|name| format!("\"{name}\"")).collect();
        let manifest = format!(
            "{{\"version\": 1, \"manifest_file\": \"export_manifest.json\", \"export_files\": [], \"logical_files\": \
             {{\"conversations.json\": {{\"sharded\": true, \"files\": [{}]}}}}}}",
            files.join(", ")
        );
        archive.file("export_manifest.json", manifest.as_bytes())?;
    }
    Ok(())
}

/// A ZIP file being written.
struct Archive {
    zip: ZipWriter<BufWriter<File>>,
}

impl Archive {
    fn new(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        file.rewind()?;
        Ok(Self { zip: ZipWriter::new(file) })
    }

    fn begin(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(6))
            .last_modified_time(zip::DateTime::default())
            .large_file(true);
        Ok(self.zip.start_file(name, options)?)
    }

    /// Writes to the current entry and returns the number of bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        self.zip.write_all(bytes)?;
        Ok(bytes.len() as u64)
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name)?;
        self.write(bytes).map(|_| ())
    }
}
