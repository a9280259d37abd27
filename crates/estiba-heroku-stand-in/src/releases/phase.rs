//! The release phase: the `release` process runs with the new config vars before
//! anything else does. When it fails, what runs stays.
//!
//! Source: <https://devcenter.heroku.com/articles/release-phase>. Heroku streams the
//! output of images that have `curl`; the log has it in any case.

use std::sync::Arc;

use anyhow::Result;

use super::output::Output;
use super::{RELEASE, ended, find};
use crate::apps::App;
use crate::dynos::{Launch, one_off};
use crate::formation::sizes::Size;
use crate::ids::one_off_number;
use crate::logs::Logs;
use crate::world::Shared;

/// Tries a release in the background, after those before it.
pub(super) fn begin(world: &Shared, id: &str, version: u64) {
    let (world, id) = (Arc::clone(world), id.to_owned());
    tokio::spawn(async move {
        let Some(phase) = Phase::of(&world, &id, version) else {
            return;
        };
        let turn = Arc::clone(&phase.turn).lock_owned().await;
        world.faults.until_releases_go().await;
        let succeeded = match phase.run(&world, &id).await {
            Ok(code) => code == 0,
            Err(error) => {
                phase
                    .output
                    .line(&format!("The release phase did not start: {error:#}"));
                false
            }
        };
        ended(&world, &id, version, succeeded);
        phase.output.end();
        drop(turn);
    });
}

struct Phase {
    launch: Launch,
    output: Arc<Output>,
    logs: Arc<Logs>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Phase {
    fn of(world: &Shared, id: &str, version: u64) -> Option<Self> {
        let state = world.state();
        let app: &App = state.app(id).ok()?;
        let release = find(app, &version.to_string()).ok()?;
        let image = release.images.get(RELEASE)?.clone();
        let name = format!("{RELEASE}.{}", one_off_number());
        Some(Self {
            launch: Launch::new(app, release, RELEASE, name, Size::USUAL, image),
            output: Arc::clone(&release.output.as_ref()?.1),
            logs: Arc::clone(&app.logs),
            turn: Arc::clone(&app.release_turn),
        })
    }

    async fn run(&self, world: &Shared, id: &str) -> Result<i64> {
        let (output, logs) = (Arc::clone(&self.output), Arc::clone(&self.logs));
        let name = self.launch.name.clone();
        let tell = move |line: &str| {
            output.line(line);
            logs.write("app", &name, line);
        };
        one_off::run(world, id, &self.launch, tell).await
    }
}
