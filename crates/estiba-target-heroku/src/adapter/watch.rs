//! Looking at dynos until they are as they should be.

use std::collections::BTreeMap;
use std::time::Duration;

use estiba_model::{HttpProbe, Message, message};
use estiba_target::{Progress, TargetError};
use tokio::time::{Instant, sleep};

use super::apps::OurApp;
use super::logs::LastOf;
use super::{INTERVAL, WEB, app_named};
use crate::client::Client;
use crate::client::types::Dyno;
use crate::log_lines::is_one_off;

/// Heroku starts a dyno that crashed again at once, the first time.
const MOST_CRASHES: usize = 2;
/// One that stays down so long is given up too.
const LONGEST_CRASH: Duration = Duration::from_secs(10);
/// A dyno without a port is up as soon as it starts, and has to stay so.
const STEADY: Duration = Duration::from_secs(3);
/// One question to a workload.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// What is waited for.
pub(super) struct Wanted<'w> {
    pub(super) kind: &'static str,
    pub(super) copies: u32,
    /// The oldest release that dynos may run.
    pub(super) since: u64,
    /// The words that it starts with, where the Score file has them.
    pub(super) command: &'w [String],
    /// What is asked by HTTP.
    pub(super) probe: Option<&'w HttpProbe>,
    pub(super) deadline: Instant,
}

/// Dynos of a process type that were seen to crash.
#[derive(Default)]
struct Crashes {
    seen: BTreeMap<(String, String), Instant>,
}

impl Crashes {
    /// A dyno that does not come up by itself any more.
    fn look<'d>(&mut self, dynos: &[&'d Dyno]) -> Option<&'d Dyno> {
        let crashed = dynos.iter().filter(|dyno| dyno.state == "crashed");
        for &dyno in crashed {
            let key = (dyno.name.clone(), dyno.updated_at.clone());
            let since = *self.seen.entry(key).or_insert_with(Instant::now);
            let of_dyno = self.seen.keys().filter(|(name, _)| *name == dyno.name);
            if of_dyno.count() >= MOST_CRASHES || since.elapsed() > LONGEST_CRASH {
                return Some(dyno);
            }
        }
        None
    }
}

impl OurApp {
    /// The dynos of a process type; one-off dynos are of none.
    pub(super) async fn dynos(
        &self,
        client: &Client,
        kind: &str,
    ) -> Result<Vec<Dyno>, TargetError> {
        let dynos: Vec<Dyno> = client
            .list(&self.path("/dynos"))
            .await
            .map_err(|fault| fault.at(&app_named(self.name())))?;
        let of_formation = |dyno: &Dyno| dyno.kind == kind && !is_one_off(&dyno.name);
        Ok(dynos.into_iter().filter(of_formation).collect())
    }

    /// Waits until a process type has no dyno any more.
    pub(super) async fn await_none(
        &self,
        client: &Client,
        kind: &str,
        deadline: Instant,
    ) -> Result<(), TargetError> {
        loop {
            let dynos = self.dynos(client, kind).await?;
            let Some(left) = dynos.first() else {
                return Ok(());
            };
            if Instant::now() > deadline {
                let (app, dyno) = (self.name(), &left.name);
                return Err(TargetError::new(message!(
                    "{dyno} of the app {app} does not end: see `heroku ps --app {app}`",
                    "{dyno} de la aplicación {app} no termina: vea `heroku ps --app {app}`"
                )));
            }
            sleep(INTERVAL).await;
        }
    }

    /// Waits until all wanted dynos are up, and answer where they are asked; then until
    /// the old ones have gone, which Heroku sees to by itself.
    pub(super) async fn await_dynos(
        &self,
        client: &Client,
        wanted: &Wanted<'_>,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        self.await_up(client, wanted).await?;
        if wanted.kind == WEB && wanted.copies > 0 {
            self.await_answer(wanted, progress).await?;
        }
        while Instant::now() < wanted.deadline {
            let dynos = self.dynos(client, wanted.kind).await?;
            if dynos
                .iter()
                .all(|dyno| dyno.release.version >= wanted.since)
            {
                return Ok(());
            }
            sleep(INTERVAL).await;
        }
        let app = self.name();
        progress.notice(&message!(
            "old dynos of the app {app} still run beside the new ones: with preboot, for up to three minutes",
            "dynos viejos de la aplicación {app} siguen junto a los nuevos: con preboot, hasta tres minutos"
        ));
        Ok(())
    }

    async fn await_up(&self, client: &Client, wanted: &Wanted<'_>) -> Result<(), TargetError> {
        let mut crashes = Crashes::default();
        let mut steady: Option<(Vec<String>, Instant)> = None;
        loop {
            let dynos = self.dynos(client, wanted.kind).await?;
            let new: Vec<&Dyno> = dynos
                .iter()
                .filter(|dyno| dyno.release.version >= wanted.since)
                .collect();
            if let Some(dyno) = crashes.look(&new) {
                let name = dyno.name.clone();
                let message = of_crash(&name, wanted.command);
                return Err(self.failure(client, &name, message).await);
            }
            let up = new
                .iter()
                .filter(|dyno| dyno.state == "up" || dyno.state == "idle");
            let mut up: Vec<String> = up
                .map(|dyno| format!("{} {}", dyno.name, dyno.updated_at))
                .collect();
            up.sort_unstable();
            let is_there = up.len() == new.len()
                && u32::try_from(up.len()).is_ok_and(|count| count == wanted.copies);
            steady = match steady.take() {
                Some((same, since)) if is_there && same == up => Some((same, since)),
                _ if is_there => Some((up, Instant::now())),
                _ => None,
            };
            let enough = if wanted.kind == WEB {
                Duration::ZERO
            } else {
                STEADY
            };
            let is_steady = steady
                .as_ref()
                .is_some_and(|(_, since)| since.elapsed() >= enough);
            if is_steady || (is_there && wanted.copies == 0) {
                return Ok(());
            }
            if Instant::now() > wanted.deadline {
                return Err(self.too_late(client, wanted, &new).await);
            }
            sleep(INTERVAL).await;
        }
    }

    async fn too_late(&self, client: &Client, wanted: &Wanted<'_>, new: &[&Dyno]) -> TargetError {
        let starting = new.iter().find(|dyno| dyno.state != "up");
        let (name, message) = match starting {
            Some(dyno) if wanted.kind == WEB => (
                dyno.name.clone(),
                message!(
                    "{} does not listen at $PORT in time",
                    "{} no escucha a tiempo en $PORT",
                    dyno.name
                ),
            ),
            Some(dyno) => (
                dyno.name.clone(),
                message!(
                    "{} does not start in time",
                    "{} no arranca a tiempo",
                    dyno.name
                ),
            ),
            None => {
                let app = self.name();
                let (there, copies) = (new.len(), wanted.copies);
                (
                    String::new(),
                    message!(
                        "the app {app} has {there} dynos in time, and not {copies}: see `heroku ps --app {app}`",
                        "la aplicación {app} tiene a tiempo {there} dynos, y no {copies}: vea `heroku ps --app {app}`"
                    ),
                )
            }
        };
        self.failure(client, &name, message).await
    }

    async fn failure(&self, client: &Client, dyno: &str, message: Message) -> TargetError {
        let log = self.last_lines(client, LastOf::Dyno(dyno)).await;
        TargetError::new(message).with_log(log)
    }

    /// Asks the workload itself, by its public address.
    async fn await_answer(
        &self,
        wanted: &Wanted<'_>,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let (Some(probe), Some(url)) = (wanted.probe, &self.app.web_url) else {
            return Ok(());
        };
        let app = self.name();
        if self.app.maintenance {
            progress.notice(&message!(
                "the app {app} is in maintenance mode, so that nobody reaches it: `heroku maintenance:off --app {app}` ends that",
                "la aplicación {app} está en modo de mantenimiento, así que nadie llega a ella: `heroku maintenance:off --app {app}` lo termina"
            ));
            return Ok(());
        }
        let url = format!("{}{}", url.trim_end_matches('/'), probe.path);
        let http = reqwest::Client::builder()
            .timeout(PROBE_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let http =
            http.map_err(|error| TargetError::io(&Message::verbatim(url.clone()), &error))?;
        loop {
            let mut asked = http.get(&url);
            for (name, value) in &probe.headers {
                asked = asked.header(name, value);
            }
            let answer = match asked.send().await {
                Ok(answer) if (200..400).contains(&answer.status().as_u16()) => return Ok(()),
                Ok(answer) => answer.status().to_string(),
                Err(error) => error.without_url().to_string(),
            };
            if Instant::now() > wanted.deadline {
                return Err(TargetError::new(message!(
                    "the app {app} is up, but {url} does not answer as it should: {answer}",
                    "la aplicación {app} está en marcha, pero {url} no responde como debe: {answer}"
                )));
            }
            sleep(INTERVAL).await;
        }
    }
}

fn of_crash(dyno: &str, command: &[String]) -> Message {
    if command.is_empty() {
        return message!("{dyno} crashes", "{dyno} se cae");
    }
    let command = command.join(" ");
    message!(
        "{dyno}, which is started as `{command}`, crashes",
        "{dyno}, que se inicia con `{command}`, se cae"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::types::DynoRelease;

    fn crashed(at: &str) -> Dyno {
        Dyno {
            name: "web.1".to_owned(),
            kind: "web".to_owned(),
            state: "crashed".to_owned(),
            updated_at: at.to_owned(),
            release: DynoRelease { version: 3 },
            attach_url: None,
        }
    }

    #[tokio::test]
    async fn the_first_crash_is_forgiven_and_the_second_not() {
        let mut crashes = Crashes::default();
        let (first, second) = (crashed("10:00:00"), crashed("10:00:02"));
        assert!(crashes.look(&[&first]).is_none());
        assert!(crashes.look(&[&first]).is_none());
        assert_eq!(crashes.look(&[&second]).unwrap().name, "web.1");
    }
}
