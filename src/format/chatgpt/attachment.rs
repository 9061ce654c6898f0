//! The files of a message: those its parts point to, and those attached to it.

use super::marks::unmarked;
use super::metadata::{Attachment, MountedFile, RareMetadata};
use super::schema::{PartObject, Pointer};
use super::words;
use crate::conversation::{FileKind, FileRef, Part, Text};
use crate::format::lenient::{Obj, Str, Whole};
use crate::format::pointer;
use crate::format::pull::{Json, Result};

/// The file that a part points to.
pub(super) fn file_of<'a>(object: &mut PartObject<'a>, kind: FileKind) -> FileRef<'a> {
    FileRef {
        id: pointer::id_of(object.asset_pointer.take()),
        name: object.name.take_filled().map(unmarked),
        mime: object.mime_type.take_filled(),
        bytes: object.size_bytes.whole(),
        kind,
    }
}

/// The file that a pointer nested in a part points to.
pub(super) fn file_at<'a>(pointer: &mut Pointer<'a>, kind: FileKind) -> FileRef<'a> {
    let (id, bytes) = (pointer::id_of(pointer.asset_pointer.take()), pointer.size_bytes.whole());
    FileRef { id, bytes, kind, ..FileRef::default() }
}

/// Gives the files among `parts` the names that the attachments have for them, and appends the attachments that are
/// not among the parts.
pub(super) fn add<'a>(metadata: &mut RareMetadata<'a>, parts: &mut Vec<Part<'a>>) -> Result<()> {
    let attachments = std::mem::take(&mut metadata.attachments.0);
    let mounted = std::mem::take(&mut metadata.mounted_files.0);
    let shared = std::mem::take(&mut metadata.shared_files.0);
    if attachments.is_empty() && mounted.is_empty() && shared.is_empty() {
        return Ok(());
    }
    let attached = attachments.into_iter().map(|Obj(attachment)| file_attached(attachment));
    let given = mounted.into_iter().chain(shared).map(|Obj(file)| file_mounted(file));
    let files = attached.chain(given).collect::<Result<Vec<_>>>()?;
    // With the position that each has in the export.
    let is_named = |file: &FileRef<'_>| !file.id.is_empty() || file.name.is_some();
    let files = files.into_iter().filter(is_named).enumerate();
    let mut files: Vec<_> = files.map(|(at, file)| (file, at, false)).collect();
    files.sort_by(|(a, ..), (b, ..)| a.id.cmp(&b.id));
    files.dedup_by(|(a, ..), (b, ..)| !a.id.is_empty() && a.id == b.id);
    for part in parts.iter_mut() {
        let (file, alt) = match part {
            Part::Image(image) => (&mut image.file, Some(&mut image.alt)),
            Part::Audio { file, .. } | Part::File(file) | Part::Video { file: Some(file), .. } => {
                (file, None)
            }
            _ => continue,
        };
        let Ok(at) = files.binary_search_by(|(attached, ..)| attached.id.cmp(&file.id)) else { continue };
        let Some((attached, _, used)) = files.get_mut(at).filter(|_| !file.id.is_empty()) else { continue };
        *used = true;
        file.name = attached.name.clone().or_else(|| file.name.take());
        file.mime = attached.mime.clone().or_else(|| file.mime.take());
        file.bytes = attached.bytes.or(file.bytes);
        if let Some(alt @ None) = alt {
            alt.clone_from(&file.name);
        }
    }
    files.sort_by_key(|&(_, at, _)| at);
    let rest = files.into_iter().filter(|(.., used)| !used);
    parts.extend(rest.map(|(file, ..)| Part::from(file)));
    Ok(())
}

/// The kind of a file by its MIME type; most attachments have none, then by the extension of its name.
pub(super) fn kind_of(mime: Option<&str>, name: Option<&str>) -> FileKind {
    if let Some(mime) = mime {
        return match mime.split_once('/') {
            Some(("image", _)) => FileKind::Image,
            Some(("audio", _)) => FileKind::Audio,
            Some(("video", _)) => FileKind::Video,
            _ => FileKind::Other,
        };
    }
    let extension = name.and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "avif" | "bmp" | "gif" | "heic" | "jpeg" | "jpg" | "png" | "svg" | "webp" => FileKind::Image,
        "aac" | "flac" | "m4a" | "mp3" | "ogg" | "opus" | "wav" => FileKind::Audio,
        "avi" | "m4v" | "mkv" | "mov" | "mp4" | "webm" => FileKind::Video,
        _ => FileKind::Other,
    }
}

fn file_attached<'a>(whole: Whole<'a, Attachment<'a>>) -> Result<FileRef<'a>> {
    let Whole { value: mut attachment, json } = whole;
    let mime = attachment.mime_type.take_filled();
    let ids = [attachment.id, attachment.library_file_id];
    let (id, name) = id_and_name(&ids, attachment.name, json)?;
    let kind = kind_of(mime.as_deref(), name.as_deref());
    Ok(FileRef { id, name, kind, mime, bytes: attachment.size.whole() })
}

fn file_mounted<'a>(whole: Whole<'a, MountedFile<'a>>) -> Result<FileRef<'a>> {
    let Whole { value: mut file, json } = whole;
    let mime = file.mime_type.take_filled();
    let (id, name) = id_and_name(&[file.file_id, file.library_file_id, file.id], file.name, json)?;
    let kind = kind_of(mime.as_deref(), name.as_deref());
    Ok(FileRef { id, name, kind, mime, bytes: file.size.whole() })
}

/// The first of `ids` that there is, and what to call a file: its `name`, else the words that its `json` has in another
/// place. An id that reads like a name is one.
pub(super) fn id_and_name<'a>(
    ids: &[Str<'a>],
    name: Str<'a>,
    json: Option<Json<'a>>,
) -> Result<(Text<'a>, Option<Text<'a>>)> {
    let mut id = ids.iter().find_map(Str::filled);
    let mut name = name.filled().map(Text::from);
    if name.is_none() {
        name = id.filter(|id| id.contains(char::is_whitespace)).map(Text::from);
        id = id.filter(|_| name.is_none());
    }
    if let (None, Some(json)) = (&name, json) {
        let words = words::beside(json, &[], &[])?;
        name = Some(words).filter(|words| !words.is_empty());
    }
    Ok((id.map(|id| pointer::id_of(id.into())).unwrap_or_default(), name.map(unmarked)))
}
