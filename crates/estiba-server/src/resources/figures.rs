//! How teams deliver.

use axum::Json;
use axum::extract::State;
use estiba_api::{Figures, Problem as Document};
use estiba_model::{Cause, DeploymentState, EnvironmentId, Name, Project, Right};
use estiba_store::Delivery;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Principal;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::state::App;

/// Over which span.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Span {
    /// How many days back.
    #[param(minimum = 1, maximum = 366, default = 30)]
    pub days: Option<u32>,
}

/// The four figures of a team's delivery.
#[utoipa::path(get, path = "/teams/{team}/figures", tag = "teams",
    params(("team" = Name, Path), Span), responses((status = 200, body = Figures),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
    Query(span): Query<Span>,
) -> Result<Json<Figures>, Problem> {
    principal.need(&team, Right::See)?;
    let days = span.days.unwrap_or(30).clamp(1, 366);
    let since = Timestamp::now()
        .checked_sub((i64::from(days) * 24).hours())
        .map_err(|_| Problem::internal())?;
    let mut sample = Sample::default();
    for id in app.store().projects(Some(&team)).await? {
        let Ok((project, _)) = app.descriptions.project(app.store(), &id).await else {
            continue;
        };
        for environment in counted(&project) {
            let place = EnvironmentId {
                team: id.team.clone(),
                project: id.project.clone(),
                environment,
            };
            sample.add(&app.store().deliveries_since(&place, since).await?);
        }
    }
    Ok(Json(sample.figures(team, days)))
}

/// What the figures are made of.
#[derive(Debug, Default)]
struct Sample {
    deployments: u32,
    failures: u32,
    lead_seconds: Vec<u64>,
    restore_seconds: Vec<u64>,
}

impl Sample {
    /// What went to one environment, in the order of time.
    fn add(&mut self, deliveries: &[Delivery]) {
        let mut down_since: Option<Timestamp> = None;
        for delivery in deliveries {
            let ended = delivery.ended_at;
            if delivery.state == DeploymentState::Failed {
                self.failures += 1;
                down_since.get_or_insert(ended);
                continue;
            }
            if delivery.cause == Cause::Rollback {
                self.failures += 1;
            } else {
                self.deployments += 1;
                let made = delivery.made_at.map(|made| seconds(made, ended));
                self.lead_seconds.extend(made);
            }
            if let Some(since) = down_since.take() {
                self.restore_seconds.push(seconds(since, ended));
            }
        }
    }

    fn figures(mut self, team: Name, days: u32) -> Figures {
        let tried = self.deployments + self.failures;
        Figures {
            team,
            days,
            deployments: self.deployments,
            frequency_a_week: f64::from(self.deployments) * 7.0 / f64::from(days),
            lead_time_seconds: median(&mut self.lead_seconds),
            change_failure_rate: (tried > 0).then(|| f64::from(self.failures) / f64::from(tried)),
            time_to_restore_seconds: median(&mut self.restore_seconds),
        }
    }
}

/// The environments that stand for production: those that come after another
/// one, or all where a project has none such.
fn counted(project: &Project) -> Vec<Name> {
    let all = project.environments.iter();
    let later = all
        .clone()
        .filter(|(_, environment)| environment.after.is_some());
    let later: Vec<Name> = later.map(|(name, _)| name.clone()).collect();
    match later.is_empty() {
        true => all.map(|(name, _)| name.clone()).collect(),
        false => later,
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
