//! Tools that Estiba runs, with what they say passed on line by line.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::ImageError;

/// How many of a failed tool's last lines its error carries.
const LAST_LINES: usize = 40;
/// The longest line taken; a longer one is cut into several.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// Lines that wait for the reader; the tool waits when there are more.
const QUEUED_LINES: usize = 256;
/// The most of an answer that is kept; what is over it is dropped.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// A build that takes longer is stopped.
pub(crate) const BUILD_LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
/// A question to a tool that takes longer is stopped.
pub(crate) const QUESTION_LIMIT: Duration = Duration::from_secs(20);

/// Where a line was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Err,
}

/// Runs a tool to its end. `on_line` gets every line and says which ones are
/// for people: the last of those are in the error of a tool that fails.
pub(crate) async fn run(
    tool: &str,
    mut command: Command,
    limit: Duration,
    on_line: &mut (dyn FnMut(Stream, &str) -> bool + Send),
) -> Result<(), ImageError> {
    let failed = |source| ImageError::Tool {
        tool: tool.to_owned(),
        source,
    };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (sender, mut lines) = mpsc::channel(QUEUED_LINES);
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(send_lines(stdout, Stream::Out, sender.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(send_lines(stderr, Stream::Err, sender));
    }
    let mut last = VecDeque::with_capacity(LAST_LINES);
    let work = async {
        while let Some((stream, line)) = lines.recv().await {
            if on_line(stream, &line) {
                if last.len() == LAST_LINES {
                    last.pop_front();
                }
                last.push_back(line);
            }
        }
        child.wait().await
    };
    let status = match tokio::time::timeout(limit, work).await {
        Ok(status) => status.map_err(failed)?,
        Err(_) => {
            return Err(ImageError::Timeout {
                tool: tool.to_owned(),
                limit_seconds: limit.as_secs(),
            });
        }
    };
    if status.success() {
        return Ok(());
    }
    Err(ImageError::BuildFailed {
        tool: tool.to_owned(),
        status: status.to_string(),
        last_lines: last.into(),
    })
}

/// Runs a tool that answers a short question; gives what it said.
pub(crate) async fn ask(tool: &str, command: Command) -> Result<String, ImageError> {
    let mut answer = String::new();
    let mut keep = |stream, line: &str| {
        if stream == Stream::Out && answer.len() + line.len() < MAX_ANSWER_BYTES {
            answer.push_str(line);
            answer.push('\n');
        }
        stream == Stream::Err
    };
    run(tool, command, QUESTION_LIMIT, &mut keep).await?;
    Ok(answer)
}

async fn send_lines(
    stream: impl AsyncRead + Unpin,
    kind: Stream,
    lines: mpsc::Sender<(Stream, String)>,
) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        match (&mut reader)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)
            .await
        {
            // A pipe that breaks is a tool that ended: its status tells more.
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']).to_owned();
        if lines.send((kind, text)).await.is_err() {
            return;
        }
    }
}
