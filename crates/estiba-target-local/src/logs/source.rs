//! Reading one container's log, through its rotations.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use estiba_model::{InstanceName, Name};
use estiba_target::LogLine;
use jiff::Timestamp;

use super::writer::{FILES, older};
use super::{current_file, line};
use estiba_host::HostError;

/// Read backwards in pieces of so many bytes.
const CHUNK: usize = 64 << 10;

/// The lines of one container, from some place on.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    instance: InstanceName,
    container: Name,
    /// The file that is read, and which one it is.
    open: Option<(BufReader<File>, u64)>,
    /// Of a line whose end has not been written yet.
    partial: Vec<u8>,
    /// Lines that were read and not taken, oldest first.
    ahead: VecDeque<LogLine>,
    since: Option<Timestamp>,
}

impl Source {
    pub(super) fn new(instance_logs: &Path, instance: InstanceName, container: Name) -> Self {
        Self {
            path: current_file(instance_logs, &container),
            instance,
            container,
            open: None,
            partial: Vec::new(),
            ahead: VecDeque::new(),
            since: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins where only lines since `since`, and of those about the last `tail`
    /// but not fewer, are to come.
    pub(super) fn start(
        &mut self,
        since: Option<Timestamp>,
        tail: Option<usize>,
    ) -> Result<(), HostError> {
        self.since = since;
        let Some(tail) = tail else { return Ok(()) };
        let mut wanted = tail;
        for age in 0..FILES {
            let Some((mut file, inode)) = self.open_file(age)? else {
                break;
            };
            let at = HostError::at(&self.path);
            let (offset, found) = seek_back(&mut file, wanted).map_err(at)?;
            let at = HostError::at(&self.path);
            file.seek(SeekFrom::Start(offset)).map_err(at)?;
            self.open = Some((BufReader::with_capacity(CHUNK, file), inode));
            if found >= wanted {
                break;
            }
            wanted -= found;
        }
        Ok(())
    }

    /// The next line that is there, left in place.
    pub(super) fn head(&mut self) -> Result<Option<&LogLine>, HostError> {
        while self.ahead.is_empty() {
            let Some(text) = self.next_text()? else {
                return Ok(None);
            };
            let text = String::from_utf8_lossy(&text);
            let line = line::parse(&text, &self.instance, &self.container)
                .filter(|line| self.since.is_none_or(|since| line.at >= since));
            self.ahead.extend(line);
        }
        Ok(self.ahead.front())
    }

    pub(super) fn take_head(&mut self) -> Option<LogLine> {
        self.ahead.pop_front()
    }

    /// Whether a line is one of this container's.
    pub(super) fn wrote(&self, line: &LogLine) -> bool {
        (&line.instance, &line.container) == (&self.instance, &self.container)
    }

    /// Gives back a line that was taken, after others that were.
    pub(super) fn put_back(&mut self, line: LogLine) {
        self.ahead.push_back(line);
    }

    fn next_text(&mut self) -> Result<Option<Vec<u8>>, HostError> {
        loop {
            if self.open.is_none() {
                self.open = self.oldest()?;
            }
            let Some((file, _)) = &mut self.open else {
                return Ok(None);
            };
            let at = HostError::at(&self.path);
            file.read_until(b'\n', &mut self.partial).map_err(at)?;
            if self.partial.ends_with(b"\n") {
                let mut text = std::mem::take(&mut self.partial);
                text.pop();
                return Ok(Some(text));
            }
            match self.following()? {
                Some(next) => self.open = Some(next),
                None => return Ok(None),
            }
        }
    }

    fn oldest(&self) -> Result<Option<(BufReader<File>, u64)>, HostError> {
        for age in (0..FILES).rev() {
            if let Some((file, inode)) = self.open_file(age)? {
                return Ok(Some((BufReader::with_capacity(CHUNK, file), inode)));
            }
        }
        Ok(None)
    }

    /// The file after the one that has been read to its end; nothing where that
    /// is the newest.
    fn following(&self) -> Result<Option<(BufReader<File>, u64)>, HostError> {
        let Some((_, read)) = &self.open else {
            return Ok(None);
        };
        let mut next = None;
        for age in 0..FILES {
            match self.open_file(age)? {
                Some((_, inode)) if inode == *read => return Ok(next),
                Some((file, inode)) => {
                    next = Some((BufReader::with_capacity(CHUNK, file), inode));
                }
                None => {}
            }
        }
        // It was rotated away: on with the oldest that is left.
        Ok(next)
    }

    fn open_file(&self, age: usize) -> Result<Option<(File, u64)>, HostError> {
        let path = older(&self.path, age);
        let opened = File::open(&path).and_then(|file| {
            let inode = file.metadata()?.ino();
            Ok((file, inode))
        });
        match opened {
            Ok(opened) => Ok(Some(opened)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(HostError::at(&path)(error)),
        }
    }
}

/// Where the last `wanted` lines of a file begin, and how many there are.
fn seek_back(file: &mut File, wanted: usize) -> io::Result<(u64, usize)> {
    let size = file.seek(SeekFrom::End(0))?;
    if wanted == 0 {
        return Ok((size, 0));
    }
    let mut ends = 0;
    let mut position = size;
    let mut chunk = vec![0; CHUNK];
    while position > 0 {
        let length = CHUNK.min(usize::try_from(position).unwrap_or(CHUNK));
        position -= length as u64;
        file.seek(SeekFrom::Start(position))?;
        file.read_exact(&mut chunk[..length])?;
        for (index, byte) in chunk[..length].iter().enumerate().rev() {
            if *byte == b'\n' {
                if ends == wanted {
                    return Ok((position + index as u64 + 1, wanted));
                }
                ends += 1;
            }
        }
    }
    Ok((0, ends))
}

/// The containers that have a log in the directory of an instance.
pub(super) fn containers(instance_logs: &Path) -> Result<Vec<Name>, HostError> {
    let names = estiba_host::record::names(instance_logs)?;
    let containers = names.iter().filter_map(|name| name.strip_suffix(".log"));
    Ok(containers.filter_map(|name| name.parse().ok()).collect())
}
