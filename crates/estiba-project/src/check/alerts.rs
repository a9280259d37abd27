//! Alerts: what their lines are like, how many are too many, and where.

use std::collections::BTreeSet;
use std::path::Path;

use estiba_logs::Query;
use estiba_model::{Name, message};
use serde_json::Value;

use crate::alerts::{rate, span};
use crate::finding::{Findings, Spot, instead};

pub(crate) fn check(
    file: &Path,
    value: &Value,
    environments: &BTreeSet<String>,
    found: &mut Findings,
) {
    let alerts = value.get("alerts").and_then(Value::as_object);
    for (name, alert) in alerts.into_iter().flatten() {
        let spot = |key: &str| Spot::value(file, &["alerts", name, key]);
        let text = |key: &str| alert.get(key).and_then(Value::as_str);
        if let Some(when) = text("when") {
            query(when, spot("when"), found);
        }
        if let Some(over) = text("over").filter(|over| rate(over).is_none()) {
            found.error(
                "bad-rate",
                spot("over"),
                message!("\"{over}\" is no rate", "«{over}» no es una frecuencia"),
                message!(
                    "write how many lines are too many in which time: `10 in 5m`; up to 9999, and up to 1d",
                    "escriba cuántas líneas son demasiadas en qué tiempo: `10 in 5m`; hasta 9999, y hasta 1d"
                ),
            );
        }
        if let Some(pause) = text("pause").filter(|pause| span(pause).is_none()) {
            found.error(
                "bad-span",
                spot("pause"),
                message!("\"{pause}\" is no span of time", "«{pause}» no es un lapso"),
                message!(
                    "write a number with its unit: 90s, 30m, 2h or 1d; up to 7d",
                    "escriba un número con su unidad: 90s, 30m, 2h o 1d; hasta 7d"
                ),
            );
        }
        let listed = alert.get("in").and_then(Value::as_array);
        for (index, environment) in listed.into_iter().flatten().enumerate() {
            let Some(environment) = environment.as_str() else {
                continue;
            };
            let stands_for_previews = environment
                .parse::<Name>()
                .is_ok_and(|name| name.stands_for_previews());
            let has_previews = stands_for_previews && value.get("previews").is_some();
            if has_previews || environments.contains(environment) {
                continue;
            }
            found.error(
                "unknown-environment",
                Spot::value(file, &["alerts", name, "in", &index.to_string()]),
                message!(
                    "there is no environment \"{environment}\"",
                    "no hay ningún ambiente «{environment}»"
                ),
                instead(environment, environments.iter().map(String::as_str)),
            );
        }
    }
}

fn query(when: &str, spot: Spot, found: &mut Findings) {
    let Err(error) = Query::parse(when) else {
        return;
    };
    // What lacks at the end is told at the last characters; as many as are nowhere else.
    let rests = when.char_indices().rev().map(|(at, _)| at);
    let rests = rests.skip_while(|at| *at > error.span.start);
    let rest = rests.map(|at| &when[at..]).find(|rest| {
        when.find(rest)
            .is_none_or(|first| first + rest.len() == when.len())
    });
    let rest = rest.unwrap_or(when);
    found.error(
        "bad-query",
        spot.words(rest),
        error.message,
        message!(
            "`estiba logs --grep QUERY` tries a query; words, \"phrases\", field:value, AND, OR, NOT",
            "`estiba logs --grep CONSULTA` prueba una consulta; palabras, \"frases\", campo:valor, AND, OR, NOT"
        ),
    );
}
