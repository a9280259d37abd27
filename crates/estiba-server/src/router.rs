//! All that can be asked for, as a table of contents.

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use estiba_model::message;
use http::StatusCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::while_allowed;
use crate::extract::MOST_BODY_BYTES;
use crate::page::{compression, pages};
use crate::problem::Problem;
use crate::resources::{
    acceptance, alerts, approvals, audit, blobs, chats, config, database, deployments,
    environments, events, exec, figures, logs, mails, me, preflight, projects, releases, secrets,
    stored_logs, system, teams, tokens, trusts,
};
use crate::state::App;
use crate::{elastic, headers, idempotency, metrics};

/// A body that stands still for this long is given up.
const BODY_SILENCE: Duration = Duration::from_secs(30);

/// What `/api/v1` has.
fn v1() -> OpenApiRouter<App> {
    let streams = OpenApiRouter::new()
        .routes(routes!(blobs::put))
        .routes(routes!(database::backup, database::restore))
        .layer(DefaultBodyLimit::disable());
    OpenApiRouter::new()
        // People
        .routes(routes!(me::show))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(chats::code))
        .routes(routes!(chats::accounts, chats::link))
        .routes(routes!(chats::unlink))
        .routes(routes!(chats::state, chats::set_state))
        // Teams
        .routes(routes!(teams::list, teams::create))
        .routes(routes!(teams::members, teams::add_member))
        .routes(routes!(teams::remove_member))
        .routes(routes!(chats::members, chats::code_for))
        .routes(routes!(trusts::list, trusts::create))
        .routes(routes!(trusts::remove))
        .routes(routes!(figures::show))
        .routes(routes!(audit::list))
        .routes(routes!(audit::list_all))
        // Projects
        .routes(routes!(projects::list_all))
        .routes(routes!(projects::list))
        .routes(routes!(projects::show, projects::put, projects::remove))
        .routes(routes!(blobs::missing))
        .routes(routes!(releases::list, releases::create))
        .routes(routes!(releases::show))
        // Environments
        .routes(routes!(environments::list))
        .routes(routes!(environments::show))
        .routes(routes!(environments::losses))
        .routes(routes!(environments::replicas))
        .routes(routes!(environments::images))
        .routes(routes!(environments::plan))
        .routes(routes!(preflight::run))
        .routes(routes!(config::list))
        .routes(routes!(config::put, config::remove))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::put, secrets::remove))
        // Deployments
        .routes(routes!(deployments::list, deployments::create))
        .routes(routes!(deployments::show))
        .routes(routes!(acceptance::record))
        .routes(routes!(deployments::events))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::decide))
        .routes(routes!(events::follow))
        // Logs
        .routes(routes!(stored_logs::search))
        .routes(routes!(stored_logs::line))
        .routes(routes!(stored_logs::counts::histogram))
        .routes(routes!(stored_logs::counts::terms))
        .routes(routes!(stored_logs::counts::fields))
        .routes(routes!(stored_logs::tail::follow))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::mute, alerts::unmute))
        // Instances
        .routes(routes!(logs::show))
        .routes(routes!(exec::run))
        .routes(routes!(mails::list, mails::clear))
        .routes(routes!(mails::show))
        .routes(routes!(mails::raw))
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .merge(streams)
}

/// The router, and the document that describes it.
fn whole() -> (Router<App>, OpenApi) {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(system::version))
        .routes(routes!(system::health))
        .routes(routes!(system::metrics))
        .nest("/api/v1", v1())
        .split_for_parts()
}

/// The OpenAPI 3.1 document of the API (<https://spec.openapis.org/oas/v3.1.1.html>).
#[must_use]
pub fn openapi() -> OpenApi {
    whole().1
}

/// Answers everything that can be asked for.
pub(crate) fn router(app: &App) -> Router {
    let (router, document) = whole();
    let document = Json(document);
    router
        .route("/api/openapi.json", get(move || async { document }))
        .route("/api", get(reading_page))
        .merge(pages())
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { wrong_method() })
        .layer(from_fn_with_state(app.clone(), idempotency::once))
        .layer(from_fn_with_state(app.clone(), while_allowed))
        .layer(RequestBodyTimeoutLayer::new(BODY_SILENCE))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::internal().into_response()
        }))
        .layer(from_fn_with_state(app.clone(), headers::complete))
        .layer(compression())
        .merge(elastic::mounted(app))
        .layer(from_fn(metrics::count))
        .with_state(app.clone())
}

fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        message!(
            "this can't be done to it; see /api/openapi.json",
            "esto no se le puede hacer; vea /api/openapi.json"
        ),
    )
}

async fn reading_page() -> impl IntoResponse {
    let page = crate::reading::page(&openapi());
    ([crate::reading::POLICY], Html(page))
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Estiba",
        description = "Takes a team's workloads from source to their environments. Errors are problem documents (RFC 9457) with a stable `code`."
    ),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Described;

/// The one way to say who asks.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of Estiba, or an identity token of a CI"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}
