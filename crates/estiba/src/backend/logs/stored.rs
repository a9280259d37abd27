//! Lines that a server has stored.

use estiba_api::{ApiError, Client, LogHit, LogOrder, LogPaging, LogSelection, LogTailed};
use estiba_model::{Name, Project, ProjectId, Version};
use futures::{StreamExt, pin_mut};
use jiff::Timestamp;

use super::{FoundLine, FoundLines, WantedLogs, unknown};
use crate::backend::there;
use crate::failure::Failure;

/// So many lines are asked for at once.
const AT_ONCE: usize = 1000;
/// Who follows and says no more sees so many lines that are there already.
const FOLLOWED_FROM: usize = 100;

/// Asks the server for lines; `None` where it stores none.
///
/// # Errors
/// When they are refused, or the server can't be reached.
pub async fn stored<'a>(
    client: &'a Client,
    project: &'a Project,
    wanted: &'a WantedLogs,
) -> Result<Option<FoundLines<'a>>, Failure> {
    let selection = selection(wanted);
    if let Some(workload) = &wanted.workload
        && !project.workloads.contains_key(workload)
        && !is_shipped(client, &project.id, &selection).await?
    {
        return Err(unknown(project, workload));
    }
    let project = &project.id;
    // The first page tells whether there are any to be had.
    let first = match (wanted.tail, wanted.follow) {
        (Some(tail), _) => newest(client, project, &selection, wanted, tail).await,
        (None, true) if wanted.since.is_none() => {
            newest(client, project, &selection, wanted, FOLLOWED_FROM).await
        }
        (None, true) => Ok(Vec::new()),
        (None, false) => return pages(client, project, selection, wanted).await,
    };
    let Some(first) = or_none(project, first)? else {
        return Ok(None);
    };
    if wanted.follow {
        return follow(client, project, selection, first).await;
    }
    let lines = first.into_iter().map(line);
    Ok(Some(futures::stream::iter(lines).boxed()))
}

/// Whether there is any line of a workload: others than those of the project may ship theirs.
async fn is_shipped(
    client: &Client,
    project: &ProjectId,
    selection: &LogSelection,
) -> Result<bool, Failure> {
    let any = LogSelection {
        environment: selection.environment.clone(),
        workload: selection.workload.clone(),
        ..LogSelection::default()
    };
    let one = LogPaging {
        limit: Some(1),
        ..LogPaging::default()
    };
    let found = or_none(project, client.search_logs(project, &any, &one).await)?;
    Ok(found.is_some_and(|page| !page.items.is_empty()))
}

fn line(hit: LogHit) -> Result<FoundLine, Failure> {
    Ok(FoundLine::Line(Box::new(hit.into())))
}

/// `None` where a server stores no logs.
fn or_none<T>(project: &ProjectId, asked: Result<T, ApiError>) -> Result<Option<T>, Failure> {
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code() == Some("no-logs") => Ok(None),
        Err(error) => Err(there::unknown(project, error)),
    }
}

fn selection(wanted: &WantedLogs) -> LogSelection {
    let moment = |at: Option<Timestamp>| at.map(|at| at.to_string());
    LogSelection {
        q: (!wanted.text.is_empty()).then(|| wanted.text.clone()),
        from: moment(wanted.since),
        until: moment(wanted.until),
        environment: LogSelection::names(&wanted.environments),
        workload: wanted.workload.as_ref().map(Name::to_string),
        instance: None,
        release: wanted.release.as_ref().map(Version::to_string),
        level: wanted.level,
    }
}

fn paging(wanted: &WantedLogs, order: LogOrder, limit: usize, cursor: Option<String>) -> LogPaging {
    let around = u32::try_from(wanted.around).ok().filter(|lines| *lines > 0);
    LogPaging {
        limit: u32::try_from(limit.clamp(1, AT_ONCE)).ok(),
        cursor,
        order,
        before: around,
        after: around,
    }
}

/// The newest lines, the oldest of them first.
async fn newest(
    client: &Client,
    project: &ProjectId,
    selection: &LogSelection,
    wanted: &WantedLogs,
    count: usize,
) -> Result<Vec<LogHit>, ApiError> {
    let mut found: Vec<LogHit> = Vec::new();
    let mut cursor = None;
    while found.len() < count {
        let paging = paging(wanted, LogOrder::Newest, count - found.len(), cursor);
        let page = client.search_logs(project, selection, &paging).await?;
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

/// All lines, page by page.
async fn pages<'a>(
    client: &'a Client,
    project: &'a ProjectId,
    selection: LogSelection,
    wanted: &'a WantedLogs,
) -> Result<Option<FoundLines<'a>>, Failure> {
    let first = paging(wanted, LogOrder::Oldest, AT_ONCE, None);
    let page = client.search_logs(project, &selection, &first).await;
    let Some(mut page) = or_none(project, page)? else {
        return Ok(None);
    };
    let lines = async_stream::try_stream! {
        loop {
            for hit in page.items {
                yield FoundLine::Line(Box::new(hit.into()));
            }
            let Some(cursor) = page.next else { break };
            let paging = paging(wanted, LogOrder::Oldest, AT_ONCE, Some(cursor));
            page = client.search_logs(project, &selection, &paging).await?;
        }
    };
    Ok(Some(lines.boxed()))
}

/// New lines after `first`.
async fn follow<'a>(
    client: &'a Client,
    project: &'a ProjectId,
    mut selection: LogSelection,
    first: Vec<LogHit>,
) -> Result<Option<FoundLines<'a>>, Failure> {
    if let Some(last) = first.last() {
        // Those that came meanwhile are among the stored ones from there on.
        selection.from = Some(last.record.at.to_string());
    } else if selection.from.is_none() {
        selection.from = Some(Timestamp::now().to_string());
    }
    let Some(lines) = or_none(project, client.tail_logs(project, &selection).await)? else {
        return Ok(None);
    };
    let lines = async_stream::try_stream! {
        let shown: Vec<String> = first.iter().map(|hit| hit.cursor.clone()).collect();
        for hit in first {
            yield FoundLine::Line(Box::new(hit.into()));
        }
        pin_mut!(lines);
        while let Some(told) = lines.next().await {
            match told? {
                LogTailed::Line(hit) if shown.contains(&hit.cursor) => {}
                LogTailed::Line(hit) => yield FoundLine::Line(Box::new((*hit).into())),
                LogTailed::Missed(lines) => yield FoundLine::Missed(lines),
            }
        }
    };
    Ok(Some(lines.boxed()))
}
