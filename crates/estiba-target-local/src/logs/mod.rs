//! What instances wrote, as files: one for each container of each instance,
//! rotated by size.
//!
//! ```text
//! logs/<workload>/<instance>/<container>.log      the newest lines
//! logs/<workload>/<instance>/<container>.log.1    older
//! logs/<workload>/<instance>/<container>.log.2    oldest
//! ```

mod capture;
mod line;
mod merge;
mod source;
mod stream;
mod writer;

use std::path::Path;
use std::time::SystemTime;

use estiba_model::{InstanceName, Name};
use estiba_target::{LogLine, Stream};

pub(crate) use capture::capture;
pub(crate) use merge::Merge;
pub(crate) use stream::stream;
pub(crate) use writer::LogWriter;

use estiba_host::HostError;
use estiba_host::record;

/// Logs of instances that ended are kept for so many instances of a workload.
const KEPT_INSTANCES: usize = 10;

/// The file that a container's newest lines are in.
fn current_file(instance_logs: &Path, container: &Name) -> std::path::PathBuf {
    instance_logs.join(format!("{container}.log"))
}

/// The last lines of an instance, oldest first, as a person reads them.
pub(crate) fn last_lines(logs: &Path, instance: &InstanceName, count: usize) -> Vec<String> {
    let read = || -> Result<Vec<LogLine>, HostError> {
        let mut merge = Merge::of_instance(logs, instance);
        merge.start(None, Some(count))?;
        merge.take(count)
    };
    // They explain an error; that they can't be read must not hide it.
    let lines = read().unwrap_or_default();
    lines.into_iter().flat_map(LogLine::said).collect()
}

/// Removes the logs of all but the newest instances of a workload; those that
/// `is_running` says of are kept whatever their age.
pub(crate) fn prune(logs: &Path, is_running: impl Fn(&str) -> bool) -> Result<(), HostError> {
    let mut ended: Vec<(SystemTime, String)> = record::names(logs)?
        .into_iter()
        .filter(|name| !is_running(name))
        .map(|name| {
            let written = std::fs::metadata(logs.join(&name)).and_then(|found| found.modified());
            (written.unwrap_or(SystemTime::UNIX_EPOCH), name)
        })
        .collect();
    ended.sort_unstable();
    let surplus = ended.len().saturating_sub(KEPT_INSTANCES);
    for (_, name) in &ended[..surplus] {
        record::remove(&logs.join(name))?;
    }
    Ok(())
}

/// How a stream is marked in a log file.
fn mark(stream: Stream) -> char {
    match stream {
        Stream::Stdout => 'o',
        Stream::Stderr => 'e',
    }
}
