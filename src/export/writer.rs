//! Writes the files of one thread, each under another name until it is complete.

use super::update::{self, Checksum, Existing, FileStamp, FileState};
use super::{ExportRun, Failure, PARTIAL, Share, is_below, split, times};
use crate::error::Error;
use crate::fs::{Attr, Ino};
use crate::sync::lock;
use crate::sys::{NewFile, OpenDirectory};
use std::io::{self, Write};
use std::sync::atomic::Ordering;

/// Writes files for one thread.
pub(super) struct FileWriter<'e> {
    export: &'e ExportRun<'e>,
    /// Directories that could not be made, each with a slash at the end.
    lost: &'e [String],
    /// The name of a file while it is written.
    partial: String,
    /// The directory of the last file, with its path.
    open: Option<(String, OpenDirectory)>,
    pub(super) share: Share,
}

impl<'e> FileWriter<'e> {
    /// The writer of the thread with this number.
    pub(super) fn new(export: &'e ExportRun<'e>, lost: &'e [String], number: usize) -> Self {
        let partial = format!("{PARTIAL}{number}");
        Self { export, lost, partial, open: None, share: Share::default() }
    }

    /// Finds the directory of the next file by its path again: somebody may have replaced it.
    pub(super) fn leave_directory(&mut self) {
        self.open = None;
    }

    /// Writes the file `ino` with `fill`. `bytes` are what it is going to hold, if they are known; a copied file is known by
    /// its size and time.
    pub(super) fn write(
        &mut self,
        ino: Ino,
        bytes: Option<&[u8]>,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) {
        let path = self.export.fs.path(ino);
        if self.export.is_ended() || is_below(self.lost, &path) {
            return;
        }
        let written = self.export.fs.attr(ino).map_err(Failure::One).and_then(|attr| {
            let is_page = self.export.fs.page(ino).is_some();
            let is_written = self.write_file(&path, attr, is_page, bytes, fill)?;
            if is_written {
                self.share.files = self.share.files.saturating_add(1);
                self.share.bytes = self.share.bytes.saturating_add(attr.size);
            }
            Ok(attr.size)
        });
        match written {
            Ok(bytes) => {
                self.export.progress.count();
                self.export.progress.advance(usize::try_from(bytes).unwrap_or(usize::MAX));
            }
            Err(Failure::One(error)) => self.share.failures.push((path, error)),
            Err(Failure::Disk(error)) => {
                self.export.ended.store(true, Ordering::Relaxed);
                lock(&self.export.disk).get_or_insert(error.within(self.export.named(&path)));
            }
        }
    }

    /// Writes a file under another name, and gives it its own once it is complete. False if it was up to date, or if what has
    /// its name is to be left alone.
    fn write_file(
        &mut self,
        path: &str,
        attr: Attr,
        is_page: bool,
        bytes: Option<&[u8]>,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let (parent, name) = split(path);
        let directory = match self.open.take() {
            Some((open, directory)) if open == parent => directory,
            _ => self.export.folder.enter_path(parent)?,
        };
        let written = self.write_in(&directory, path, name, attr, is_page, bytes, fill);
        self.open = Some((parent.to_owned(), directory));
        written
    }

    #[allow(clippy::too_many_arguments, reason = "what is written, and where")]
    fn write_in(
        &mut self,
        directory: &OpenDirectory,
        path: &str,
        name: &str,
        attr: Attr,
        is_page: bool,
        bytes: Option<&[u8]>,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<bool, Failure> {
        let Some(before) = &self.export.before else {
            let mut new = directory.begin(&self.partial)?;
            let written = fill(&mut new.file).and_then(|()| {
                let wrong_times = new.file.set_times(times(attr)).err();
                directory.complete(&new, name)?;
                Ok(wrong_times)
            });
            return settle(&mut self.share, directory, &new, path, written);
        };
        let mut is_there = false;
        match before.existing(directory, path, name)? {
            Existing::Nothing => {}
            Existing::File(found, ours) => {
                let planned = FileState::planned(attr);
                let is_same = match bytes {
                    Some(bytes) => update::holds(&found, bytes),
                    None => !is_page && ours.is_some_and(|state| state.looks_like(planned)),
                };
                if is_same {
                    if !FileState::of(&found.metadata()?, None).looks_like(planned) {
                        let _ = found.set_times(times(attr));
                    }
                    let checksum = match (bytes, ours.and_then(|state| state.checksum)) {
                        (Some(bytes), _) => update::checksum(bytes)?,
                        (None, Some(checksum)) => checksum,
                        (None, None) => update::checksum(&found)?,
                    };
                    let state = FileState::of(&found.metadata()?, Some(checksum));
                    let stamp = self.export.stamp(attr.ino, FileStamp::File(state));
                    self.share.stamps.push((path.to_owned(), stamp));
                    self.share.unchanged = self.share.unchanged.saturating_add(1);
                    return Ok(false);
                }
                if ours.is_none() {
                    self.share.kept.push(path.to_owned());
                    return Ok(false);
                }
                is_there = true;
            }
            Existing::Link(_) | Existing::Foreign => {
                self.share.kept.push(path.to_owned());
                return Ok(false);
            }
        }
        let mut new = directory.begin_again(&self.partial)?;
        let mut summed = Checksum::of(&mut new.file);
        let checksum = fill(&mut summed).map(|()| summed.finish());
        let written = checksum.and_then(|checksum| {
            let wrong_times = new.file.set_times(times(attr)).err();
            let state = FileState::of(&new.file.metadata()?, Some(checksum));
            if is_there {
                directory.replace(&new, name, &self.partial)?;
            } else {
                directory.complete(&new, name)?;
            }
            let stamp = self.export.stamp(attr.ino, FileStamp::File(state));
            self.share.stamps.push((path.to_owned(), stamp));
            Ok(wrong_times)
        });
        settle(&mut self.share, directory, &new, path, written)
    }
}

/// Notes that the times of a file couldn't be set, which some file systems don't support. Gives up a file that couldn't be
/// written.
fn settle(
    share: &mut Share,
    directory: &OpenDirectory,
    new: &NewFile<'_>,
    path: &str,
    written: Result<Option<io::Error>, Failure>,
) -> Result<bool, Failure> {
    match written {
        Ok(wrong_times) => {
            let wrong_times = wrong_times.map(|error| Error::io("its times can't be set", error));
            share.untimed.extend(wrong_times.map(|error| (path.to_owned(), error)));
            Ok(true)
        }
        Err(failure) => {
            // If this fails as well, so will the next file, because this one is in its way.
            let _ = directory.give_up(new);
            Err(failure)
        }
    }
}
