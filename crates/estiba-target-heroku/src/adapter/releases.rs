//! Releases: made, waited for, and gone back to.

use std::time::Duration;

use estiba_image::DockerImage;
use estiba_model::{Message, message};
use estiba_target::{Progress, TargetError};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::apps::OurApp;
use super::logs::LastOf;
use super::{HerokuTarget, INTERVAL, app_named};
use crate::client::fault::Fault;
use crate::client::types::{Release, ReleaseStatus};
use crate::client::{Client, lines_of};
use crate::release_history;

/// The releases that are looked at, newest first.
const NEWEST: &str = "version ..; order=desc,max=50";
/// Heroku ends a release phase after an hour; this is a little more.
const RELEASE_LIMIT: Duration = Duration::from_secs(70 * 60);
/// How long the output of a release may take to appear.
const OUTPUT_LIMIT: Duration = Duration::from_secs(30);
/// Last lines that explain a failure.
const LAST_LINES: usize = 20;

impl OurApp {
    /// The newest releases, newest first.
    pub(super) async fn releases(&self, client: &Client) -> Result<Vec<Release>, TargetError> {
        let releases = client.part(&self.path("/releases"), NEWEST).await;
        releases.map_err(|fault| fault.at(&app_named(self.name())))
    }

    /// Releases images, which have been pushed, and waits until Heroku has taken them.
    pub(super) async fn release_images(
        &self,
        client: &Client,
        images: &[(&str, &DockerImage)],
        progress: &dyn Progress,
    ) -> Result<Release, TargetError> {
        let at = |fault: Fault| fault.at(&app_named(self.name()));
        let before = self.newest_version(client).await?;
        let updates: Vec<_> = images
            .iter()
            .map(|(kind, image)| json!({ "type": kind, "docker_image": image.id.as_str() }))
            .collect();
        let body = json!({ "updates": updates });
        match client.release(&self.path("/formation"), &body).await {
            Ok(()) => {}
            // It may have come about nevertheless.
            Err(fault) if fault.is_lost() && self.newest_version(client).await? > before => {}
            Err(fault) => return Err(at(fault)),
        }
        let releases = self.releases(client).await?;
        let ours = images.first().and_then(|(kind, image)| {
            let new: Vec<_> = releases
                .iter()
                .take_while(|one| one.version > before)
                .cloned()
                .collect();
            release_history::bringing(&new, kind, image.id.hex()).map(|release| release.version)
        });
        let ours = releases
            .iter()
            .find(|one| ours.is_none_or(|version| one.version == version));
        let Some(release) = ours else {
            return Err(at(Fault::Odd("no release".to_owned())));
        };
        self.await_release(client, release, progress).await
    }

    /// Waits until no release is under way; fails where the newest one does.
    pub(super) async fn await_newest(
        &self,
        client: &Client,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let releases = self.releases(client).await?;
        match releases.first() {
            Some(newest) if newest.status == ReleaseStatus::Pending => {
                self.await_release(client, newest, progress).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    async fn newest_version(&self, client: &Client) -> Result<u64, TargetError> {
        let releases = self.releases(client).await?;
        Ok(releases.first().map_or(0, |newest| newest.version))
    }

    /// Waits until a release is no longer pending, and tells what its release phase
    /// writes.
    pub(super) async fn await_release(
        &self,
        client: &Client,
        release: &Release,
        progress: &dyn Progress,
    ) -> Result<Release, TargetError> {
        let mut last = Vec::new();
        if release.status == ReleaseStatus::Pending
            && let Some(url) = &release.output_stream_url
        {
            tell(client, url, progress, &mut last).await;
        }
        let path = self.path(&format!("/releases/{}", release.id));
        let deadline = Instant::now() + RELEASE_LIMIT;
        loop {
            let now: Release = client
                .get(&path)
                .await
                .map_err(|fault| fault.at(&app_named(self.name())))?;
            if now.status == ReleaseStatus::Pending && Instant::now() < deadline {
                sleep(INTERVAL).await;
                continue;
            }
            // Heroku streams what images write that have curl; the log has it anyway.
            if now.status == ReleaseStatus::Failed && last.is_empty() {
                last = self.last_lines(client, LastOf::ReleasePhase).await;
                last.iter().for_each(|line| progress.line(line));
            }
            return match now.status {
                ReleaseStatus::Succeeded => Ok(now),
                status => Err(self.not_released(&now, status).with_log(last)),
            };
        }
    }

    fn not_released(&self, release: &Release, status: ReleaseStatus) -> TargetError {
        let (app, version) = (self.name(), release.version);
        TargetError::new(match status {
            ReleaseStatus::Failed => message!(
                "release v{version} of the app {app} failed: its release phase ended with an error; what ran before still does",
                "la versión v{version} de la aplicación {app} falló: su fase de publicación terminó con un error; sigue en marcha lo anterior"
            ),
            _ => message!(
                "release v{version} of the app {app} does not come to an end: see `heroku releases:output v{version} --app {app}`, and https://status.heroku.com",
                "la versión v{version} de la aplicación {app} no termina: vea `heroku releases:output v{version} --app {app}`, y https://status.heroku.com"
            ),
        })
    }

    /// Goes back to a release with its images and config vars.
    pub(super) async fn roll_back_to(
        &self,
        client: &Client,
        release: &Release,
        progress: &dyn Progress,
    ) -> Result<Release, TargetError> {
        let body = json!({ "release": release.id });
        let made = client.post(&self.path("/releases"), &body).await;
        let made: Release = made.map_err(|fault| fault.at(&app_named(self.name())))?;
        self.await_release(client, &made, progress).await
    }
}

impl HerokuTarget {
    /// Waits for what somebody, perhaps an Estiba that was killed, has begun.
    pub(super) async fn await_pending(
        &self,
        app: &OurApp,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let client = self.client().await?;
        let releases = app.releases(client).await?;
        let pending = releases
            .iter()
            .find(|one| one.status == ReleaseStatus::Pending);
        if let Some(pending) = pending {
            // How it ended is for whoever looks next.
            let ended = app.await_release(client, pending, progress).await;
            if let Err(error) = ended {
                progress.line(&error.message().en);
            }
        }
        Ok(())
    }
}

/// Tells what a release phase writes, until it ends or the connection does. The output
/// appears a little after the release.
async fn tell(client: &Client, url: &str, progress: &dyn Progress, last: &mut Vec<String>) {
    let deadline = Instant::now() + OUTPUT_LIMIT;
    let answer = loop {
        match client.stream(url).await {
            Ok(answer) => break answer,
            Err(fault) if fault.is_missing() && Instant::now() < deadline => sleep(INTERVAL).await,
            Err(fault) => {
                progress.notice(&no_output(&fault));
                return;
            }
        }
    };
    let mut lines = lines_of(answer);
    while let Ok(Some(line)) = lines.next_line().await {
        let line = line.trim_end_matches('\r').to_owned();
        // Heroku keeps connections open by what can't be seen.
        if line.trim_matches('\0').is_empty() {
            continue;
        }
        progress.line(&line);
        last.push(line);
        if last.len() > LAST_LINES {
            last.remove(0);
        }
    }
}

fn no_output(fault: &Fault) -> Message {
    let why = fault.message("release");
    Message {
        en: format!("what the release phase writes can't be shown: {}", why.en),
        es: format!(
            "no se puede mostrar lo que escribe la fase de publicación: {}",
            why.es
        ),
    }
}
