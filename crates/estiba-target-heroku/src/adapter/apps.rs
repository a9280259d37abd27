//! Apps: found by name, made, taken over where that harms nobody, and never taken
//! from others.

use estiba_model::{EnvironmentId, Name, SecretString, message};
use estiba_target::TargetError;
use futures::future::try_join_all;
use serde_json::{Map, Value, json};

use super::{HerokuTarget, app_named};
use crate::client::Client;
use crate::client::fault::Fault;
use crate::client::types::{App, Process};
use crate::marks::{self, Change, Marks, Origin, Vars};
use crate::names;

/// The stack that runs images.
const CONTAINER: &str = "container";
/// A new app whose answer was lost is looked for so often.
const ATTEMPTS: usize = 3;

/// An app that is the environment's.
pub(super) struct OurApp {
    pub(super) app: App,
    pub(super) vars: Vars,
    pub(super) marks: Marks,
}

impl OurApp {
    pub(super) fn of(app: App, vars: Vars) -> Self {
        Self {
            app,
            marks: Marks::read(&vars),
            vars,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.app.name
    }

    pub(super) fn path(&self, rest: &str) -> String {
        path(&self.app.name, rest)
    }

    fn is_of(&self, environment: &EnvironmentId, workload: Option<&Name>) -> bool {
        self.marks.owner.as_ref().is_some_and(|owner| {
            owner.environment == environment.to_string()
                && workload.is_none_or(|workload| owner.workload == *workload)
        })
    }

    /// Changes config vars, all in one request: each is a release of its own, for which
    /// dynos start again. Nothing is asked where nothing changes.
    pub(super) async fn change(
        &mut self,
        client: &Client,
        change: &Change,
    ) -> Result<(), TargetError> {
        if change.is_empty() {
            return Ok(());
        }
        let value = |value: &Option<SecretString>| match value {
            Some(value) => Value::from(value.expose()),
            None => Value::Null,
        };
        let body: Map<String, Value> = change
            .iter()
            .map(|(name, changed)| (name.clone(), value(changed)))
            .collect();
        let path = self.path("/config-vars");
        let vars = client.patch(&path, &Value::Object(body)).await;
        let vars: Vars = vars.map_err(|fault| fault.at(&app_named(self.name())))?;
        self.marks = Marks::read(&vars);
        self.vars = vars;
        Ok(())
    }
}

pub(super) fn path(app: &str, rest: &str) -> String {
    format!("/apps/{app}{rest}")
}

impl HerokuTarget {
    /// All apps of an environment.
    pub(super) async fn apps_of(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<OurApp>, TargetError> {
        let client = self.client().await?;
        let settings = &self.config.settings;
        let pattern = settings.pattern();
        let found: Vec<App> = match names::only(pattern, environment) {
            Some(name) => {
                let found = client.get_opt(&path(&name, "")).await;
                match found {
                    Err(fault) if fault.is_forbidden() => None,
                    found => found.map_err(|fault| fault.at(&app_named(&name)))?,
                }
                .into_iter()
                .collect()
            }
            None => {
                let all = match &settings.team {
                    Some(team) => format!("/teams/{team}/apps"),
                    None => "/apps".to_owned(),
                };
                let all: Vec<App> = client.list(&all).await.map_err(|fault| fault.at("apps"))?;
                let is_near = |app: &App| names::may_be_of(pattern, environment, &app.name);
                all.into_iter().filter(is_near).collect()
            }
        };
        let read = found.into_iter().map(|app| async {
            let vars = client.get_opt(&path(&app.name, "/config-vars")).await;
            match vars {
                Ok(vars) => Ok(vars.map(|vars| OurApp::of(app, vars))),
                // Whoever may not read it can't have it from Estiba.
                Err(fault) if fault.is_forbidden() => Ok(None),
                Err(fault) => Err(fault.at(&app_named(&app.name))),
            }
        });
        let apps = try_join_all(read).await?.into_iter().flatten();
        Ok(apps.filter(|app| app.is_of(environment, None)).collect())
    }

    /// The app of a workload, where it is there and ours.
    pub(super) async fn app_of(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
    ) -> Result<Option<OurApp>, TargetError> {
        let client = self.client().await?;
        let name = self.config.settings.app(environment, workload);
        let name = name.map_err(TargetError::new)?;
        let at = |fault: Fault| fault.at(&app_named(&name));
        let app: App = match client.get_opt(&path(&name, "")).await {
            Ok(Some(app)) => app,
            Ok(None) => return Ok(None),
            Err(fault) if fault.is_forbidden() => return Ok(None),
            Err(fault) => return Err(at(fault)),
        };
        let vars = client.get(&path(&name, "/config-vars")).await.map_err(at)?;
        let app = OurApp::of(app, vars);
        Ok(app.is_of(environment, Some(workload)).then_some(app))
    }

    /// The app of a workload, made or taken over where it is not there yet.
    pub(super) async fn ensure_app(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
    ) -> Result<OurApp, TargetError> {
        let client = self.client().await?;
        let name = self.config.settings.app(environment, workload);
        let name = name.map_err(TargetError::new)?;
        let at = |fault: Fault| fault.at(&app_named(&name));
        let mut lost = None;
        for _ in 0..ATTEMPTS {
            match client.get_opt::<App>(&path(&name, "")).await {
                Ok(Some(app)) => return self.claim(app, environment, workload).await,
                Ok(None) => {}
                Err(fault) if fault.is_forbidden() => return Err(taken(&name)),
                Err(fault) => return Err(at(fault)),
            }
            match self.create_app(client, &name).await {
                Ok(app) => {
                    let mut app = OurApp::of(app, Vars::new());
                    let marks = marks::owned_by(environment, workload, Origin::Created);
                    app.change(client, &set(marks)).await?;
                    return Ok(app);
                }
                Err(fault) if fault.is_lost() => lost = Some(fault),
                Err(fault) if fault.is_taken() => return Err(taken(&name)),
                Err(fault) => return Err(at(fault)),
            }
        }
        Err(at(lost.unwrap_or(Fault::Odd("no app".to_owned()))))
    }

    async fn create_app(&self, client: &Client, name: &str) -> Result<App, Fault> {
        let settings = &self.config.settings;
        let mut body = json!({ "name": name, "stack": CONTAINER });
        if let Some(region) = &settings.region {
            body["region"] = json!(region);
        }
        for (key, value) in [("team", &settings.team), ("space", &settings.space)] {
            if let Some(value) = value {
                body[key] = json!(value);
            }
        }
        // Both are of teams, whose apps are made elsewhere.
        let is_of_team = settings.team.is_some() || settings.space.is_some();
        let path = if is_of_team { "/teams/apps" } else { "/apps" };
        client.post(path, &body).await
    }

    /// An app that is there: ours, or nobody's yet.
    async fn claim(
        &self,
        app: App,
        environment: &EnvironmentId,
        workload: &Name,
    ) -> Result<OurApp, TargetError> {
        let client = self.client().await?;
        let name = app.name.clone();
        let at = |fault: Fault| fault.at(&app_named(&name));
        self.refuse_other_team(&app)?;
        let vars = client.get(&path(&name, "/config-vars")).await.map_err(at)?;
        let mut app = OurApp::of(app, vars);
        if app.app.build_stack.name != CONTAINER {
            self.may_take_over(client, &app).await?;
            let body = json!({ "build_stack": CONTAINER });
            app.app = client.patch(&path(&name, ""), &body).await.map_err(at)?;
        }
        if app.is_of(environment, Some(workload)) {
            return Ok(app);
        }
        if let Some(owner) = &app.marks.owner {
            let (of, other) = (&owner.environment, &owner.workload);
            return Err(TargetError::new(message!(
                "the app {name} is that of {other} in {of}: write a pattern in `app` of the target that tells them apart",
                "la aplicación {name} es la de {other} en {of}: escriba en `app` de la plataforma un patrón que las distinga"
            )));
        }
        self.may_take_over(client, &app).await?;
        let marks = marks::owned_by(environment, workload, Origin::Adopted);
        app.change(client, &set(marks)).await?;
        Ok(app)
    }

    fn refuse_other_team(&self, app: &App) -> Result<(), TargetError> {
        let Some(wanted) = &self.config.settings.team else {
            return Ok(());
        };
        let team = app.team.as_ref().map(|team| team.name.as_str());
        if team == Some(wanted) {
            return Ok(());
        }
        let (name, team) = (&app.name, team.unwrap_or("-"));
        Err(TargetError::new(message!(
            "the app {name} belongs to the Heroku team {team}, and `team` of the target is {wanted}: move it (`heroku apps:transfer`), or write another pattern in `app`",
            "la aplicación {name} es del equipo de Heroku {team}, y `team` de la plataforma es {wanted}: muévala (`heroku apps:transfer`), o escriba otro patrón en `app`"
        )))
    }

    /// Somebody else's program is not replaced unless the settings say so.
    async fn may_take_over(&self, client: &Client, app: &OurApp) -> Result<(), TargetError> {
        if self.config.settings.adopt || app.marks.owner.is_some() {
            return Ok(());
        }
        let name = app.name();
        let processes: Vec<Process> = client
            .list(&app.path("/formation"))
            .await
            .map_err(|fault| fault.at(&app_named(name)))?;
        if processes.is_empty() {
            return Ok(());
        }
        Err(TargetError::new(message!(
            "the app {name} runs something that Estiba did not deploy: write `adopt: true` into the target to have it replaced, or another pattern in `app`",
            "la aplicación {name} ejecuta algo que Estiba no desplegó: escriba `adopt: true` en la plataforma para reemplazarlo, u otro patrón en `app`"
        )))
    }
}

fn taken(name: &str) -> TargetError {
    TargetError::new(message!(
        "the app {name} is somebody else's (names are of all people on Heroku together), or you may not see it: write another pattern in `app` of the target, or ask its owner to add you",
        "la aplicación {name} es de otra persona (los nombres son de todo Heroku), o usted no puede verla: escriba otro patrón en `app` de la plataforma, o pida a quien sea dueño que lo agregue"
    ))
}

pub(super) fn set(vars: Vars) -> Change {
    vars.into_iter()
        .map(|(name, value)| (name, Some(value)))
        .collect()
}
