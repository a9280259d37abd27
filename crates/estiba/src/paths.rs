//! Where state is, after the XDG base directories
//! (<https://specifications.freedesktop.org/basedir-spec/latest/>).

use std::path::PathBuf;

use estiba_model::{Message, message};

/// The folders that Estiba uses.
#[derive(Debug, Clone)]
pub struct Paths {
    /// Database, key, locks, and what the local target keeps.
    pub state: PathBuf,
    /// The image store.
    pub images: PathBuf,
}

impl Paths {
    /// The folders for this user: `ESTIBA_STATE_DIR` holds all of them where it
    /// is set.
    ///
    /// # Errors
    /// When neither it nor a home folder is known.
    pub fn of_user() -> Result<Self, Message> {
        if let Some(dir) = absolute("ESTIBA_STATE_DIR") {
            return Ok(Self {
                images: dir.join("images"),
                state: dir,
            });
        }
        let home = absolute("HOME");
        let base = |variable: &str, under_home: &str| {
            absolute(variable)
                .or_else(|| home.as_ref().map(|home| home.join(under_home)))
                .map(|base| base.join("estiba"))
        };
        let state = base("XDG_STATE_HOME", ".local/state");
        let data = base("XDG_DATA_HOME", ".local/share");
        match (state, data) {
            (Some(state), Some(data)) => Ok(Self {
                state,
                images: data.join("images"),
            }),
            _ => Err(message!(
                "no place for Estiba's state: set HOME, or ESTIBA_STATE_DIR to an absolute path",
                "no hay dónde guardar el estado de Estiba: defina HOME, o ESTIBA_STATE_DIR con una ruta absoluta"
            )),
        }
    }
}

/// The standard says that a relative path is to be ignored.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
