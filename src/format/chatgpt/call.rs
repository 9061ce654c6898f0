//! Calls of tools: programs that were run, pictures that were ordered, canvas documents that were written.

use super::marks::unmarked;
use super::schema::{Content, RawPart};
use super::{metadata, words};
use crate::conversation::{CanvasAction, CanvasComment, CanvasEdit, CanvasStep, Part, Text};
use crate::format::lenient::{
    self, Flag, List, Maybe, Obj, Present, Read, Record, Str, Whole, pass_over, record,
};
use crate::format::pull::{self, Json, Texts, Value};
use crate::format::repair;
use std::borrow::Cow;

/// The family of a tool: its name up to the first dot.
pub(super) fn family(tool: &str) -> &str {
    tool.split_once('.').map_or(tool, |(family, _)| family)
}

/// True if a call of this tool is shown: a program that ran, or a step in a canvas document.
pub(super) fn is_shown(tool: &str) -> bool {
    is_python(tool) || tool == "container.exec" || is_canvas(tool)
}

/// True for the code interpreter under each of its names.
fn is_python(tool: &str) -> bool {
    matches!(family(tool), "python" | "python_user_visible")
}

/// True for tools whose messages hold files, pages and pictures for the model to look at.
pub(super) fn reads_files(tool: &str) -> bool {
    matches!(family(tool), "file_search" | "myfiles_browser") || tool == "container.open_image"
}

/// True for the steps in the life of a canvas document.
pub(super) fn is_canvas(tool: &str) -> bool {
    matches!(tool, "canmore.create_textdoc" | "canmore.update_textdoc" | "canmore.comment_textdoc")
}

/// The call of `tool`, which is shown, with this text as a part; `answer` is what the canvas tool said about it.
pub(super) fn part<'a>(
    tool: &str,
    content: &Content<'a>,
    text: Text<'a>,
    answer: Option<Box<metadata::Canvas<'a>>>,
    texts: &'a Texts,
) -> Option<Part<'a>> {
    if text.trim().is_empty() {
        return None;
    }
    Some(if is_canvas(tool) {
        Part::Canvas(canvas_step(tool, text, answer, texts))
    } else if tool == "container.exec" {
        match shell_command(&text) {
            Some(command) => Part::Code { language: "sh".into(), text: command.into() },
            None => Part::Code { language: content.language_of(&text), text },
        }
    } else if matches!(content.language.as_str(), "" | "unknown") {
        Part::Code { language: "python".into(), text }
    } else {
        Part::Code { language: content.language_of(&text), text }
    })
}

/// Reads the JSON that a model wrote: strictly, then with the brackets that it forgot, then repaired.
fn read<'t, T: Record<'t>>(text: &'t str, texts: &'t Texts) -> Option<T> {
    const FORGOTTEN: [&str; 6] = ["}", "]}", "}]}", "\"}", "\"}]}", "\"]}"];
    let failed = match lenient::read::<Maybe<T>>(Json { text, texts }) {
        Ok(Maybe(record)) => return record,
        Err(error) => error,
    };
    let text = if failed.is_end {
        let mut completed = FORGOTTEN.into_iter().map(|ending| [text, ending].concat());
        completed.find(|text| lenient::read::<Present>(Json { text, texts }).is_ok())?
    } else {
        repair::repair(text.as_bytes()).json
    };
    let text = texts.keep(&text);
    lenient::read::<Maybe<T>>(Json { text, texts }).ok().and_then(|Maybe(record)| record)
}

record! {
    struct ExecCall {
        cmd: CommandLine = "cmd",
        /// What some models call it.
        command: Str<'a> = "command",
    }
}

/// A command with its arguments, or as one line.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    words: Vec<String>,
    line: Option<String>,
}

impl<'a> Read<'a> for CommandLine {
    fn read(&mut self, reader: &mut pull::Reader<'a>) -> pull::Result<()> {
        *self = Self::default();
        match reader.value()? {
            Value::Text(line) => self.line = Some(line.text()?.to_owned()),
            Value::List => {
                let mut words = Some(Vec::new());
                reader.each(|reader| {
                    let mut word = Str::default();
                    word.read(reader)?;
                    match word.0 {
                        Some(word) => words.iter_mut().for_each(|words| words.push(word.to_owned())),
                        None => words = None,
                    }
                    Ok(())
                })?;
                // A list of something else is shown as it was written.
                self.words = words.unwrap_or_default();
            }
            other => pass_over(other, reader)?,
        }
        Ok(())
    }
}

/// The command line of `{"cmd": ["bash", "-lc", "ls"]}`: what a shell is given to run, or the words, quoted.
fn shell_command(text: &str) -> Option<String> {
    let texts = Texts::default();
    let call = read::<ExecCall<'_>>(text, &texts)?;
    if let Some(line) = call.cmd.line.as_deref().or(call.command.0) {
        return Some(line.to_owned());
    }
    let words: Vec<_> = call.cmd.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => None,
        [shell, flag, script]
            if shell.rsplit('/').next().is_some_and(|shell| shell.ends_with("sh"))
                && flag.starts_with('-')
                && flag.ends_with('c') =>
        {
            Some((*script).to_owned())
        }
        words => Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")),
    }
}

/// One word for a POSIX shell.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

record! {
    struct PictureCall {
        prompt: Str<'a> = "prompt",
        prompts: List<Str<'a>> = "prompts",
    }
}

/// The prompt that a picture was ordered with, if `content` is such a call.
pub(super) fn prompt(content: &Content<'_>) -> pull::Result<Option<String>> {
    let text = match content.text.open()?.filled() {
        Some(text) => text,
        None => match content.parts.0.iter().find_map(RawPart::text) {
            Some(text) => text.open()?.as_str(),
            None => return Ok(None),
        },
    };
    Ok(prompt_in(text))
}

fn prompt_in(text: &str) -> Option<String> {
    let texts = Texts::default();
    let mut call = read::<PictureCall<'_>>(text, &texts)?;
    let prompt = call.prompt.take_filled().or_else(|| match call.prompts.0.as_mut_slice() {
        [only] => only.take_filled(),
        _ => None,
    });
    prompt.map(Cow::into_owned)
}

record! {
    struct CanvasCall {
        name: Str<'a> = "name",
        kind: Str<'a> = "type",
        content: Str<'a> = "content",
        textdoc_id: Str<'a> = "textdoc_id",
        updates: List<Obj<Whole<'a, CanvasUpdate<'a>>>> = "updates",
        comments: List<Obj<Whole<'a, CanvasRemark<'a>>>> = "comments",
    }
}

record! {
    struct CanvasUpdate {
        pattern: Str<'a> = "pattern",
        multiple: Flag = "multiple",
        replacement: Str<'a> = "replacement",
    }
}

record! {
    struct CanvasRemark {
        pattern: Str<'a> = "pattern",
        comment: Str<'a> = "comment",
    }
}

/// The step that a call of the canvas tool takes.
fn canvas_step<'a>(
    tool: &str,
    text: Text<'a>,
    answer: Option<Box<metadata::Canvas<'a>>>,
    texts: &'a Texts,
) -> CanvasStep<'a> {
    let mut answer = answer.unwrap_or_default();
    let mut step = CanvasStep {
        document: answer.textdoc_id.take_filled(),
        title: answer.title.take_filled().map(unmarked),
        kind: answer.textdoc_type.take_filled(),
        version: answer.version.whole(),
        failed: answer.is_failure.0,
        action: CanvasAction::Unreadable(Cow::Borrowed("")),
    };
    let text = match text {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => texts.keep(&text),
    };
    let Some(mut call) = read::<CanvasCall<'a>>(text, texts) else {
        step.action = CanvasAction::Unreadable(text.into());
        return step;
    };
    step.document = step.document.or_else(|| call.textdoc_id.take_filled());
    let is_readable = match tool {
        "canmore.create_textdoc" => call.content.0.is_some(),
        "canmore.update_textdoc" => call.updates.0.iter().all(|Obj(update)| is_whole(update, &UPDATE_KEYS)),
        _ => call.comments.0.iter().all(|Obj(remark)| is_whole(remark, &COMMENT_KEYS)),
    };
    if !is_readable {
        step.action = CanvasAction::Unreadable(text.into());
        return step;
    }
    step.action = match tool {
        "canmore.create_textdoc" => {
            // The call says what the document was when it was made; the answer may be about a later title.
            step.title = call.name.take_filled().map(unmarked).or(step.title);
            step.kind = call.kind.take_filled().or(step.kind);
            CanvasAction::Create(call.content.take())
        }
        "canmore.update_textdoc" => CanvasAction::Update(call.updates.0.iter_mut().map(edit).collect()),
        _ => CanvasAction::Comment(call.comments.0.iter_mut().map(remark).collect()),
    };
    step
}

/// What an edit and a remark have.
const UPDATE_KEYS: [&str; 2] = ["pattern", "replacement"];
const COMMENT_KEYS: [&str; 2] = ["pattern", "comment"];

/// True if an item of a call has no words but those under `keys`.
fn is_whole<T>(item: &Whole<'_, T>, keys: &[&str]) -> bool {
    let words = item.json.map(|json| words::beside(json, keys, &[]));
    words.is_some_and(|words| words.is_ok_and(|words| words.is_empty()))
}

/// The words of a call of the canvas tool that are in none of the fields that its step shows.
pub(super) fn words_beside<'a>(tool: &str, text: &Text<'a>, texts: &'a Texts) -> pull::Result<Text<'a>> {
    if !is_canvas(tool) {
        return Ok(Text::default());
    }
    let json = Json { text: texts.keep(text), texts };
    // A call that is not sound JSON was read as far as it goes.
    if lenient::read::<Present>(json).is_err() {
        return Ok(Text::default());
    }
    let (list, is_list): (_, fn(&CanvasCall<'_>) -> bool) = match tool {
        "canmore.create_textdoc" => ("content", |call| call.content.0.is_some()),
        "canmore.update_textdoc" => ("updates", |call| !call.updates.0.is_empty()),
        _ => ("comments", |call| !call.comments.0.is_empty()),
    };
    let Maybe(Some(call)) = lenient::read::<Maybe<CanvasCall<'a>>>(json)? else { return Ok(Text::default()) };
    // Of a call that can't be read, all is shown.
    if tool == "canmore.create_textdoc" && call.content.0.is_none() {
        return Ok(Text::default());
    }
    let shown: &[&str] = if is_list(&call) { &[list] } else { &[] };
    words::beside(json, &["name", "type", "content", "textdoc_id"], shown)
}

fn edit<'a>(Obj(Whole { value: update, .. }): &mut Obj<Whole<'a, CanvasUpdate<'a>>>) -> CanvasEdit<'a> {
    CanvasEdit {
        pattern: update.pattern.take(),
        multiple: update.multiple.0,
        replacement: update.replacement.take(),
    }
}

fn remark<'a>(Obj(Whole { value: remark, .. }): &mut Obj<Whole<'a, CanvasRemark<'a>>>) -> CanvasComment<'a> {
    CanvasComment { pattern: remark.pattern.take(), comment: remark.comment.take() }
}
