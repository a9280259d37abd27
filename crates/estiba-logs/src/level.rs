//! How grave a line is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How grave a line is; the order is from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Steps within a function.
    Trace,
    /// For whoever develops the workload.
    Debug,
    /// What goes as it should.
    Info,
    /// What may become a failure.
    Warn,
    /// Something failed.
    Error,
    /// The workload can't go on.
    Fatal,
}

/// That of `informational`.
const LONGEST_NAME: usize = 13;

impl Level {
    /// All levels, from least to most grave.
    pub const ALL: [Self; 6] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Fatal,
    ];

    /// The name in documents and queries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level that loggers mean by `name`, such as `WARNING`, `err` or `CRITICAL`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::from_word(name.trim().as_bytes())
    }

    /// The same of bytes. A shipper asks for every line: nothing is allocated.
    pub(crate) fn from_word(word: &[u8]) -> Option<Self> {
        let mut lower = [0_u8; LONGEST_NAME];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trc" | b"trce" | b"verbose" | b"finest" | b"finer" | b"silly" => {
                Self::Trace
            }
            b"debug" | b"dbg" | b"dbug" | b"fine" | b"config" => Self::Debug,
            b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"note" | b"log" => {
                Self::Info
            }
            b"warn" | b"wrn" | b"warning" => Self::Warn,
            b"error" | b"err" | b"eror" | b"severe" | b"fail" | b"failure" => Self::Error,
            b"fatal" | b"ftl" | b"crit" | b"critical" | b"alert" | b"emerg" | b"emergency"
            | b"panic" | b"dpanic" => Self::Fatal,
            _ => return None,
        })
    }

    /// The level that a whole text says: a name or a number.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::from_name(text).or_else(|| Self::from_number(text.trim().parse().ok()?))
    }

    /// The level of a JSON value: a name or a number.
    #[must_use]
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::from_text(text),
            Value::Number(number) => Self::from_number(number.as_u64()?),
            _ => None,
        }
    }

    /// The level of a number: one of syslog's (0 to 7), or of
    /// [pino's and bunyan's](https://getpino.io/#/docs/api?id=loggerlevels-object)
    /// (10 to 60).
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0..8 => Self::from_syslog(number),
            10 => Self::Trace,
            20 => Self::Debug,
            30 => Self::Info,
            40 => Self::Warn,
            50 => Self::Error,
            60 => Self::Fatal,
            _ => return None,
        })
    }

    /// A severity of syslog, 0 to 7
    /// ([RFC 5424](https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1)).
    #[must_use]
    pub fn from_syslog(severity: u64) -> Self {
        match severity {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            _ => Self::Debug,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).ok_or(UnknownLevel)
    }
}

/// No logger that Estiba knows has a level of this name.
#[derive(Debug, thiserror::Error)]
#[error("no level has this name: use trace, debug, info, warn, error or fatal")]
pub struct UnknownLevel;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn loggers_names_and_numbers_are_understood() {
        for (value, level) in [
            (json!("WARNING"), Some(Level::Warn)),
            (json!(" Err "), Some(Level::Error)),
            (json!("CRITICAL"), Some(Level::Fatal)),
            (json!(3), Some(Level::Error)),
            (json!("6"), Some(Level::Info)),
            (json!(30), Some(Level::Info)),
            (json!(10), Some(Level::Trace)),
            (json!(35), None),
            (json!("loud"), None),
            (json!("Information"), Some(Level::Info)),
            (json!("averyverylongword"), None),
            (json!(9), None),
            (json!(true), None),
        ] {
            assert_eq!(Level::from_value(&value), level, "{value}");
        }
    }

    #[test]
    fn every_level_reads_back() {
        for level in Level::ALL {
            assert_eq!(Level::from_name(level.as_str()), Some(level));
        }
        assert!(Level::ALL.is_sorted());
    }
}
