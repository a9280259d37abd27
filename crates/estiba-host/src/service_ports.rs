//! The stable ports at which the workloads of an environment are reached.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::directory::{make_private, short_hash};
use crate::error::HostError;
use crate::ports::{self, Ports};
use crate::record;

/// The service ports of one environment, a file for each.
#[derive(Debug, Clone)]
pub struct ServicePorts {
    /// Where the files are.
    pub directory: PathBuf,
    /// All ports of this machine that were given out.
    pub ports: Ports,
}

impl ServicePorts {
    /// The port of a workload's service, taken when it is first asked for.
    ///
    /// # Errors
    /// When no port is free, or the state can't be written.
    pub async fn take(&self, workload: &str, port: &str) -> Result<u16, HostError> {
        let Self { directory, ports } = self.clone();
        let file = directory.join(format!("{workload}.{port}"));
        let taken = spawn_blocking(move || {
            make_private(&directory)?;
            let lock_path = directory.join("lock");
            let lock = File::create(&lock_path).map_err(HostError::at(&lock_path))?;
            lock.lock().map_err(HostError::at(&lock_path))?;
            if let Some(taken) = record::read::<Option<u16>>(&file)?.flatten() {
                return Ok(taken);
            }
            // It is the owner of the port, and has to be there before.
            record::write(&file, &None::<u16>)?;
            // The same one each time the environment is made anew, if possible.
            let hash = short_hash(&file.to_string_lossy());
            let hint = u64::from_str_radix(&hash, 16).unwrap_or_default();
            let taken = ports.take(&ports::SERVICES, hint, &file)?;
            record::write(&file, &Some(taken))?;
            Ok(taken)
        });
        taken
            .await
            .map_err(|error| HostError::system("a thread")(std::io::Error::other(error)))?
    }

    /// The ports that a workload has.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn of(&self, workload: &str) -> Result<BTreeSet<u16>, HostError> {
        let mut taken = BTreeSet::new();
        for name in record::names(&self.directory)? {
            if name.split_once('.').is_some_and(|(of, _)| of == workload) {
                let file = self.directory.join(&name);
                taken.extend(record::read::<Option<u16>>(&file)?.flatten());
            }
        }
        Ok(taken)
    }

    /// The workloads that have one.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn workloads(&self) -> Result<BTreeSet<String>, HostError> {
        let names = record::names(&self.directory)?;
        let workloads = names.iter().filter_map(|name| name.split_once('.'));
        Ok(workloads.map(|(workload, _)| workload.to_owned()).collect())
    }

    /// All of them are free for others.
    ///
    /// # Errors
    /// When one can't be given back.
    pub fn release(&self) -> Result<(), HostError> {
        for name in record::names(&self.directory)? {
            let file = self.directory.join(name);
            if let Ok(Some(Some(port))) = record::read::<Option<u16>>(&file) {
                self.ports.give_back(port)?;
            }
        }
        Ok(())
    }
}
