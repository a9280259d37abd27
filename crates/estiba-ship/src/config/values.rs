//! Values as people write them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, de};

use super::file::WrittenListen;

/// `10s`, `250ms`, `5m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(pub(super) Duration);

/// `512`, `64Ki`, `1Mi`, `2Gi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

/// One text, or a list of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts(pub(super) Vec<String>);

impl Time {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end = text.find(|char: char| !char.is_ascii_digit())?;
        let number: u64 = text[..end].parse().ok()?;
        let unit_ms = match &text[end..] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        // A year is for ever, and nothing overflows.
        let most = 365 * 24 * 3_600_000;
        let ms = number.checked_mul(unit_ms).filter(|ms| *ms <= most)?;
        Some(Self(Duration::from_millis(ms)))
    }
}

impl Size {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let end = text
            .find(|char: char| !char.is_ascii_digit())
            .unwrap_or(text.len());
        let number: u64 = text[..end].parse().ok()?;
        let shift = match &text[end..] {
            "" => 0,
            "Ki" => 10,
            "Mi" => 20,
            "Gi" => 30,
            _ => return None,
        };
        number.checked_mul(1 << shift).map(Self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!("\"{text}\" is no time: write 500ms, 10s, 5m or 1h"))
        })
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => Self::parse(&text).ok_or_else(|| {
                de::Error::custom(format!(
                    "\"{text}\" is no size: write 512, 64Ki, 1Mi or 2Gi"
                ))
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            One(String),
            Many(Vec<String>),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::One(text) => vec![text],
            Written::Many(texts) => texts,
        }))
    }
}

/// An address, or one with what else there is to say.
impl<'de> Deserialize<'de> for WrittenListen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListenVisitor)
    }
}

/// Written by hand: serde says of neither form what is wrong with it where it tries both.
struct ListenVisitor;

impl<'de> de::Visitor<'de> for ListenVisitor {
    type Value = WrittenListen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as 127.0.0.1:9880, or `address` and `token_file`")
    }

    fn visit_str<E: de::Error>(self, address: &str) -> Result<Self::Value, E> {
        Ok(WrittenListen {
            address: address.to_owned(),
            token_file: None,
        })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            address: String,
            token_file: Option<PathBuf>,
        }
        let written = Written::deserialize(MapAccessDeserializer::new(map))?;
        Ok(WrittenListen {
            address: written.address,
            token_file: written.token_file,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        assert_eq!(Time::parse("250ms"), Some(Time(Duration::from_millis(250))));
        assert_eq!(Time::parse("5m"), Some(Time(Duration::from_secs(300))));
        assert_eq!(
            ["5", "s", "", "5 s", "99999999h"].map(Time::parse),
            [None; 5]
        );
        assert_eq!(Size::parse("2Mi"), Some(Size(2 << 20)));
        assert_eq!(Size::parse("7"), Some(Size(7)));
        assert_eq!(
            ["", "Mi", "1MB", "99999999999999999Gi"].map(Size::parse),
            [None; 4]
        );
    }
}
