//! Who the processes of a container are.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The user that a process is, as seen inside the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// `65532:65532`, the "nonroot" of distroless images.
impl Default for User {
    fn default() -> Self {
        Self {
            uid: 65_532,
            gid: 65_532,
        }
    }
}

/// Who an image wants to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its ids; never those of root.
    pub user: User,
    /// Its home directory, where the image says one.
    pub home: Option<String>,
}

impl Account {
    /// From the image's own word for it, and its unpacked layers, lowest first:
    /// `user`, `uid`, `user:group` or `uid:gid`; root and nobody in particular
    /// become the user of [`User::default`].
    #[must_use]
    pub fn of(text: &str, layers: &[PathBuf]) -> Self {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let entry = file(layers, "etc/passwd")
            .lines()
            .map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>())
            .find(|fields| fields.len() > 5 && (fields[0] == user || fields[2] == user));
        let field = |index: usize| entry.as_ref().and_then(|fields| fields[index].parse().ok());
        let uid = user.parse().ok().or_else(|| field(2));
        let Some(uid) = uid.filter(|uid| *uid != 0) else {
            return Self {
                user: User::default(),
                home: None,
            };
        };
        let gid = group.and_then(|group| group_id(group, layers));
        let gid = gid
            .or_else(|| field(3))
            .filter(|gid| *gid != 0)
            .unwrap_or(uid);
        Self {
            user: User { uid, gid },
            home: entry
                .map(|fields| fields[5].clone())
                .filter(|home| !home.is_empty()),
        }
    }
}

fn group_id(group: &str, layers: &[PathBuf]) -> Option<u32> {
    let by_name = || {
        let groups = file(layers, "etc/group");
        let mut lines = groups
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        let entry = lines.find(|fields| fields.len() > 2 && fields[0] == group);
        entry.and_then(|fields| fields[2].parse().ok())
    };
    group.parse().ok().or_else(by_name)
}

/// A file of the image; empty where there is none.
fn file(layers: &[PathBuf], path: &str) -> String {
    let mut top_down = layers.iter().rev();
    top_down
        .find_map(|layer| {
            let path = layer.join(path);
            // A link could lead out of the image.
            let is_file = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            is_file.then(|| fs::read_to_string(path).ok())?
        })
        .unwrap_or_default()
}
