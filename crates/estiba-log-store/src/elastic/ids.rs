//! Ids that clients gave their documents, remembered for a while: what is sent again after
//! a connection broke is known, and not there twice.
//!
//! Only the last ones are remembered, in memory. That is enough for whoever sends again
//! what was not answered; it is no index of ids.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use lru::LruCache;

use crate::Environment;
use crate::locked::locked;

/// So many ids are remembered.
const MOST: usize = 1 << 16;

/// The ids of all requests.
#[derive(Debug)]
pub(super) struct Ids {
    seen: Mutex<LruCache<Key, Claim>>,
    hashers: [RandomState; 2],
    requests: AtomicU64,
}

/// 128 bits of an id and the environment that it is of.
type Key = (u64, u64);

#[derive(Debug, Clone, Copy)]
struct Claim {
    request: u64,
    taken: bool,
}

/// What is known of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is of this request now.
    New,
    /// Its document is there.
    Taken,
    /// Another request is about to take it.
    Elsewhere,
}

/// The ids of one request. Dropped, they are forgotten, unless they were kept.
#[derive(Debug)]
pub(super) struct Claimed {
    ids: Arc<Ids>,
    request: u64,
    keys: Vec<Key>,
}

impl Ids {
    pub(super) fn new() -> Self {
        Self {
            seen: Mutex::new(LruCache::unbounded()),
            hashers: [RandomState::new(), RandomState::new()],
            requests: AtomicU64::new(0),
        }
    }

    /// Begins a request.
    pub(super) fn request(self: &Arc<Self>) -> Claimed {
        Claimed {
            ids: Arc::clone(self),
            request: self.requests.fetch_add(1, Ordering::Relaxed),
            keys: Vec::new(),
        }
    }

    fn key(&self, environment: &Environment, id: &str) -> Key {
        let [one, other] = self.hashers.each_ref().map(|hasher| {
            let mut hasher = hasher.build_hasher();
            (environment, id).hash(&mut hasher);
            std::hash::Hasher::finish(&hasher)
        });
        (one, other)
    }
}

impl Claimed {
    /// Claims an id.
    pub(super) fn claim(&mut self, environment: &Environment, id: &str) -> Known {
        let key = self.ids.key(environment, id);
        let mut seen = locked(&self.ids.seen);
        match seen.get(&key) {
            Some(claim) if claim.taken || claim.request == self.request => return Known::Taken,
            Some(_) => return Known::Elsewhere,
            None => {}
        }
        let request = self.request;
        let claim = Claim {
            request,
            taken: false,
        };
        seen.push(key, claim);
        while seen.len() > MOST {
            seen.pop_lru();
        }
        self.keys.push(key);
        Known::New
    }

    /// The documents of these ids are on disk.
    pub(super) fn keep(mut self) {
        let mut seen = locked(&self.ids.seen);
        for key in std::mem::take(&mut self.keys) {
            if let Some(claim) = seen.get_mut(&key) {
                claim.taken = true;
            }
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        let mut seen = locked(&self.ids.seen);
        for key in &self.keys {
            seen.pop(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_once_in_its_environment() {
        let ids = Arc::new(Ids::new());
        let [here, there] = ["test", "prod"].map(|name| Environment::new("moria", "tp2", name));
        let mut first = ids.request();
        assert_eq!(first.claim(&here, "a-1"), Known::New);
        assert_eq!(first.claim(&there, "a-1"), Known::New);
        assert_eq!(first.claim(&here, "a-1"), Known::Taken);
        let mut second = ids.request();
        assert_eq!(second.claim(&here, "a-1"), Known::Elsewhere);
        drop(first);
        assert_eq!(second.claim(&here, "a-1"), Known::New);
        second.keep();
        assert_eq!(ids.request().claim(&here, "a-1"), Known::Taken);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let ids = Arc::new(Ids::new());
        let here = Environment::new("moria", "tp2", "prod");
        let mut all = ids.request();
        for number in 0..=MOST {
            assert_eq!(all.claim(&here, &number.to_string()), Known::New);
        }
        all.keep();
        assert_eq!(ids.request().claim(&here, "0"), Known::New);
        assert_eq!(ids.request().claim(&here, "1"), Known::New);
        assert_eq!(ids.request().claim(&here, "9"), Known::Taken);
    }
}
