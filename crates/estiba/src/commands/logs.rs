//! `estiba logs`.

use estiba_model::{Name, message};
use estiba_target::LogQuery;
use futures::StreamExt;
use jiff::{Span, Timestamp, Zoned};

use crate::context::Context;
use crate::failure::Failure;

/// Shows what a workload's instances wrote.
pub async fn logs(
    context: &Context,
    workload: &Name,
    environment: Option<Name>,
    follow: bool,
    since: Option<&str>,
    tail: Option<usize>,
) -> Result<(), Failure> {
    let since = since.map(instant).transpose()?;
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let backend = context.backend().await?;
    let query = LogQuery {
        since,
        tail,
        follow,
    };
    let mut lines = backend
        .logs(&project, &environment, workload, &query)
        .await?;
    while let Some(line) = lines.next().await {
        let line = line?;
        context.output.json(&line);
        let at = line.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let (instance, text) = (&line.instance, &line.text);
        context.output.text(&format!("{at} {instance} {text}"));
    }
    Ok(())
}

/// `10m` ago, or an RFC 3339 instant.
fn instant(text: &str) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    text.parse::<Span>()
        .ok()
        .and_then(|span| Zoned::now().checked_sub(span).ok())
        .map(|at| at.timestamp())
        .ok_or_else(|| {
            Failure::Usage(message!(
                "\"{text}\" is neither a span (90s, 10m, 2h, 1d) nor an RFC 3339 time",
                "«{text}» no es un lapso (90s, 10m, 2h, 1d) ni una hora RFC 3339"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_times_are_understood() {
        for text in ["90s", "10m", "2h", "1d", "2026-01-02T03:04:05Z"] {
            assert!(instant(text).is_ok(), "{text}");
        }
        let ten_minutes_ago = instant("10m").ok().unwrap();
        let age = Timestamp::now().duration_since(ten_minutes_ago);
        assert!((600..660).contains(&age.as_secs()), "{age}");
        assert!(instant("yesterday").is_err());
    }
}
