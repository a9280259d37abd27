//! Lines as the targets have them, looked through here.

use std::collections::{HashMap, VecDeque};

use estiba_api::LogRecord;
use estiba_logs::{Origin, Query, Record};
use estiba_model::{LogLine, Name, Project};
use estiba_target::LogQuery;
use futures::StreamExt;
use futures::stream::{BoxStream, Peekable, select_all};

use super::around::Around;
use super::{FoundLine, FoundLines, ShownLine, WantedLogs, unknown};
use crate::backend::Backend;
use crate::failure::Failure;

/// Asks the targets for lines, and shows those that are wanted.
///
/// # Errors
/// When there is no such workload, or its logs can't be read.
pub async fn read<'a>(
    backend: &'a dyn Backend,
    project: &'a Project,
    wanted: &'a WantedLogs,
) -> Result<FoundLines<'a>, Failure> {
    let workloads: Vec<Name> = match &wanted.workload {
        Some(workload) if !project.workloads.contains_key(workload) => {
            return Err(unknown(project, workload));
        }
        Some(workload) => vec![workload.clone()],
        None => project.workloads.keys().cloned().collect(),
    };
    let query = LogQuery {
        since: wanted.since,
        // Others than the last may be those that are looked for; who follows begins
        // near the end in any case.
        tail: wanted.tail.filter(|_| wanted.is_plain() || wanted.follow),
        follow: wanted.follow,
    };
    let releases = releases(backend, project, wanted).await?;
    let mut sources = Vec::new();
    for environment in &wanted.environments {
        for workload in &workloads {
            let lines = backend.logs(project, environment, workload, &query).await?;
            let place = Origin {
                team: Some(project.id.team.to_string()),
                project: Some(project.id.project.to_string()),
                environment: Some(environment.to_string()),
                workload: Some(workload.to_string()),
                ..Origin::default()
            };
            let releases = releases.clone();
            let records = lines.map(move |line| line.map(|line| record(&line, &place, &releases)));
            sources.push(records.boxed());
        }
    }
    let records = match wanted.follow {
        true => select_all(sources).boxed(),
        false => in_order(sources),
    };
    let found = found(records, wanted);
    Ok(match wanted.tail.filter(|_| !wanted.follow) {
        Some(tail) => last(found, tail),
        None => found,
    })
}

type Records = BoxStream<'static, Result<Record, Failure>>;
type Releases = HashMap<String, String>;

fn record(line: &LogLine, place: &Origin, releases: &Releases) -> Record {
    let mut record = Record::from_line(line, place);
    record.origin.release = releases.get(line.instance.as_str()).cloned();
    record
}

/// The releases of instances that run, where they are asked for: lines don't say them.
async fn releases(
    backend: &dyn Backend,
    project: &Project,
    wanted: &WantedLogs,
) -> Result<Releases, Failure> {
    if wanted.release.is_none() && !wanted.text.contains("release") {
        return Ok(Releases::new());
    }
    let all = backend.status(project).await?.into_iter();
    let instances = all.flat_map(|environment| environment.instances);
    Ok(instances
        .map(|instance| (instance.name.to_string(), instance.version.to_string()))
        .collect())
}

fn found<'a>(mut records: Records, wanted: &'a WantedLogs) -> FoundLines<'a> {
    let query = whole_query(wanted);
    let mut around = Around::new(wanted.around);
    async_stream::try_stream! {
        while let Some(record) = records.next().await {
            let record = record?;
            let is_found = wanted.until.is_none_or(|until| record.at < until) && query.matches(&record);
            for line in around.take(LogRecord::from(record), is_found) {
                yield FoundLine::Line(Box::new(line));
            }
        }
        for line in around.rest() {
            yield FoundLine::Line(Box::new(line));
        }
    }
    .boxed()
}

fn whole_query(wanted: &WantedLogs) -> Query {
    let mut query = wanted.query.clone();
    if let Some(release) = &wanted.release {
        query = query.and(Query::is("release", release.as_str()));
    }
    if let Some(level) = wanted.level {
        query = query.and(Query::at_least(level));
    }
    query
}

/// Lines of several streams, each in order of time, in order of time.
fn in_order(sources: Vec<Records>) -> Records {
    let mut sources: Vec<Peekable<Records>> =
        sources.into_iter().map(StreamExt::peekable).collect();
    async_stream::stream! {
        loop {
            let mut first = None;
            for (number, source) in sources.iter_mut().enumerate() {
                // What failed is told at once.
                let at = match std::pin::Pin::new(source).peek().await {
                    None => continue,
                    Some(Ok(record)) => Some(record.at),
                    Some(Err(_)) => None,
                };
                if first.is_none_or(|(earliest, _)| at < earliest) {
                    first = Some((at, number));
                }
            }
            let Some((_, number)) = first else { break };
            if let Some(record) = sources[number].next().await {
                yield record;
            }
        }
    }
    .boxed()
}

/// The last lines of those that are found.
fn last(mut found: FoundLines<'_>, tail: usize) -> FoundLines<'_> {
    async_stream::try_stream! {
        let mut kept: VecDeque<Box<ShownLine>> = VecDeque::new();
        while let Some(line) = found.next().await {
            if let FoundLine::Line(line) = line? {
                kept.push_back(line);
                if kept.len() > tail {
                    kept.pop_front();
                }
            }
        }
        for line in kept {
            yield FoundLine::Line(line);
        }
    }
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use jiff::Timestamp;

    fn records(seconds: &[i64]) -> Records {
        let records = seconds.iter().map(|second| {
            let at = Timestamp::from_second(*second).unwrap();
            Ok(Record::new(at, second.to_string()))
        });
        stream::iter(records.collect::<Vec<_>>()).boxed()
    }

    #[tokio::test]
    async fn lines_of_several_workloads_are_in_order_of_time() {
        let sources = vec![records(&[1, 4, 6]), records(&[]), records(&[2, 3, 5])];
        let texts: Vec<String> = in_order(sources)
            .map(|record| record.ok().unwrap().text)
            .collect()
            .await;
        assert_eq!(texts, ["1", "2", "3", "4", "5", "6"]);
    }

    #[tokio::test]
    async fn what_is_wanted_is_found() {
        let wanted = WantedLogs {
            environments: Vec::new(),
            workload: None,
            text: "3 OR 5 OR 6".into(),
            query: Query::parse("3 OR 5 OR 6").unwrap(),
            release: None,
            level: None,
            since: None,
            until: Some(Timestamp::from_second(6).unwrap()),
            around: 1,
            tail: None,
            follow: false,
        };
        let found = found(records(&[1, 2, 3, 4, 5, 6]), &wanted);
        let found: Vec<_> = last(found, 1).collect().await;
        let [Ok(FoundLine::Line(line))] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(line.record.text, "5");
        assert_eq!(
            (line.before[0].text.as_str(), line.after[0].text.as_str()),
            ("4", "6")
        );
    }
}
