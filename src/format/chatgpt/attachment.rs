//! The files of a message: those its parts point to, and those attached to it.

use super::marks::unmarked;
use super::schema::{Attachment, MountedFile, PartObject, Pointer, RareMetadata};
use crate::conversation::{FileKind, FileRef, Image, Part};
use crate::format::lenient::Obj;
use crate::format::pointer;

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
pub(super) fn add<'a>(metadata: &mut RareMetadata<'a>, parts: &mut Vec<Part<'a>>) {
    let attachments = std::mem::take(&mut metadata.attachments.0);
    let mounted = std::mem::take(&mut metadata.mounted_files.0);
    let shared = std::mem::take(&mut metadata.shared_files.0);
    if attachments.is_empty() && mounted.is_empty() && shared.is_empty() {
        return;
    }
    let attached = attachments.into_iter().map(|Obj(attachment)| file_attached(attachment));
    let given = mounted.into_iter().chain(shared).map(|Obj(file)| file_mounted(file));
    // With the position that each has in the export.
    let is_named = |file: &FileRef<'_>| !file.id.is_empty() || file.name.is_some();
    let files = attached.chain(given).filter(is_named).enumerate();
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
    parts.extend(rest.map(|(file, ..)| part(file)));
}

/// A file as a part of its own.
pub(super) fn part(file: FileRef<'_>) -> Part<'_> {
    match file.kind {
        FileKind::Image | FileKind::Plot => {
            let alt = file.name.clone();
            Part::Image(Image { file, alt, prompt: None })
        }
        FileKind::Audio => Part::Audio { file, seconds: None },
        FileKind::Video => Part::Video { file: Some(file), frames: 0 },
        FileKind::Other => Part::File(file),
    }
}

pub(super) fn kind_of(mime: Option<&str>) -> FileKind {
    match mime.and_then(|mime| mime.split_once('/')) {
        Some(("image", _)) => FileKind::Image,
        Some(("audio", _)) => FileKind::Audio,
        Some(("video", _)) => FileKind::Video,
        _ => FileKind::Other,
    }
}

fn file_attached(mut attachment: Attachment<'_>) -> FileRef<'_> {
    let mime = attachment.mime_type.take_filled();
    let id = attachment.id.take_filled().or_else(|| attachment.library_file_id.take_filled());
    FileRef {
        id: id.map(pointer::id_of).unwrap_or_default(),
        name: attachment.name.take_filled().map(unmarked),
        kind: kind_of(mime.as_deref()),
        mime,
        bytes: attachment.size.whole(),
    }
}

fn file_mounted(mut file: MountedFile<'_>) -> FileRef<'_> {
    let mime = file.mime_type.take_filled();
    let ids = [&mut file.file_id, &mut file.library_file_id, &mut file.id];
    let id = ids.into_iter().find_map(super::super::lenient::Str::take_filled);
    FileRef {
        id: id.map(pointer::id_of).unwrap_or_default(),
        name: file.name.take_filled().map(unmarked),
        kind: kind_of(mime.as_deref()),
        mime,
        bytes: file.size.whole(),
    }
}
