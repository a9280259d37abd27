//! What whoever forwards lines to another place needs of a store: the lines in the order
//! in which they came, and a note of how far that place has them.

use std::fs::{self, File};
use std::io::{self, Write};

use estiba_logs::Record;
use tokio::sync::watch;

use crate::reads::{Failed, one_partition};
use crate::wal::sync_folder;
use crate::{Environment, LogStore, ReadError, Scope};

/// The file with the name of the store, in its folder.
const NAME: &str = "name";

/// A line with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// The number that the line got as it came.
    pub sequence: u64,
    /// The line.
    pub record: Record,
}

/// How far the lines of an environment are in another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forwarding {
    /// The environment.
    pub environment: Environment,
    /// How many of its lines wait.
    pub waiting: u64,
    /// How many were dropped for want of room before the other place had them, since
    /// the store was opened.
    pub lost: u64,
}

impl LogStore {
    /// A name that no other store has, and that stays: with a line's number it names the
    /// line everywhere.
    ///
    /// # Errors
    /// If it can't be read, or noted the first time.
    pub fn name(&self) -> io::Result<String> {
        let path = self.shared.folder.join(NAME);
        match fs::read_to_string(&path) {
            Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut random = [0_u8; 12];
        let filled = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        let name: String = random[..filled]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(name.as_bytes())?;
        file.sync_data()?;
        fs::rename(&new, &path)?;
        sync_folder(&self.shared.folder)?;
        Ok(name)
    }

    /// Begins to forward an environment, or goes on: retention keeps for `to` what it has
    /// not got yet, as long as there is room. The answer is the number of the last line
    /// that it has; 0 where `to` is a new place, which gets all that is there.
    ///
    /// # Errors
    /// If it can't be noted.
    pub fn forward(&self, environment: &Environment, to: &str) -> io::Result<u64> {
        self.shared.shelf(environment)?.forwarded.begin(to)
    }

    /// Notes that `to` has the lines of an environment up to this number. It is on disk
    /// once this answers.
    ///
    /// # Errors
    /// If it can't be noted.
    pub fn forwarded(&self, environment: &Environment, to: &str, sequence: u64) -> io::Result<()> {
        let shelf = self.shared.shelf(environment)?;
        shelf.forwarded.advance(to, sequence)
    }

    /// Nobody forwards the lines of an environment any more.
    ///
    /// # Errors
    /// If it can't be noted.
    pub fn stop_forwarding(&self, environment: &Environment) -> io::Result<()> {
        match self.shared.known(environment) {
            Some(shelf) => shelf.forwarded.end(),
            None => Ok(()),
        }
    }

    /// The environments that there are.
    #[must_use]
    pub fn all_environments(&self) -> Vec<Environment> {
        let shelves = self.shared.shelves();
        shelves
            .iter()
            .map(|shelf| shelf.environment.clone())
            .collect()
    }

    /// The first lines of an environment after a number, in the order of their numbers: so
    /// many at most, and no more once they have so many bytes together. What was appended
    /// is among them once it is in the index.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn after(
        &self,
        environment: &Environment,
        sequence: u64,
        most: usize,
        most_bytes: usize,
    ) -> Result<Vec<Numbered>, ReadError> {
        let environment = environment.clone();
        self.read(move |shared| {
            let Some(shelf) = shared.known(&environment) else {
                return Ok(Vec::new());
            };
            let mut found = Vec::new();
            for partition in shelf.partitions() {
                if partition.contents().sequence <= sequence {
                    continue;
                }
                one_partition(shared, &shelf, &partition, &mut |_, partition| {
                    found = partition.after(sequence, most, most_bytes)?;
                    Ok::<(), Failed>(())
                })?;
                if !found.is_empty() {
                    break;
                }
            }
            let numbered = found.into_iter().map(|(sequence, line)| Numbered {
                sequence,
                record: line.into_record(&environment),
            });
            Ok(numbered.collect())
        })
        .await
    }

    /// How far each environment of the scope that is forwarded is.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn forwarding(&self, scope: &Scope) -> Result<Vec<Forwarding>, ReadError> {
        let scope = scope.clone();
        self.read(move |shared| {
            let mut all = Vec::new();
            for shelf in shared.seen_by(&scope) {
                let Some(sequence) = shelf.forwarded.sequence() else {
                    continue;
                };
                let mut waiting = 0;
                for partition in shelf.partitions() {
                    one_partition(shared, &shelf, &partition, &mut |_, partition| {
                        waiting += partition.count_after(sequence)?;
                        Ok::<(), Failed>(())
                    })?;
                }
                all.push(Forwarding {
                    environment: shelf.environment.clone(),
                    waiting,
                    lost: shelf.forwarded.lost(),
                });
            }
            Ok(all)
        })
        .await
    }

    /// Changes whenever lines were put into the index.
    #[must_use]
    pub fn grown(&self) -> watch::Receiver<()> {
        self.shared.grown.subscribe()
    }
}
