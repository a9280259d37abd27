//! The `heroku` target: a stand-in of Heroku on this machine, whose dynos are
//! containers of the local engine. Its exchanges are held against Heroku's public
//! schema.

use std::sync::Mutex;
use std::time::Duration;

use estiba_heroku_stand_in::{Options, StandIn, Urls};
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::{Value, json};

use super::tool::{unknown_kind, works};
use super::{Foreign, Place};
use crate::behaviour::Need;
use crate::bench::Kit;
use crate::support::HEROKU_KEY;

const MEDIA: &str = "application/vnd.heroku+json; version=3";
/// The pattern of names, which leaves room for what the kit calls things.
const APP: &str = "{team}-{project}-{workload}-{environment}";

#[derive(Default)]
pub struct Heroku {
    /// Started on first use.
    stand_in: Mutex<Option<StandIn>>,
}

impl Heroku {
    fn with<T>(&self, ask: impl FnOnce(&StandIn) -> T) -> T {
        let mut stand_in = self.stand_in.lock().unwrap();
        let stand_in = stand_in.get_or_insert_with(|| {
            let options = Options {
                key: HEROKU_KEY.to_owned(),
                // Dynos find one another by it.
                urls: Urls::Ports,
                rate_limit: u32::MAX,
                cool_off: Duration::from_millis(500),
                ..Options::default()
            };
            StandIn::start(options).unwrap()
        });
        ask(stand_in)
    }

    fn api(&self) -> Api {
        Api(self.with(StandIn::api))
    }
}

/// The Platform API as anybody with the key asks it.
struct Api(String);

impl Api {
    fn client() -> Client {
        // Another crate of the build leaves the choice to whoever asks first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::new()
    }

    fn send(request: RequestBuilder) -> Value {
        let request = request.bearer_auth(HEROKU_KEY).header("accept", MEDIA);
        let answer = request.send().unwrap().error_for_status().unwrap();
        serde_json::from_str(&answer.text().unwrap()).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        Self::send(Self::client().get(format!("{}{path}", self.0)))
    }

    fn apps(&self, prefix: &str) -> Vec<String> {
        let apps = self.get("/apps");
        let names = apps
            .as_array()
            .unwrap()
            .iter()
            .map(|app| app["name"].as_str().unwrap());
        names
            .filter(|name| name.starts_with(prefix))
            .map(str::to_owned)
            .collect()
    }

    fn set(&self, app: &str, name: &str, value: &str) {
        let url = format!("{}/apps/{app}/config-vars", self.0);
        let body = json!({ name: value }).to_string();
        let request = Self::client()
            .patch(url)
            .header("content-type", "application/json");
        Self::send(request.body(body));
    }
}

fn app(project: &Kit, environment: &str, workload: &str) -> String {
    format!("{}-{}-{workload}-{environment}", project.team, project.name)
}

impl Place for Heroku {
    fn name(&self) -> &'static str {
        "heroku"
    }

    fn missing(&self) -> Option<String> {
        let runs = |program: &str, argument: &str| {
            works(std::process::Command::new(program).arg(argument))
        };
        unknown_kind("heroku")
            .or_else(|| (!runs("docker", "info")).then(|| "`docker info` fails".to_owned()))
            .or_else(|| {
                let there = runs("docker-registry", "--version");
                (!there).then(|| "there is no docker-registry".to_owned())
            })
    }

    fn lacking(&self) -> Vec<Need> {
        vec![
            Need::Udp,
            Need::Sidecars,
            Need::Limits,
            Need::SharedHosts,
            Need::Streams,
            Need::Volumes,
            Need::Files,
            Need::LongNames,
            Need::LivenessProbes,
            Need::CommandsInside,
            Need::Sandbox,
            Need::Tasks,
            Need::InstanceNames,
            Need::RestartCounts,
            Need::LongLogs,
            Need::FileLogs,
            Need::MailSink,
        ]
    }

    fn target(&self, _: &Kit) -> Value {
        let registry = self.with(StandIn::registry);
        json!({ "kind": "heroku", "app": APP, "api": self.api().0, "registry": registry })
    }

    fn runs(&self, project: &Kit, environment: &str, workload: &str) -> Vec<String> {
        let app = app(project, environment, workload);
        let dynos = self.api().get(&format!("/apps/{app}/dynos"));
        let dynos = dynos.as_array().unwrap().iter();
        dynos
            .map(|dyno| dyno["id"].as_str().unwrap().to_owned())
            .collect()
    }

    fn heals(&self) -> bool {
        true
    }

    fn kill(&self, project: &Kit, environment: &str, instance: &str) {
        // `api-web-1` is `web.1` of the app of `api`.
        let (rest, number) = instance.rsplit_once('-').unwrap();
        let (workload, kind) = rest.rsplit_once('-').unwrap();
        let (app, dyno) = (
            app(project, environment, workload),
            format!("{kind}.{number}"),
        );
        self.with(|stand_in| stand_in.signal_dyno(&app, &dyno, "SIGKILL"))
            .unwrap();
    }

    fn meddle(&self, project: &Kit, environment: &str, workload: &str) {
        self.api()
            .set(&app(project, environment, workload), "GREETING", "meddled");
    }

    fn plant(&self, project: &Kit, environment: &str) -> Box<dyn Foreign> {
        let planted = Planted {
            api: self.api(),
            app: app(project, environment, "alien"),
        };
        let Planted { api: Api(url), app } = &planted;
        let body = json!({ "name": app, "stack": "container" }).to_string();
        let request = Api::client().post(format!("{url}/apps"));
        Api::send(
            request
                .header("content-type", "application/json")
                .body(body),
        );
        planted.api.set(app, "WHOSE", "foreign");
        Box::new(planted)
    }

    fn inspect(&self, project: &Kit) -> String {
        let api = self.api();
        let apps = api.apps(&format!("{}-{}-", project.team, project.name));
        assert!(!apps.is_empty(), "no app of {}", project.team);
        let paths = [
            "",
            "/formation",
            "/releases",
            "/dynos",
            "/addons",
            "/domains",
        ];
        let of =
            |app: &String| paths.map(|path| api.get(&format!("/apps/{app}{path}")).to_string());
        apps.iter().flat_map(of).collect()
    }

    fn end(&self) {
        if let Some(stand_in) = self.stand_in.lock().unwrap().take() {
            let violations = stand_in.violations();
            assert!(
                violations.is_empty(),
                "not as Heroku's schema has it: {violations:#?}"
            );
        }
    }
}

/// An app of somebody else, with a name like Estiba's.
struct Planted {
    api: Api,
    app: String,
}

impl Foreign for Planted {
    fn assert_untouched(&mut self) {
        let config = self.api.get(&format!("/apps/{}/config-vars", self.app));
        assert_eq!(config, json!({ "WHOSE": "foreign" }));
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let app = format!("{}/apps/{}", self.api.0, self.app);
        let request = Api::client().delete(app).bearer_auth(HEROKU_KEY);
        // It goes with the stand-in otherwise.
        let _ = request.header("accept", MEDIA).send();
    }
}
