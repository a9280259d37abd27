//! The probe in a container of the environment.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use estiba_model::{
    Digest, EnvironmentId, Event, Fingerprint, Message, Name, Observed, Quantities, Version,
    message,
};
use estiba_preflight::{Asked, Found, INPUT_FILE, Inside, ROLE};
use estiba_target::{
    ContainerSpec, FileContent, FileSpec, ImageSpec, Progress, Target, TargetError, Task, TaskSpec,
};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Observer;
use crate::release::placeholder_version;

/// What the probe's container and its image are called.
const NAME: &str = "preflight";
/// What it may use. Clusters with a quota want to be told.
const MEMORY_BYTES: u64 = 128 << 20;
const CPU_MILLIS: u64 = 100;
/// What a container needs to start and to end, besides the time of the services.
const SLACK: Duration = Duration::from_secs(60);

/// One target of an environment, to try services from there.
pub(super) struct Run<'r> {
    pub(super) engine: &'r Engine,
    pub(super) environment: &'r EnvironmentId,
    pub(super) target: &'r dyn Target,
    pub(super) image: &'r Digest,
    pub(super) observer: &'r dyn Observer,
}

impl Run<'_> {
    /// What is found of each service, in their order, or why it could not be tried.
    pub(super) async fn all(&self, asked: &Asked) -> Vec<Inside> {
        let listener = Listener {
            observer: self.observer,
            found: Mutex::default(),
        };
        let ended = self.leaving_nothing(asked, &listener).await;
        let why = match ended {
            Ok(()) => message!(
                "the probe ended without a word about it",
                "la sonda terminó sin decir nada de él"
            ),
            Err(error) => not_tried(&error),
        };
        let found = listener.found.into_inner();
        let mut found = found.unwrap_or_else(PoisonError::into_inner);
        (0..asked.services.len())
            .map(|number| match found.remove(&number) {
                Some(found) => Inside::Found(found),
                None => Inside::Untried(why.clone()),
            })
            .collect()
    }

    /// Tries, and forgets the environment where there was none before.
    async fn leaving_nothing(
        &self,
        asked: &Asked,
        listener: &Listener<'_>,
    ) -> Result<(), EngineError> {
        let is_new = is_empty(&self.target.observe(self.environment).await?);
        let tried = self.attempt(asked, listener).await;
        if is_new {
            // Whoever has the lock deploys there by now, and it is new no more.
            let store = self.engine.store();
            if let Some(lock) = store.try_lock_environment(self.environment).await? {
                let forgotten = self.forget_if_empty().await;
                lock.release().await;
                forgotten?;
            }
        }
        tried
    }

    async fn forget_if_empty(&self) -> Result<(), TargetError> {
        if is_empty(&self.target.observe(self.environment).await?) {
            self.target.forget(self.environment).await?;
        }
        Ok(())
    }

    async fn attempt(&self, asked: &Asked, listener: &Listener<'_>) -> Result<(), EngineError> {
        let image = ImageSpec {
            digest: self.image.clone(),
            project: self.environment.project_id(),
            workload: name()?,
            tag: None,
        };
        self.target.fetch(&image, listener).await?;
        let text = asked
            .to_text()
            .map_err(|error| EngineError::refused(Message::verbatim(error.to_string())))?;
        let version: Version = placeholder_version()?;
        let container = ContainerSpec {
            name: name()?,
            image: self.image.clone(),
            command: Vec::new(),
            args: vec![ROLE.to_owned(), INPUT_FILE.to_owned()],
            variables: BTreeMap::new(),
            files: vec![FileSpec {
                path: INPUT_FILE.to_owned(),
                content: FileContent(text.expose().as_bytes().to_vec()),
                mode: Some(0o400),
            }],
            volumes: Vec::new(),
            scratch: Vec::new(),
            ships_logs: false,
            user_of: None,
            limits: Quantities {
                memory_bytes: Some(MEMORY_BYTES),
                ..Quantities::default()
            },
            requests: Quantities {
                cpu_millis: Some(CPU_MILLIS),
                memory_bytes: Some(MEMORY_BYTES),
            },
            liveness: None,
            readiness: None,
            before: BTreeMap::new(),
        };
        let migration = TaskSpec {
            task: Task::Preflight,
            time_limit: Some(asked.timeout() + SLACK),
            environment: self.environment.clone(),
            workload: name()?,
            version,
            fingerprint: unlike_any_other(),
            container,
            // The whole input, so that no target writes it down; the probe hides what
            // is secret in its own lines, so that they can still be read.
            secrets: vec![text],
        };
        Ok(self.target.run_task(&migration, listener).await?)
    }
}

/// It has to run each time.
fn unlike_any_other() -> Fingerprint {
    let (now, process) = (Timestamp::now().as_nanosecond(), std::process::id());
    Fingerprint::from_hash(
        Digest::of(format!("{now} {process}").as_bytes())
            .hex()
            .as_bytes(),
    )
}

fn is_empty(observed: &Observed) -> bool {
    observed.resources.is_empty()
        && observed.instances.is_empty()
        && observed.rollouts.is_empty()
        && observed.migrations.is_empty()
        && observed.traffic.is_empty()
}

fn not_tried(error: &EngineError) -> Message {
    let all = error.messages();
    let join = |text: fn(&Message) -> &str| {
        let texts: Vec<&str> = all.iter().map(text).collect();
        texts.join("; ")
    };
    let (en, es) = (join(|m| &m.en), join(|m| &m.es));
    let log = error.log().join("; ");
    let log = match log.is_empty() {
        true => log,
        false => format!(" ({log})"),
    };
    message!(
        "it could not be tried from there: {en}{log}",
        "no se pudo probar desde allí: {es}{log}"
    )
}

/// [`NAME`] as a name.
pub(super) fn name() -> Result<Name, EngineError> {
    NAME.parse()
        .map_err(|error: estiba_model::NameError| EngineError::refused(error.message().clone()))
}

/// Takes what the probe found out of the lines that come.
struct Listener<'l> {
    observer: &'l dyn Observer,
    found: Mutex<BTreeMap<usize, Found>>,
}

impl Progress for Listener<'_> {
    fn line(&self, line: &str) {
        match Found::from_line(line) {
            Some((number, found)) => {
                let all = self.found.lock();
                all.unwrap_or_else(PoisonError::into_inner)
                    .insert(number, found);
            }
            None => self.observer.event(Event::Line {
                text: line.to_owned(),
            }),
        }
    }

    fn notice(&self, notice: &Message) {
        self.observer.event(Event::Notice {
            notice: notice.clone(),
        });
    }
}
