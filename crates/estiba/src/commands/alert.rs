//! `estiba alert`: what a server tells of an environment's lines, and for how long it
//! is to be silent.

use estiba_api::AlertView;
use estiba_model::{EnvironmentId, Name, message};
use jiff::{SignedDuration, Span, Timestamp, Unit};

use super::access::{server, table};
use super::history::moment;
use crate::cli::Alert;
use crate::context::Context;
use crate::failure::Failure;

/// Carries out what is asked of alerts.
pub async fn alert(context: &Context, asked: Alert) -> Result<(), Failure> {
    match asked {
        Alert::List { env } => list(context, env.env).await,
        Alert::Mute { alert, env, span } => {
            mute(context, &env.env, &alert, Some(minutes(&span)?)).await
        }
        Alert::Unmute { alert, env } => mute(context, &env.env, &alert, None).await,
    }
}

async fn list(context: &Context, environment: Option<Name>) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let id = estiba_engine::environment_id(&project, &environment)?;
    let alerts = server(context).await?.alerts(&id).await?;
    context.output.json(&alerts);
    let now = Timestamp::now();
    let rows = alerts.into_iter().map(|alert| {
        let muted = alert.muted_until.filter(|until| *until > now);
        [
            alert.name.to_string(),
            limit(&alert),
            alert.told_at.map_or("-".to_owned(), moment),
            muted.map_or("-".to_owned(), moment),
            alert.when,
        ]
    });
    let headings = [
        message!("alert", "alerta"),
        message!("over", "más de"),
        message!("told", "avisada"),
        message!("muted until", "en silencio hasta"),
        message!("lines like", "líneas como"),
    ];
    table(context, headings, rows.collect());
    Ok(())
}

/// As `over` says it in estiba.yaml.
fn limit(alert: &AlertView) -> String {
    let within = SignedDuration::from_secs(alert.within_seconds.cast_signed());
    format!("{} in {within:#}", alert.over)
}

async fn mute(
    context: &Context,
    environment: &Name,
    alert: &Name,
    minutes: Option<u32>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let id: EnvironmentId = estiba_engine::environment_id(&project, environment)?;
    let client = server(context).await?;
    client.mute_alert(&id, alert, minutes).await?;
    context.output.line(&match minutes {
        Some(minutes) => message!(
            "nobody is told of {alert} in {environment} for {minutes} minutes",
            "nadie recibe avisos de {alert} en {environment} por {minutes} minutos"
        ),
        None => message!(
            "{alert} is told again in {environment}",
            "se vuelve a avisar de {alert} en {environment}"
        ),
    });
    Ok(())
}

/// Whole minutes, at least one.
fn minutes(span: &str) -> Result<u32, Failure> {
    span.parse::<Span>()
        .ok()
        .and_then(|span| {
            span.total((Unit::Minute, jiff::SpanRelativeTo::days_are_24_hours()))
                .ok()
        })
        .filter(|minutes| (0.0..=43_200.0).contains(minutes))
        .map(|minutes| minutes.ceil().max(1.0) as u32)
        .ok_or_else(|| {
            Failure::Usage(message!(
                "\"{span}\" is no span of up to 30 days (90s, 10m, 2h, 1d)",
                "«{span}» no es un lapso de hasta 30 días (90s, 10m, 2h, 1d)"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_minutes() {
        for (span, wanted) in [("30s", 1), ("90s", 2), ("2h", 120), ("30d", 43_200)] {
            assert_eq!(minutes(span).ok(), Some(wanted), "{span}");
        }
        for span in ["", "soon", "-1h", "31d"] {
            assert!(minutes(span).is_err(), "{span}");
        }
    }
}
