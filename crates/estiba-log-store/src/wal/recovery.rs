//! What an earlier process left in the write-ahead log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::frame::{Frame, length_at};
use super::{INDEXED, SEGMENT};

/// What was left.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Up to which number all lines are in the index for sure.
    pub(crate) indexed: u64,
    /// The segments in their order, each with the number of its last line.
    pub(crate) segments: Vec<(PathBuf, u64)>,
    /// Segments that are damaged before their end, with what could not be read.
    pub(crate) damaged: Vec<(PathBuf, String)>,
}

/// Finds the segments. It reads one at a time, so that memory holds no more.
pub(crate) fn recover(folder: &Path) -> io::Result<Recovered> {
    let mut recovered = Recovered {
        indexed: read_indexed(folder),
        ..Recovered::default()
    };
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|kind| kind == SEGMENT))
        .collect();
    paths.sort();
    for path in paths {
        let (frames, lost) = read_segment(&path)?;
        let first = path
            .file_stem()
            .and_then(|name| name.to_str()?.parse::<u64>().ok());
        let last = frames.iter().map(Frame::last_sequence).max();
        if lost > 0 {
            let why = format!("{lost} frames could not be read");
            recovered.damaged.push((path.clone(), why));
        }
        let last = last.or(first.map(|first| first.saturating_sub(1)));
        recovered.segments.push((path, last.unwrap_or_default()));
    }
    Ok(recovered)
}

/// The frames of a segment, and how many between them are damaged. What is torn at
/// the end was never acknowledged, and doesn't count.
pub(crate) fn read_segment(path: &Path) -> io::Result<(Vec<Frame>, usize)> {
    let bytes = fs::read(path)?;
    let (mut frames, mut damaged, mut perhaps) = (Vec::new(), 0, 0);
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        if let Some(frame) = Frame::read(rest) {
            rest = &rest[frame.size()..];
            frames.push(frame);
            damaged += std::mem::take(&mut perhaps);
        } else if let Some(after) = length_at(rest).and_then(|length| rest.get(length..)) {
            rest = after;
            perhaps += 1;
        } else {
            break;
        }
    }
    Ok((frames, damaged))
}

fn read_indexed(folder: &Path) -> u64 {
    fs::read_to_string(folder.join(INDEXED))
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or_default()
}
