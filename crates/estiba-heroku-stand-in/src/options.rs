//! What a stand-in is started with.

use std::path::PathBuf;
use std::time::Duration;

/// How `web_url` leads to an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Urls {
    /// By host name, as Heroku does: `http://APP.herokuapp.localhost:PORT/`.
    #[default]
    Names,
    /// By a port of its own at the gateway of the dynos' network, where containers
    /// reach it too: they resolve no names of this machine.
    Ports,
}

/// Settings of a stand-in. Times are Heroku's own unless the default says otherwise.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port of the API on loopback; 0 is any.
    pub port: u16,
    /// The key that opens the API and the registry.
    pub key: String,
    /// The engine's socket.
    pub docker: PathBuf,
    /// How apps are reached.
    pub urls: Urls,
    /// Whether one-off dynos are attached to over TLS, as Heroku does.
    pub tls: bool,
    /// Names of apps that are somebody else's.
    pub taken: Vec<String>,
    /// Requests that are left when it starts.
    pub rate_limit: u32,
    /// How long a web dyno may take to listen at its port.
    pub boot_limit: Duration,
    /// From SIGTERM to SIGKILL.
    pub shutdown: Duration,
    /// The pause before a dyno that crashed twice starts again, which doubles with
    /// each crash. Heroku's is up to 20 minutes.
    pub cool_off: Duration,
    /// How long old web dynos go on with `preboot`. Heroku's is three minutes.
    pub preboot: Duration,
    /// How long the router waits for the first byte of an answer.
    pub answer_limit: Duration,
    /// The image of databases.
    pub postgres: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            key: "stand-in-key".to_owned(),
            docker: PathBuf::from("/var/run/docker.sock"),
            urls: Urls::default(),
            tls: false,
            taken: Vec::new(),
            rate_limit: 4500,
            boot_limit: Duration::from_secs(60),
            shutdown: Duration::from_secs(30),
            cool_off: Duration::from_secs(1),
            preboot: Duration::from_secs(3),
            answer_limit: Duration::from_secs(30),
            postgres: "postgres:15".to_owned(),
        }
    }
}
