//! A line that is a JSON object: checked to its end, spread without being built.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::members::{Members, NotMembers};

/// Adds the members of `text` one by one.
pub(crate) fn spread(text: &str, members: &mut Members<'_>) -> Result<(), NotMembers> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Spread(members)
        .deserialize(&mut reader)
        .map_err(|_| NotMembers)?;
    reader.end().map_err(|_| NotMembers)
}

/// The raw text `message` of an object that was checked before.
pub(crate) fn message_of(object: &[u8]) -> Option<&[u8]> {
    #[derive(serde::Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        message: Option<&'a RawValue>,
    }
    let inner: Inner<'_> = serde_json::from_slice(object).ok()?;
    let raw = inner.message?.get();
    raw.starts_with('"').then_some(raw.as_bytes())
}

struct Spread<'m, 'o>(&'m mut Members<'o>);

impl<'de> DeserializeSeed<'de> for Spread<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Spread<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            let raw: &RawValue = map.next_value()?;
            self.0
                .add(&key, raw.get())
                .map_err(|NotMembers| A::Error::custom("no members of a document"))?;
        }
        Ok(())
    }
}

/// A key: borrowed, but where it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
