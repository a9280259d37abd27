//! `estiba ship`.

use std::path::Path;

use estiba_model::message;
use estiba_ship::{Config, ShipError};

use super::serve::when_told_to_end;
use crate::cli::Ship;
use crate::context::Context;
use crate::failure::Failure;
use crate::telemetry::Telemetry;

/// What a configuration is called where there is no file.
const NO_FILE: &str = "ship.yaml";

/// Ships lines of logs until it is told to end, or what it reads has ended.
pub async fn ship(context: &Context, ship: Ship) -> Result<(), Failure> {
    if ship.to.as_deref().is_some_and(|to| to.contains('@')) {
        return Err(Failure::Usage(message!(
            "a login in --to can be read by everybody on this machine: set LOG_SINK_TOKEN, or LOG_SINK_USER and LOG_SINK_PASSWORD",
            "quienes usan esta máquina pueden leer un usuario en --to: defina LOG_SINK_TOKEN, o LOG_SINK_USER y LOG_SINK_PASSWORD"
        )));
    }
    let file = ship.config.as_deref();
    let text = file
        .map(|file| std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error)))
        .transpose()?;
    let said = |name: &str| ship.variable(name).or_else(|| std::env::var(name).ok());
    let path = file.unwrap_or(Path::new(NO_FILE));
    let config = Config::read(path, text.as_deref(), said).map_err(failed)?;
    let telemetry = Telemetry::begin(context.output.json).await?;
    let stop = when_told_to_end()?;
    let shipped = estiba_ship::run(config, stop.cancelled_owned()).await;
    telemetry.end().await;
    shipped.map_err(failed)
}

impl Ship {
    /// What the command line says in place of a variable.
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            "ESTIBA_SHIP_PATHS" => (!self.paths.is_empty()).then(|| self.paths.join(",")),
            "ESTIBA_SHIP_FIELDS" => (!self.fields.is_empty()).then(|| self.fields.join(",")),
            "ESTIBA_SHIP_STDIN" => self.stdin.then(|| "true".to_owned()),
            "ESTIBA_SHIP_STATE" => self.state.as_ref().map(|state| state.display().to_string()),
            "LOG_SINK" => self.to.clone(),
            _ => None,
        }
    }
}

fn failed(error: ShipError) -> Failure {
    match error {
        ShipError::Config(findings) => Failure::Findings(findings),
        other => Failure::because(other.message()),
    }
}
