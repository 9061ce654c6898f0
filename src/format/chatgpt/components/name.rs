//! The names of components, and which names belong to HTML.

/// The longest name that is looked up, in bytes.
const LONGEST: usize = 40;

/// A name in the form in which names are compared: `Table.Row`, `TableRow` and `table-row` are `tablerow`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folded {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Folded {
    /// The folded form of `name`; `None` if it is longer than any name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut folded = Self { bytes: [0; LONGEST], length: 0 };
        for byte in name.bytes().filter(|byte| !matches!(byte, b'-' | b'.' | b'_' | b':')) {
            *folded.bytes.get_mut(folded.length)? = byte.to_ascii_lowercase();
            folded.length += 1;
        }
        Some(folded)
    }

    /// The folded name.
    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// What a component is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Component {
    AppBlock,
    Badge,
    Blockquote,
    Bold,
    /// A frame, column or clickable area: its children one after another.
    Box,
    Button,
    Caption,
    Chart,
    Checkbox,
    /// Radio buttons, a select box or a segmented control.
    Choices,
    Cite,
    Code,
    CodeBlock,
    Divider,
    Entity,
    Escape,
    /// An input field of any kind.
    Field,
    FileCite,
    FileList,
    FollowUp,
    /// A group without meaning of its own.
    Fragment,
    Grid,
    Image,
    Images,
    Italic,
    Link,
    LinkCard,
    List,
    ListItem,
    Map,
    Math,
    /// One of several choices.
    Option,
    Reaction,
    Row,
    /// Decoration: nothing is written.
    Silent,
    Strike,
    Svg,
    Table,
    TableCell,
    TableHead,
    TableRow,
    TableSection,
    Text,
    Title,
    Unknown,
    Video,
    WritingBlock,
}

/// The folded names of all components, sorted.
pub(super) const NAMES: &[(&str, Component)] = &[
    ("", Component::Fragment),
    ("appblock", Component::AppBlock),
    ("areachart", Component::Chart),
    ("asyncimage", Component::Image),
    ("asyncimagegroup", Component::Images),
    ("asyncvideo", Component::Video),
    ("badge", Component::Badge),
    ("barchart", Component::Chart),
    ("blockquote", Component::Blockquote),
    ("bold", Component::Bold),
    ("box", Component::Box),
    ("button", Component::Button),
    ("caption", Component::Caption),
    ("card", Component::Box),
    ("carousel", Component::Grid),
    ("carouselitem", Component::Box),
    ("carouselmediaitem", Component::Box),
    ("chart", Component::Chart),
    ("checkbox", Component::Checkbox),
    ("citation", Component::Cite),
    ("cite", Component::Cite),
    ("code", Component::Code),
    ("codeblock", Component::CodeBlock),
    ("codecite", Component::Silent),
    ("col", Component::Box),
    ("column", Component::Box),
    ("datepicker", Component::Field),
    ("divider", Component::Divider),
    ("entity", Component::Entity),
    ("escape", Component::Escape),
    ("favicon", Component::Silent),
    ("filecite", Component::FileCite),
    ("filenavlist", Component::FileList),
    ("flow", Component::Grid),
    ("flowitem", Component::Box),
    ("followup", Component::FollowUp),
    ("followupactionbar", Component::FollowUp),
    ("form", Component::Box),
    ("fragment", Component::Fragment),
    ("grid", Component::Grid),
    ("griditem", Component::Box),
    ("icon", Component::Silent),
    ("input", Component::Field),
    ("italic", Component::Italic),
    ("label", Component::Caption),
    ("linechart", Component::Chart),
    ("link", Component::Link),
    ("linkcard", Component::LinkCard),
    ("list", Component::List),
    ("listitem", Component::ListItem),
    ("mapwidget", Component::Map),
    ("mapwidgetv2", Component::Map),
    ("math", Component::Math),
    ("memorycite", Component::Silent),
    ("messagereaction", Component::Reaction),
    ("option", Component::Option),
    ("piechart", Component::Chart),
    ("popover", Component::Box),
    ("popovercontent", Component::Box),
    ("popovertrigger", Component::Box),
    ("pressable", Component::Box),
    ("radio", Component::Option),
    ("radiogroup", Component::Choices),
    ("row", Component::Row),
    ("scatterchart", Component::Chart),
    ("segmentedcontrol", Component::Choices),
    ("select", Component::Choices),
    ("slider", Component::Field),
    ("spacer", Component::Silent),
    ("strikethrough", Component::Strike),
    ("svg", Component::Svg),
    ("table", Component::Table),
    ("tablebody", Component::TableSection),
    ("tablecell", Component::TableCell),
    ("tablefooter", Component::TableSection),
    ("tablehead", Component::TableHead),
    ("tableheader", Component::TableHead),
    ("tableheadercell", Component::TableCell),
    ("tablerow", Component::TableRow),
    ("tablesection", Component::TableSection),
    ("text", Component::Text),
    ("textarea", Component::Field),
    ("title", Component::Title),
    ("underline", Component::Text),
    ("writingblock", Component::WritingBlock),
];

impl Component {
    /// The component with this folded name.
    pub(super) fn known(name: &str) -> Option<Self> {
        let at = NAMES.binary_search_by_key(&name, |&(known, _)| known).ok()?;
        NAMES.get(at).map(|&(_, component)| component)
    }

    /// True if the component usually has no body, so that an unclosed tag is complete.
    pub(super) fn is_leaf(self) -> bool {
        matches!(
            self,
            Self::Chart
                | Self::Cite
                | Self::Divider
                | Self::Entity
                | Self::Field
                | Self::FileCite
                | Self::FileList
                | Self::FollowUp
                | Self::Image
                | Self::Images
                | Self::Link
                | Self::LinkCard
                | Self::Map
                | Self::Reaction
                | Self::Silent
                | Self::Video
        )
    }

    /// True if nothing in the body is markup.
    pub(super) fn is_raw(self) -> bool {
        matches!(
            self,
            Self::AppBlock | Self::CodeBlock | Self::Escape | Self::Math | Self::Svg | Self::WritingBlock
        )
    }
}

/// True for folded names that are HTML wherever they occur.
pub(super) fn is_always_html(name: &str) -> bool {
    [
        "a", "abbr", "b", "br", "center", "dd", "del", "details", "div", "dl", "dt", "font", "h1", "h2",
        "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "s", "small",
        "span", "sub", "summary", "sup", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
    ]
    .contains(&name)
}

/// True for the other folded names that HTML has and no component.
pub(super) fn is_other_html(name: &str) -> bool {
    [
        "address", "applet", "area", "article", "aside", "audio", "base", "bdi", "bdo", "big", "body",
        "canvas", "colgroup", "data", "datalist", "dfn", "dialog", "dir", "em", "embed", "fieldset",
        "figcaption", "figure", "footer", "frame", "frameset", "head", "header", "hgroup", "html", "iframe",
        "legend", "main", "map", "marquee", "menu", "meta", "meter", "nav", "nobr", "noframes", "noscript",
        "object", "optgroup", "output", "param", "path", "picture", "progress", "q", "rp", "rt", "ruby",
        "samp", "script", "search", "section", "slot", "source", "strike", "strong", "style", "template",
        "time", "track", "tt", "var", "video", "wbr",
    ]
    .contains(&name)
}

/// True for the names of components that HTML has too.
pub(super) fn is_either(name: &str) -> bool {
    [
        "blockquote", "button", "caption", "cite", "code", "form", "input", "label", "link", "math",
        "option", "select", "svg", "table", "text", "textarea", "title",
    ]
    .contains(&name)
}

/// True if a known name begins with `start`.
pub(super) fn is_begun(start: &str) -> bool {
    let first = NAMES.partition_point(|&(name, _)| name < start);
    NAMES.get(first).is_some_and(|(name, _)| name.starts_with(start))
}
