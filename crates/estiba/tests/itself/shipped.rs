//! What `deploy/` says, on a target of this machine.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use reqwest::blocking::Client;

use crate::place::TOKEN;
use crate::support::registry::Registry;
use crate::support::{Project, copy};

/// Estiba's own environment `test`.
pub struct Shipped {
    pub project: Project,
    program: PathBuf,
    _registry: Option<Registry>,
}

impl Shipped {
    /// `deploy/` as it is, but for the target.
    pub fn on_this_machine() -> Self {
        Self::new(None, |file| file)
    }

    /// `deploy/` with the changes that its first lines tell.
    pub fn on_a_cluster(kubeconfig: &Path) -> Self {
        let registry = Registry::start();
        let (port, team) = (registry.port, format!("estiba-{}", std::process::id()));
        let target = format!(
            "{{ kind: kubernetes, kubeconfig: {} }}",
            kubeconfig.display()
        );
        Self::new(Some(registry), |file| {
            file.replace("{ kind: local }", &target)
                .replace("team: estiba", &format!("team: {team}"))
                .replace(
                    "\ntargets:",
                    &format!("\nregistry: 127.0.0.1:{port}/{team}\ntargets:"),
                )
        })
    }

    fn new(registry: Option<Registry>, change: impl FnOnce(String) -> String) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let program = folder.path().join("target/release/estiba");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        // As small as a release: without what debuggers want.
        let done = Command::new("strip")
            .arg(env!("CARGO_BIN_EXE_estiba"))
            .arg("-o")
            .arg(&program)
            .status();
        assert!(done.unwrap().success());
        let project = Project::within(&folder, "deploy");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        copy(&source, &project.dir());
        let file = project.dir().join("estiba.yaml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, change(text)).unwrap();
        Self {
            project,
            program,
            _registry: registry,
        }
    }

    /// Sets the environment up as the guide says, and gives the key of its admin.
    pub fn set_up(&self, telegram: &str, config: &[String]) -> String {
        let key = self.project.run(&["secret", "key"]).ok().out;
        self.secret("ESTIBA_KEY", &key);
        let telegram = format!("TELEGRAM_API_URL={telegram}");
        let mut set = vec!["config", "set", "--env", "test", &telegram];
        set.extend(config.iter().map(String::as_str));
        self.project.run(&set).ok();
        self.up("1.0.0");
        let admin = self.token(&["first", "--login", "ana", "--role", "admin"]);
        let bot = self.token(&["telegram", "--machine", "--role", "bot"]);
        self.secret("ESTIBA_TOKEN", &bot);
        self.secret("TELEGRAM_TOKEN", TOKEN);
        self.up("1.0.0");
        admin
    }

    pub fn secret(&self, name: &str, value: &str) {
        let args = ["secret", "set", name, "--env", "test"];
        self.project.with_input(&args, value).ok();
    }

    pub fn up(&self, version: &str) {
        self.project.run(&["up", "--version", version]).ok();
    }

    fn token(&self, args: &[&str]) -> String {
        let exec = ["exec", "api", "--env", "test", "--", "estiba", "token"];
        let asked = [exec.as_slice(), &["create", "--json"], args].concat();
        let made = self.project.run(&asked).ok().json();
        made["key"].as_str().unwrap().to_owned()
    }

    /// Another build of the same sources: other bytes, the same behaviour.
    pub fn rebuild(&self) {
        let mut program = File::options().append(true).open(&self.program).unwrap();
        program.write_all(b"another build").unwrap();
    }

    pub fn assert_runs(&self, version: &str) {
        let status = self.project.status("test");
        assert_eq!(status["deployed"]["version"], version, "{status}");
        assert_eq!(self.project.instances("test").len(), 2);
    }
}

/// Somebody who asks a server without a pause.
pub struct Asking {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<usize, String>>,
}

impl Asking {
    /// Asks `url`, where an address stands for the name, with a connection for each
    /// request.
    pub fn begin(client: Client, url: String, key: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut answered = 0;
            while !told.load(Ordering::Relaxed) {
                let answer = client.get(&url).bearer_auth(&key).send();
                match answer {
                    Ok(answer) if answer.status().is_success() => answered += 1,
                    other => return Err(format!("{other:?} after {answered}")),
                }
            }
            Ok(answered)
        });
        Self { stop, thread }
    }

    /// How many answers came.
    ///
    /// # Panics
    /// When one request failed.
    #[track_caller]
    pub fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap().unwrap()
    }
}
