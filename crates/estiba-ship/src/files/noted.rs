//! What was noted of files before: those that no glob finds any more.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::follow::Files;
use super::tracked::Origin;
use super::{Print, discover};
use crate::batch::{Batch, Mark};
use crate::checkpoint::{FileKey, FileRecord, KEPT};

impl FileRecord {
    /// Whether the file at `path` is the one that was noted; it may have grown.
    pub(super) fn is_of(&self, path: &Path) -> io::Result<bool> {
        let file = File::open(path)?;
        Ok(file.metadata()?.size() >= self.cursor.start() && self.print.matches(&file)?)
    }
}

impl Files {
    /// Files that no glob finds any more: they were renamed while nobody looked.
    pub(super) fn find_noted(&mut self, batch: &mut Batch) {
        let oldest = (jiff::Timestamp::now() - KEPT).as_second();
        let keys: Vec<FileKey> = self.noted.keys().copied().collect();
        let (begun, mut unread) = (self.begun(), Vec::new());
        for key in keys {
            // A copy of another one may have it by now.
            let Some(record) = self.noted.get(&key).map(Arc::clone) else {
                continue;
            };
            // Its number may be another file's: that one is not of any glob.
            let path = discover::renamed(&record.path, key)
                .filter(|path| record.is_of(path).unwrap_or(true));
            let origin = self.origin_of(&record);
            match (path, origin) {
                (Some(path), Some(origin)) => {
                    let is_renamed = *path != *record.path;
                    self.track(key, path.into(), origin.clone(), batch);
                    if is_renamed {
                        self.find_rotated(&record, Print::default(), &origin, batch);
                    }
                }
                (path, origin) => {
                    self.noted.remove(&key);
                    if record.at < oldest {
                        batch.marks.push(Mark::Gone(key));
                    }
                    unread.extend(path.filter(|path| has_more(path, &record)));
                    // It may be the oldest of several, which is removed.
                    if let Some(origin) = origin.filter(|_| begun.contains(&record.path)) {
                        self.find_rotated(&record, Print::default(), &origin, batch);
                    }
                }
            }
        }
        tell_of(&unread);
    }

    /// Where files are that were never seen before.
    fn begun(&self) -> HashSet<Arc<Path>> {
        let fresh = self.fresh.iter().filter_map(|key| self.tracked.get(key));
        fresh
            .filter(|tracked| tracked.print.is_empty())
            .map(|tracked| Arc::clone(&tracked.path))
            .collect()
    }

    /// Follows what came after a file and was renamed too, from its beginning; copies
    /// of `original` aside.
    pub(super) fn find_rotated(
        &mut self,
        before: &FileRecord,
        original: Print,
        origin: &Origin,
        batch: &mut Batch,
    ) {
        let is_known = |key| self.tracked.contains_key(&key) || self.noted.contains_key(&key);
        for (key, path) in discover::rotated_since(before, original, is_known) {
            self.track(key, path.into(), origin.clone(), batch);
        }
    }

    /// What a noted file is, by the globs of now.
    fn origin_of(&self, record: &FileRecord) -> Option<Origin> {
        let named = record.named();
        for (index, group) in self.groups.iter().enumerate() {
            let called = group
                .globs
                .iter()
                .find_map(|pattern| discover::called(pattern, named));
            if let Some(shown) = called.filter(|shown| !group.leaves_out(shown)) {
                return Some(self.origin(index, Arc::clone(named), &shown));
            }
        }
        match record.named {
            Some(_) => None,
            None => self.origin_of_path(&record.path),
        }
    }

    /// Notes of before have no name but the path, which may be that of a file that was
    /// renamed, or where a link leads.
    fn origin_of_path(&self, path: &Arc<Path>) -> Option<Origin> {
        if let Some(next) = self.tracked.values().find(|next| next.path == *path) {
            return Some(next.origin.clone());
        }
        let is_below = |pattern: &String| {
            let top = discover::top(pattern);
            path.starts_with(&top) || fs::canonicalize(top).is_ok_and(|top| path.starts_with(top))
        };
        let group = self
            .groups
            .iter()
            .position(|group| group.globs.iter().any(is_below))?;
        Some(self.origin(group, Arc::clone(path), path))
    }
}

fn has_more(path: &Path, record: &FileRecord) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.size() > record.cursor.start())
}

fn tell_of(unread: &[PathBuf]) {
    if let Some(first) = unread.first() {
        tracing::warn!(
            "no path leads any more to files that were followed before: the rest of {} is not read (of {} files in all)",
            first.display(),
            unread.len()
        );
    }
}
