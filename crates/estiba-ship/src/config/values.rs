//! Values as people write them.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

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
