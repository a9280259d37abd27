//! What a `_bulk` answered
//! (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk>).

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What becomes of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is there; 409 says that it was before.
    Taken,
    /// Not now.
    Later,
    /// Never; with the status and what the sink calls it.
    Refused(u16, String),
}

#[derive(Deserialize)]
struct Head {
    errors: bool,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    items: Vec<HashMap<&'a str, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    error: Option<Fault>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fault {
    Typed {
        #[serde(rename = "type")]
        kind: String,
    },
    /// Very old servers, and some that are compatible with them.
    Other(IgnoredAny),
}

/// The answer is half of one, or none at all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// Reads the answer to a request of so many documents: nothing where all were
/// taken, else a verdict for each. The reason that a sink gives is left out: it
/// may quote the document.
pub(super) fn read(body: &[u8], documents: usize) -> Result<Option<Vec<Verdict>>, NoAnswer> {
    let head: Head = serde_json::from_slice(body).map_err(|_| NoAnswer)?;
    if !head.errors {
        return Ok(None);
    }
    let items: Items<'_> = serde_json::from_slice(body).map_err(|_| NoAnswer)?;
    if items.items.len() != documents {
        return Err(NoAnswer);
    }
    let verdict = |item: HashMap<&str, Item>| {
        let item = item.into_values().next().ok_or(NoAnswer)?;
        Ok(match item.status {
            200..300 | 409 => Verdict::Taken,
            408 | 429 | 500.. => Verdict::Later,
            status => Verdict::Refused(
                status,
                match item.error {
                    Some(Fault::Typed { kind }) => kind,
                    Some(Fault::Other(_)) | None => "error".to_owned(),
                },
            ),
        })
    };
    items
        .items
        .into_iter()
        .map(verdict)
        .collect::<Result<_, _>>()
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        assert_eq!(
            read(
                br#"{"took":1,"errors":false,"items":[{"create":{"status":201}}]}"#,
                1
            ),
            Ok(None)
        );
        let mixed = br#"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409,"error":{"type":"x"}}},
            {"index":{"status":429}},{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"secret"}}},
            {"create":{"status":400,"error":"text"}}]}"#;
        let verdicts = vec![
            Verdict::Taken,
            Verdict::Taken,
            Verdict::Later,
            Verdict::Refused(400, "mapper_parsing_exception".into()),
            Verdict::Refused(400, "error".into()),
        ];
        assert_eq!(read(mixed, 5), Ok(Some(verdicts)));
        for body in [
            &b"{\"errors\":fal"[..],
            b"",
            b"<html>",
            b"{}",
            br#"{"errors":true,"items":[]}"#,
        ] {
            assert_eq!(read(body, 1), Err(NoAnswer));
        }
    }
}
