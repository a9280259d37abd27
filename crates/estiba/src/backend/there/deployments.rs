//! What environments run, and changing it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use estiba_api::{
    ApiError, Asked, DeploymentView, Followed, PlanBody, PreflightBody, WantedDeployment,
};
use estiba_engine::{Observer, Outcome, Preflight, ProbeFrom};
use estiba_model::{
    Carried, DeploymentId, EnvironmentId, EnvironmentStatus, Event, Losses, Name, Plan, Project,
    Release, Tried, Url, Version, What, message,
};
use estiba_preflight::Compared;
use futures::{StreamExt, pin_mut};

use super::releases::files;
use super::{There, environment_id, unknown};
use crate::backend::{Deployments, Done, Releases, Wanted};
use crate::failure::Failure;

#[async_trait]
impl Deployments for There {
    async fn status(&self, project: &Project) -> Result<Vec<EnvironmentStatus>, Failure> {
        let status = self.client.status(&project.id).await;
        status.map_err(|error| unknown(&project.id, error))
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

    async fn record_acceptance(
        &self,
        project: &Project,
        environment: &Name,
        tried: &Tried,
    ) -> Result<DeploymentId, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.record_acceptance(&id, tried).await?)
    }
}

impl There {
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
