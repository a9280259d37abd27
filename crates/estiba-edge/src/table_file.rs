//! The route table on disk: replaced whole, so that a crash leaves the old or
//! the new one.

use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::error::{ChangeError, EdgeError};
use crate::table::RouteTable;

/// Goes up when a change of format would make an older edge misread the file.
const FORMAT: u64 = 1;

#[derive(Serialize)]
struct Written<'a> {
    version: u64,
    table: &'a RouteTable,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

#[derive(Deserialize)]
struct Read {
    table: RouteTable,
}

/// The table in `path`; an empty one where there is no file.
pub(crate) fn load(path: &Path) -> Result<RouteTable, EdgeError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(RouteTable::default()),
        Err(source) => {
            return Err(EdgeError::TableUnreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    let corrupt = |detail: String| EdgeError::TableCorrupt {
        path: path.to_owned(),
        detail,
    };
    let VersionOnly { version } =
        serde_json::from_slice(&text).map_err(|error| corrupt(error.to_string()))?;
    if version > FORMAT {
        return Err(EdgeError::TableNewer {
            path: path.to_owned(),
            version,
        });
    }
    let Read { table } =
        serde_json::from_slice(&text).map_err(|error| corrupt(error.to_string()))?;
    table.check().map_err(|error| corrupt(error.to_string()))?;
    Ok(table)
}

/// Writes `table` to `path`; when it returns, the table survives a power cut.
pub(crate) fn save(path: &Path, table: &RouteTable) -> Result<(), ChangeError> {
    write(path, table).map_err(|error| ChangeError::NotSaved {
        path: path.to_owned(),
        detail: error.to_string(),
    })
}

fn write(path: &Path, table: &RouteTable) -> io::Result<()> {
    let folder = parent(path);
    let mut file = NamedTempFile::new_in(folder)?;
    let written = Written {
        version: FORMAT,
        table,
    };
    serde_json::to_writer_pretty(&mut file, &written)?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    std::fs::File::open(folder)?.sync_all()
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
