//! Heroku's logplex (<https://devcenter.heroku.com/articles/log-drains#https-drains>).

use http::{HeaderMap, StatusCode};

use crate::fields::Fields;
use crate::framing::Event;
use crate::framing::octet::frames;
use crate::framing::syslog::{self, Syslog};
use crate::inbox::Intake;
use crate::metrics::Metrics;

/// The content type of a drain's requests.
pub(super) const CONTENT_TYPE: &str = "application/logplex-1";

/// Documents of a body. What comes before a mistake of framing is taken, as
/// otherwise logplex would send it for ever.
pub(super) fn documents(
    intake: &mut Intake,
    headers: &HeaderMap,
    body: &[u8],
    fields: &Fields,
    metrics: &Metrics,
) -> Result<Vec<u8>, StatusCode> {
    let mut out = Vec::with_capacity(body.len() * 2);
    let mut count = 0_u64;
    for frame in frames(body) {
        match frame {
            Ok(message) => add(intake, message, fields, &mut out, metrics),
            Err(_) if count == 0 => return Err(StatusCode::BAD_REQUEST),
            Err(error) => {
                tracing::warn!("a drain's request was taken up to its message {count}: {error}");
                break;
            }
        }
        count += 1;
    }
    let told = headers
        .get("logplex-msg-count")
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(told) = told.filter(|told| *told != count) {
        tracing::warn!("a drain's request has {count} messages and says {told}");
    }
    Ok(out)
}

fn add(intake: &mut Intake, message: &[u8], fields: &Fields, out: &mut Vec<u8>, metrics: &Metrics) {
    let Some(Syslog {
        level,
        time,
        program,
        process,
        text,
    }) = syslog::parse(message)
    else {
        let event = Event {
            text: message,
            time: None,
            stream: None,
            cut: false,
        };
        return intake.event(&event, None, fields, out, metrics);
    };
    let mut own = fields.clone();
    if let Some(process) = process {
        own.add("instance", process);
    }
    if let Some(program) = program {
        own.add("program", program);
    }
    let event = Event {
        text,
        time,
        stream: None,
        cut: false,
    };
    // Heroku gives every line of a dyno the severity "info": what a text says is better.
    let level = Some(level).filter(|_| program != Some("app"));
    intake.event(&event, level, &own, out, metrics);
}
