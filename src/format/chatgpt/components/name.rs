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

impl Component {
    /// The component with this folded name.
    pub(super) fn known(name: &str) -> Option<Self> {
        Some(match name {
            "appblock" => Self::AppBlock,
            "asyncimage" => Self::Image,
            "asyncimagegroup" => Self::Images,
            "asyncvideo" => Self::Video,
            "badge" => Self::Badge,
            "blockquote" => Self::Blockquote,
            "bold" => Self::Bold,
            "box" | "col" | "column" | "card" | "griditem" | "flowitem" | "carouselitem"
            | "carouselmediaitem" | "pressable" | "popover" | "popovertrigger" | "popovercontent"
            | "form" => Self::Box,
            "button" => Self::Button,
            "caption" | "label" => Self::Caption,
            "chart" | "piechart" | "barchart" | "linechart" | "areachart" | "scatterchart" => Self::Chart,
            "checkbox" => Self::Checkbox,
            "cite" | "citation" => Self::Cite,
            "code" => Self::Code,
            "codeblock" => Self::CodeBlock,
            "codecite" | "memorycite" | "icon" | "favicon" | "spacer" => Self::Silent,
            "divider" => Self::Divider,
            "entity" => Self::Entity,
            "escape" => Self::Escape,
            "filecite" => Self::FileCite,
            "filenavlist" => Self::FileList,
            "followup" | "followupactionbar" => Self::FollowUp,
            "fragment" | "" => Self::Fragment,
            "grid" | "flow" | "carousel" => Self::Grid,
            "input" | "textarea" | "slider" | "datepicker" => Self::Field,
            "italic" => Self::Italic,
            "link" => Self::Link,
            "linkcard" => Self::LinkCard,
            "list" => Self::List,
            "listitem" => Self::ListItem,
            "mapwidgetv2" | "mapwidget" => Self::Map,
            "math" => Self::Math,
            "messagereaction" => Self::Reaction,
            "radio" | "option" => Self::Option,
            "radiogroup" | "select" | "segmentedcontrol" => Self::Choices,
            "row" => Self::Row,
            "strikethrough" => Self::Strike,
            "svg" => Self::Svg,
            "table" => Self::Table,
            "tablecell" | "tableheadercell" => Self::TableCell,
            "tablehead" | "tableheader" => Self::TableHead,
            "tablerow" => Self::TableRow,
            "tablesection" | "tablebody" | "tablefooter" => Self::TableSection,
            "text" | "underline" => Self::Text,
            "title" => Self::Title,
            "writingblock" => Self::WritingBlock,
            _ => return None,
        })
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
    const NAMES: &[&str] = &[
        "appblock", "asyncimagegroup", "asyncvideo", "badge", "blockquote", "bold", "box", "button",
        "caption", "card", "carouselmediaitem", "carouselitem", "chart", "checkbox", "citation", "cite",
        "code", "codeblock", "codecite", "column", "datepicker", "divider", "entity", "escape", "favicon",
        "filecite", "filenavlist", "flowitem", "followupactionbar", "form", "fragment", "griditem", "icon",
        "input", "italic", "label", "linkcard", "listitem", "mapwidgetv2", "math", "memorycite",
        "messagereaction", "option", "popovercontent", "popovertrigger", "pressable", "radiogroup", "row",
        "segmentedcontrol", "select", "slider", "spacer", "strikethrough", "svg", "tablecell", "tablehead",
        "tablerow", "tablesection", "textarea", "title", "underline", "writingblock",
    ];
    NAMES.iter().any(|name| name.starts_with(start))
}
