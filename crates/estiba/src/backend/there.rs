//! By a server. What is built is built here, and brought to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiba_api::{
    ApiError, Asked, Client, DeploymentView, Description, Exec, ExecOutput, Followed, PlanBody,
    PreflightBody, WantedDeployment,
};
use estiba_engine::{Engine, Observer, Outcome, Preflight, ProbeFrom};
use estiba_model::{
    Carried, DeploymentId, Digest, EnvironmentId, EnvironmentStatus, Event, LogLine, Losses, Mail,
    MailContent, Name, Plan, Project, ProjectId, Release, SecretString, Tried, Url, Version, What,
    message,
};
use estiba_preflight::Compared;
use estiba_target::{ExecIo, LogQuery};
use futures::stream::BoxStream;
use futures::{StreamExt, pin_mut};
use jiff::Timestamp;

use super::{Backend, Done, FoundLines, ListedRelease, Wanted, WantedLogs, logs};
use crate::failure::Failure;

/// The most that a command gets to read through a server.
const MOST_INPUT_BYTES: u64 = 1 << 20;

/// A server, and an engine that only builds.
pub struct There {
    client: Client,
    builder: Engine,
}

impl There {
    /// The server that `client` reaches; `builder` builds what it is to run.
    pub fn new(client: Client, builder: Engine) -> Self {
        Self { client, builder }
    }

    /// Brings the images of a release to the server, as far as it lacks them.
    async fn send_images(
        &self,
        project: &Project,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let images = self.builder.images();
        let all = release.workloads.values().flat_map(|w| w.images.values());
        // In their order: a manifest comes after what it names.
        let mut parts: Vec<Digest> = Vec::new();
        for image in all.collect::<BTreeSet<_>>() {
            let of_image = images.parts(image);
            for part in of_image.map_err(|error| Failure::because(error.message()))? {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        for digest in self.client.missing_blobs(&project.id, parts).await? {
            let path = images.blob_path(&digest);
            let file = tokio::fs::File::open(&path).await;
            let file = file.map_err(|error| Failure::file(&path, &error))?;
            let bytes = file.metadata().await.map_or(0, |found| found.len());
            let short = digest.short();
            observer.event(Event::Line {
                text: format!("{short} ({bytes} bytes) -> {}", self.client.url()),
            });
            self.client.send_blob(&project.id, &digest, file).await?;
        }
        Ok(())
    }

    /// Follows a deployment to its end.
    async fn follow(
        &self,
        project: &Project,
        id: DeploymentId,
        observer: &dyn Observer,
    ) -> Result<Outcome, Failure> {
        let happenings = self.client.follow_deployment(&project.id, id);
        pin_mut!(happenings);
        let mut is_lost = false;
        while let Some(followed) = happenings.next().await {
            let happening = match followed {
                Followed::Happened(happening) => happening,
                Followed::Lost(error @ ApiError::Refused(_)) => return Err(error.into()),
                Followed::Lost(error) => {
                    if !is_lost {
                        for notice in error.messages() {
                            observer.event(Event::Notice { notice });
                        }
                    }
                    is_lost = true;
                    continue;
                }
            };
            is_lost = false;
            match happening.what {
                What::Progress { progress } => observer.event(progress),
                What::Succeeded { version, took_ms } => {
                    return Ok(Outcome::Succeeded {
                        deployment: id,
                        version,
                        took: std::time::Duration::from_millis(took_ms),
                    });
                }
                What::Failed { reasons, log, .. } => {
                    return Err(Failure::Failed {
                        messages: reasons,
                        log,
                    });
                }
                What::Superseded { .. } => return Ok(Outcome::Superseded { deployment: id }),
                _ => {}
            }
        }
        Err(Failure::because(message!(
            "the server ended before deployment {id} did; `estiba history` shows how it goes on",
            "el servidor terminó antes que el despliegue {id}; `estiba history` muestra cómo sigue"
        )))
    }

    async fn ask(
        &self,
        project: &Project,
        environment: &Name,
        wanted: &WantedDeployment,
        observer: &dyn Observer,
    ) -> Result<Done, Failure> {
        let id = environment_id(project, environment)?;
        // A new key for each run of the command: the client itself asks again
        // with it where a connection is lost.
        let key = format!("{:032x}", rand::random::<u128>());
        let asked = match self.client.deploy(&id, wanted, &key).await {
            Err(ApiError::Unreachable(_)) => self.client.deploy(&id, wanted, &key).await?,
            asked => asked?,
        };
        match asked {
            Asked::Unchanged { .. } => Ok(Done::Ended(Outcome::Unchanged)),
            Asked::Waiting { approval } => Ok(Done::Waiting(approval)),
            Asked::Queued { deployment } => {
                let outcome = self.follow(project, deployment.id, observer).await?;
                Ok(Done::Ended(outcome))
            }
        }
    }

    async fn environment(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<EnvironmentStatus, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.environment(&id).await?)
    }
}

/// The environment's id, or a refusal that names those there are.
fn environment_id(project: &Project, name: &Name) -> Result<EnvironmentId, Failure> {
    Ok(estiba_engine::environment_id(project, name)?)
}

/// The files that describe a project, by their path from its folder.
fn files(project: &Project) -> Result<BTreeMap<String, String>, Failure> {
    let own = (estiba_project::FILE_NAME.to_owned(), project.text.clone());
    let mut files = BTreeMap::from([own]);
    let environments = project.environments.values().chain(&project.previews);
    let outside = environments.flat_map(|environment| environment.outside.values());
    for service in outside {
        if let (Some(file), Some(text)) = (&service.ca, &service.ca_text) {
            files.insert(file.clone(), text.clone());
        }
    }
    for path in project.workloads.values().map(|workload| &workload.file) {
        let inside = path.strip_prefix(&project.directory).unwrap_or(path);
        let inside = inside.strip_prefix("./").unwrap_or(inside);
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        files.insert(inside.display().to_string(), text);
    }
    Ok(files)
}

#[async_trait]
impl Backend for There {
    async fn status(&self, project: &Project) -> Result<Vec<EnvironmentStatus>, Failure> {
        let status = self.client.status(&project.id).await;
        status.map_err(|error| unknown(project, error))
    }

    async fn releases(&self, project: &Project) -> Result<Vec<ListedRelease>, Failure> {
        let releases = self.client.releases(&project.id).await?.into_iter();
        let listed = releases.map(|release| ListedRelease {
            version: release.version,
            commit: release.commit,
            created_at: release.created_at,
            environments: release.environments,
        });
        Ok(listed.collect())
    }

    async fn history(
        &self,
        project: &Project,
        environment: &Name,
        limit: u32,
        with_steps: bool,
    ) -> Result<Vec<DeploymentView>, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.deployments(&id, limit, with_steps).await?)
    }

    async fn describe(&self, project: &Project) -> Result<(), Failure> {
        let description = Description {
            files: files(project)?,
        };
        self.client.describe(&project.id, &description).await?;
        Ok(())
    }

    async fn assemble(
        &self,
        project: &Project,
        version: Option<&Version>,
        observer: &dyn Observer,
    ) -> Result<Release, Failure> {
        let version = version.map(Version::as_str);
        Ok(self.builder.assemble(project, version, observer).await?)
    }

    async fn keep(
        &self,
        project: &Project,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<Version, Failure> {
        self.send_images(project, release, observer).await?;
        let kept = self.client.release(release).await?;
        observer.event(Event::Released {
            version: kept.version.clone(),
            new: kept.created_at == release.created_at,
        });
        Ok(kept.version)
    }

    async fn deployed(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Option<Version>, Failure> {
        let id = EnvironmentId::new(&project.id, environment);
        let status = match self.client.environment(&id).await {
            Ok(status) => status,
            Err(error) if error.code() == Some("not-found") => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(status.deployed.map(|deployed| deployed.version))
    }

    async fn distance(
        &self,
        project: &Project,
        environment: &Name,
        release: &Release,
    ) -> Result<Option<usize>, Failure> {
        let known = self.client.project(&project.id).await?;
        if known.files != files(project)? {
            return Ok(None);
        }
        let id = EnvironmentId::new(&project.id, environment);
        let body = PlanBody {
            version: Some(release.version.clone()),
            release: None,
            without: BTreeSet::new(),
        };
        Ok(Some(self.client.plan(&id, &body).await?.steps.len()))
    }

    async fn projects(&self) -> Result<Vec<ProjectId>, Failure> {
        Ok(self.client.projects().await?)
    }

    async fn existing_release(
        &self,
        project: &Project,
        version: &Version,
    ) -> Result<Option<Release>, Failure> {
        match self.client.release_of(&project.id, version).await {
            Ok(release) => Ok(Some(release)),
            Err(error) if error.code() == Some("not-found") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn plan(
        &self,
        project: &Project,
        environment: &Name,
        version: Option<&Version>,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<Plan, Failure> {
        let id = environment_id(project, environment)?;
        self.describe(project).await?;
        let mut body = PlanBody {
            version: version.cloned(),
            release: None,
            without: without.clone(),
        };
        let is_kept = match version {
            Some(version) => self.existing_release(project, version).await?.is_some(),
            None => false,
        };
        if !is_kept {
            let version = version.map(Version::as_str);
            body.release = Some(self.builder.assemble(project, version, observer).await?);
        }
        Ok(self.client.plan(&id, &body).await?)
    }

    async fn current_version(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Version, Failure> {
        let status = self.environment(project, environment).await?;
        let deployed = status.deployed.map(|deployed| deployed.version);
        deployed.ok_or_else(|| {
            Failure::because(message!(
                "nothing is deployed in {environment} yet: `estiba deploy --env {environment}`",
                "todavía no hay nada desplegado en {environment}: `estiba deploy --env {environment}`"
            ))
        })
    }

    async fn deploy(
        &self,
        project: &Project,
        environment: &Name,
        wanted: Wanted<'_>,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<Done, Failure> {
        let without = without.clone();
        let wanted = match wanted {
            Wanted::Release(version) => WantedDeployment::Deploy {
                version: version.clone(),
                without,
            },
            Wanted::Promote(from) => WantedDeployment::Promote {
                from: from.clone(),
                without,
            },
            Wanted::Rollback(to) => WantedDeployment::Rollback {
                to: to.cloned(),
                without,
            },
            Wanted::Restart(workloads) => WantedDeployment::Restart {
                workloads: workloads.to_vec(),
            },
            Wanted::Reset => WantedDeployment::Reset,
            Wanted::Scale(replicas) => WantedDeployment::Scale {
                replicas: replicas.iter().cloned().collect(),
            },
        };
        self.ask(project, environment, &wanted, observer).await
    }

    async fn resume(
        &self,
        project: &Project,
        environment: &Name,
        observer: &dyn Observer,
    ) -> Result<Option<Outcome>, Failure> {
        let wanted = WantedDeployment::Resume;
        match self.ask(project, environment, &wanted, observer).await? {
            Done::Ended(Outcome::Unchanged) | Done::Waiting(_) => Ok(None),
            Done::Ended(outcome) => Ok(Some(outcome)),
        }
    }

    async fn losses(&self, project: &Project, environment: &Name) -> Result<Losses, Failure> {
        let id = environment_id(project, environment)?;
        match self.client.losses(&id).await {
            // Nothing of it was ever told to the server.
            Err(error) if error.code() == Some("not-found") => Ok(Losses::default()),
            losses => Ok(losses?),
        }
    }

    async fn down(
        &self,
        project: &Project,
        environment: &Name,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let wanted = WantedDeployment::Down {
            without: without.clone(),
        };
        self.ask(project, environment, &wanted, observer).await?;
        Ok(())
    }

    async fn carried(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<Carried>, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.carried(&id).await?)
    }

    async fn preflight(
        &self,
        project: &Project,
        environment: &Name,
        wanted: &Preflight,
        _: &dyn Observer,
    ) -> Result<Vec<Compared>, Failure> {
        if wanted.from == ProbeFrom::Here {
            return Err(Failure::because(message!(
                "secrets are with the server, so services are not tried from here: leave out --here, or unset ESTIBA_URL",
                "los secretos los tiene el servidor, así que desde aquí no se prueban servicios: quite --here, o quite ESTIBA_URL"
            )));
        }
        let id = environment_id(project, environment)?;
        self.describe(project).await?;
        let body = PreflightBody {
            timeout_seconds: wanted.timeout.as_secs(),
        };
        Ok(self.client.preflight(&id, &body).await?)
    }

    async fn urls(&self, project: &Project, environment: &Name) -> Result<Vec<Url>, Failure> {
        Ok(self.environment(project, environment).await?.urls)
    }

    async fn config(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let id = environment_id(project, environment)?;
        let config = self.client.config(&id).await;
        config.map_err(|error| unknown(project, error))
    }

    async fn replicas(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<Name, u32>, Failure> {
        let id = environment_id(project, environment)?;
        let replicas = self.client.replicas(&id).await;
        replicas.map_err(|error| unknown(project, error))
    }

    async fn set_config(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        // Settings may come before the first deployment.
        self.describe(project).await?;
        Ok(self.client.set_config(&id, name, value).await?)
    }

    async fn secrets(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<(String, Timestamp)>, Failure> {
        let id = environment_id(project, environment)?;
        let secrets = self.client.secrets(&id).await;
        let secrets = secrets
            .map_err(|error| unknown(project, error))?
            .into_iter();
        Ok(secrets.map(|one| (one.name, one.updated_at)).collect())
    }

    async fn set_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: SecretString,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        self.describe(project).await?;
        Ok(self.client.set_secret(&id, name, Some(&value)).await?)
    }

    async fn unset_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
    ) -> Result<bool, Failure> {
        let id = environment_id(project, environment)?;
        match self.client.set_secret(&id, name, None).await {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some("not-found") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn logs(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Failure>>, Failure> {
        let id = environment_id(project, environment)?;
        let (since, tail, follow) = (query.since, query.tail, query.follow);
        let lines = self.client.logs(&id, workload, since, tail, follow).await?;
        Ok(lines.map(|line| line.map_err(Failure::from)).boxed())
    }

    async fn search_logs<'a>(
        &'a self,
        project: &'a Project,
        wanted: &'a WantedLogs,
    ) -> Result<FoundLines<'a>, Failure> {
        let stored = logs::stored(&self.client, project, wanted).await;
        match stored {
            Ok(Some(lines)) => Ok(lines),
            Ok(None) => logs::read(self, project, wanted).await,
            Err(failure) => Err(failure),
        }
    }

    async fn exec(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        container: Option<Name>,
        command: Vec<String>,
        io: ExecIo,
    ) -> Result<i32, Failure> {
        let id = environment_id(project, environment)?;
        let failed = |error: io::Error| Failure::file(Path::new("stdio"), &error);
        let stdin = piped_input(io.stdin).map_err(failed)?;
        let exec = Exec {
            command,
            container,
            stdin,
        };
        let output = self.client.exec(&id, workload, &exec).await?;
        pin_mut!(output);
        let (mut stdout, mut stderr) = (File::from(io.stdout), File::from(io.stderr));
        while let Some(piece) = output.next().await {
            match piece? {
                ExecOutput::Stdout(text) => write_piece(&mut stdout, &text).map_err(failed)?,
                ExecOutput::Stderr(text) => write_piece(&mut stderr, &text).map_err(failed)?,
                ExecOutput::Exit(code) => return Ok(code),
                ExecOutput::Failed(problem) => {
                    return Err(ApiError::Refused(Box::new(problem)).into());
                }
            }
        }
        Err(Failure::because(message!(
            "the connection ended before the command did",
            "la conexión terminó antes que el comando"
        )))
    }

    async fn record_acceptance(
        &self,
        project: &Project,
        environment: &Name,
        tried: &Tried,
    ) -> Result<DeploymentId, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.record_acceptance(&id, tried).await?)
    }

    async fn mails(&self, project: &Project, environment: &Name) -> Result<Vec<Mail>, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.mails(&id).await?)
    }

    async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        mail: u64,
    ) -> Result<MailContent, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.mail(&id, mail).await?)
    }

    async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        mail: u64,
    ) -> Result<Vec<u8>, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.raw_mail(&id, mail).await?)
    }

    async fn clear_mails(&self, project: &Project, environment: &Name) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.clear_mails(&id).await?)
    }

    async fn backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        to: &Path,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        let failed = |error: io::Error| Failure::file(to, &error);
        let mut file = File::create_new(to).map_err(failed)?;
        let written = async {
            let pieces = self.client.backup(&id, resource).await?;
            pin_mut!(pieces);
            while let Some(piece) = pieces.next().await {
                file.write_all(&piece?).map_err(failed)?;
            }
            Ok(())
        };
        let written: Result<(), Failure> = written.await;
        if written.is_err() {
            // Half a backup is none.
            std::fs::remove_file(to).map_err(failed)?;
        }
        written
    }

    async fn restore(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        from: &Path,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        let file = tokio::fs::File::open(from).await;
        let file = file.map_err(|error| Failure::file(from, &error))?;
        Ok(self.client.restore(&id, resource, file).await?)
    }
}

/// What is piped in. A terminal is not sent: nobody would see the prompt.
fn piped_input(stdin: std::os::fd::OwnedFd) -> io::Result<String> {
    use std::io::IsTerminal;
    let stdin = File::from(stdin);
    if stdin.is_terminal() {
        return Ok(String::new());
    }
    let mut text = String::new();
    stdin.take(MOST_INPUT_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn write_piece(to: &mut File, text: &str) -> io::Result<()> {
    let bytes = STANDARD.decode(text).map_err(io::Error::other)?;
    to.write_all(&bytes)
}

/// The server answers alike where a project is not there and where it is another's.
fn unknown(project: &Project, error: ApiError) -> Failure {
    if error.code() != Some("not-found") {
        return error.into();
    }
    let id = &project.id;
    Failure::because(message!(
        "the server knows no project {id}, or it is not of a team of yours: `estiba up` makes it known, and whoever runs the server admits you to the team",
        "el servidor no conoce el proyecto {id}, o no es de un equipo suyo: `estiba up` lo da a conocer, y quien administra el servidor lo admite en el equipo"
    ))
}
