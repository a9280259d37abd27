//! Writing a container's log.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use estiba_model::Name;
use estiba_target::{Redactor, Stream};
use jiff::Timestamp;

use super::{current_file, line};
use estiba_host::HostError;

/// A file is rotated when it would grow over this.
const FILE_BYTES: u64 = 10 << 20;
/// Files of one container, with the one that is written.
pub(super) const FILES: usize = 3;

/// A container's log. When the disk is full, lines are lost and the container
/// goes on.
#[derive(Debug)]
pub(crate) struct LogWriter {
    path: PathBuf,
    file: Option<File>,
    size: u64,
    redactor: Redactor,
}

impl LogWriter {
    /// Appends to what is there.
    pub(crate) fn open(
        instance_logs: &Path,
        container: &Name,
        redactor: Redactor,
    ) -> Result<Self, HostError> {
        let path = current_file(instance_logs, container);
        let file = open(&path).map_err(HostError::at(&path))?;
        let size = file.metadata().map_err(HostError::at(&path))?.len();
        Ok(Self {
            path,
            file: Some(file),
            size,
            redactor,
        })
    }

    /// Writes lines that arrived now, secrets removed.
    pub(crate) fn write<'l>(&mut self, stream: Stream, lines: impl IntoIterator<Item = &'l str>) {
        let now = Timestamp::now();
        let mut text = String::new();
        for line in lines {
            line::append(&mut text, now, stream, &self.redactor.redact(line));
        }
        let bytes = text.len() as u64;
        if self.size + bytes > FILE_BYTES && self.size > 0 {
            self.rotate();
        }
        if self.file.is_none() {
            self.file = open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return };
        if file.write_all(text.as_bytes()).is_ok() {
            self.size += bytes;
        } else {
            // What was written of it would spoil the next line.
            let _ = file.set_len(self.size);
        }
    }

    fn rotate(&mut self) {
        for age in (1..FILES).rev() {
            let _ = fs::rename(older(&self.path, age - 1), older(&self.path, age));
        }
        self.file = None;
        self.size = 0;
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The file that has been rotated `age` times.
pub(super) fn older(path: &Path, age: usize) -> PathBuf {
    if age == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{age}"));
    name.into()
}
