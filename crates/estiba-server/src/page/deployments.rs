//! A deployment as it happens, step by step.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use estiba_api::DeploymentView;
use estiba_model::{Event, Message, Name, ProjectId, StepState, What};

use super::frame::{Frame, shown};
use super::search;
use crate::auth::{Refused, Visit};
use crate::extract::Path;
use crate::resources::deployments;
use crate::state::App;

#[derive(Template)]
#[template(path = "deployment.html")]
struct DeploymentPage {
    p: Frame,
    view: DeploymentView,
    /// Who asked for it.
    by: Option<String>,
    /// Why it failed, and what runs now.
    reasons: Vec<Message>,
    notices: Vec<Message>,
    /// What was written while it went on.
    lines: Vec<String>,
    /// The search for what instances wrote around it.
    around: Option<String>,
}

impl DeploymentPage {
    fn done(&self) -> usize {
        let steps = self.view.steps.iter();
        steps.filter(|step| step.state == StepState::Done).count()
    }

    /// The step that is being taken.
    fn now(&self) -> Option<Message> {
        let mut steps = self.view.steps.iter();
        let now = steps.find(|step| step.state == StepState::Running);
        now.map(|record| record.step.message())
    }
}

/// A deployment.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path(path): Path<(Name, Name, i64)>,
) -> Result<Response, Refused> {
    let (team, project, number) = path.clone();
    let id = ProjectId { team, project };
    // Before what is shown, so that nothing is missed after it.
    let p = Frame::of(&app, &visit).await?;
    let (state, principal) = (State(app.clone()), visit.principal.clone());
    let view = deployments::show(state, principal, Path(path)).await?;
    let happened = deployments::happened(&app, &visit.principal, &id, number).await?;
    let mut page = DeploymentPage {
        p,
        view: view.0,
        by: None,
        reasons: Vec::new(),
        notices: Vec::new(),
        lines: Vec::new(),
        around: None,
    };
    if app.logs.store().is_ok() {
        page.around = Some(search::around(&page.view.deployment));
    }
    for happening in happened {
        match happening.what {
            What::Asked { by, .. } => page.by = Some(by),
            What::Failed { reasons, log, .. } => {
                page.reasons = reasons;
                page.lines.extend(log);
            }
            What::Progress { progress } => match progress {
                Event::Line { text } => page.lines.push(text),
                Event::Notice { notice } => page.notices.push(notice),
                _ => {}
            },
            _ => {}
        }
    }
    if page.lines.is_empty() {
        // What happened long ago is not recorded any more.
        page.lines.clone_from(&page.view.deployment.log);
    }
    Ok(shown(&page)?)
}
