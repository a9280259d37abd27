//! What each workload of each team asks for.

use std::collections::BTreeSet;

use estiba_model::{
    Environment, FileLogs, MAIL_SINK, Name, Project, ProjectWorkload, Quantities, SINK_LIMITS,
    SINK_REQUESTS, SMTP, TargetConfig, names_mail_server,
};
use serde_json::Value;

use crate::Course;

/// The part of a CPU limit that is reserved where nothing is requested: one in so
/// many, as the Kubernetes target has it.
const RESERVED_PART: u64 = 10;

/// A workload of a team in an environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Whose.
    pub team: Name,
    /// Where.
    pub environment: Name,
    /// What.
    pub workload: Name,
    /// On which target.
    pub target: Name,
    /// Which kind of target that is.
    pub kind: String,
    /// How many copies run.
    pub copies: u32,
    /// What each copy asks for.
    pub part: Part,
    /// How many databases it has that nobody else provides.
    pub databases: u32,
    /// Whether a change runs one more for a while.
    pub overlaps: bool,
}

/// What one copy asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Part {
    /// At the least.
    pub requests: Quantities,
    /// At the most.
    pub limits: Quantities,
}

impl Part {
    /// The same with what a target fills in: its own limits (`defaults`), and
    /// requests where only limits are said.
    #[must_use]
    pub fn filled(mut self, defaults: Option<&Value>) -> Self {
        let default = |key| {
            defaults
                .and_then(|all| all.get(key))
                .and_then(Value::as_str)
        };
        let limits = &mut self.limits;
        limits.cpu_millis = limits
            .cpu_millis
            .or_else(|| default("cpu").and_then(estiba_score::cpu_millis));
        limits.memory_bytes = limits
            .memory_bytes
            .or_else(|| default("memory").and_then(estiba_score::memory_bytes));
        let requests = &mut self.requests;
        let part = limits.cpu_millis.map(|cpu| cpu.div_ceil(RESERVED_PART));
        requests.cpu_millis = requests.cpu_millis.or(part);
        requests.memory_bytes = requests.memory_bytes.or(limits.memory_bytes);
        self
    }

    fn and(self, other: &Self) -> Self {
        Self {
            requests: sum(self.requests, other.requests),
            limits: sum(self.limits, other.limits),
        }
    }
}

/// Both together.
pub(super) fn sum(a: Quantities, b: Quantities) -> Quantities {
    let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    };
    Quantities {
        cpu_millis: both(a.cpu_millis, b.cpu_millis),
        memory_bytes: both(a.memory_bytes, b.memory_bytes),
    }
}

/// So many times the same.
pub(super) fn times(a: Quantities, count: u64) -> Quantities {
    Quantities {
        cpu_millis: a.cpu_millis.map(|cpu| cpu.saturating_mul(count)),
        memory_bytes: a.memory_bytes.map(|memory| memory.saturating_mul(count)),
    }
}

/// What the teams of a course ask for.
#[must_use]
pub fn demands(course: &Course) -> Vec<Demand> {
    let mut all = course.sketch.clone();
    for (team, of_team) in &course.teams {
        if let Some(project) = &of_team.project {
            all.extend(of_project(team, project));
        }
    }
    all
}

fn of_project(team: &Name, project: &Project) -> Vec<Demand> {
    let mut all = Vec::new();
    for (name, environment) in &project.environments {
        // A database that several workloads share is one.
        let mut seen = BTreeSet::new();
        for (workload, user) in &project.workloads {
            let target = environment.placement.get(workload);
            let Some((target, config)) = target.and_then(|t| project.targets.get_key_value(t))
            else {
                continue;
            };
            all.push(Demand {
                team: team.clone(),
                environment: name.clone(),
                workload: workload.clone(),
                target: target.clone(),
                kind: config.kind.clone(),
                copies: environment.replicas.get(workload).copied().unwrap_or(1),
                part: part(user, config),
                databases: databases(environment, user, &mut seen),
                overlaps: !user.workload.ports.is_empty(),
            });
        }
        all.extend(mail_sink(team, project, name));
    }
    all
}

/// What takes the mail of an environment that names no server for it.
fn mail_sink(team: &Name, project: &Project, name: &Name) -> Option<Demand> {
    let environment = &project.environments[name];
    if names_mail_server(environment.resources.get(SMTP)) {
        return None;
    }
    let mut workloads = project.workloads.values();
    let user = workloads.find(|user| {
        let mut resources = user.workload.resources.values();
        resources.any(|resource| resource.kind == SMTP)
    })?;
    let target = environment.placement.get(&user.workload.name)?;
    let config = project.targets.get(target)?;
    let part = Part {
        requests: SINK_REQUESTS,
        limits: SINK_LIMITS,
    };
    Some(Demand {
        team: team.clone(),
        environment: name.clone(),
        workload: MAIL_SINK.parse().ok()?,
        target: target.clone(),
        kind: config.kind.clone(),
        copies: 1,
        part: part.filled(config.settings.get("limits")),
        databases: 0,
        overlaps: true,
    })
}

fn part(user: &ProjectWorkload, config: &TargetConfig) -> Part {
    let defaults = config.settings.get("limits");
    let containers = user.workload.instance_containers();
    let parts = containers.map(|(_, container)| {
        let part = Part {
            requests: container.requests,
            limits: container.limits,
        };
        part.filled(defaults)
    });
    let shipper = user.workload.file_logs().map(|_| Part {
        requests: FileLogs::REQUESTS,
        limits: FileLogs::LIMITS,
    });
    let parts = parts.chain(shipper);
    parts.fold(Part::default(), |whole, part| whole.and(&part))
}

fn databases(
    environment: &Environment,
    user: &ProjectWorkload,
    seen: &mut BTreeSet<String>,
) -> u32 {
    // A server that is given by URL, or kept by an operator, is somebody else's.
    let given = environment
        .resources
        .get("postgres")
        .is_some_and(|settings| {
            let mut keys = settings.keys();
            keys.any(|key| key.starts_with("url") || key.starts_with("secret"))
        });
    if given {
        return 0;
    }
    let resources = user.workload.resources.iter();
    let own = resources.filter(|(_, resource)| resource.kind == "postgres");
    let new = own.filter(|(name, resource)| {
        let id = resource.identity(&user.workload.name, name);
        seen.insert(id.to_string())
    });
    u32::try_from(new.count()).unwrap_or(u32::MAX)
}
