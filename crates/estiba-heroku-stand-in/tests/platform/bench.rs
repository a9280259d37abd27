//! A stand-in, and what tests do with it again and again.

use std::cell::Cell;
use std::process::Command;
use std::time::{Duration, Instant};

use estiba_heroku_stand_in::{Options, StandIn};
use reqwest::Method;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::images::{BASE, Made};

const MEDIA: &str = "application/vnd.heroku+json; version=3";
const DOCKER_MEDIA: &str = "application/vnd.heroku+json; version=3.docker-releases";
const LIMIT: Duration = Duration::from_secs(60);

/// What a program writes.
///
/// # Panics
/// When it fails.
pub fn output(command: &mut Command) -> String {
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {error}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

pub fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|done| done.status.success())
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Its body, which says yes.
    pub fn ok(self) -> Value {
        assert!(
            (200..300).contains(&self.status),
            "{} {}",
            self.status,
            self.body
        );
        self.body
    }

    /// Asserts that it says no, so.
    pub fn refuses(&self, status: u16, id: &str) {
        assert_eq!(
            (self.status, self.body["id"].as_str()),
            (status, Some(id)),
            "{}",
            self.body
        );
    }
}

pub struct Bench {
    pub stand_in: StandIn,
    pub http: Client,
    forgives: Cell<bool>,
}

impl Bench {
    /// One with short times, or nothing where this machine lacks something.
    pub fn start() -> Option<Self> {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Option<Self> {
        for (what, mut there) in [
            ("a Docker Engine that answers", words("docker info")),
            ("docker-registry", words("docker-registry --version")),
            ("skopeo", words("skopeo --version")),
            ("an image", words(&format!("docker image inspect {BASE}"))),
        ] {
            if !works(&mut there) {
                println!("skipped: there is not {what}: {there:?} fails");
                return None;
            }
        }
        let mut options = Options {
            taken: vec!["somebody-elses".to_owned()],
            shutdown: Duration::from_secs(5),
            cool_off: Duration::from_millis(200),
            preboot: Duration::from_millis(500),
            ..Options::default()
        };
        change(&mut options);
        // Another crate of the build may have left the choice to whoever asks first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Some(Self {
            stand_in: StandIn::start(options).unwrap(),
            http: Client::builder().timeout(LIMIT).build().unwrap(),
            forgives: Cell::new(false),
        })
    }

    /// What is not as the schema has it was meant so.
    pub fn forgive(&self) {
        self.forgives.set(true);
    }

    pub fn request(&self, method: &Method, path: &str) -> RequestBuilder {
        self.request_for(MEDIA, method, path)
    }

    fn request_for(&self, media: &str, method: &Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.stand_in.api());
        let request = self.http.request(method.clone(), url);
        request
            .bearer_auth(self.stand_in.key())
            .header("accept", media)
    }

    pub fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&response.text().unwrap()).unwrap_or_default(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(self.request(&Method::GET, path))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send(self.request(&Method::DELETE, path))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(&Method::POST, path).json(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(&Method::PATCH, path).json(body))
    }

    /// A new app of the container stack.
    pub fn app(&self, name: &str) {
        self.post("/apps", &json!({ "name": name, "stack": "container" }))
            .ok();
    }

    /// Pushes an image for a type of process; the digest of its configuration.
    pub fn push(&self, app: &str, kind: &str, image: Made) -> String {
        let to = format!("docker://{}/{app}/{kind}:latest", self.stand_in.registry());
        let credentials = format!("_:{}", self.stand_in.key());
        let from = format!("docker-daemon:{}", image.built());
        output(Command::new("skopeo").args([
            "copy",
            "--quiet",
            "--format",
            "v2s2",
            "--dest-tls-verify=false",
            "--dest-creds",
            &credentials,
            &from,
            &to,
        ]));
        let inspect = [
            "inspect",
            "--raw",
            "--tls-verify=false",
            "--creds",
            &credentials,
            &to,
        ];
        let manifest = output(Command::new("skopeo").args(inspect));
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        manifest["config"]["digest"].as_str().unwrap().to_owned()
    }

    /// Releases images, by the types of process.
    pub fn release(&self, app: &str, images: &[(&str, Made)]) {
        self.try_release(app, images).ok();
    }

    pub fn try_release(&self, app: &str, images: &[(&str, Made)]) -> Answer {
        let update = |(kind, image): &(&str, Made)| json!({ "type": kind, "docker_image": self.push(app, kind, *image) });
        let updates: Vec<_> = images.iter().map(update).collect();
        let path = format!("/apps/{app}/formation");
        let request = self.request_for(DOCKER_MEDIA, &Method::PATCH, &path);
        self.send(request.json(&json!({ "updates": updates })))
    }

    /// The last release.
    pub fn last_release(&self, app: &str) -> Value {
        let request = self.request(&Method::GET, &format!("/apps/{app}/releases"));
        let last = self.send(request.header("range", "version ..; max=1, order=desc"));
        last.ok()[0].clone()
    }

    pub fn dynos(&self, app: &str) -> Vec<Value> {
        self.get(&format!("/apps/{app}/dynos"))
            .ok()
            .as_array()
            .unwrap()
            .clone()
    }

    /// What an app answers through the router: its status and its JSON.
    pub fn ask(&self, app: &str, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.stand_in.router());
        let request = self
            .http
            .get(url)
            .header("host", format!("{app}.herokuapp.localhost"));
        let response = request.send().unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_str(&response.text().unwrap()).unwrap_or_default(),
        )
    }

    /// The log of an app so far.
    pub fn log(&self, app: &str, wanted: &Value) -> String {
        let session = self.post(&format!("/apps/{app}/log-sessions"), wanted).ok();
        let url = session["logplex_url"].as_str().unwrap();
        self.http.get(url).send().unwrap().text().unwrap()
    }

    /// Waits for a line of the log.
    pub fn await_log(&self, app: &str, part: &str) {
        eventually(part, || {
            self.log(app, &json!({ "lines": 1500 })).contains(part)
        });
    }
}

impl Drop for Bench {
    /// Everything so far was as Heroku's schema has it.
    fn drop(&mut self) {
        if !std::thread::panicking() && !self.forgives.get() {
            assert_eq!(self.stand_in.violations(), Vec::<String>::new());
            assert!(self.stand_in.checked() > 0, "nothing was asked");
        }
    }
}

pub fn words(line: &str) -> Command {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command
}

/// Waits until something is so.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
