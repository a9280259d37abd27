//! Deployments that wait for a person to agree.

use axum::Json;
use axum::extract::State;
use estiba_api::{ApprovalDecision, Asked, Page, Problem as Document};
use estiba_engine::Request;
use estiba_model::{Approval, ApprovalState, Right, What, message};
use estiba_store::NewHappening;
use serde_json::json;

use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The requests that wait, of the teams that you may see.
#[utoipa::path(get, path = "/approvals", tag = "deployments", responses(
    (status = 200, body = Page<Approval>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
) -> Result<Json<Page<Approval>>, Problem> {
    let mut waiting = app.store().waiting_approvals(None).await?;
    waiting.retain(|approval| {
        let id = &approval.environment;
        principal.need_environment(id, Right::See).is_ok()
    });
    Ok(Json(Page::whole(waiting)))
}

/// Agrees to a request, or rejects it. Nobody agrees to their own.
#[utoipa::path(post, path = "/approvals/{id}", tag = "deployments", params(("id" = i64, Path)),
    request_body = ApprovalDecision, responses((status = 200, body = Asked),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn decide(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<i64>,
    Body(decision): Body<ApprovalDecision>,
) -> Result<Json<Asked>, Problem> {
    let approval = app.store().approval(id).await?;
    let approval = approval.ok_or_else(Problem::not_found)?;
    let environment = approval.environment.clone();
    principal.need_environment(&environment, Right::See)?;
    principal.need_environment(&environment, Right::Change)?;
    if decision.approve && approval.requested_by == principal.name {
        return Err(Problem::forbidden(message!(
            "you asked for it, so another person has to agree",
            "usted lo pidió, así que tiene que aceptarlo otra persona"
        )));
    }
    let project = super::environment(&app, &principal, &environment, Right::Change).await?;
    let state = match decision.approve {
        true => ApprovalState::Approved,
        false => ApprovalState::Rejected,
    };
    let decided = app
        .store()
        .decide_approval(id, state, &principal.name)
        .await?;
    let Some(mut decided) = decided else {
        return Err(Problem::conflict(message!(
            "this request does not wait any more",
            "este pedido ya no espera"
        )));
    };
    let detail = json!({ "approval": id, "approve": decision.approve, "version": decided.version });
    principal
        .note(
            &app,
            "approval.decide",
            environment.to_string(),
            Some(&environment.team),
            detail,
        )
        .await?;
    let asked = if decision.approve {
        let request = Request {
            environment: environment.environment.clone(),
            version: decided.version.clone(),
            cause: decided.cause,
            without: decided.without.clone(),
        };
        let by = decided.requested_by.clone();
        match super::deployments::deploy(&app, &project, &environment, &request, &by).await {
            Ok(asked) => asked,
            Err(problem) => {
                // What can't be done now may be agreed to when it can.
                app.store().reopen_approval(id).await?;
                return Err(problem);
            }
        }
    } else {
        Asked::Waiting {
            approval: decided.clone(),
        }
    };
    if let Asked::Queued { deployment } = &asked {
        app.store().link_approval(id, deployment.id).await?;
        decided.deployment = Some(deployment.id);
    }
    let happening = NewHappening {
        environment,
        deployment: decided.deployment,
        what: What::ApprovalDecided { approval: decided },
    };
    app.hub.record(&[happening]).await?;
    Ok(Json(asked))
}
