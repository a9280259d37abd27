//! The table of contents: every request that is answered.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, delete, get, post};

use crate::apps::{api as apps, domains, features};
use crate::dynos::api as dynos;
use crate::error::ApiError;
use crate::formation::{api as formation, sizes};
use crate::logs::api as logs;
use crate::registry::front;
use crate::releases::{api as releases, output};
use crate::world::Shared;
use crate::{account, addons, config, contract, gate};

/// The Platform API, and what its answers lead to.
pub(crate) fn router(world: &Shared) -> Router {
    let platform = platform()
        .fallback(|| async { ApiError::not_found("resource", "resource") })
        .layer(from_fn_with_state(Shared::clone(world), gate::pass))
        .layer(from_fn_with_state(Shared::clone(world), contract::watch));
    Router::new()
        .route("/logs/{id}", get(logs::read))
        .route("/streams/{id}", get(output::stream_output))
        .route("/v2/{*path}", any(front::pass))
        .route("/client/v11/databases/{addon}", get(addons::data_api::info))
        .fallback_service(platform.with_state(Shared::clone(world)))
        .with_state(Shared::clone(world))
}

fn platform() -> Router<Shared> {
    Router::new()
        .route("/account", get(account::info))
        .route("/account/rate-limits", get(account::rate_limits))
        .route("/apps", get(apps::list).post(apps::create))
        .route(
            "/apps/{app}",
            get(apps::info).patch(apps::update).delete(apps::delete),
        )
        .route(
            "/apps/{app}/config-vars",
            get(config::of_app).patch(config::update),
        )
        .route(
            "/apps/{app}/formation",
            get(formation::list).patch(formation::update_all),
        )
        .route(
            "/apps/{app}/formation/{type}",
            get(formation::info).patch(formation::update),
        )
        .route(
            "/apps/{app}/releases",
            get(releases::list).post(releases::create),
        )
        .route("/apps/{app}/releases/{release}", get(releases::info))
        .route(
            "/apps/{app}/releases/{release}/config-vars",
            get(config::of_release),
        )
        .route(
            "/apps/{app}/dynos",
            get(dynos::list)
                .post(dynos::create)
                .delete(dynos::restart_all),
        )
        .route(
            "/apps/{app}/dynos/{dyno}",
            get(dynos::info).delete(dynos::restart),
        )
        .route(
            "/apps/{app}/dynos/{dyno}/actions/stop",
            post(dynos::restart),
        )
        .route("/apps/{app}/formations/{type}", delete(dynos::restart_type))
        .route(
            "/apps/{app}/formations/{type}/actions/stop",
            post(dynos::restart_type),
        )
        .route("/apps/{app}/log-sessions", post(logs::create))
        .route(
            "/apps/{app}/domains",
            get(domains::list).post(domains::create),
        )
        .route(
            "/apps/{app}/domains/{domain}",
            get(domains::info).delete(domains::delete),
        )
        .route("/apps/{app}/features", get(features::list))
        .route(
            "/apps/{app}/features/{feature}",
            get(features::info).patch(features::update),
        )
        .route("/apps/{app}/available-dyno-sizes", get(sizes::of_app))
        .route("/dyno-sizes", get(sizes::list))
        .route("/dyno-sizes/{size}", get(sizes::info))
        .route(
            "/apps/{app}/addons",
            get(addons::api::list_of_app).post(addons::api::create),
        )
        .route(
            "/apps/{app}/addons/{addon}",
            get(addons::api::info_of_app).delete(addons::api::delete),
        )
        .route("/addons", get(addons::api::list_all))
        .route("/addons/{addon}", get(addons::api::info))
        .route(
            "/addons/{addon}/addon-attachments",
            get(addons::attachments::list_of_addon),
        )
        .route("/actions/addons/resolve", post(addons::api::resolve))
        .route(
            "/apps/{app}/addon-attachments",
            get(addons::attachments::list_of_app),
        )
        .route(
            "/addon-attachments",
            get(addons::attachments::list_all).post(addons::attachments::create),
        )
        .route(
            "/addon-attachments/{id}",
            get(addons::attachments::info).delete(addons::attachments::delete),
        )
        .route(
            "/actions/addon-attachments/resolve",
            post(addons::attachments::resolve),
        )
}

/// The registry at an address of its own.
pub(crate) fn registry(world: &Shared) -> Router {
    Router::new()
        .fallback(front::pass)
        .with_state(Shared::clone(world))
}
