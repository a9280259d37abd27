//! Many logs as one, in order of time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use estiba_model::InstanceName;
use estiba_target::LogLine;
use jiff::Timestamp;

use super::source::{Source, containers};
use estiba_host::HostError;
use estiba_host::record;

/// The logs of a workload, or of one instance.
#[derive(Debug)]
pub(crate) struct Merge {
    logs: PathBuf,
    only: Option<InstanceName>,
    sources: Vec<Source>,
    known: BTreeSet<PathBuf>,
}

impl Merge {
    /// All instances of the workload whose logs these are.
    pub(crate) fn of_workload(logs: &Path) -> Self {
        Self {
            logs: logs.to_owned(),
            only: None,
            sources: Vec::new(),
            known: BTreeSet::new(),
        }
    }

    pub(crate) fn of_instance(logs: &Path, instance: &InstanceName) -> Self {
        Self {
            only: Some(instance.clone()),
            ..Self::of_workload(logs)
        }
    }

    /// Looks for logs, each from where the query wants it.
    pub(crate) fn start(
        &mut self,
        since: Option<Timestamp>,
        tail: Option<usize>,
    ) -> Result<(), HostError> {
        for mut source in self.find_new()? {
            source.start(since, tail)?;
            self.sources.push(source);
        }
        if let Some(tail) = tail {
            self.drop_all_but(tail)?;
        }
        Ok(())
    }

    /// Adds the logs that were not there before, from their beginning.
    pub(crate) fn find_more(&mut self) -> Result<(), HostError> {
        let more = self.find_new()?;
        self.sources.extend(more);
        Ok(())
    }

    /// The next lines that are there, at most `count`; none for now when all
    /// have been taken.
    pub(crate) fn take(&mut self, count: usize) -> Result<Vec<LogLine>, HostError> {
        let mut lines = Vec::new();
        while lines.len() < count {
            let Some(line) = self.next()? else { break };
            lines.push(line);
        }
        Ok(lines)
    }

    /// The directories in which news shows.
    pub(crate) fn directories(&self) -> Result<Vec<PathBuf>, HostError> {
        let mut directories = vec![self.logs.clone()];
        directories.extend(
            self.instances()?
                .into_iter()
                .map(|(directory, _)| directory),
        );
        Ok(directories)
    }

    /// Each source has its own last `tail` lines; more than `tail` together are
    /// too many.
    fn drop_all_but(&mut self, tail: usize) -> Result<(), HostError> {
        if self.sources.len() < 2 {
            return Ok(());
        }
        let mut counting = Self::of_workload(&self.logs);
        counting.sources = std::mem::take(&mut self.sources);
        // Bounded: `tail` lines of each source were left to read.
        let mut last = std::collections::VecDeque::new();
        while let Some(line) = counting.next()? {
            last.push_back(line);
            if last.len() > tail {
                last.pop_front();
            }
        }
        self.sources = counting.sources;
        for line in last {
            let of_line = self.sources.iter_mut().find(|source| source.wrote(&line));
            if let Some(source) = of_line {
                source.put_back(line);
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<LogLine>, HostError> {
        let mut first: Option<(Timestamp, usize)> = None;
        for (index, source) in self.sources.iter_mut().enumerate() {
            if let Some(line) = source.head()?
                && first.is_none_or(|(at, _)| line.at < at)
            {
                first = Some((line.at, index));
            }
        }
        Ok(first.and_then(|(_, index)| self.sources[index].take_head()))
    }

    fn find_new(&mut self) -> Result<Vec<Source>, HostError> {
        let mut found = Vec::new();
        for (directory, instance) in self.instances()? {
            for container in containers(&directory)? {
                let source = Source::new(&directory, instance.clone(), container);
                if self.known.insert(source.path().to_owned()) {
                    found.push(source);
                }
            }
        }
        Ok(found)
    }

    fn instances(&self) -> Result<Vec<(PathBuf, InstanceName)>, HostError> {
        let names = match &self.only {
            Some(only) => vec![only.clone()],
            None => record::names(&self.logs)?
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect(),
        };
        Ok(names
            .into_iter()
            .map(|name| (self.logs.join(name.as_str()), name))
            .collect())
    }
}
