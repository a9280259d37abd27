//! A Platform API that answers what a test says, and remembers what it was asked.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use estiba_image::ImageStore;
use estiba_model::{EnvironmentId, Message, Name, SecretString};
use estiba_target::Progress;
use futures::stream;
use serde_json::{Value, json};

use super::{HerokuConfig, HerokuTarget};
use crate::Settings;

/// What is answered, the first that fits.
struct Rule {
    request: String,
    answer: Answer,
    /// How often it is; always where nothing is said.
    times: Option<usize>,
}

#[derive(Clone)]
pub(super) enum Answer {
    Json(u16, Value),
    /// With the seconds after which to come back.
    Busy(u64),
    /// The answer breaks off.
    Cut,
    Text(&'static str),
}

#[derive(Default)]
struct Script {
    rules: Vec<Rule>,
    asked: Vec<String>,
}

/// The server of a test.
pub(super) struct Scripted {
    pub(super) url: String,
    script: Arc<Mutex<Script>>,
    folder: tempfile::TempDir,
}

impl Scripted {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::<Mutex<Script>>::default();
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            url,
            script,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// `request` is `GET /apps/x`.
    pub(super) fn always(&self, request: &str, answer: Answer) {
        self.add(request, answer, None);
    }

    pub(super) fn once(&self, request: &str, answer: Answer) {
        self.add(request, answer, Some(1));
    }

    fn add(&self, request: &str, answer: Answer, times: Option<usize>) {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.rules.push(Rule {
            request: request.to_owned(),
            answer,
            times,
        });
    }

    /// How often it was asked so.
    pub(super) fn asked(&self, request: &str) -> usize {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script
            .asked
            .iter()
            .filter(|one| one.starts_with(request))
            .count()
    }

    pub(super) fn target(&self, mut settings: Value) -> HerokuTarget {
        settings["api"] = json!(self.url);
        HerokuTarget::new(HerokuConfig {
            settings: Settings::parse(settings.as_object().unwrap()).unwrap(),
            images: ImageStore::open(self.folder.path().join("images")).unwrap(),
            registry: None,
            postgres_root: self.folder.path().join("postgres"),
            key: Ok(SecretString::new("a-key")),
        })
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let key = request.headers().get("authorization").cloned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20)
        .await
        .unwrap();
    let found = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        let said = String::from_utf8_lossy(&body);
        script.asked.push(format!("{asked} {said}"));
        let rule = script
            .rules
            .iter_mut()
            .find(|rule| rule.request == asked && rule.times != Some(0));
        rule.map(|rule| {
            rule.times = rule.times.map(|times| times - 1);
            rule.answer.clone()
        })
    };
    if !asked.starts_with("GET /output") {
        assert_eq!(key.unwrap(), "Bearer a-key");
    }
    let response = Response::builder();
    match found {
        Some(Answer::Json(status, value)) => {
            response.status(status).body(Body::from(value.to_string()))
        }
        Some(Answer::Busy(seconds)) => {
            response
                .status(429)
                .header("Retry-After", seconds)
                .body(Body::from(
                    r#"{"id":"rate_limit","message":"Your account reached the API rate limit"}"#,
                ))
        }
        Some(Answer::Text(text)) => response.body(Body::from(text)),
        Some(Answer::Cut) => {
            let pieces: [Result<Bytes, std::io::Error>; 2] = [
                Ok(Bytes::from_static(b"{")),
                Err(std::io::ErrorKind::ConnectionReset.into()),
            ];
            response.body(Body::from_stream(stream::iter(pieces)))
        }
        None => response.status(404).body(Body::from(
            r#"{"id":"not_found","message":"Couldn't find that."}"#,
        )),
    }
    .unwrap()
}

pub(super) fn environment() -> EnvironmentId {
    EnvironmentId {
        team: "moria".parse().unwrap(),
        project: "tp2".parse().unwrap(),
        environment: "test".parse().unwrap(),
    }
}

pub(super) fn api() -> Name {
    "api".parse().unwrap()
}

/// An app as the API tells of it.
pub(super) fn app(stack: &str) -> Value {
    json!({
        "name": "moria-api-test",
        "web_url": "https://moria-api-test-0123.herokuapp.com/",
        "maintenance": false,
        "stack": { "name": stack },
        "build_stack": { "name": stack },
        "team": null,
    })
}

/// The marks of an environment's own app.
pub(super) fn marks(environment: &str) -> Value {
    json!({
        "ESTIBA_OWNER": environment,
        "ESTIBA_WORKLOAD": "api",
        "ESTIBA_ORIGIN": "created",
    })
}

/// Remembers what it is told.
#[derive(Default)]
pub(super) struct Heard(pub(super) Mutex<Vec<String>>);

impl Heard {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Progress for Heard {
    fn line(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.to_owned());
    }

    fn notice(&self, notice: &Message) {
        self.line(&notice.en);
    }
}
