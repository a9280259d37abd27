//! `estiba preflight`.

use std::time::Duration;

use estiba_engine::{Preflight, ProbeFrom};
use estiba_model::{Message, Name, message};
use estiba_preflight::{Compared, Found, Inside, Verdict};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{ShownProgress, Table};

/// What programs are told of a service.
#[derive(Serialize)]
struct Told<'t> {
    service: &'t str,
    target: Option<&'t Name>,
    owner: Option<&'t str>,
    verdict: Verdict,
    only_inside: bool,
    troubles: Vec<Trouble>,
    inside: Option<&'t Found>,
    here: Option<&'t Found>,
}

/// What is wrong with it, and what is to be done.
#[derive(Serialize)]
struct Trouble {
    what: Message,
    advice: Option<Message>,
}

/// Tries the services outside of an environment, and says who has to open what. Fails
/// where one of them can't be used.
pub async fn preflight(
    context: &Context,
    environment: Option<Name>,
    here: bool,
    timeout: Duration,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let backend = context.backend().await?;
    let from = match here {
        true => ProbeFrom::Here,
        false => ProbeFrom::InsideAndHere,
    };
    let wanted = Preflight { from, timeout };
    let found = {
        let progress = ShownProgress::new(context.output);
        backend
            .preflight(&project, &environment, &wanted, &progress)
            .await?
    };
    let told: Vec<Told<'_>> = found.iter().map(Told::of).collect();
    context.output.json(&serde_json::json!({
        "event": "preflight",
        "environment": environment,
        "services": told,
    }));
    if found.is_empty() {
        context.output.line(&message!(
            "{environment} uses no service outside: name them under `outside` in estiba.yaml",
            "{environment} no usa ningún servicio externo: indíquelos en `outside` de estiba.yaml"
        ));
        return Ok(());
    }
    show(context, &found);
    let failed = |one: &Compared| one.verdict() == Verdict::Failed;
    match found.iter().any(failed) {
        true => Err(Failure::Quiet(1)),
        false => Ok(()),
    }
}

impl<'t> Told<'t> {
    fn of(compared: &'t Compared) -> Self {
        let troubles = compared.troubles().into_iter();
        Self {
            service: &compared.service,
            target: compared.target.as_ref(),
            owner: compared.owner.as_deref(),
            verdict: compared.verdict(),
            only_inside: compared.only_inside(),
            troubles: troubles
                .map(|(what, advice)| Trouble { what, advice })
                .collect(),
            inside: compared.inside.as_ref().and_then(Inside::found),
            here: compared.here.as_ref(),
        }
    }
}

fn show(context: &Context, found: &[Compared]) {
    let output = context.output;
    let headings = [
        message!("service", "servicio"),
        message!("from", "desde"),
        message!("address", "dirección"),
        message!("passed", "pasó"),
        message!("took", "tardó"),
    ];
    let mut table = Table::new(headings.each_ref().map(|heading| heading.text(output.lang)));
    let here = message!("here", "aquí");
    for one in found {
        let from = one.target.as_ref().map(Name::to_string);
        let passed = one.found().map(|found| {
            let stages = found
                .passed
                .iter()
                .map(|stage| output.say(&stage.message()));
            stages.collect::<Vec<_>>().join(", ")
        });
        let took = one.found().map(|found| {
            let seconds = Duration::from_millis(found.took_ms).as_secs_f64();
            format!("{seconds:.1} s")
        });
        table.row([
            format!("{} {}", mark(one.verdict()), one.service),
            from.unwrap_or_else(|| output.say(&here)),
            one.found().map(Found::address).unwrap_or_default(),
            passed.unwrap_or_default(),
            took.unwrap_or_default(),
        ]);
    }
    output.text(&table.to_string());
    for one in found {
        for (what, advice) in one.troubles() {
            output.text(&format!(
                "\n{} {}: {}",
                mark(one.verdict()),
                one.service,
                output.say(&what)
            ));
            if let Some(advice) = advice {
                output.text(&format!("    → {}", output.say(&advice)));
            }
        }
    }
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "✓",
        Verdict::Warning => "!",
        Verdict::Failed => "✗",
    }
}
