//! Releases: what was built.

use axum::Json;
use axum::extract::State;
use estiba_api::{Page, Problem as Document, ReleaseView};
use estiba_model::{Name, ProjectId, Release, Right, Version, message};
use estiba_store::{PutRelease, ReleaseSummary};
use http::StatusCode;
use serde_json::json;

use super::{ProjectPath, project_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The releases of a project, the newest first.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/releases", tag = "releases",
    params(("team" = Name, Path), ("project" = Name, Path)),
    responses((status = 200, body = Page<ReleaseView>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<ProjectPath>,
) -> Result<Json<Page<ReleaseView>>, Problem> {
    let id = project_id(path);
    super::project(&app, &principal, &id, Right::See).await?;
    let releases = app.store().releases(&id).await?.into_iter().map(view);
    Ok(Json(Page::whole(releases.collect())))
}

/// A release with all it is made of.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/releases/{version}", tag = "releases",
    params(("team" = Name, Path), ("project" = Name, Path), ("version" = Version, Path)),
    responses((status = 200, body = Release),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, version)): Path<(Name, Name, Version)>,
) -> Result<Json<Release>, Problem> {
    let id = ProjectId { team, project };
    super::project(&app, &principal, &id, Right::See).await?;
    let release = app.store().release(&id, &version).await?;
    release.map(Json).ok_or_else(Problem::not_found)
}

/// Keeps a release, whose images have to be here. A version is never overwritten.
#[utoipa::path(post, path = "/teams/{team}/projects/{project}/releases", tag = "releases",
    params(("team" = Name, Path), ("project" = Name, Path)), request_body = Release,
    responses((status = 200, body = ReleaseView), (status = 201, body = ReleaseView),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<ProjectPath>,
    Body(release): Body<Release>,
) -> Result<(StatusCode, Json<ReleaseView>), Problem> {
    let id = project_id(path);
    super::project(&app, &principal, &id, Right::Ship).await?;
    if release.project != id {
        return Err(Problem::invalid(message!(
            "the release is of another project",
            "la versión es de otro proyecto"
        )));
    }
    let images = app.engine.images();
    let all = release
        .workloads
        .values()
        .flat_map(|workload| workload.images.values());
    let missing: Vec<&str> = all
        .filter(|image| !images.is_complete(image))
        .map(|image| image.short())
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(Problem::invalid(message!(
            "send the images first; this server lacks: {missing}",
            "envíe antes las imágenes; a este servidor le faltan: {missing}"
        )));
    }
    let version = release.version.clone();
    let put = app.store().put_release(&release).await?;
    let status = match put {
        PutRelease::Created => StatusCode::CREATED,
        PutRelease::Unchanged => StatusCode::OK,
    };
    if put == PutRelease::Created {
        let object = format!("{id}/{version}");
        principal
            .note(
                &app,
                "release.create",
                object,
                Some(&id.team),
                json!({ "commit": release.commit }),
            )
            .await?;
    }
    let all = app.store().releases(&id).await?;
    let kept = all.into_iter().find(|summary| summary.version == version);
    let kept = kept.ok_or_else(Problem::not_found)?;
    Ok((status, Json(view(kept))))
}

fn view(summary: ReleaseSummary) -> ReleaseView {
    ReleaseView {
        version: summary.version,
        commit: summary.commit,
        created_at: summary.created_at,
        environments: summary
            .deployed_in
            .into_iter()
            .map(|id| id.environment)
            .collect(),
    }
}
