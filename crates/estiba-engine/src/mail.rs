//! Mail: taken by a sink, which is one more workload of the environment, or handed to
//! the server that `estiba.yaml` names.
//!
//! A target knows nothing of it: the sink runs as every workload does, and is found at
//! two `service-port`s.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{PipeReader, Read};
use std::path::Path;

use estiba_mail::{API_PORT, PASSWORD_VARIABLE, Question, ROLE, SMTP_PORT, USERNAME};
use estiba_model::{
    Container, Digest, Encryption, HttpProbe, HttpScheme, ImageSource, MAIL_SINK, Mail,
    MailContent, MailServer, Message, Name, Probe, Project, Protocol, Release, ReleasedWorkload,
    Resource, ResourceId, SINK_LIMITS, SINK_REQUESTS, SMTP, SecretString, ServicePort, Workload,
    message, names_mail_server,
};
use estiba_target::{ExecIo, Outputs};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::bind::{Bound, BoundResource, SERVICE_PORT};
use crate::desired::resource_settings;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::inputs::Inputs;
use crate::observer::Observer;
use crate::values::Known;

/// How a sink is run. Whoever changes [`sink`] counts it up: what runs is then replaced,
/// by this program. A newer program alone replaces nothing, and keeps the mails.
const FORM: u32 = 1;

/// The ports of the sink: those that Mailpit and MailHog have made usual.
const PORTS: [(&str, u16); 2] = [(SMTP_PORT, 1025), (API_PORT, 8025)];

/// More than all mails that a sink keeps.
const MOST_ANSWER_BYTES: u64 = 64 << 20;

/// The sink of an environment, as it was first deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSink {
    /// This program as an image.
    image: Digest,
    /// What it is called in there.
    program: String,
    /// How it is run.
    form: u32,
}

/// Whether a workload sends mail.
pub fn sends_mail(workload: &Workload) -> bool {
    workload.resources.values().any(|one| one.kind == SMTP)
}

/// The name of the sink's workload.
///
/// # Errors
/// Never: it is a name.
pub fn sink_name() -> Result<Name, EngineError> {
    MAIL_SINK
        .parse()
        .map_err(|error: estiba_model::NameError| EngineError::refused(error.message().clone()))
}

impl Inputs {
    /// Whether the environment names a server that delivers.
    #[must_use]
    pub fn has_mail_server(&self) -> bool {
        names_mail_server(self.provision.get(SMTP))
    }
}

impl Engine {
    /// Notes the sink that a release needs in an environment, and where it runs: the one
    /// that is there already, or this program.
    pub(crate) async fn choose_sink(
        &self,
        inputs: &mut Inputs,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<(), EngineError> {
        let mut workloads = release.workloads.iter();
        let user = workloads.find(|(_, released)| sends_mail(&released.workload));
        let Some((user, _)) = user.filter(|_| !inputs.has_mail_server()) else {
            return Ok(());
        };
        let before = self.last_inputs(&inputs.environment).await?;
        let before = before.and_then(|inputs| inputs.mail_sink);
        let before = before.filter(|one| one.form == FORM && self.images.is_complete(&one.image));
        let sink = match before {
            Some(before) => before,
            None => self.new_sink(observer).await?,
        };
        if let Some(target) = inputs.target_of(user).cloned() {
            inputs.placement.insert(sink_name()?, target);
        }
        inputs.mail_sink = Some(sink);
        Ok(())
    }

    async fn new_sink(&self, observer: &dyn Observer) -> Result<MailSink, EngineError> {
        let program = self.program();
        let name = program.file_name().unwrap_or_default();
        Ok(MailSink {
            image: self.own_image(program, sink_name()?, observer).await?,
            program: Path::new("/usr/local/bin").join(name).display().to_string(),
            form: FORM,
        })
    }

    /// The mails that an environment's sink took, the oldest first.
    ///
    /// # Errors
    /// When there is no sink, or it can't be asked.
    pub async fn mails(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<Mail>, EngineError> {
        let answer = self.ask_sink(project, environment, Question::List).await?;
        read(&answer)
    }

    /// A mail with what is in it.
    ///
    /// # Errors
    /// When there is no such mail or no sink, or it can't be asked.
    pub async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<MailContent, EngineError> {
        let question = Question::Show(id);
        read(&self.ask_sink(project, environment, question).await?)
    }

    /// A mail as it came.
    ///
    /// # Errors
    /// When there is no such mail or no sink, or it can't be asked.
    pub async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<Vec<u8>, EngineError> {
        self.ask_sink(project, environment, Question::Raw(id)).await
    }

    /// Has an environment's sink forget all mails.
    ///
    /// # Errors
    /// When there is no sink, or it can't be asked.
    pub async fn clear_mails(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<(), EngineError> {
        let question = Question::Clear;
        self.ask_sink(project, environment, question).await?;
        Ok(())
    }

    async fn ask_sink(
        &self,
        project: &Project,
        environment: &Name,
        question: Question,
    ) -> Result<Vec<u8>, EngineError> {
        let id = self.environment(project, environment)?;
        let Some(inputs) = self.last_inputs(&id).await? else {
            return Err(Self::nothing_deployed(environment));
        };
        let Some(sink) = &inputs.mail_sink else {
            return Err(EngineError::refused(no_sink(&inputs)));
        };
        let command = question.command(&sink.program);
        let no_pipe = |error: std::io::Error| {
            EngineError::refused(message!(
                "the sink for mail can't be asked: {error}",
                "no se puede preguntar al sumidero de correo: {error}"
            ))
        };
        let (answer, stdout) = std::io::pipe().map_err(no_pipe)?;
        let (said, stderr) = std::io::pipe().map_err(no_pipe)?;
        let io = ExecIo {
            stdin: File::open("/dev/null").map_err(no_pipe)?.into(),
            stdout: stdout.into(),
            stderr: stderr.into(),
        };
        // They are read while the command writes, and end with it.
        let answer = tokio::task::spawn_blocking(move || all_of(answer));
        let said = tokio::task::spawn_blocking(move || all_of(said));
        let sink = sink_name()?;
        let code = self.exec(project, environment, &sink, None, command, io);
        let code = code.await?;
        let (answer, said) = (answer.await, said.await);
        if code == Question::NOT_THERE {
            return Err(EngineError::refused(message!(
                "there is no such mail in {environment} (any more): `estiba mail --env {environment}` lists them",
                "no hay (o ya no hay) tal correo en {environment}: `estiba mail --env {environment}` los lista"
            )));
        }
        if code != 0 {
            let said = said.unwrap_or_default();
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            return Err(EngineError::refused(message!(
                "the sink for mail of {environment} does not answer: {said}; `estiba logs {MAIL_SINK} --env {environment}` may tell why",
                "el sumidero de correo de {environment} no responde: {said}; `estiba logs {MAIL_SINK} --env {environment}` quizá diga por qué"
            )));
        }
        answer.map_err(|error| no_pipe(std::io::Error::other(error)))
    }
}

fn all_of(pipe: PipeReader) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was cut short can't be read as JSON, and is told then.
    let _ = pipe.take(MOST_ANSWER_BYTES).read_to_end(&mut bytes);
    bytes
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(answer).map_err(|error| {
        EngineError::refused(message!(
            "the answer of the sink for mail can't be read: {error}",
            "no se puede leer la respuesta del sumidero de correo: {error}"
        ))
    })
}

fn no_sink(inputs: &Inputs) -> Message {
    let environment = &inputs.environment.environment;
    if inputs.has_mail_server() {
        return message!(
            "mail of {environment} goes to the server that estiba.yaml names for it, which delivers it: nothing of it is kept here",
            "el correo de {environment} va al servidor que estiba.yaml indica, que lo entrega: aquí no se guarda nada de él"
        );
    }
    message!(
        "no workload of what runs in {environment} sends mail: give one a resource of `type: smtp`",
        "ningún componente de lo que corre en {environment} envía correo: dé a uno un recurso de `type: smtp`"
    )
}

/// The release with the sink among its workloads, where the environment has one.
#[must_use]
pub fn with_sink(mut release: Release, inputs: &Inputs) -> Release {
    if let Some(sink) = &inputs.mail_sink
        && let (Ok(name), Some(released)) = (sink_name(), released(sink))
    {
        release.workloads.insert(name, released);
    }
    release
}

fn released(sink: &MailSink) -> Option<ReleasedWorkload> {
    let main: Name = "main".parse().ok()?;
    let resource: Name = "mail".parse().ok()?;
    let ports = PORTS.map(|(name, port)| {
        let port = ServicePort {
            port,
            target_port: port,
            protocol: Protocol::Tcp,
        };
        (name.to_owned(), port)
    });
    let (_, api) = PORTS[1];
    let health = HttpProbe {
        scheme: HttpScheme::Http,
        host: None,
        port: api,
        path: "/health".to_owned(),
        headers: Vec::new(),
    };
    let password = format!("${{resources.{resource}.password}}");
    let container = Container {
        image: ImageSource::Reference(MAIL_SINK.to_owned()),
        command: Vec::new(),
        args: vec![ROLE.to_owned()],
        variables: BTreeMap::from([(PASSWORD_VARIABLE.to_owned(), password)]),
        files: BTreeMap::new(),
        volumes: BTreeMap::new(),
        limits: SINK_LIMITS,
        requests: SINK_REQUESTS,
        liveness: None,
        readiness: Some(Probe {
            http: Some(health),
            exec: None,
        }),
        before: BTreeMap::new(),
    };
    let smtp = Resource {
        kind: SMTP.to_owned(),
        class: "default".to_owned(),
        id: None,
        metadata: Map::new(),
        params: Map::new(),
    };
    let workload = Workload {
        name: sink_name().ok()?,
        annotations: BTreeMap::new(),
        metadata: Map::new(),
        ports: ports.into(),
        containers: BTreeMap::from([(main.clone(), container)]),
        resources: BTreeMap::from([(resource, smtp)]),
    };
    Some(ReleasedWorkload {
        workload,
        images: BTreeMap::from([(main, sink.image.clone())]),
    })
}

/// What tells one sink from another: not the program, whose upgrade loses no mail.
#[must_use]
pub fn sink_material(inputs: &Inputs) -> Value {
    json!({
        "environment": inputs.environment,
        "mail-sink": inputs.mail_sink.as_ref().map(|sink| sink.form),
    })
}

/// The ports of the sink, for all that send mail; none where there is no sink.
#[must_use]
pub fn sink_ports(inputs: &Inputs, release: &Release) -> Vec<BoundResource> {
    let (Some(_), Ok(sink)) = (&inputs.mail_sink, sink_name()) else {
        return Vec::new();
    };
    let Some(target) = inputs.target_of(&sink).cloned() else {
        return Vec::new();
    };
    let senders = release.workloads.iter();
    let senders = senders.filter(|(_, released)| sends_mail(&released.workload));
    let users: BTreeSet<Name> = senders.map(|(name, _)| name.clone()).collect();
    let ports = PORTS.iter().map(|(port, _)| BoundResource {
        id: port_id(port),
        resource: Resource {
            kind: SERVICE_PORT.to_owned(),
            class: "default".to_owned(),
            id: None,
            metadata: Map::new(),
            params: Map::from_iter([
                ("workload".to_owned(), MAIL_SINK.into()),
                ("port".to_owned(), (*port).into()),
            ]),
        },
        workload: sink.clone(),
        target: target.clone(),
        users: users.clone(),
    });
    ports.collect()
}

fn port_id(port: &str) -> ResourceId {
    ResourceId(format!("{SERVICE_PORT}.default#{MAIL_SINK}.{port}"))
}

/// The identity under which the password of an environment's sink is kept.
#[must_use]
pub fn credential_id() -> ResourceId {
    ResourceId(format!("{SMTP}.default#{MAIL_SINK}"))
}

/// What is wrong with the server that an environment names.
#[must_use]
pub fn server_problem(inputs: &Inputs) -> Option<Message> {
    let settings = inputs.provision.get(SMTP)?;
    let environment = &inputs.environment.environment;
    if let Some(name) = settings.get("url-from").and_then(Value::as_str) {
        let Some(url) = inputs.value(name) else {
            return Some(message!(
                "mail of {environment} goes to the server in {name}, which has no value: `estiba secret set {name} --env {environment}`, with smtp://USER:PASSWORD@HOST:PORT",
                "el correo de {environment} va al servidor de {name}, que no tiene valor: `estiba secret set {name} --env {environment}`, con smtp://USUARIO:CONTRASEÑA@HOST:PUERTO"
            ));
        };
        let why = MailServer::parse(url.expose()).err()?;
        return Some(Message::verbatim(name).because(&why));
    }
    let url = settings.get("url").and_then(Value::as_str)?;
    MailServer::parse(url).err()
}

/// What a resource of type `smtp` gives. `known` has the ports of the sink;
/// `password` is the sink's.
///
/// # Errors
/// When the server's URL is none.
pub fn outputs(bound: &Bound, known: &Known, password: &SecretString) -> Result<Outputs, Message> {
    let settings = resource_settings(bound, SMTP);
    let sender = settings.get("from").map(|from| from.expose().to_owned());
    let all = match settings.get("url") {
        Some(url) => of_server(&MailServer::parse(url.expose())?, sender),
        None => {
            let project = &bound.inputs.environment.project;
            let sender = sender.unwrap_or_else(|| format!("no-reply@{project}.test"));
            of_sink(known, password, sender)
        }
    };
    Ok(all
        .into_iter()
        .map(|(key, value)| (key.to_owned(), SecretString::new(value)))
        .collect())
}

fn of_server(server: &MailServer, sender: Option<String>) -> [(&'static str, String); 7] {
    [
        ("host", server.host.clone()),
        ("port", server.port.to_string()),
        ("username", server.username.clone()),
        ("password", server.password.expose().to_owned()),
        ("from", sender.unwrap_or_else(|| server.usual_sender())),
        ("encryption", server.encryption.as_str().to_owned()),
        // Whoever delivers does not tell.
        ("api", String::new()),
    ]
}

fn of_sink(known: &Known, password: &SecretString, sender: String) -> [(&'static str, String); 7] {
    let at = |port: &str, key: &str| {
        let value = known.get(&port_id(port)).and_then(|all| all.get(key));
        value.map_or(String::new(), |value| value.expose().to_owned())
    };
    let password = password.expose();
    let (host, port) = (at(API_PORT, "hostname"), at(API_PORT, "port"));
    [
        ("host", at(SMTP_PORT, "hostname")),
        ("port", at(SMTP_PORT, "port")),
        ("username", USERNAME.to_owned()),
        ("password", password.to_owned()),
        ("from", sender),
        ("encryption", Encryption::None.as_str().to_owned()),
        ("api", format!("http://{host}:{port}/{password}/mails")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::desired;
    use crate::runtime::Targets;
    use estiba_model::{Desired, EnvironmentId, TargetConfig};

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// A release of one workload, which sends mail.
    fn release(version: &str) -> Release {
        let score = "apiVersion: score.dev/v1b1\nmetadata: { name: api }\ncontainers:\n  main:\n    image: .\n    variables: { SMTP: \"${resources.mail.host}\" }\nresources: { mail: { type: smtp } }\n";
        let workload = estiba_score::parse("score.yaml".as_ref(), score).workload;
        let released = ReleasedWorkload {
            workload: workload.unwrap(),
            images: BTreeMap::from([(name("main"), Digest::of(version.as_bytes()))]),
        };
        Release {
            project: estiba_model::ProjectId {
                team: name("moria"),
                project: name("tp2"),
            },
            version: version.parse().unwrap(),
            commit: None,
            commits: Vec::new(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            workloads: BTreeMap::from([(name("api"), released)]),
        }
    }

    fn inputs(version: &str, image: Option<&str>, smtp: &[(&str, &str)]) -> Inputs {
        let laptop = TargetConfig {
            kind: "local".to_owned(),
            settings: Map::new(),
        };
        let smtp = smtp.iter();
        let smtp: Map<String, Value> = smtp
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect();
        let mut inputs = Inputs {
            environment: EnvironmentId {
                team: name("moria"),
                project: name("tp2"),
                environment: name("test"),
            },
            version: version.parse().unwrap(),
            registry: None,
            targets: BTreeMap::from([(name("laptop"), laptop)]),
            left: BTreeMap::new(),
            found: BTreeSet::new(),
            placement: BTreeMap::from([(name("api"), name("laptop"))]),
            replicas: BTreeMap::new(),
            config: BTreeMap::new(),
            secrets: BTreeMap::new(),
            provision: BTreeMap::new(),
            restarts: BTreeMap::new(),
            acceptance: false,
            reset: false,
            emptied_ms: None,
            mail_sink: image.map(|image| MailSink {
                image: Digest::of(image.as_bytes()),
                program: "/usr/local/bin/estiba".to_owned(),
                form: FORM,
            }),
        };
        if !smtp.is_empty() {
            inputs.provision.insert(SMTP.to_owned(), smtp);
        }
        inputs
    }

    fn bound(inputs: Inputs) -> Result<Bound, Vec<Message>> {
        let release = with_sink(release(inputs.version.as_str()), &inputs);
        Bound::new(inputs, release)
    }

    fn wanted(inputs: Inputs) -> Desired {
        let bound = bound(inputs).unwrap();
        let keyed = |bytes: &[u8]| {
            let mut key = [0; 32];
            let digest = Digest::of(bytes);
            key.copy_from_slice(&digest.hex().as_bytes()[..32]);
            key
        };
        desired(&bound, &Known::default(), &Targets::new(), &keyed)
    }

    #[test]
    fn the_sink_comes_before_who_sends() {
        let wanted = wanted(inputs("1.0.0", Some("a"), &[]));
        let names: Vec<&str> = wanted.workloads.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["api", MAIL_SINK]);
        assert!(wanted.workloads[0].after.contains(MAIL_SINK));
        assert!(wanted.workloads[1].after.is_empty());
        let ports: Vec<&str> = wanted.resources.iter().map(|r| r.id.0.as_str()).collect();
        let expected =
            ["smtp", "api"].map(|port| format!("service-port.default#estiba-mail.{port}"));
        assert_eq!(ports, expected);
    }

    #[test]
    fn neither_a_version_nor_a_newer_estiba_replaces_the_sink() {
        let of = |version, image| {
            let wanted = wanted(inputs(version, Some(image), &[]));
            wanted.workloads.into_iter().map(|w| w.fingerprint)
        };
        let before: Vec<_> = of("1.0.0", "a").collect();
        let upgraded: Vec<_> = of("1.0.0", "b").collect();
        assert_eq!(before, upgraded);
        let newer: Vec<_> = of("1.1.0", "a").collect();
        assert_ne!(before[0], newer[0]);
        assert_eq!(before[1], newer[1]);
    }

    #[test]
    fn a_server_takes_the_place_of_the_sink() {
        let url = "smtp://app:s3cret@mail.example.edu";
        let with = |url: &str| inputs("1.0.0", None, &[("url", url), ("from", "me@example.edu")]);
        let given = wanted(with(url));
        assert_eq!(given.workloads.len(), 1);
        assert!(given.resources.is_empty());
        let other = wanted(with("smtp://app:other@mail.example.edu"));
        assert_ne!(
            given.workloads[0].fingerprint,
            other.workloads[0].fingerprint
        );
        let bound = bound(with(url)).unwrap();
        let outputs = outputs(&bound, &Known::default(), &SecretString::default()).unwrap();
        let of = |key: &str| outputs[key].expose().to_owned();
        let told = [
            "host",
            "port",
            "username",
            "password",
            "from",
            "encryption",
            "api",
        ]
        .map(of);
        assert_eq!(
            told.join(" "),
            "mail.example.edu 587 app s3cret me@example.edu starttls "
        );
    }

    #[test]
    fn a_server_that_is_nowhere_is_told() {
        let missing = bound(inputs("1.0.0", None, &[("url-from", "SMTP_URL")]));
        let told = missing.unwrap_err();
        assert_eq!(told.len(), 1);
        assert!(
            told[0].en.contains("estiba secret set SMTP_URL --env test"),
            "{}",
            told[0]
        );
        let mut wrong = inputs("1.0.0", None, &[("url-from", "SMTP_URL")]);
        let secret = SecretString::new("https://u:hunter2@example.edu");
        wrong.secrets.insert("SMTP_URL".to_owned(), secret);
        let told = bound(wrong).unwrap_err();
        assert!(told[0].en.starts_with("SMTP_URL: "), "{}", told[0]);
        assert!(!told[0].en.contains("hunter2"), "{}", told[0]);
    }
}
