//! Tables of components as tables of Markdown.

use super::piece::{BlockKind, OutputBlock, Row};
use super::{plain, zones};

/// The most columns that are filled up with empty cells, and that one cell may span.
pub(super) const MOST_COLUMNS: usize = 50;

/// `rows` as a table; `None` if there are no rows.
pub(super) fn table(rows: Vec<Row>) -> Option<OutputBlock> {
    let mut header: Option<Vec<String>> = None;
    let mut body: Vec<Vec<String>> = Vec::new();
    // For each column how many of its cells there are, and how many of them end at the right.
    let mut sides = [(0_usize, 0_usize); MOST_COLUMNS];
    // For each column how many rows a cell above still covers.
    let mut covered = [0_usize; 2 * MOST_COLUMNS];
    for row in rows {
        let label = row.label.filter(|label| !label.is_empty());
        if row.cells.is_empty() && label.is_none() {
            continue;
        }
        let is_header =
            row.is_header || (!row.cells.is_empty() && row.cells.iter().all(|cell| cell.is_header));
        let is_header = is_header && header.is_none() && body.is_empty() && label.is_none();
        body.extend(label.map(|label| vec![label]));
        let mut texts: Vec<String> = Vec::with_capacity(row.cells.len());
        for cell in row.cells {
            while let Some(rows) = covered.get_mut(texts.len()).filter(|rows| **rows > 0) {
                *rows -= 1;
                texts.push(String::new());
            }
            let first = texts.len();
            let columns = cell.columns.clamp(1, MOST_COLUMNS);
            if !is_header
                && columns == 1
                && let Some((cells, right)) = sides.get_mut(first)
            {
                *cells += 1;
                *right += usize::from(cell.is_right);
            }
            if cell.rows > 1 {
                let spanned = covered.get_mut(first..first + columns).unwrap_or_default();
                spanned.fill(cell.rows - 1);
            }
            texts.push(cell_text(&cell.blocks));
            texts.extend(std::iter::repeat_n(String::new(), columns - 1));
        }
        if is_header {
            header = Some(texts);
        } else if !texts.is_empty() {
            body.push(texts);
        }
    }
    let right = sides.map(|(cells, right)| cells > 0 && cells == right);
    let is_empty = header.is_none() && body.is_empty();
    (!is_empty)
        .then(|| OutputBlock::new(markdown(&header.unwrap_or_default(), &body, &right), BlockKind::Markdown))
}

/// A table of cells that are inline Markdown; `right` are the columns whose text ends at the right side.
pub(super) fn markdown(header: &[String], body: &[Vec<String>], right: &[bool]) -> String {
    let longest = body.iter().map(Vec::len).max().unwrap_or_default();
    let columns = header.len().max(longest).max(1);
    let mut out = String::new();
    write_row(header, columns, &mut out);
    out.push_str("\n|");
    for column in 0..columns {
        out.push_str(if right.get(column) == Some(&true) { "---:|" } else { "---|" });
    }
    for row in body {
        out.push('\n');
        // Missing cells are allowed; filling up wide tables could cost much more than they have.
        write_row(row, if columns <= MOST_COLUMNS { columns } else { row.len() }, &mut out);
    }
    out
}

fn write_row(cells: &[String], columns: usize, out: &mut String) {
    out.push('|');
    for column in 0..columns {
        let text = cells.get(column).map(String::as_str).unwrap_or_default();
        out.push(' ');
        write_cell(text.trim(), out);
        out.push_str(" |");
    }
}

/// Inline Markdown as a cell or a part of one, which none of its pipes ends.
pub(super) fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    write_cell(text, &mut out);
    out
}

/// Writes inline Markdown as a cell, which none of its pipes ends.
fn write_cell(text: &str, out: &mut String) {
    let mut address = None;
    let mut is_escaped = false;
    let mut before = '\0';
    for c in text.chars() {
        match (c, address) {
            ('|', Some(_)) => out.push_str("%7C"),
            ('|', None) if !is_escaped => out.push_str("\\|"),
            ('\n', _) => out.push(' '),
            _ => out.push(c),
        }
        match (c, address) {
            ('(', None) if before == ']' => address = Some(')'),
            ('<', None) if !is_escaped => address = Some('>'),
            (c, Some(end)) if c == end || c == ' ' => address = None,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
        before = c;
    }
}

/// Blocks on the one line of a cell.
pub(super) fn cell_text(blocks: &[OutputBlock]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for block in blocks {
        match block.kind {
            BlockKind::Line | BlockKind::Picture => lines.push(plain::joined_lines(&block.text)),
            BlockKind::Divider => {}
            BlockKind::Code => {
                let code = block.text.split('\n').skip(1);
                let mut code: Vec<_> = code.collect();
                code.pop();
                lines.extend(code.into_iter().filter(|line| !line.trim().is_empty()).map(plain::code_span));
            }
            _ => inner_lines(&block.text, &mut lines),
        }
    }
    lines.join("<br>")
}

/// Writes the lines of Markdown `text` as those of a cell: code as spans, the rows of a table as their words.
fn inner_lines(text: &str, lines: &mut Vec<String>) {
    let mut fence = None;
    let mut in_table = false;
    let lines_of_text = text.split('\n').map(|line| line.trim_start_matches(['>', ' ', '\t']).trim_end());
    let mut rest = lines_of_text.filter(|line| !line.is_empty()).peekable();
    while let Some(line) = rest.next() {
        if let Some(opened) = fence {
            if zones::closes_fence(line, opened) {
                fence = None;
            } else {
                lines.push(plain::code_span(line));
            }
            continue;
        }
        fence = zones::fence(line);
        if fence.is_some() {
            continue;
        }
        in_table = line.starts_with('|') && (in_table || rest.peek().is_some_and(|next| is_delimiter(next)));
        if !in_table {
            lines.push(inner(line));
        } else if !is_delimiter(line) {
            lines.extend(Some(row_words(line)).filter(|words| !words.is_empty()));
        }
    }
}

/// True for the line below the header of a table.
fn is_delimiter(line: &str) -> bool {
    line.starts_with('|') && line.contains('-') && line.bytes().all(|byte| b"|:- \t".contains(&byte))
}

/// The cells of a row on one line.
fn row_words(line: &str) -> String {
    let mut cells = vec![String::new()];
    let mut is_escaped = false;
    for c in line.chars() {
        match cells.last_mut() {
            Some(cell) if c != '|' || is_escaped => cell.push(c),
            _ => cells.push(String::new()),
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    let cells: Vec<_> = cells.iter().map(|cell| cell.trim()).filter(|cell| !cell.is_empty()).collect();
    cells.join(" · ")
}

/// A line of Markdown without the marks of a heading.
fn inner(line: &str) -> String {
    let text = line.trim_start_matches('#');
    let is_heading = text.len() < line.len() && text.starts_with(' ');
    if is_heading { plain::emphasised(text.trim(), "**") } else { line.to_owned() }
}
