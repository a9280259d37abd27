//! Where a workload answers with the version that it is.

use std::str::FromStr;

use serde_json::Value;

use crate::{Message, Version, message};

/// A path that answers with the version, as text or in a JSON document: `/version`, or
/// `/health#/build/version` with a JSON pointer
/// (<https://www.rfc-editor.org/rfc/rfc6901#section-6>). Without a pointer, a JSON
/// object is asked for its `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smoke {
    /// With a leading slash; it may have a query.
    pub path: String,
    /// Where in the document, as a JSON pointer.
    pub pointer: Option<String>,
}

impl FromStr for Smoke {
    type Err = Message;

    fn from_str(text: &str) -> Result<Self, Message> {
        let (path, pointer) = match text.split_once('#') {
            Some((path, pointer)) => (path, Some(pointer)),
            None => (text, None),
        };
        let begins = |part: &str| part.starts_with('/');
        if !begins(path) || path.starts_with("//") || !pointer.is_none_or(begins) {
            return Err(message!(
                "\"{text}\" is not a path with a leading slash, such as /version or /health#/build/version",
                "«{text}» no es una ruta que empiece con una barra, como /version o /health#/build/version"
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            pointer: pointer.map(str::to_owned),
        })
    }
}

impl Smoke {
    /// The version that an answer tells; none where it tells none.
    #[must_use]
    pub fn version_in(&self, body: &str) -> Option<String> {
        let document = serde_json::from_str::<Value>(body).ok();
        let told = match (&document, &self.pointer) {
            (Some(document), Some(pointer)) => document.pointer(pointer)?,
            (Some(Value::Object(fields)), None) => fields.get("version")?,
            (Some(document @ Value::String(_)), None) => document,
            (_, None) => return text(body),
            (None, Some(_)) => return None,
        };
        match told {
            Value::String(told) => text(told),
            Value::Number(told) => Some(told.to_string()),
            _ => None,
        }
    }

    /// Whether `told` is that version exactly; a leading `v` is a habit of tags.
    #[must_use]
    pub fn is(told: &str, version: &Version) -> bool {
        told == version.as_str() || told.strip_prefix('v') == Some(version.as_str())
    }
}

/// One line that is a version and not a page.
fn text(body: &str) -> Option<String> {
    const LONGEST: usize = 200;
    let line = body.trim();
    let is_one = !line.is_empty() && line.len() <= LONGEST && !line.contains('\n');
    is_one.then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_where_it_is_told() {
        for (smoke, body, version) in [
            ("/version", "1.4.2\n", Some("1.4.2")),
            (
                "/version",
                r#"{"version":"1.4.2","commit":"ab"}"#,
                Some("1.4.2"),
            ),
            ("/version", r#""1.4.2""#, Some("1.4.2")),
            ("/version", "1.4", Some("1.4")),
            (
                "/health#/build/version",
                r#"{"build":{"version":"1.4.2"}}"#,
                Some("1.4.2"),
            ),
            ("/health#/build/version", "1.4.2", None),
            ("/version", r#"{"status":"ok"}"#, None),
            ("/version", "<html>\n<body>1.4.2</body>\n</html>", None),
            ("/version", "", None),
        ] {
            let smoke: Smoke = smoke.parse().unwrap();
            assert_eq!(smoke.version_in(body).as_deref(), version, "{body}");
        }
    }

    #[test]
    fn a_part_of_a_version_is_another_version() {
        let version: Version = "1.4.2".parse().unwrap();
        assert!(Smoke::is("1.4.2", &version) && Smoke::is("v1.4.2", &version));
        for other in ["1.4.20", "1.4", "11.4.2", "1.4.2-dirty", "vv1.4.2"] {
            assert!(!Smoke::is(other, &version), "{other}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in [
            "version",
            "",
            "//host/version",
            "/version#version",
            "https://h/v",
        ] {
            assert!(wrong.parse::<Smoke>().is_err(), "{wrong}");
        }
    }
}
