//! Files of containers: kept by this machine, and mounted read-only.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use estiba_host::account::User;
use estiba_host::directory::make_private;
use estiba_host::{HostError, record};
use estiba_model::{InstanceName, Name, SecretString};
use estiba_target::FileSpec;

use crate::layout::EnvironmentDir;

/// Whose the files are, and what must not get to a disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    pub(crate) place: &'a EnvironmentDir,
    pub(crate) instance: &'a InstanceName,
    pub(crate) secrets: &'a [SecretString],
}

impl Files<'_> {
    /// Keeps the files of a container; how an engine is to mount them.
    pub(crate) fn keep(
        &self,
        container: &Name,
        files: &[FileSpec],
        user: User,
    ) -> Result<Vec<String>, HostError> {
        let mut mounts = Vec::new();
        for (index, file) in files.iter().enumerate() {
            let content = &file.content.0;
            // After a reboot, what is in memory is gone, and the engine can't start
            // the container: that is for those files only that have secrets.
            let folder = match self.has_secret(content) {
                true => self.place.secret_files(self.instance)?,
                false => self.place.files(self.instance),
            };
            make_private(&folder)?;
            let path = folder.join(format!("{container}-{index}"));
            record::remove(&path)?;
            fs::write(&path, content).map_err(HostError::at(&path))?;
            give(&path, file.mode.unwrap_or(0o644), user).map_err(HostError::at(&path))?;
            // Of its own label, where the machine has SELinux.
            mounts.push(format!("{}:{}:ro,z", path.display(), file.path));
        }
        Ok(mounts)
    }

    fn has_secret(&self, content: &[u8]) -> bool {
        let secrets = self.secrets.iter().map(|secret| secret.expose().as_bytes());
        let mut secrets = secrets.filter(|secret| !secret.is_empty());
        secrets.any(|secret| content.windows(secret.len()).any(|part| part == secret))
    }
}

/// Removes the files of an instance.
pub(crate) fn remove(place: &EnvironmentDir, instance: &InstanceName) -> Result<(), HostError> {
    record::remove(&place.secret_files(instance)?)?;
    record::remove(&place.files(instance))
}

/// Makes a file the user's. Where only root may do that, the user is a stranger to
/// it in the container, and gets the rights of a stranger; on this machine nobody
/// else gets into its folder.
fn give(path: &Path, mode: u32, user: User) -> std::io::Result<()> {
    let is_given = chown(path, Some(user.uid), Some(user.gid)).is_ok();
    let of_owner = mode >> 6 & 0o7;
    let mode = if is_given { mode } else { mode | of_owner };
    fs::set_permissions(path, Permissions::from_mode(mode))
}
