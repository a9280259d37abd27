//! Starting a background process of this program, and hearing that it runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use estiba_model::Message;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::error::HostError;

/// Time for a background process to say that it runs.
const LIMIT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// What a background process says once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Started {
    /// It runs.
    Runs,
    /// Another one does already.
    AlreadyRuns,
    /// It can't.
    Failed(Message),
}

/// Starts `program` in a hidden role, hands it `input`, and waits for its word.
/// It has no terminal and nothing of this process's environment, and lives on
/// when this process ends.
///
/// # Errors
/// When it does not start, or says nothing.
pub async fn start(
    program: &Path,
    role: &'static str,
    args: &[&Path],
    input: &[u8],
    log: &Path,
) -> Result<Started, HostError> {
    let failed = |error: std::io::Error| HostError::Background {
        role,
        detail: error.to_string(),
    };
    let log_file = OpenOptions::new().create(true).append(true).open(log);
    let log_file = log_file.map_err(HostError::at(log))?;
    let mut child = Command::new(program)
        .arg(role)
        .args(args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log_file)
        .spawn()
        .map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let talk = async {
        if let Some(mut stdin) = stdin {
            // One that ended early has said why.
            let _ = stdin.write_all(input).await;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            let mut bounded = stdout.take(MAX_ANSWER_BYTES);
            bounded.read_to_end(&mut answer).await?;
        }
        std::io::Result::Ok(answer)
    };
    let Ok(answer) = timeout(LIMIT, talk).await else {
        let _ = child.start_kill();
        let seconds = LIMIT.as_secs();
        return Err(HostError::Background {
            role,
            detail: format!("no word after {seconds} s"),
        });
    };
    // Dropped, the child is waited for by tokio when it ends.
    serde_json::from_slice(&answer.map_err(failed)?).map_err(|_| HostError::Background {
        role,
        detail: format!("it ended without a word; see {}", log.display()),
    })
}

/// Leaves the terminal's session, so that closing it ends nothing here. The
/// first thing that a background process does.
pub fn leave_session() {
    // One that leads a session already has left.
    let _ = rustix::process::setsid();
}

/// Says, in a background process, how starting went.
pub fn tell(started: &Started) {
    if let Ok(text) = serde_json::to_vec(started) {
        // Who does not listen any more need not know.
        let _ = std::io::stdout().write_all(&text);
        let _ = std::io::stdout().flush();
    }
}

/// Ends the talk: standard input and output lead nowhere from now on.
pub fn let_go_of_parent() {
    let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") else {
        return;
    };
    let _ = rustix::stdio::dup2_stdin(null.as_fd());
    let _ = rustix::stdio::dup2_stdout(null.as_fd());
}
