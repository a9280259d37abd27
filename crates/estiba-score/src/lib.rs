//! Score v1b1 text to workloads, with file, line and column for every mistake.
//!
//! A file goes three ways, and the findings of all of them are shown at once:
//! its form as YAML ([`yaml`]), the specification's own JSON schema
//! ([`schema`]), and the rules that a schema can't say. The specification is at
//! <https://docs.score.dev/docs/score-specification/score-spec-reference/>.

mod official;
pub mod placeholder;
pub mod schema;
mod suggest;
mod workload;
pub mod yaml;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use estiba_model::{Diagnostic, Place, Workload, has_errors, message};

use crate::workload::quantity;
use crate::yaml::{Document, MOST_FINDINGS};

/// An amount of CPU (`2`, `0.25`, `250m`) in thousandths of a core; `None` where it is
/// none, or more than can be counted.
#[must_use]
pub fn cpu_millis(text: &str) -> Option<u64> {
    u64::try_from(quantity::cpu_millis(text)?).ok()
}

/// An amount of memory (`1.5Gi`, `256M`) in bytes; `None` where it is none, or more
/// than can be counted.
#[must_use]
pub fn memory_bytes(text: &str) -> Option<u64> {
    u64::try_from(quantity::memory_bytes(text)?).ok()
}

/// The longest Score file that is read, 1 MiB.
pub const MOST_BYTES: u64 = 1 << 20;

/// What came of reading a Score file.
#[derive(Debug)]
pub struct Parsed {
    /// The workload; `None` where there are errors.
    pub workload: Option<Workload>,
    /// Every mistake and every doubt, in the file's order.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    fn failed(diagnostic: Diagnostic) -> Self {
        Self {
            workload: None,
            diagnostics: vec![diagnostic],
        }
    }
}

/// Reads the text of a Score file; `file` is its name in findings. What is
/// longer than [`MOST_BYTES`] is refused.
#[must_use]
pub fn parse(file: &Path, text: &str) -> Parsed {
    if text.len() as u64 > MOST_BYTES {
        return Parsed::failed(too_long(file));
    }
    let recovered = Document::recover(file, text);
    let mut diagnostics = recovered.diagnostics;
    let Some(document) = recovered.document else {
        return Parsed {
            workload: None,
            diagnostics,
        };
    };
    diagnostics.extend(official::validate(&document));
    let (workload, found) = workload::read(&document);
    diagnostics.extend(found);
    diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
    diagnostics.dedup();
    // The first errors rather than what comes before them as warnings.
    if diagnostics.len() > MOST_FINDINGS {
        diagnostics.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        diagnostics.truncate(MOST_FINDINGS);
        diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
    }
    let workload = workload.filter(|_| !has_errors(&diagnostics));
    Parsed {
        workload,
        diagnostics,
    }
}

/// Reads a Score file from disk.
#[must_use]
pub fn read(file: &Path) -> Parsed {
    let bytes = match read_bytes(file) {
        Ok(bytes) => bytes,
        Err(error) => return Parsed::failed(unreadable(file, &error)),
    };
    if bytes.len() as u64 > MOST_BYTES {
        return Parsed::failed(too_long(file));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(file, text),
        Err(error) => Parsed::failed(not_utf8(file, &bytes[..error.valid_up_to()])),
    }
}

/// One byte more than allowed shows that there are too many.
fn read_bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn start_of(file: &Path) -> Place {
    Place {
        file: file.to_owned(),
        line: 1,
        column: 1,
        offset_bytes: 0,
        length_bytes: 0,
    }
}

fn too_long(file: &Path) -> Diagnostic {
    Diagnostic::error(
        "file-too-long",
        message!(
            "the file is longer than 1 MiB",
            "el archivo tiene más de 1 MiB"
        ),
    )
    .hint(message!(
        "is this a Score file? Put long file contents into files of their own, with `source:`",
        "¿es un archivo Score? Ponga los contenidos largos en archivos propios, con `source:`"
    ))
    .at(start_of(file))
}

fn unreadable(file: &Path, error: &io::Error) -> Diagnostic {
    let shown = file.display();
    let hint = match error.kind() {
        io::ErrorKind::NotFound => message!("check the path", "revise la ruta"),
        io::ErrorKind::IsADirectory => {
            message!(
                "name the file in the folder",
                "nombre el archivo de la carpeta"
            )
        }
        _ => message!(
            "check that you may read the file",
            "revise que tenga permiso para leer el archivo"
        ),
    };
    Diagnostic::error(
        "unreadable-file",
        message!(
            "{shown} can't be read: {error}",
            "no se puede leer {shown}: {error}"
        ),
    )
    .hint(hint)
    .at(start_of(file))
}

fn not_utf8(file: &Path, valid: &[u8]) -> Diagnostic {
    let line_start = valid
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let place = Place {
        line: valid.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: String::from_utf8_lossy(&valid[line_start..])
            .chars()
            .count()
            + 1,
        offset_bytes: valid.len(),
        ..start_of(file)
    };
    Diagnostic::error(
        "not-utf8",
        message!("this is not UTF-8 text", "esto no es texto UTF-8"),
    )
    .hint(message!(
        "save the file as UTF-8",
        "guarde el archivo como UTF-8"
    ))
    .at(place)
}
