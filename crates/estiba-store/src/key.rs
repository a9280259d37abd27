//! The key that seals secrets at rest.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::{scrypt, x25519};
use estiba_model::{Message, SecretString, message};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::database::create_private_dir;

/// The name that the key file has in a state directory.
pub const KEY_FILE: &str = "key";

/// The environment variable that holds the passphrase of the key file.
pub const PASSPHRASE_VARIABLE: &str = "ESTIBA_PASSPHRASE";

/// The environment variable that holds the key itself, in place of a file: for
/// servers that share a database and no folder.
pub const KEY_VARIABLE: &str = "ESTIBA_KEY";

/// How an encrypted age file begins
/// (<https://github.com/C2SP/C2SP/blob/main/age.md#version-line>).
const AGE_MAGIC: &[u8] = b"age-encryption.org/";

const SECRET_KEY_PREFIX: &str = "AGE-SECRET-KEY-1";

/// No key file is longer; a longer one is not read.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

/// 2^22 scrypt rounds take some 16 seconds and 4 GiB: a file that asks for more
/// was not made by Estiba.
const MAX_SCRYPT_LOG_N: u8 = 22;

/// An [age](https://age-encryption.org/v1) X25519 identity. It seals what the
/// store keeps secret and keys the hashes that stand for secret values.
pub struct SealKey {
    identity: x25519::Identity,
    recipient: x25519::Recipient,
    hash_key: [u8; 32],
}

impl SealKey {
    /// The key in the variable [`KEY_VARIABLE`], or else in the file `path`, which is
    /// made on first use, readable by its owner alone.
    ///
    /// With a passphrase in the variable [`PASSPHRASE_VARIABLE`], the file is
    /// encrypted by it; one that was not, is from then on. `ask` is called for
    /// the passphrase of an encrypted file when the variable is not set.
    /// Opening an encrypted file takes about a second by design.
    ///
    /// # Errors
    /// When the file can't be read or written, when others may read it, when it
    /// or the variable is not a key, and when the passphrase is missing or wrong.
    pub fn from_environment(
        path: &Path,
        ask: impl FnOnce() -> Option<SecretString>,
    ) -> Result<Self, KeyError> {
        let variable = |name| {
            let text = std::env::var(name).ok();
            text.filter(|text| !text.is_empty()).map(SecretString::new)
        };
        if let Some(key) = variable(KEY_VARIABLE) {
            return Self::from_text(&key);
        }
        let given = variable(PASSPHRASE_VARIABLE);
        Self::load(path, given.as_ref(), ask)
    }

    /// As [`SealKey::from_environment`], with the passphrase `given` by the
    /// caller in place of the variable's.
    ///
    /// # Errors
    /// The same.
    pub fn load(
        path: &Path,
        given: Option<&SecretString>,
        ask: impl FnOnce() -> Option<SecretString>,
    ) -> Result<Self, KeyError> {
        let content = match read(path)? {
            Some(content) => content,
            None => {
                create(path, &Self::generate().file_content(given)?)?;
                // Another process may have been first: its key is the one.
                read(path)?.ok_or_else(|| file_error(path)(io::ErrorKind::NotFound.into()))?
            }
        };
        if content.starts_with(AGE_MAGIC) {
            let passphrase = given.cloned().or_else(ask);
            let passphrase =
                passphrase.ok_or_else(|| KeyError::PassphraseNeeded { path: path.into() })?;
            let mut identity = scrypt::Identity::new(passphrase.expose().to_owned().into());
            identity.set_max_work_factor(MAX_SCRYPT_LOG_N);
            let plain = age::decrypt(&identity, &content)
                .map_err(|_| KeyError::WrongPassphrase { path: path.into() })?;
            return Self::parse(&plain).ok_or_else(|| KeyError::NotAKey { path: path.into() });
        }
        let key = Self::parse(&content).ok_or_else(|| KeyError::NotAKey { path: path.into() })?;
        if given.is_some() {
            replace(path, &key.file_content(given)?)?;
        }
        Ok(key)
    }

    /// The key that [`SealKey::to_text`] gave.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_text(text: &SecretString) -> Result<Self, KeyError> {
        Self::parse(text.expose().as_bytes()).ok_or(KeyError::NotAKeyVariable)
    }

    /// The key as a line of an age identity file: `AGE-SECRET-KEY-1…`.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        SecretString::new(self.identity.to_string().expose_secret())
    }

    /// A new key, kept nowhere.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(x25519::Identity::generate())
    }

    /// Encrypts `plain`: only this key opens it.
    ///
    /// # Errors
    /// None in practice: the encryption writes to memory.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        age::encrypt(&self.recipient, plain).map_err(|e| KeyError::Seal(e.to_string()))
    }

    /// What was sealed.
    ///
    /// # Errors
    /// When it was sealed by another key, or was damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, KeyError> {
        age::decrypt(&self.identity, sealed).map_err(|_| KeyError::NotSealedByThis)
    }

    /// A hash that only who has the key can make: it tells whether a secret
    /// value changed and tells nothing else about it.
    #[must_use]
    pub fn keyed_hash(&self, bytes: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.hash_key, bytes)
    }

    /// The public half, which names the key.
    #[must_use]
    pub fn public(&self) -> String {
        self.recipient.to_string()
    }

    fn new(identity: x25519::Identity) -> Self {
        let recipient = identity.to_public();
        let secret = identity.to_string();
        let hash_key = hmac_sha256(secret.expose_secret().as_bytes(), b"estiba keyed hash v1");
        Self {
            identity,
            recipient,
            hash_key,
        }
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let line = text.lines().find(|l| l.starts_with(SECRET_KEY_PREFIX))?;
        line.trim_end().parse().ok().map(Self::new)
    }

    /// An identity file that the `age` command reads too.
    fn file_content(&self, passphrase: Option<&SecretString>) -> Result<Vec<u8>, KeyError> {
        let public = self.public();
        let secret = self.identity.to_string();
        let plain = format!("# public key: {public}\n{}\n", secret.expose_secret());
        match passphrase {
            None => Ok(plain.into_bytes()),
            Some(passphrase) => {
                let recipient = scrypt::Recipient::new(passphrase.expose().to_owned().into());
                age::encrypt(&recipient, plain.as_bytes())
                    .map_err(|e| KeyError::Seal(e.to_string()))
            }
        }
    }
}

/// The public half alone.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealKey").field(&self.public()).finish()
    }
}

fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.chain_update(bytes).finalize().into_bytes().into()
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    move |source| KeyError::File {
        path: path.into(),
        source,
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(file_error(path)(e)),
    };
    let mode = file.metadata().map_err(file_error(path))?.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed {
            path: path.into(),
            mode,
        });
    }
    let mut content = Vec::new();
    file.take(MAX_KEY_FILE_BYTES)
        .read_to_end(&mut content)
        .map_err(file_error(path))?;
    Ok(Some(content))
}

/// Makes the file whole or not at all; leaves one that is there already.
fn create(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    let written = write_beside(path, content).map_err(file_error(path))?;
    match written.persist_noclobber(path) {
        Ok(_) => sync_parent(path).map_err(file_error(path)),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(file_error(path)(e.error)),
    }
}

fn replace(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    let written = write_beside(path, content).map_err(file_error(path))?;
    written
        .persist(path)
        .map_err(|e| file_error(path)(e.error))?;
    sync_parent(path).map_err(file_error(path))
}

fn write_beside(path: &Path, content: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let dir = path.parent().unwrap_or(Path::new("."));
    create_private_dir(dir)?;
    // A temporary file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// A new name in a folder outlives a power cut only after this.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) => fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// The key can't be had, or does not fit.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
pub enum KeyError {
    /// The file can't be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner may read it.
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    NotAKey {
        /// Which.
        path: PathBuf,
    },
    /// The variable [`KEY_VARIABLE`] holds something else.
    NotAKeyVariable,
    /// The file is encrypted and no passphrase was given.
    PassphraseNeeded {
        /// Which.
        path: PathBuf,
    },
    /// The passphrase does not open the file.
    WrongPassphrase {
        /// Which.
        path: PathBuf,
    },
    /// A value was sealed by another key, or was damaged.
    NotSealedByThis,
    /// A value can't be sealed.
    Seal(String),
}

impl KeyError {
    /// What went wrong and what to do, for people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::File { path, source } => message!(
                "the key file {} can't be used: {source}",
                "no se puede usar el archivo de clave {}: {source}",
                path.display()
            ),
            Self::Exposed { path, mode } => message!(
                "the key file {0} is open to others (mode {mode:04o}): run `chmod 600 {0}`, and set the secrets anew if someone may have read it",
                "el archivo de clave {0} está abierto a otros (modo {mode:04o}): ejecute `chmod 600 {0}` y, si alguien pudo leerlo, vuelva a definir los secretos",
                path.display()
            ),
            Self::NotAKey { path } => message!(
                "{} is not a key file of Estiba: put the right one back from a copy; without it the stored secrets can't be read",
                "{} no es un archivo de clave de Estiba: restaure el correcto desde una copia; sin él no se pueden leer los secretos guardados",
                path.display()
            ),
            Self::NotAKeyVariable => message!(
                "{KEY_VARIABLE} is not a key: it is what `estiba secret key` prints, a line that begins with {SECRET_KEY_PREFIX}",
                "{KEY_VARIABLE} no es una clave: es lo que imprime `estiba secret key`, una línea que empieza con {SECRET_KEY_PREFIX}"
            ),
            Self::PassphraseNeeded { path } => message!(
                "the key file {} is protected by a passphrase: set {PASSPHRASE_VARIABLE}, or run the command in a terminal",
                "el archivo de clave {} está protegido con una frase: defina {PASSPHRASE_VARIABLE} o ejecute el comando en una terminal",
                path.display()
            ),
            Self::WrongPassphrase { path } => message!(
                "the passphrase does not open the key file {}: try again with the one it was protected with",
                "la frase no abre el archivo de clave {}: pruebe de nuevo con la que se usó para protegerlo",
                path.display()
            ),
            Self::NotSealedByThis => message!(
                "a stored secret can't be opened: it was sealed with another key, or was damaged; set it again",
                "no se puede abrir un secreto guardado: se cifró con otra clave o está dañado; vuelva a definirlo"
            ),
            Self::Seal(cause) => message!(
                "a secret can't be sealed: {cause}",
                "no se puede cifrar un secreto: {cause}"
            ),
        }
    }
}
