//! A behaviour that every target shows, and what some lack for it.

use std::time::Duration;

use serde_json::json;

use crate::bench::{Bench, eventually};
use crate::score;

/// What every target does, or says that it can't.
pub struct Behaviour {
    /// The name of its test.
    pub name: &'static str,
    /// One line for the docs, in English.
    pub en: &'static str,
    /// The same in Spanish.
    pub es: &'static str,
    /// What a target may lack for it.
    pub needs: &'static [Need],
    /// Shows it, or panics.
    pub run: fn(&Bench),
}

impl Behaviour {
    pub const fn new(
        name: &'static str,
        en: &'static str,
        es: &'static str,
        run: fn(&Bench),
    ) -> Self {
        Self {
            name,
            en,
            es,
            needs: &[],
            run,
        }
    }

    pub const fn needing(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }
}

/// Something that a target may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// UDP between workloads.
    Udp,
    /// Workloads of more than one container.
    Sidecars,
    /// Limits of memory and CPU are in force.
    Limits,
    /// Somebody routes host names from outside.
    Routes,
    /// Host names that workloads share, each with its path.
    SharedHosts,
    /// What runs is known to every Estiba, whatever its state folder.
    Shared,
    /// Log lines have the time at which they were written, to less than a second.
    LogTimes,
    /// Logs tell standard output from standard error.
    Streams,
    /// A command without a shell beside it is told that its input has ended.
    EndOfInput,
    /// Volumes that outlive instances.
    Volumes,
    /// Files that are put into containers.
    Files,
    /// Names as long as Estiba's own.
    LongNames,
    /// Containers that keep running are asked how they are.
    LivenessProbes,
    /// Commands run inside an instance, of whatever image.
    CommandsInside,
    /// Containers are shut in as Estiba wants them to be.
    Sandbox,
    /// Containers that run to their end beside what runs.
    Tasks,
    /// Workloads are told the name of their instance.
    InstanceNames,
    /// Instances tell how often they were started again.
    RestartCounts,
    /// Logs are kept for more than some thousand lines.
    LongLogs,
    /// Logs in files are read.
    FileLogs,
    /// A network of its own, in which a sink takes mail.
    MailSink,
}

impl Need {
    pub const ALL: [Self; 21] = [
        Self::Udp,
        Self::Sidecars,
        Self::Limits,
        Self::Routes,
        Self::SharedHosts,
        Self::Shared,
        Self::LogTimes,
        Self::Streams,
        Self::EndOfInput,
        Self::Volumes,
        Self::Files,
        Self::LongNames,
        Self::LivenessProbes,
        Self::CommandsInside,
        Self::Sandbox,
        Self::Tasks,
        Self::InstanceNames,
        Self::RestartCounts,
        Self::LongLogs,
        Self::FileLogs,
        Self::MailSink,
    ];

    /// A stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Sidecars => "sidecars",
            Self::Limits => "limits",
            Self::Routes => "routes",
            Self::SharedHosts => "shared-hosts",
            Self::Shared => "shared",
            Self::LogTimes => "log-times",
            Self::Streams => "streams",
            Self::EndOfInput => "end-of-input",
            Self::Volumes => "volumes",
            Self::Files => "files",
            Self::LongNames => "long-names",
            Self::LivenessProbes => "liveness-probes",
            Self::CommandsInside => "commands-inside",
            Self::Sandbox => "sandbox",
            Self::Tasks => "tasks",
            Self::InstanceNames => "instance-names",
            Self::RestartCounts => "restart-counts",
            Self::LongLogs => "long-logs",
            Self::FileLogs => "file-logs",
            Self::MailSink => "mail-sink",
        }
    }

    /// What the docs say of a target that lacks it, in English and Spanish.
    pub fn lacking(self) -> [&'static str; 2] {
        match self {
            Self::Udp => [
                "carries no UDP; `estiba check` says so",
                "no transporta UDP; `estiba check` lo dice",
            ],
            Self::Sidecars => [
                "runs one container for each workload; `estiba check` says so",
                "ejecuta un contenedor por componente; `estiba check` lo dice",
            ],
            Self::Limits => [
                "limits are not in force for this user; the deployment says so",
                "los límites no se aplican para este usuario; el despliegue lo dice",
            ],
            Self::Routes => [
                "nobody routes host names here; `estiba doctor` says so",
                "aquí nadie dirige nombres de host; `estiba doctor` lo dice",
            ],
            Self::SharedHosts => [
                "each workload has a host of its own; `estiba check` says so",
                "cada componente tiene un host propio; `estiba check` lo dice",
            ],
            Self::Shared => [
                "what runs belongs to one state folder; another one does not touch it",
                "lo que corre pertenece a una carpeta de estado; otra no lo toca",
            ],
            Self::LogTimes => [
                "log lines have whole seconds; `--since` gives all lines of its second",
                "las líneas de log tienen segundos enteros; `--since` da todas las de su segundo",
            ],
            Self::Streams => [
                "output and error are one log; the JSON of `logs` names no stream",
                "la salida y el error son un solo log; el JSON de `logs` no nombra cuál",
            ],
            Self::EndOfInput => [
                "not before Kubernetes 1.30 in an image without a shell; `exec` says so",
                "no antes de Kubernetes 1.30 en una imagen sin intérprete; `exec` lo dice",
            ],
            Self::Volumes => [
                "has no volumes; `estiba check` says so",
                "no tiene volúmenes; `estiba check` lo dice",
            ],
            Self::Files => [
                "puts no files into containers; `estiba check` says so",
                "no pone archivos en los contenedores; `estiba check` lo dice",
            ],
            Self::LongNames => [
                "names have 30 characters at the most; `estiba check` says so",
                "los nombres tienen 30 caracteres como máximo; `estiba check` lo dice",
            ],
            Self::LivenessProbes => [
                "containers are asked only while they are deployed; `estiba check` says so",
                "se pregunta a los contenedores solo al desplegarlos; `estiba check` lo dice",
            ],
            Self::CommandsInside => [
                "commands run beside the instances, and need a shell in the image; `exec` says so",
                "los comandos corren al lado de las instancias, y piden un intérprete en la imagen; `exec` lo dice",
            ],
            Self::Sandbox => [
                "shuts containers in in its own way; they are not root, at least",
                "encierra los contenedores a su manera; al menos no son root",
            ],
            Self::Tasks => [
                "runs nothing beside an application, so no acceptance tests; `estiba check` says so",
                "no ejecuta nada al lado de una aplicación, tampoco pruebas de aceptación; `estiba check` lo dice",
            ],
            Self::InstanceNames => [
                "`ESTIBA_INSTANCE` is not set; the platform's own `DYNO` tells which one it is",
                "no se define `ESTIBA_INSTANCE`; `DYNO`, de la propia plataforma, dice cuál es",
            ],
            Self::RestartCounts => [
                "restarts are not counted; `status` shows the state alone",
                "no se cuentan los reinicios; `status` solo muestra el estado",
            ],
            Self::LongLogs => [
                "keeps the last 1500 lines of a workload",
                "guarda las últimas 1500 líneas de un componente",
            ],
            Self::FileLogs => [
                "nothing can read files beside a workload; `estiba check` says so",
                "nada puede leer archivos al lado de un componente; `estiba check` lo dice",
            ],
            Self::MailSink => [
                "has no network of its own for a sink: mail needs a server; `estiba check` says so",
                "no tiene una red propia para un sumidero: el correo pide un servidor; `estiba check` lo dice",
            ],
        }
    }

    /// Shows that a target without it says so.
    pub fn is_told(self, bench: &Bench) {
        match self {
            Self::Udp => refused(bench, |api| {
                api["service"]["ports"]["echo"] =
                    json!({ "port": 9000, "targetPort": 9000, "protocol": "UDP" });
            }),
            Self::Sidecars => refused(bench, |api| {
                api["containers"]["side"] = json!({ "image": ".", "args": ["bot"] });
            }),
            Self::Limits => noticed(bench, "not enforced", |container| {
                container["resources"] = json!({ "limits": { "memory": "64Mi" } });
            }),
            Self::Routes => doctor_tells(bench, "ingress"),
            Self::SharedHosts => refused(bench, |api| {
                let params =
                    json!({ "host": "${resources.dns.host}", "path": "/api", "port": "http" });
                api["resources"]["dns"] = json!({ "type": "dns" });
                api["resources"]["route"] = json!({ "type": "route", "params": params });
            }),
            Self::Shared => not_touched_from_elsewhere(bench),
            Self::LogTimes => crate::behaviours::since_gives_a_second(bench),
            Self::Streams => names_no_stream(bench),
            Self::EndOfInput => input_is_refused(bench),
            Self::Volumes => refused(bench, |api| *api = score::with_volume(api.take())),
            Self::Files => refused(bench, |api| {
                api["containers"]["main"]["files"] = json!({ "/etc/app/note": { "content": "x" } });
            }),
            Self::LongNames => long_names_are_refused(bench),
            Self::LivenessProbes => warned(bench, "ignored-probe", |container| {
                let probe = json!({ "httpGet": { "path": "/alive", "port": 3000 } });
                container["livenessProbe"] = probe;
            }),
            Self::CommandsInside => exec_asks_for_a_shell(bench),
            Self::Sandbox => crate::behaviours::not_root(bench),
            Self::Tasks => tests_are_refused(bench),
            Self::InstanceNames => crate::behaviours::instance_is_a_dyno(bench),
            Self::RestartCounts => crate::behaviours::restarts_uncounted(bench),
            Self::LongLogs => crate::behaviours::newest_lines_in_order(bench),
            Self::FileLogs => refused(bench, |api| *api = score::with_file_logs(api.take())),
            Self::MailSink => refused(bench, |api| *api = score::with_mail(api.take())),
        }
    }
}

/// `check` finds what the target lacks.
fn refused(bench: &Bench, change: impl FnOnce(&mut serde_json::Value)) {
    let project = bench.project();
    let mut api = score::web("api");
    change(&mut api);
    project.workload(&api);
    let check = project.run(&["check"]);
    assert_eq!(check.code, 1, "{}", check.out);
    let said = format!("{}{}", check.out, check.err);
    let unsupported = ["unsupported-capability", "unsupported-resource"];
    let is_told = unsupported.iter().any(|rule| said.contains(rule));
    assert!(is_told, "{said}");
}

/// `check` warns of a container changed so.
fn warned(bench: &Bench, rule: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let project = bench.project();
    let mut api = score::web("api");
    change(&mut api["containers"]["main"]);
    project.workload(&api);
    let check = project.run(&["check"]).ok();
    let said = format!("{}{}", check.out, check.err);
    assert!(said.contains(rule), "{said}");
}

fn tests_are_refused(bench: &Bench) {
    let project = bench.project();
    project.edit(|file| file["environments"]["test"]["acceptance"] = json!(true));
    let mut api = score::web("api");
    api["metadata"]["annotations"]["estiba.dev/acceptance"] = json!("tests");
    api["containers"]["tests"] = json!({ "image": ".", "args": ["tell", "code", "0"] });
    project.workload(&api);
    let check = project.run(&["check"]);
    assert_eq!(check.code, 1, "{}", check.out);
    let said = format!("{}{}", check.out, check.err);
    assert!(said.contains("runs no acceptance tests"), "{said}");
}

fn long_names_are_refused(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web(&"w".repeat(63)));
    let check = project.run(&["check"]);
    assert_eq!(check.code, 1, "{}", check.out);
    let said = format!("{}{}", check.out, check.err);
    assert!(said.contains("30"), "{said}");
}

fn exec_asks_for_a_shell(bench: &Bench) {
    let words = [
        "exec", "api", "--env", "test", "--", "api", "tell", "self", "/version",
    ];
    let refused = bench.shown().run(&words);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("shell"), "{}", refused.err);
}

/// A deployment of a container changed so tells what does not hold.
fn noticed(bench: &Bench, what: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let project = bench.project();
    let mut api = score::web("api");
    change(&mut api["containers"]["main"]);
    project.workload(&api);
    let done = project.up("1.0.0");
    let said = format!("{}{}", done.out, done.err);
    assert!(said.contains(what), "{said}");
}

/// `doctor` has a finding of this name that is not as it should be.
fn doctor_tells(bench: &Bench, name: &str) {
    let found = bench.shown().run(&["doctor", "--json"]).json();
    let found = found.as_array().unwrap().iter();
    let check = found.into_iter().find(|check| check["name"] == name);
    assert_eq!(check.map(|check| &check["ok"]), Some(&json!(false)));
}

/// The lines of a log do not pretend to know where they were written.
fn names_no_stream(bench: &Bench) {
    let project = bench.shown();
    project.get("/complain/complained");
    let written = || {
        let done = project
            .run(&["logs", "api", "--env", "test", "--json"])
            .ok();
        let mut lines = done.out.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["stream"], json!(null), "{line}");
            line["text"] == "complained"
        });
        lines.any(|is_it| is_it)
    };
    eventually("the line", Duration::from_secs(30), written);
}

/// `exec` refuses input that it could not end, and says why.
fn input_is_refused(bench: &Bench) {
    let words = ["exec", "api", "--env", "test", "--", "api", "tell", "stdin"];
    let refused = bench.shown().with_input(&words, "given");
    assert_eq!(refused.code, 1, "{}", refused.out);
    let said = "can't tell a command that its input has ended";
    assert!(refused.err.contains(said), "{}", refused.err);
}

fn not_touched_from_elsewhere(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    let elsewhere = project.elsewhere();
    let there = elsewhere.status("test");
    if there["instances"] != json!([]) {
        let refused = elsewhere.run(&["up", "--version", "2.0.0"]);
        assert_eq!(refused.code, 1, "{}", refused.out);
        let folder = project.state().display().to_string();
        assert!(refused.err.contains(&folder), "{}", refused.err);
    }
    let down = elsewhere.run(&["down", "--env", "test", "--yes"]);
    assert_eq!(down.code, 1, "nothing was deployed from there");
    assert_eq!(project.instances("test").len(), 1);
    assert_eq!(project.get("/version"), "1.0.0");
}
