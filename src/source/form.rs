//! How an export was packed, in words.

use std::fmt;

/// How an export arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// How its files are packed.
    pub packing: Packing,
    /// Number of exports joined: sources, or groups of parts.
    pub groups: usize,
    /// Number of ZIPs with files of the export.
    pub parts: usize,
    /// Number of numbered conversation files.
    pub shards: usize,
    /// Number of unnumbered conversation files: `conversations.json`, or a file with any name.
    pub singles: usize,
    /// True if a manifest lists the conversation files.
    pub manifest: bool,
    /// True if the conversations are those in `chat.html`, because there are no others.
    pub viewer: bool,
}

/// How the files of an export are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Packing {
    /// One ZIP.
    #[default]
    Zip,
    /// ZIPs that are parts of one export.
    Parts,
    /// ZIPs inside a ZIP, as the privacy portal delivers them.
    Container,
    /// A folder of files.
    Folder,
    /// A folder of ZIPs.
    FolderOfZips,
    /// One file with conversations.
    Bare,
    /// Several of the above.
    Several,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.packing {
            Packing::Zip => {}
            Packing::Parts => write!(f, "multi-part ({}), ", Count(self.parts, "part"))?,
            Packing::Container => write!(
                f,
                "privacy-portal container ({}, {}), ",
                Count(self.groups, "group"),
                Count(self.parts, "part")
            )?,
            Packing::Folder => f.write_str("folder, ")?,
            Packing::FolderOfZips => write!(f, "folder of {}, ", Count(self.parts, "ZIP file"))?,
            Packing::Bare if self.viewer => return f.write_str("bare chat.html"),
            Packing::Bare => return f.write_str("bare JSON file"),
            Packing::Several => write!(f, "{}, ", Count(self.groups, "source"))?,
        }
        if self.viewer {
            return f.write_str("chat.html only");
        }
        let manifest = if self.manifest { ", manifest" } else { "" };
        match (self.shards, self.singles) {
            (0, 0) => write!(f, "group_chats.json only{manifest}"),
            (0, 1) => {
                write!(f, "single conversations.json{}", if self.manifest { " with manifest" } else { "" })
            }
            (0, singles) => write!(f, "{singles} × conversations.json"),
            (shards, 0) => write!(f, "sharded ({}{manifest})", Count(shards, "shard")),
            (shards, singles) => write!(
                f,
                "sharded ({}{manifest}) and {}conversations.json",
                Count(shards, "shard"),
                if singles == 1 { String::new() } else { format!("{singles} × ") }
            ),
        }
    }
}

/// `1 part`, `2 parts`.
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}
