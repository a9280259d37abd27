//! Lines that a program posts: text, NDJSON, or JSON.

use http::StatusCode;
use serde_json::value::RawValue;

use crate::fields::Fields;
use crate::framing::{Cursor, End, Event};
use crate::inbox::Intake;
use crate::metrics::Metrics;

/// Documents of a body. A body of `application/json` is one entry, or an array of
/// them; an entry is an object, or a text. Any other body is lines.
pub(super) fn documents(
    intake: &mut Intake,
    is_json: bool,
    body: &[u8],
    fields: &Fields,
    metrics: &Metrics,
) -> Result<Vec<u8>, StatusCode> {
    let mut out = Vec::with_capacity(body.len() * 2);
    if !is_json {
        intake.lines(
            body,
            End::All,
            &mut Cursor::default(),
            fields,
            &mut out,
            metrics,
        );
        return Ok(out);
    }
    let text = std::str::from_utf8(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let one: &RawValue = serde_json::from_str(text).map_err(|_| StatusCode::BAD_REQUEST)?;
    let entries: Vec<&RawValue> = if one.get().starts_with('[') {
        serde_json::from_str(one.get()).map_err(|_| StatusCode::BAD_REQUEST)?
    } else {
        vec![one]
    };
    for entry in entries {
        let text = serde_json::from_str::<String>(entry.get());
        let text = text.as_deref().unwrap_or(entry.get());
        let event = Event {
            text: text.as_bytes(),
            time: None,
            stream: None,
            cut: false,
        };
        intake.event(&event, None, fields, &mut out, metrics);
    }
    Ok(out)
}
