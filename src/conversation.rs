//! A conversation, independent of who exported it: a tree of messages made of parts.
//!
//! Vendor-neutral: no I/O and no serde. Text borrows from the JSON it came from where it can.

pub(crate) mod assistant;
pub(crate) mod canvas;
pub(crate) mod files;
mod owned;
pub(crate) mod thread;
pub(crate) mod tree;

use crate::time::Timestamp;
use assistant::{Assistant, Sources};
use std::borrow::Cow;
use tree::{MessageTree, NodeId};

/// Text that borrows from the export where it can.
pub(crate) type Text<'a> = Cow<'a, str>;

/// One conversation, with everything that any page shows.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent observations")]
pub struct Conversation<'a> {
    /// Who it was held with.
    pub assistant: &'static dyn Assistant,
    /// Its id as the export gives it; empty if it has none.
    pub id: Text<'a>,
    /// Its title as the export gives it; `None` if null or blank.
    pub title: Option<Text<'a>>,
    /// The name of its export, where several are shown as one.
    pub export: Option<Text<'a>>,
    /// When it began: its own time, else that of its earliest visible message, else `updated`.
    pub created: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// Id of the custom GPT (`g-…`) it was held with.
    pub gpt: Option<Text<'a>>,
    /// Id of the project (`g-p-…`) it belongs to.
    pub project: Option<Text<'a>>,
    /// The model to name where no message names one.
    pub default_model: Option<Text<'a>>,
    /// Marked with a star by its user.
    pub starred: bool,
    /// Put into the archive by its user.
    pub archived: bool,
    /// All messages.
    pub tree: MessageTree<'a>,
    /// The message that the user saw last, if the export says so and it exists.
    pub current: Option<NodeId>,
    /// Web pages that answers may name by id only; may be empty if no answer does.
    pub sources: Sources<'a>,
    /// One line that says why a broken conversation can't be shown as it was. A conversation with damage and
    /// an empty tree is a page that says so.
    pub damage: Option<String>,
    /// The export may hold it whole: `damage` says why it is not shown.
    pub withheld: bool,
    /// Its source was broken and had to be guessed at in places, so some of it may be wrong or missing.
    pub is_doubtful: bool,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
    /// The product itself.
    System,
}

/// Whether the vendor's own client shows a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Shown in the thread.
    Shown,
    /// Part of hidden messages (search chatter, memory, instructions): shown folded, and only by option.
    Hidden,
}

/// Why an answer ends before it is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The length limit; the next answer on the thread continues the text where it broke off.
    Length,
    /// Its user stopped it.
    Stopped,
}

/// One message.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its id; empty if it has none.
    pub id: Text<'a>,
    /// Who speaks.
    pub role: Role,
    /// The tool's name, or what a person or the assistant is called in a group chat.
    pub name: Option<Text<'a>>,
    /// The recipient, unless it is everyone: the tool that is called.
    pub recipient: Option<Text<'a>>,
    /// When it was written.
    pub created: Option<Timestamp>,
    /// The model that wrote it.
    pub model: Option<Text<'a>>,
    /// Whether it is shown. A `Shown` message has at least one part to show.
    pub visibility: Visibility,
    /// Why it ends early, if it does.
    pub cut: Option<Cut>,
    /// What it consists of, in order. Empty for `Hidden` messages unless they were asked for.
    pub parts: Vec<Part<'a>>,
}

impl<'a> Message<'a> {
    /// A shown message with a role and parts, and nothing else.
    pub fn new(role: Role, parts: Vec<Part<'a>>) -> Self {
        Self {
            id: Text::default(),
            role,
            name: None,
            recipient: None,
            created: None,
            model: None,
            visibility: Visibility::Shown,
            cut: None,
            parts,
        }
    }
}

/// A piece of a message; each is shown as one block.
#[derive(Debug)]
pub enum Part<'a> {
    /// Written or spoken words: Markdown from an assistant or tool, plain text from a user.
    Prose(Prose<'a>),
    /// A program or command that a tool was given to run.
    Code {
        /// The fence's tag, such as `python` or `sh`; empty if unknown.
        language: Text<'a>,
        /// The program.
        text: Text<'a>,
    },
    /// What a program printed.
    Output(Text<'a>),
    /// What the model thought before it answered.
    Thoughts(Vec<Thought<'a>>),
    /// The end of thinking.
    Recap {
        /// How long it took, in seconds.
        seconds: Option<u64>,
        /// The export's own, localised wording.
        text: Text<'a>,
    },
    /// A picture.
    Image(Image<'a>),
    /// A recording.
    Audio {
        /// The recording.
        file: FileRef<'a>,
        /// Its length in seconds.
        seconds: Option<f64>,
    },
    /// A video, or the frames that a camera sent along with a recording.
    Video {
        /// The video itself, where the export names one.
        file: Option<FileRef<'a>>,
        /// How many single frames the export names.
        frames: u32,
    },
    /// A file that was attached or made.
    File(FileRef<'a>),
    /// A failure of the product or a tool.
    Failure {
        /// Its name, such as `AceConnectionException`; may be empty.
        name: Text<'a>,
        /// What it says.
        text: Text<'a>,
    },
    /// A list of links.
    Links(Vec<Link<'a>>),
    /// Text quoted from a page or file.
    Quote {
        /// Where it is from.
        source: Link<'a>,
        /// The quoted text.
        text: Text<'a>,
    },
    /// A step in the life of a canvas document.
    Canvas(CanvasStep<'a>),
    /// A line that says what happened, as plain text.
    Note(Text<'a>),
    /// Content of a kind that we don't know; its words, if it has any, follow as a part of their own.
    Unknown {
        /// The kind, in the export's word.
        kind: Text<'a>,
    },
}

/// Written or spoken text with its references.
#[derive(Debug, Default)]
pub struct Prose<'a> {
    /// The text as the export holds it, before any trimming.
    pub text: Text<'a>,
    /// What the text refers to, in the export's order.
    pub references: Vec<Reference<'a>>,
    /// Pages to list after the text.
    pub footnotes: Vec<Link<'a>>,
}

/// A span of a text that stands for something else.
#[derive(Clone, Debug)]
pub struct Reference<'a> {
    /// Where it begins: in Unicode code points of the raw text.
    pub start: usize,
    /// Where it ends, exclusive, in code points.
    pub end: usize,
    /// The characters of the span. If they are not there, the nearest other occurrence is meant.
    pub matched: Text<'a>,
    /// What to show instead.
    pub meaning: Meaning<'a>,
}

/// What a reference stands for.
#[derive(Clone, Debug)]
pub enum Meaning<'a> {
    /// Nothing: the characters are deleted.
    Nothing,
    /// Sources, shown as ` ([label](url), [label](url))`.
    Citation(Vec<Link<'a>>),
    /// Markdown that the export itself supplies.
    Markdown(Text<'a>),
    /// Markdown that needs lines of its own.
    Block(Text<'a>),
    /// Plain text, such as a name.
    Plain(Text<'a>),
    /// Links, one after another.
    Links(Vec<Link<'a>>),
    /// A file, shown as a link in parentheses.
    File(FileRef<'a>),
    /// A link or picture in the text that leads to a file.
    FileLink {
        /// Its label, as Markdown.
        label: Text<'a>,
        /// The file.
        file: FileRef<'a>,
        /// True for a picture.
        embedded: bool,
    },
}

/// A link to the outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link<'a> {
    /// What to call it; may be empty.
    pub label: Text<'a>,
    /// Its address, without tracking parameters; may be empty.
    pub url: Text<'a>,
    /// Who published it, where that is worth saying in addition to the label; may be empty.
    pub publisher: Text<'a>,
}

/// One step of thinking.
#[derive(Debug)]
pub struct Thought<'a> {
    /// Its headline; may be empty.
    pub summary: Text<'a>,
    /// Its text; may be empty.
    pub content: Text<'a>,
}

/// A picture in a message.
#[derive(Debug)]
pub struct Image<'a> {
    /// Its file.
    pub file: FileRef<'a>,
    /// What it shows, for a reader who can't see it.
    pub alt: Option<Text<'a>>,
    /// The words it was generated from.
    pub prompt: Option<Text<'a>>,
}

/// The kind of file that a reference promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A picture.
    Image,
    /// A picture that a program drew.
    Plot,
    /// A recording.
    Audio,
    /// A video.
    Video,
    /// Anything.
    #[default]
    Other,
}

impl FileKind {
    /// True for pictures of any origin.
    pub fn is_picture(self) -> bool {
        matches!(self, Self::Image | Self::Plot)
    }

    /// What a file without a name is called; `None` if its kind says nothing.
    fn noun(self) -> Option<&'static str> {
        match self {
            Self::Image => Some("picture"),
            Self::Plot => Some("plot"),
            Self::Audio => Some("voice"),
            Self::Video => Some("video"),
            Self::Other => None,
        }
    }
}

/// A file that a message points to, which the export may or may not contain.
#[derive(Clone, Debug, Default)]
pub struct FileRef<'a> {
    /// The export's id of the file, without scheme or suffix: `file-…`, `file_…`, `libfile_…`, or the path of
    /// a `sandbox:` address (`/mnt/data/report.csv`). May be empty.
    pub id: Text<'a>,
    /// The name that its user knows.
    pub name: Option<Text<'a>>,
    /// Its MIME type.
    pub mime: Option<Text<'a>>,
    /// Its size in bytes, as the message states it.
    pub bytes: Option<u64>,
    /// What it should be.
    pub kind: FileKind,
}

impl<'a> From<FileRef<'a>> for Part<'a> {
    fn from(file: FileRef<'a>) -> Self {
        match file.kind {
            FileKind::Image | FileKind::Plot => {
                Self::Image(Image { alt: file.name.clone(), file, prompt: None })
            }
            FileKind::Audio => Self::Audio { file, seconds: None },
            FileKind::Video => Self::Video { file: Some(file), frames: 0 },
            FileKind::Other => Self::File(file),
        }
    }
}

/// A step in the life of a canvas document.
#[derive(Debug)]
pub struct CanvasStep<'a> {
    /// The document's id where a message or the tool's answer names it; else the last one that was created.
    pub document: Option<Text<'a>>,
    /// The title, where the step or the tool's answer names it.
    pub title: Option<Text<'a>>,
    /// `document`, or `code/<language>`, where the step or the answer names it.
    pub kind: Option<Text<'a>>,
    /// The version that the tool's answer states for the document after this step.
    pub version: Option<u64>,
    /// True if the tool's answer says that the step failed.
    pub failed: bool,
    /// What the step does.
    pub action: CanvasAction<'a>,
}

/// What a step does to a canvas document.
#[derive(Debug)]
pub enum CanvasAction<'a> {
    /// Creates it with this content.
    Create(Text<'a>),
    /// Changes it by these edits, in order.
    Update(Vec<CanvasEdit<'a>>),
    /// Remarks on it.
    Comment(Vec<CanvasComment<'a>>),
    /// A call that can't be read, and its text.
    Unreadable(Text<'a>),
}

/// One edit of a canvas document.
#[derive(Debug)]
pub struct CanvasEdit<'a> {
    /// A Python regular expression.
    pub pattern: Text<'a>,
    /// Replaces every match, not only the first.
    pub multiple: bool,
    /// The replacement, in the manner of Python's `re.sub`.
    pub replacement: Text<'a>,
}

/// One remark on a canvas document.
#[derive(Debug)]
pub struct CanvasComment<'a> {
    /// A Python regular expression that finds the passage.
    pub pattern: Text<'a>,
    /// The remark.
    pub comment: Text<'a>,
}
