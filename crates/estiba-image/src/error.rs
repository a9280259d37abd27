//! What can go wrong with an image, for programs and for people.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use estiba_model::{Digest, Message, message};

use crate::registry::RegistryFault;

/// Why an image could not be made, read or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store has no such blob.
    MissingBlob {
        /// Its digest.
        digest: Digest,
    },
    /// Content that is not what its digest promised.
    WrongDigest {
        /// Where it came from.
        origin: String,
        /// What was promised.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// An archive, manifest or layer that breaks its format.
    Malformed {
        /// The archive, manifest or layer.
        origin: String,
        /// What is wrong with it.
        reason: Message,
    },
    /// A layer that reaches out of its own tree.
    UnsafeEntry {
        /// The layer.
        layer: String,
        /// The entry's path as the layer has it.
        entry: String,
    },
    /// More data than is accepted.
    TooBig {
        /// What is too big.
        origin: String,
        /// The most that is accepted.
        limit_bytes: u64,
    },
    /// A file that is no Linux program.
    NotAProgram {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Shared libraries that a program needs are not on this machine.
    MissingLibraries {
        /// The program.
        program: PathBuf,
        /// The names it asks for.
        libraries: Vec<String>,
    },
    /// The same place in an image was asked for twice.
    DuplicateTarget {
        /// The path in the image.
        target: String,
    },
    /// A path that can't be used in an image or lies out of the project.
    BadPath {
        /// The path.
        path: PathBuf,
    },
    /// The directory has nothing that can be built.
    NothingToBuild {
        /// The directory.
        dir: PathBuf,
    },
    /// The built program that was named is not there.
    NoReadyProgram {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The Dockerfile that was asked for is not there.
    NoDockerfile {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a Dockerfile and nothing that can build it.
    NoBuilder {
        /// The Dockerfile.
        dockerfile: PathBuf,
        /// Each tool that was tried and why it can't be used.
        tried: Vec<(String, String)>,
    },
    /// The package has no program, or not the one asked for.
    NoProgram {
        /// The package's directory.
        dir: PathBuf,
        /// The program asked for, if any.
        wanted: Option<String>,
        /// The programs there are.
        found: Vec<String>,
    },
    /// A tool could not be started.
    Tool {
        /// The tool.
        tool: String,
        /// What the system said.
        source: io::Error,
    },
    /// A tool ran and failed.
    BuildFailed {
        /// The tool.
        tool: String,
        /// Its exit status.
        status: String,
        /// The last lines it said.
        last_lines: Vec<String>,
    },
    /// A tool did not end in time.
    Timeout {
        /// The tool.
        tool: String,
        /// The time it had, in seconds.
        limit_seconds: u64,
    },
    /// An image reference that can't be parsed.
    BadReference {
        /// The reference.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A registry refused or could not be reached.
    Registry {
        /// The image.
        reference: String,
        /// How.
        fault: RegistryFault,
    },
}

impl ImageError {
    /// The error in every language: what, where, what to do next.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Io { path, source } => io_message(path, source),
            Self::MissingBlob { digest } => message!(
                "the image store has no {digest}: build or pull the image again",
                "el almacén de imágenes no tiene {digest}: volvé a construir o a traer la imagen"
            ),
            Self::WrongDigest {
                origin,
                expected,
                actual,
            } => message!(
                "{origin} is damaged: expected {expected}, found {actual}; get it again",
                "{origin} está dañado: se esperaba {expected} y es {actual}; volvé a obtenerlo"
            ),
            Self::Malformed { origin, reason } => Message {
                en: format!("{origin} can't be used: {}", reason.en),
                es: format!("{origin} no se puede usar: {}", reason.es),
            },
            Self::UnsafeEntry { layer, entry } => message!(
                "layer {layer} was refused: its entry \"{entry}\" reaches out of the image",
                "se rechazó la capa {layer}: su entrada «{entry}» sale de la imagen"
            ),
            Self::TooBig {
                origin,
                limit_bytes,
            } => message!(
                "{origin} is bigger than the {limit_bytes} bytes that are accepted",
                "{origin} supera los {limit_bytes} bytes que se aceptan"
            ),
            Self::NotAProgram { path, reason } => {
                let path = path.display();
                message!(
                    "{path} is not a Linux program that can be packed: {reason}",
                    "{path} no es un programa de Linux que se pueda empaquetar: {reason}"
                )
            }
            Self::MissingLibraries { program, libraries } => {
                let (program, names) = (program.display(), libraries.join(", "));
                message!(
                    "{program} needs shared libraries that this machine does not have: {names}; install them or link the program statically",
                    "{program} necesita bibliotecas compartidas que esta máquina no tiene: {names}; instalalas o enlazá el programa estáticamente"
                )
            }
            Self::DuplicateTarget { target } => message!(
                "two files want the place {target} in the image: keep one",
                "dos archivos quieren el lugar {target} de la imagen: dejá uno"
            ),
            Self::BadPath { path } => {
                let path = path.display();
                message!(
                    "{path} can't be put in the image: use a relative path inside the project, without \"..\"",
                    "{path} no se puede poner en la imagen: use una ruta relativa dentro del proyecto, sin «..»"
                )
            }
            Self::NothingToBuild { dir } => {
                let dir = dir.display();
                message!(
                    "{dir} has neither a Dockerfile nor a Cargo.toml: add one, name a program that is already built with the annotation estiba.dev/program, or a ready image instead of \".\"",
                    "{dir} no tiene ni Dockerfile ni Cargo.toml: agregue uno, indique un programa ya construido con la anotación estiba.dev/program, o una imagen ya construida en lugar de «.»"
                )
            }
            Self::NoReadyProgram { path } => {
                let path = path.display();
                message!(
                    "there is no program at {path}: build it first, or correct the annotation estiba.dev/program",
                    "no hay un programa en {path}: constrúyalo primero, o corrija la anotación estiba.dev/program"
                )
            }
            Self::NoDockerfile { path } => {
                let path = path.display();
                message!(
                    "there is no Dockerfile at {path}: correct the path or write the file",
                    "no hay un Dockerfile en {path}: corrija la ruta o escriba el archivo"
                )
            }
            Self::NoBuilder { dockerfile, tried } => {
                let dockerfile = dockerfile.display();
                let tried: Vec<_> = tried
                    .iter()
                    .map(|(tool, why)| format!("{tool} ({why})"))
                    .collect();
                let tried = tried.join("; ");
                message!(
                    "no tool on this machine can build {dockerfile}; tried: {tried}. Install one, for example: sudo apt install buildah",
                    "ninguna herramienta de esta máquina puede construir {dockerfile}; se probó: {tried}. Instalá una, por ejemplo: sudo apt install buildah"
                )
            }
            Self::NoProgram { dir, wanted, found } => {
                no_program_message(dir, wanted.as_deref(), found)
            }
            Self::Tool { tool, source } => message!(
                "{tool} could not be started: {source}; check that it is installed",
                "no se pudo iniciar {tool}: {source}; comprobá que esté instalado"
            ),
            Self::BuildFailed {
                tool,
                status,
                last_lines,
            } => {
                let lines = last_lines.join("\n");
                message!(
                    "{tool} failed ({status}):\n{lines}",
                    "{tool} falló ({status}):\n{lines}"
                )
            }
            Self::Timeout {
                tool,
                limit_seconds,
            } => message!(
                "{tool} did not finish in {limit_seconds} seconds and was stopped",
                "{tool} no terminó en {limit_seconds} segundos y se detuvo"
            ),
            Self::BadReference { reference, reason } => message!(
                "\"{reference}\" is not an image reference: {reason}",
                "«{reference}» no es una referencia de imagen: {reason}"
            ),
            Self::Registry { reference, fault } => fault.message(reference),
        }
    }

    pub(crate) fn malformed(origin: impl Into<String>, reason: Message) -> Self {
        Self::Malformed {
            origin: origin.into(),
            reason,
        }
    }
}

fn io_message(path: &Path, source: &io::Error) -> Message {
    let path = path.display();
    if is_full(source) {
        return message!(
            "the disk is full: {path} could not be written; free some space and try again",
            "el disco está lleno: no se pudo escribir {path}; libere espacio y volvé a intentar"
        );
    }
    message!("{path}: {source}", "{path}: {source}")
}

/// Whether data was not what it should be, where the system itself did well.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, InvalidData, InvalidInput, Other, UnexpectedEof};
    let kind = error.kind();
    matches!(
        kind,
        FileTooLarge | InvalidData | InvalidInput | Other | UnexpectedEof
    )
}

pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn no_program_message(dir: &Path, wanted: Option<&str>, found: &[String]) -> Message {
    let (dir, names) = (dir.display(), found.join(", "));
    match wanted {
        _ if found.is_empty() => message!(
            "the package in {dir} has no program: add a src/main.rs or a [[bin]]",
            "el paquete de {dir} no tiene ningún programa: agregue un src/main.rs o un [[bin]]"
        ),
        Some(wanted) => message!(
            "the package in {dir} has no program \"{wanted}\"; it has: {names}",
            "el paquete de {dir} no tiene el programa «{wanted}»; tiene: {names}"
        ),
        None => message!(
            "the package in {dir} has several programs ({names}): say which one with the annotation estiba.dev/program",
            "el paquete de {dir} tiene varios programas ({names}): indique cuál con la anotación estiba.dev/program"
        ),
    }
}

/// English, for logs.
impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message().en)
    }
}

/// Says which file an I/O error is about.
pub(crate) trait At<T> {
    fn at(self, path: impl AsRef<Path>) -> Result<T, ImageError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, path: impl AsRef<Path>) -> Result<T, ImageError> {
        self.map_err(|source| ImageError::Io {
            path: path.as_ref().to_owned(),
            source: source.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_so_in_both_languages() {
        let error = ImageError::Io {
            path: "/var/x".into(),
            source: io::Error::from_raw_os_error(28),
        };
        assert!(error.message().en.contains("disk is full"), "{error}");
        assert!(error.message().es.contains("disco está lleno"), "{error}");
    }
}
