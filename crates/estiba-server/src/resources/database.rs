//! Backups of an environment's database.

use std::io::ErrorKind;

use axum::body::Body as RawBody;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use estiba_api::Problem as Document;
use estiba_model::{Name, Right};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::extract::{Path, Query, Upload};
use crate::problem::Problem;
use crate::state::App;

/// Which database.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The resource, where there are several.
    resource: Option<String>,
}

/// A backup, in the format of `pg_dump -Fc`.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/database",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path), Which),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn backup(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::Change).await?;
    principal
        .note(
            &app,
            "database.backup",
            id.to_string(),
            Some(&id.team),
            json!({}),
        )
        .await?;
    let folder = tempfile::tempdir().map_err(unusable)?;
    let file = folder.path().join("backup.dump");
    app.engine
        .backup(&project, &id.environment, which.resource.as_deref(), &file)
        .await?;
    // Open, it stays readable when its folder goes.
    let open = tokio::fs::File::open(&file).await.map_err(unusable)?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, RawBody::from_stream(ReaderStream::new(open))).into_response())
}

/// Replaces what is in the database by a backup.
#[utoipa::path(put, path = "/teams/{team}/projects/{project}/environments/{environment}/database",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path), Which),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn restore(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
    Query(which): Query<Which>,
    Upload(mut content): Upload,
) -> Result<StatusCode, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::Change).await?;
    let folder = tempfile::tempdir().map_err(unusable)?;
    let path = folder.path().join("backup.dump");
    let mut file = tokio::fs::File::create_new(&path).await.map_err(unusable)?;
    tokio::io::copy(&mut content, &mut file)
        .await
        .map_err(unusable)?;
    file.flush().await.map_err(unusable)?;
    principal
        .note(
            &app,
            "database.restore",
            id.to_string(),
            Some(&id.team),
            json!({}),
        )
        .await?;
    app.engine
        .restore_backup(&project, &id.environment, which.resource.as_deref(), &path)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unusable(error: std::io::Error) -> Problem {
    if error.kind() == ErrorKind::FileTooLarge {
        return Problem::too_large();
    }
    tracing::error!(%error, "a backup can't be kept on its way");
    Problem::internal()
}
