use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;

use estiba_model::{Lang, SecretString};
use estiba_store::{KEY_FILE, KeyError, SealKey};
use proptest::prelude::*;
use tempfile::TempDir;

fn nobody_to_ask() -> Option<SecretString> {
    panic!("the passphrase was asked for")
}

#[test]
fn a_key_file_is_made_once_and_for_its_owner_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state").join(KEY_FILE);
    let barrier = Barrier::new(8);
    let keys: Vec<String> = std::thread::scope(|scope| {
        let load = || {
            barrier.wait();
            SealKey::load(&path, None, nobody_to_ask).unwrap().public()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.as_path()), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    // Nothing but the key: no half-made file was left.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(KEY_FILE);
    SealKey::load(&path, None, nobody_to_ask).unwrap();
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let error = SealKey::load(&path, None, nobody_to_ask).unwrap_err();
        assert!(matches!(&error, KeyError::Exposed { mode: m, .. } if *m == mode));
        let hint = format!("chmod 600 {}", path.display());
        assert!(error.message().text(Lang::En).contains(&hint));
        assert!(error.message().text(Lang::Es).contains(&hint));
    }
}

#[test]
fn a_key_travels_as_text() {
    let key = SealKey::generate();
    let text = key.to_text();
    assert!(text.expose().starts_with("AGE-SECRET-KEY-1"));
    let again = SealKey::from_text(&text).unwrap();
    let sealed = key.seal(b"planted").unwrap();
    assert_eq!(again.open(&sealed).unwrap(), b"planted");
    for other in ["", "hello", "AGE-SECRET-KEY-1QQQQ"] {
        let error = SealKey::from_text(&SecretString::new(other)).unwrap_err();
        assert!(matches!(error, KeyError::NotAKeyVariable), "{other}");
    }
}

#[test]
fn what_is_not_a_key_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(KEY_FILE);
    for content in ["", "hello", "AGE-SECRET-KEY-1QQQQ"] {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = SealKey::load(&path, None, nobody_to_ask).unwrap_err();
        assert!(matches!(error, KeyError::NotAKey { .. }), "{content}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[test]
fn a_passphrase_protects_the_key() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(KEY_FILE);
    let passphrase = SecretString::new("mellon");
    let key = SealKey::load(&path, Some(&passphrase), nobody_to_ask).unwrap();
    let sealed = key.seal(b"value").unwrap();
    assert!(
        !fs::read(&path)
            .unwrap()
            .windows(14)
            .any(|w| w == b"AGE-SECRET-KEY")
    );

    let asked = SealKey::load(&path, None, || Some(passphrase.clone())).unwrap();
    assert_eq!(asked.open(&sealed).unwrap(), b"value");

    let none = SealKey::load(&path, None, || None).unwrap_err();
    assert!(matches!(none, KeyError::PassphraseNeeded { .. }));
    let wrong = SecretString::new("friend");
    let wrong = SealKey::load(&path, Some(&wrong), nobody_to_ask).unwrap_err();
    assert!(matches!(wrong, KeyError::WrongPassphrase { .. }));
}

#[test]
fn a_plain_key_is_protected_when_a_passphrase_comes() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(KEY_FILE);
    let plain = SealKey::load(&path, None, nobody_to_ask).unwrap();
    let passphrase = SecretString::new("mellon");
    let protected = SealKey::load(&path, Some(&passphrase), nobody_to_ask).unwrap();
    assert_eq!(protected.public(), plain.public());
    let without = SealKey::load(&path, None, || None).unwrap_err();
    assert!(matches!(without, KeyError::PassphraseNeeded { .. }));
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_key_does_not_print() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(KEY_FILE);
    let key = SealKey::load(&path, None, nobody_to_ask).unwrap();
    let printed = format!("{key:?}");
    assert!(printed.contains(&key.public()) && !printed.contains("SECRET"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_sealed_opens_with_its_key_alone(bytes: Vec<u8>, at: prop::sample::Index) {
        let (key, other) = (SealKey::generate(), SealKey::generate());
        let mut sealed = key.seal(&bytes).unwrap();
        prop_assert_eq!(key.open(&sealed).unwrap(), bytes);
        prop_assert!(matches!(other.open(&sealed), Err(KeyError::NotSealedByThis)));
        let at = at.index(sealed.len());
        sealed[at] ^= 1;
        prop_assert!(key.open(&sealed).is_err());
    }

    #[test]
    fn a_keyed_hash_tells_values_apart(a: Vec<u8>, b: Vec<u8>) {
        let (key, other) = (SealKey::generate(), SealKey::generate());
        prop_assert_eq!(key.keyed_hash(&a), key.keyed_hash(&a));
        prop_assert_eq!(key.keyed_hash(&a) == key.keyed_hash(&b), a == b);
        prop_assert_ne!(key.keyed_hash(&a), other.keyed_hash(&a));
    }
}
