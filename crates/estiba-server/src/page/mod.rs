//! Pages for people, over the same functions as the API: a page shows what its reader
//! could ask the API for, and a form does what they could do through it.

mod access;
mod assets;
mod deployments;
mod environments;
mod frame;
mod live;
mod login;
mod logs;
mod oversight;
mod overview;
mod picture;
mod projects;
mod refusal;
mod search;
mod ship;
mod teams;

use axum::Router;
use axum::routing::{get, post};
use http::{Extensions, HeaderMap, StatusCode, Version, header};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

use crate::state::App;

pub(crate) use refusal::refusal;

/// Makes pages and what they load small on their way.
pub(crate) fn compression() -> CompressionLayer<impl Predicate> {
    let is_page = |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next());
        ["text/html", "text/css", "text/javascript", "image/svg+xml"]
            .iter()
            .any(|page| kind == Some(page))
    };
    CompressionLayer::new().gzip(true).compress_when(is_page)
}

/// What people look at.
pub(crate) fn pages() -> Router<App> {
    const PROJECT: &str = "/teams/{team}/projects/{project}";
    const ENVIRONMENT: &str = "/teams/{team}/projects/{project}/environments/{environment}";
    let project = |rest: &str| format!("{PROJECT}{rest}");
    let environment = |rest: &str| format!("{ENVIRONMENT}{rest}");
    Router::new()
        // Everybody
        .route("/assets/{name}", get(assets::show))
        .route("/language", post(login::language))
        .route("/login", get(login::show).post(login::with_token))
        .route("/login/away", get(login::away))
        .route("/login/back", get(login::back))
        .route("/logout", post(login::out))
        .route("/logout/everywhere", post(login::out_everywhere))
        // All teams
        .route("/", get(overview::show))
        .route("/approvals", get(oversight::approvals))
        .route("/approvals/{id}", post(oversight::decide))
        .route("/figures", get(oversight::figures))
        .route("/audit", get(oversight::audit))
        .route("/tokens", get(access::show).post(access::create))
        .route("/tokens/{id}/revoke", post(access::revoke))
        .route("/live", get(live::follow))
        // A team
        .route("/teams", post(teams::create))
        .route("/teams/{team}", get(teams::show))
        .route("/teams/{team}/audit", get(oversight::audit_of_team))
        .route("/teams/{team}/members", post(teams::admit))
        .route("/teams/{team}/members/{person}/remove", post(teams::remove))
        // A project
        .route(PROJECT, get(projects::show))
        .route(
            &project("/deployments/{deployment}"),
            get(deployments::show),
        )
        .route(&project("/logs"), get(search::show))
        .route(&project("/logs/tail"), get(search::follow))
        .route(&project("/logs/lines/{cursor}"), get(search::line))
        .route(ENVIRONMENT, get(environments::show))
        .route(&environment("/history"), get(environments::history))
        .route(&environment("/ship"), get(ship::ask).post(ship::go))
        .route(&environment("/logs/{workload}"), get(logs::show))
        .route(&environment("/logs/{workload}/lines"), get(logs::lines))
}
