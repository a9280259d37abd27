//! The shared libraries that a program needs to run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use lddtree::DependencyAnalyzer;
use oci_spec::image::Arch;

use crate::ImageError;
use crate::error::At;

/// Part of glibc itself, or loaded by it by name while a program runs: name
/// lookups (NSS) and the unwinding of cancelled threads. All go into the layer
/// that programs share, whichever of them each one is linked to.
const GLIBC_FAMILY: [&str; 9] = [
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libnss_dns.so.2",
    "libnss_files.so.2",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
];

/// What a dynamic program is loaded with.
pub(crate) struct Libraries {
    /// The loader, where the program asks for it.
    pub(crate) interpreter: PathBuf,
    /// The directory in which the loader always looks.
    pub(crate) dir: PathBuf,
    /// The C library's own files, by the names that they are asked for.
    pub(crate) base: BTreeMap<String, PathBuf>,
    /// All others.
    pub(crate) extra: BTreeMap<String, PathBuf>,
    /// Whether the C library is glibc.
    pub(crate) glibc: bool,
}

/// Finds what the loader would load; `None` for a static program.
pub(crate) fn libraries(program: &Path) -> Result<Option<Libraries>, ImageError> {
    let tree = DependencyAnalyzer::default()
        .analyze(program)
        .map_err(|error| ImageError::NotAProgram {
            path: program.to_owned(),
            reason: error.to_string(),
        })?;
    let Some(interpreter) = tree.interpreter.map(PathBuf::from) else {
        return Ok(None);
    };
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, library) in tree.libraries {
        if interpreter
            .file_name()
            .is_some_and(|loader| loader == name.as_str())
            || Path::new(&name) == interpreter
        {
            continue;
        }
        match library.realpath {
            Some(path) => found.insert(name, path),
            None => {
                missing.push(name);
                continue;
            }
        };
    }
    if !interpreter.exists() {
        missing.push(interpreter.display().to_string());
    }
    if !missing.is_empty() {
        missing.sort();
        return Err(ImageError::MissingLibraries {
            program: program.to_owned(),
            libraries: missing,
        });
    }
    place(interpreter, found).map(Some)
}

fn place(interpreter: PathBuf, found: BTreeMap<String, PathBuf>) -> Result<Libraries, ImageError> {
    let libc = found.get("libc.so.6");
    let glibc = libc.is_some();
    let home = libc
        .unwrap_or(&interpreter)
        .canonicalize()
        .at(&interpreter)?;
    let dir = home.parent().unwrap_or(Path::new("/lib")).to_owned();
    let (mut base, extra): (BTreeMap<_, _>, BTreeMap<_, _>) = found
        .into_iter()
        .partition(|(name, _)| GLIBC_FAMILY.contains(&name.as_str()));
    if glibc {
        for name in GLIBC_FAMILY {
            let path = dir.join(name);
            if path.exists() {
                base.entry(name.to_owned()).or_insert(path);
            }
        }
    }
    Ok(Libraries {
        interpreter,
        dir,
        base,
        extra,
        glibc,
    })
}

/// The processor that a program is for, from its ELF header
/// (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>).
pub(crate) fn architecture(program: &Path) -> Result<Arch, ImageError> {
    let mut header = [0; 20];
    let refuse = |reason: &str| ImageError::NotAProgram {
        path: program.to_owned(),
        reason: reason.to_owned(),
    };
    let mut file = File::open(program).at(program)?;
    file.read_exact(&mut header)
        .map_err(|_| refuse("it is too short"))?;
    if !header.starts_with(b"\x7fELF") {
        return Err(refuse("it does not begin as an ELF file does"));
    }
    let little_endian = header[5] == 1;
    match u16::from_le_bytes([header[18], header[19]]) {
        62 if little_endian => Ok(Arch::Amd64),
        183 if little_endian => Ok(Arch::ARM64),
        3 if little_endian => Ok(Arch::i386),
        40 if little_endian => Ok(Arch::ARM),
        243 if little_endian => Ok(Arch::RISCV64),
        _ => Err(refuse("it is for a processor that Estiba does not know")),
    }
}
