//! What images are made of, on its way to this server.

use std::io::ErrorKind;

use axum::Json;
use axum::extract::State;
use estiba_api::{Blobs, Problem as Document};
use estiba_image::ImageError;
use estiba_model::{Digest, Name, Right};
use http::StatusCode;
use tokio_util::io::SyncIoBridge;

use super::{ProjectPath, project_id};
use crate::auth::Principal;
use crate::extract::{Body, Path, Upload};
use crate::problem::Problem;
use crate::state::App;

/// Those of the blobs that this server does not have.
#[utoipa::path(post, path = "/teams/{team}/projects/{project}/blobs/missing", tag = "releases",
    params(("team" = Name, Path), ("project" = Name, Path)), request_body = Blobs,
    responses((status = 200, body = Blobs),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn missing(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<ProjectPath>,
    Body(mut blobs): Body<Blobs>,
) -> Result<Json<Blobs>, Problem> {
    let id = project_id(path);
    principal.need_project(&id.team, &id.project, Right::Ship)?;
    let images = app.engine.images();
    blobs.digests.retain(|digest| !images.has_blob(digest));
    Ok(Json(blobs))
}

/// Brings a blob: the bytes that its digest promises.
#[utoipa::path(put, path = "/teams/{team}/projects/{project}/blobs/{digest}", tag = "releases",
    params(("team" = Name, Path), ("project" = Name, Path), ("digest" = Digest, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn put(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, digest)): Path<(Name, Name, Digest)>,
    Upload(content): Upload,
) -> Result<StatusCode, Problem> {
    principal.need_project(&team, &project, Right::Ship)?;
    let images = app.engine.images().clone();
    let received = tokio::task::spawn_blocking(move || {
        let mut content = SyncIoBridge::new(content);
        images.receive_blob(&digest, &mut content)
    });
    match received.await.map_err(|_| Problem::internal())? {
        Err(ImageError::Io { source, .. }) if source.kind() == ErrorKind::FileTooLarge => {
            Err(Problem::too_large())
        }
        received => {
            received?;
            Ok(StatusCode::CREATED)
        }
    }
}
