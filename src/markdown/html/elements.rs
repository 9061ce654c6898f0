//! The elements of HTML, by what a browser does with them.

/// Elements without content.
const VOID: &[&str] = &[
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img", "input",
    "keygen", "link", "meta", "param", "source", "track", "wbr",
];

/// Elements whose tags a browser ignores within a page.
const HARMLESS: &[&str] = &["html", "head", "body", "frameset"];

/// Elements whose content is hidden, raw, or never ends where Markdown would end it.
pub(super) const SWALLOWING: &[&str] = &[
    "script", "style", "pre", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript",
    "plaintext", "template", "select", "dialog", "svg", "math", "object", "audio", "video", "canvas", "form",
    "button", "marquee", "applet", "option", "optgroup", "listing",
];

/// Formatting elements. A browser reopens these in later paragraphs until they are closed.
const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Other inline elements.
const PHRASING: &[&str] = &[
    "abbr", "acronym", "bdi", "bdo", "cite", "data", "del", "dfn", "ins", "kbd", "label", "mark", "output",
    "q", "rp", "rt", "ruby", "samp", "span", "sub", "sup", "time", "var",
];

/// All other elements that may have content.
const BLOCKS: &[&str] = &[
    "address", "article", "aside", "blockquote", "caption", "center", "colgroup", "dd", "details", "dir",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "legend", "li", "main", "menu", "meter", "nav", "ol", "p", "picture", "progress",
    "search", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
];

/// Elements whose end tag is optional: the end tag of an enclosing element ends them, too.
pub(super) const IMPLIED: &[&str] =
    &["p", "li", "dd", "dt", "caption", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"];

/// How a browser treats an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementClass {
    /// It continues in later paragraphs until it is closed.
    Formatting,
    /// It ends with the element around it.
    Ordinary,
    /// The end tags of other elements don't reach past it.
    Block,
}

/// True unless a browser finds no content between the tags of this name.
pub(super) fn has_content(name: &str) -> bool {
    !is_among(name, VOID) && !is_among(name, HARMLESS)
}

/// True for elements whose tags end the paragraph that they are in.
pub(super) fn breaks_paragraph(name: &str) -> bool {
    known(name).is_some_and(|(_, class)| class == ElementClass::Block) || name.eq_ignore_ascii_case("hr")
}

pub(super) fn is_table_part(name: &str) -> bool {
    is_among(name, IMPLIED) && !is_among(name, &["p", "li", "dd", "dt"])
}

pub(super) fn is_among(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The canonical name of an element and its class, if HTML has such an element.
pub(super) fn known(name: &str) -> Option<(&'static str, ElementClass)> {
    let lists = [
        (FORMATTING, ElementClass::Formatting),
        (PHRASING, ElementClass::Ordinary),
        (BLOCKS, ElementClass::Block),
    ];
    lists.into_iter().find_map(|(list, class)| {
        let known = list.iter().find(|known| known.eq_ignore_ascii_case(name))?;
        Some((*known, class))
    })
}
