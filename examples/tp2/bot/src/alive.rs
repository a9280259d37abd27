//! A file whose age says whether the bot is well: it has no port to ask.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Three long polls: one may fail without the bot being taken for dead.
const FRESH: Duration = Duration::from_secs(90);

pub struct AliveFile(PathBuf);

impl AliveFile {
    pub fn from_env() -> Self {
        Self(std::env::var_os("ALIVE_FILE").map_or_else(|| "/tmp/alive".into(), PathBuf::from))
    }

    pub fn touch(&self) {
        if let Err(error) = fs::write(&self.0, "") {
            tracing::error!(%error, path = %self.0.display(), "cannot say that I am alive");
        }
    }

    pub fn remove(&self) {
        // It is normal that there is none.
        fs::remove_file(&self.0).ok();
    }

    pub fn is_fresh(&self) -> bool {
        let written = fs::metadata(&self.0).and_then(|metadata| metadata.modified());
        // A file from the future has no age: the clock was set back just now.
        written.is_ok_and(|time| time.elapsed().map_or(true, |age| age < FRESH))
    }
}
