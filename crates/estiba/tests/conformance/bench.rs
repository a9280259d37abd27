//! What behaviours work with: projects of their own on one target.

use std::fs;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::behaviour::Need;
use crate::place::Place;
use crate::score;
use crate::support::{Answer, Done, Project, copy, get, source};

/// Projects so far, of this run.
static MADE: AtomicU32 = AtomicU32::new(0);
/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// One target, ready to be tried.
pub struct Bench {
    pub place: Arc<dyn Place>,
    pub turns: Turns,
    shown: OnceLock<Kit>,
}

impl Bench {
    pub fn new(place: Arc<dyn Place>) -> Self {
        Self {
            turns: Turns::new(place.at_once()),
            place,
            shown: OnceLock::new(),
        }
    }

    /// A project of its own.
    pub fn project(&self) -> Kit {
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let team = format!("kit-{:x}-{number:x}", std::process::id());
        Kit::new(Arc::clone(&self.place), &team, "demo", Project::new())
    }

    /// The project that behaviours look at without changing it, deployed by the
    /// first that asks.
    pub fn shown(&self) -> &Kit {
        self.shown
            .get_or_init(|| crate::behaviours::shown(self.project()))
    }

    /// Removes what behaviours shared.
    pub fn end(self) {
        drop(self.shown);
        self.place.end();
    }
}

/// As many turns as may be taken at once.
pub struct Turns {
    free: Mutex<usize>,
    given_back: Condvar,
}

impl Turns {
    fn new(count: usize) -> Self {
        Self {
            free: Mutex::new(count),
            given_back: Condvar::new(),
        }
    }

    /// Waits for a turn.
    pub fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap();
        *self.given_back.wait_while(free, |free| *free == 0).unwrap() -= 1;
        Turn(self)
    }
}

/// A turn, given back when it is dropped.
pub struct Turn<'t>(&'t Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap() += 1;
        self.0.given_back.notify_one();
    }
}

/// A project on a target.
pub struct Kit {
    project: Arc<Project>,
    pub place: Arc<dyn Place>,
    pub team: String,
    pub name: String,
}

impl Deref for Kit {
    type Target = Project;

    fn deref(&self) -> &Project {
        &self.project
    }
}

impl Kit {
    fn new(place: Arc<dyn Place>, team: &str, name: &str, project: Project) -> Self {
        let kit = Self {
            project: Arc::new(project),
            place,
            team: team.to_owned(),
            name: name.to_owned(),
        };
        let config = json!({ "BEHAVIOUR": "good", "GREETING": "hello" });
        let mut file = json!({
            "project": name,
            "team": team,
            "workloads": [],
            "targets": { "here": kit.place.target(&kit) },
            "environments": {
                "test": { "on": "here", "config": config },
                "prod": { "on": "here", "after": "test", "config": config },
            },
        });
        if let Some(registry) = kit.place.registry() {
            file["registry"] = json!(format!("{registry}/{team}/{name}"));
        }
        kit.write("estiba.yaml", &file);
        kit
    }

    /// Another project of the same team.
    pub fn sibling(&self, name: &str) -> Self {
        let beside = Project::within(&self.folder, name);
        Self::new(Arc::clone(&self.place), &self.team, name, beside)
    }

    /// The same project, from a state folder of its own.
    pub fn elsewhere(&self) -> Self {
        let elsewhere = Project::new();
        copy(&self.dir(), &elsewhere.dir());
        Self {
            project: Arc::new(elsewhere),
            place: Arc::clone(&self.place),
            team: self.team.clone(),
            name: self.name.clone(),
        }
    }

    /// A web API with a volume, where there are volumes.
    pub fn web(&self, name: &str) -> Value {
        match self.place.has(Need::Volumes) {
            true => score::with_volume(score::web(name)),
            false => score::web(name),
        }
    }

    /// A web API with a migration, which writes to its volume where it has one.
    pub fn web_with_migration(&self, name: &str) -> Value {
        let mut web = score::web_with_migration(name);
        if !self.place.has(Need::Volumes) {
            web["resources"].as_object_mut().unwrap().remove("data");
            for (_, container) in web["containers"].as_object_mut().unwrap() {
                container.as_object_mut().unwrap().remove("volumes");
            }
        }
        web
    }

    /// Asserts how often the migration of `api` ran, as its volume tells.
    pub fn assert_migrated(&self, times: usize) {
        if self.place.has(Need::Volumes) {
            let ran = self.get("/migrations");
            assert_eq!(ran, "migrated\n".repeat(times), "each ran once");
        }
    }

    /// Adds or changes a workload.
    pub fn workload(&self, score: &Value) {
        let name = score["metadata"]["name"].as_str().unwrap();
        let folder = self.dir().join(name);
        if !folder.exists() {
            copy(&source().join("api"), &folder);
        }
        self.write(&format!("{name}/score.yaml"), score);
        self.edit(|file| {
            let path = json!(format!("{name}/score.yaml"));
            let workloads = file["workloads"].as_array_mut().unwrap();
            if !workloads.contains(&path) {
                workloads.push(path);
            }
        });
    }

    /// Removes a workload.
    pub fn without(&self, name: &str) {
        fs::remove_dir_all(self.dir().join(name)).unwrap();
        self.edit(|file| {
            let path = json!(format!("{name}/score.yaml"));
            let workloads = file["workloads"].as_array_mut().unwrap();
            workloads.retain(|one| *one != path);
        });
    }

    /// Changes `estiba.yaml`.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.dir().join("estiba.yaml")).unwrap();
        let mut file = serde_json::from_str(&text).unwrap();
        change(&mut file);
        self.write("estiba.yaml", &file);
    }

    fn write(&self, path: &str, file: &Value) {
        let text = serde_json::to_string_pretty(file).unwrap();
        fs::write(self.dir().join(path), text).unwrap();
    }

    /// Takes a version to `test`.
    pub fn up(&self, version: &str) -> Done {
        self.run(&["up", "--version", version]).ok()
    }

    pub fn set(&self, name: &str, value: &str, environment: &str) {
        let pair = format!("{name}={value}");
        self.run(&["config", "set", &pair, "--env", environment])
            .ok();
    }

    pub fn secret(&self, name: &str, value: &str, environment: &str) {
        self.with_input(&["secret", "set", name, "--env", environment], value)
            .ok();
    }

    /// The names of a workload's instances.
    pub fn instances_of(&self, environment: &str, workload: &str) -> Vec<String> {
        let status = self.status(environment);
        let instances = status["instances"].as_array().unwrap().iter();
        instances
            .filter(|instance| instance["workload"] == workload)
            .map(|instance| instance["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What `api` of `test` answers.
    pub fn get(&self, path: &str) -> String {
        self.get_of("test", "api", path)
    }

    /// What a workload answers.
    pub fn get_of(&self, environment: &str, workload: &str, path: &str) -> String {
        let answer = self.answer(environment, workload, path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// Whatever comes of a request.
    pub fn answer(&self, environment: &str, workload: &str, path: &str) -> std::io::Result<Answer> {
        get(&self.place.reach(self, environment, workload), path)
    }
}

/// Waits until something is so.
///
/// # Panics
/// When it is not within `limit`.
pub fn eventually(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(EVERY);
    }
}
