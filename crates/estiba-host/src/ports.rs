//! Loopback ports of instances and services.
//!
//! They are taken from below the range that the kernel gives to outgoing
//! connections (32768 and up), so that nothing gets a port while its program is
//! between two runs. A file for each port says who has it, whatever process
//! asks.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::error::HostError;

/// Where instances listen.
pub const INSTANCES: RangeInclusive<u16> = 20_000..=32_767;
/// Where the services of workloads are reached.
pub const SERVICES: RangeInclusive<u16> = 12_000..=19_999;

/// The ports that were given out on this machine, in a directory of their own.
#[derive(Debug, Clone)]
pub struct Ports(pub PathBuf);

impl Ports {
    /// A free port for `owner`, a path: when it is gone, the port is free again.
    /// The search begins at `hint`, wrapped into `range`.
    ///
    /// # Errors
    /// When none is left, or the claim can't be written.
    pub fn take(
        &self,
        range: &RangeInclusive<u16>,
        hint: u64,
        owner: &Path,
    ) -> Result<u16, HostError> {
        fs::create_dir_all(&self.0).map_err(HostError::at(&self.0))?;
        let (first, last) = (*range.start(), *range.end());
        let count = u64::from(last - first) + 1;
        for step in 0..count {
            let offset = (hint % count + step) % count;
            // Less than the range's length, which is that of a port.
            let port = first + u16::try_from(offset).unwrap_or_default();
            if self.claim(port, owner)? {
                if is_free(port) {
                    return Ok(port);
                }
                self.give_back(port)?;
            }
        }
        Err(HostError::NoPort { first, last })
    }

    /// The port is free for others.
    ///
    /// # Errors
    /// When the claim can't be removed.
    pub fn give_back(&self, port: u16) -> Result<(), HostError> {
        crate::record::remove(&self.file(port))
    }

    fn claim(&self, port: u16, owner: &Path) -> Result<bool, HostError> {
        let file = self.file(port);
        for _ in 0..2 {
            match OpenOptions::new().write(true).create_new(true).open(&file) {
                Ok(mut claim) => {
                    let text = owner.as_os_str().as_encoded_bytes();
                    claim.write_all(text).map_err(HostError::at(&file))?;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let text = fs::read_to_string(&file).unwrap_or_default();
                    // An empty one is being written this moment.
                    if text.is_empty() || Path::new(&text).exists() {
                        return Ok(false);
                    }
                    crate::record::remove(&file)?;
                }
                Err(error) => return Err(HostError::at(&file)(error)),
            }
        }
        Ok(false)
    }

    fn file(&self, port: u16) -> PathBuf {
        self.0.join(port.to_string())
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        && TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
}
