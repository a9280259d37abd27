//! The sink as a workload: which program it is, where it runs, what it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use estiba_mail::{API_PORT, PASSWORD_VARIABLE, ROLE, SMTP_PORT};
use estiba_model::{
    Container, Digest, HttpProbe, HttpScheme, ImageSource, MAIL_SINK, Name, Probe, Protocol,
    Release, ReleasedWorkload, Resource, ResourceId, SINK_LIMITS, SINK_REQUESTS, SMTP, ServicePort,
    Workload,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{sends_mail, sink_name};
use crate::bind::{BoundResource, SERVICE_PORT};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::inputs::Inputs;
use crate::observer::Observer;

/// How a sink is run. Whoever changes [`sink`] counts it up: what runs is then replaced,
/// by this program. A newer program alone replaces nothing, and keeps the mails.
pub(super) const FORM: u32 = 1;

/// The ports of the sink: those that Mailpit and MailHog have made usual.
const PORTS: [(&str, u16); 2] = [(SMTP_PORT, 1025), (API_PORT, 8025)];

/// The sink of an environment, as it was first deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSink {
    /// This program as an image.
    pub(super) image: Digest,
    /// What it is called in there.
    pub(super) program: String,
    /// How it is run.
    pub(super) form: u32,
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

pub(super) fn port_id(port: &str) -> ResourceId {
    ResourceId(format!("{SERVICE_PORT}.default#{MAIL_SINK}.{port}"))
}
