//! A query's answer, while it is being read.

use std::path::Path;

use estiba_target::{LogLine, LogQuery, LogStream, TargetError};
use futures::stream;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::Merge;
use crate::watch::Watch;
use estiba_host::HostError;

/// Lines read at one time. Where nobody takes them, reading waits.
const BATCH: usize = 512;

/// The lines of a workload whose logs are in `logs`.
pub(crate) fn stream(logs: &Path, query: &LogQuery) -> LogStream {
    let (sender, receiver) = mpsc::channel(1);
    let merge = Merge::of_workload(logs);
    tokio::spawn(read(merge, query.clone(), sender));
    let batches = stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    use futures::StreamExt as _;
    Box::pin(batches.flat_map(stream::iter))
}

type Batch = Vec<Result<LogLine, TargetError>>;

async fn read(merge: Merge, query: LogQuery, sender: mpsc::Sender<Batch>) {
    let result = if query.follow {
        follow(merge, &query, &sender).await
    } else {
        once(merge, &query, &sender).await
    };
    if let Err(error) = result {
        // Nobody listens any more: nobody to tell.
        let _ = sender.send(vec![Err(error.into())]).await;
    }
}

async fn once(
    mut merge: Merge,
    query: &LogQuery,
    sender: &mpsc::Sender<Batch>,
) -> Result<(), HostError> {
    let (since, tail) = (query.since, query.tail);
    merge = blocking(merge, move |merge| merge.start(since, tail))
        .await?
        .0;
    send_all(merge, sender).await.map(drop)
}

async fn follow(
    mut merge: Merge,
    query: &LogQuery,
    sender: &mpsc::Sender<Batch>,
) -> Result<(), HostError> {
    let watch = Watch::new().map_err(HostError::system("inotify"))?;
    // Watched before they are read, so that nothing is missed in between.
    watch_all(&watch, &merge)?;
    let (since, tail) = (query.since, query.tail);
    merge = blocking(merge, move |merge| merge.start(since, tail))
        .await?
        .0;
    loop {
        watch_all(&watch, &merge)?;
        merge = blocking(merge, Merge::find_more).await?.0;
        let Some(left) = send_all(merge, sender).await? else {
            return Ok(());
        };
        merge = left;
        tokio::select! {
            changed = watch.changed() => changed.map_err(HostError::system("inotify"))?,
            () = sender.closed() => return Ok(()),
        }
    }
}

/// Sends what there is; nothing comes back when nobody listens any more.
async fn send_all(
    mut merge: Merge,
    sender: &mpsc::Sender<Batch>,
) -> Result<Option<Merge>, HostError> {
    loop {
        let (left, lines) = blocking(merge, |merge| merge.take(BATCH)).await?;
        merge = left;
        if lines.is_empty() {
            return Ok(Some(merge));
        }
        let batch = lines.into_iter().map(Ok).collect();
        if sender.send(batch).await.is_err() {
            return Ok(None);
        }
    }
}

fn watch_all(watch: &Watch, merge: &Merge) -> Result<(), HostError> {
    for directory in merge.directories()? {
        match watch.add(&directory) {
            // Pruned this moment, or not there yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => other.map_err(HostError::at(&directory))?,
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    mut merge: Merge,
    work: impl FnOnce(&mut Merge) -> Result<T, HostError> + Send + 'static,
) -> Result<(Merge, T), HostError> {
    let done = spawn_blocking(move || {
        let done = work(&mut merge);
        done.map(|value| (merge, value))
    });
    done.await
        .map_err(|error| HostError::system("a thread")(std::io::Error::other(error)))?
}
