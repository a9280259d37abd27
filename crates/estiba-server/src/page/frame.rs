//! What all pages have around them, and the words and marks that they share.

use std::fmt::Display;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use estiba_model::{
    DeploymentState, EnvironmentStatus, InstanceState, Lang, Message, Role, StepState, message,
};
use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::assets;
use crate::auth::Visit;
use crate::problem::Problem;
use crate::resources::approvals;
use crate::state::App;

/// Scripts and styles are files of this server, and nothing else is loaded.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What all pages have around them.
pub(crate) struct Frame {
    pub lang: Lang,
    /// What a form brings.
    pub csrf: String,
    /// What is looked at.
    pub path: String,
    /// Who looks; nobody before they log in.
    pub who: Option<Who>,
    /// The number of the last thing that happened before the page was made.
    pub last: i64,
}

/// Whoever has logged in.
pub(crate) struct Who {
    pub name: String,
    pub admin: bool,
    /// How many requests wait for somebody to agree.
    pub waiting: usize,
}

impl Frame {
    /// Around a page of somebody who has logged in.
    pub async fn of(app: &App, visit: &Visit) -> Result<Self, Problem> {
        let last = app.store().last_happening().await?;
        let waiting = approvals::list(State(app.clone()), visit.principal.clone()).await?;
        Ok(Self {
            lang: visit.lang,
            csrf: visit.csrf.clone(),
            path: visit.path.clone(),
            who: Some(Who {
                name: visit.principal.name.clone(),
                admin: visit.principal.is_admin(),
                waiting: waiting.0.items.len(),
            }),
            last,
        })
    }

    /// Around a page that everybody may see.
    pub fn open(lang: Lang, path: &str) -> Self {
        Self {
            lang,
            csrf: String::new(),
            path: path.to_owned(),
            who: None,
            last: 0,
        }
    }

    /// One of two texts that say the same.
    pub fn t<'t>(&self, en: &'t str, es: &'t str) -> &'t str {
        match self.lang {
            Lang::En => en,
            Lang::Es => es,
        }
    }

    /// A message in the language of the page.
    pub fn m(&self, message: &Message) -> String {
        message.text(self.lang).to_owned()
    }

    pub fn language(&self) -> &'static str {
        match self.lang {
            Lang::En => "en",
            Lang::Es => "es",
        }
    }

    pub fn asset(&self, name: &str) -> String {
        assets::path(name)
    }

    /// Whether the page is at this path, or below it.
    pub fn is_at(&self, path: &str) -> bool {
        let here = self.path.split('?').next().unwrap_or_default();
        match path {
            "/" => here == "/" || here.starts_with("/teams"),
            path => here.starts_with(path),
        }
    }

    /// A moment, as how long ago it was.
    pub fn ago(&self, at: &Timestamp) -> Moment {
        let seconds = Timestamp::now().duration_since(*at).as_secs().max(0);
        let span = self.span(u64::try_from(seconds).unwrap_or(0));
        Moment {
            exact: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            read: at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            text: match self.lang {
                Lang::En => format!("{span} ago"),
                Lang::Es => format!("hace {span}"),
            },
        }
    }

    /// A span in its greatest unit.
    pub fn span(&self, seconds: u64) -> String {
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3600 => format!("{} min", seconds / 60),
            3600..172_800 => format!("{} h", seconds / 3600),
            _ => format!("{} d", seconds / 86_400),
        }
    }

    /// A span of work, to the tenth of a second.
    pub fn took(&self, from: &Option<Timestamp>, to: &Option<Timestamp>) -> String {
        match (from, to) {
            (Some(from), Some(to)) => format!("{:.1} s", to.duration_since(*from).as_secs_f64()),
            _ => String::new(),
        }
    }

    pub fn role(&self, role: &Role) -> &'static str {
        match (role, self.lang) {
            (Role::Shipper, _) => "shipper",
            (Role::Bot, _) => "bot",
            (Role::Viewer, Lang::En) => "viewer",
            (Role::Viewer, Lang::Es) => "observador",
            (Role::Pipeline, _) => "pipeline",
            (Role::Member, Lang::En) => "member",
            (Role::Member, Lang::Es) => "integrante",
            (Role::Admin, Lang::En) => "admin",
            (Role::Admin, Lang::Es) => "docente",
        }
    }

    pub fn instance(&self, state: &InstanceState) -> Badge {
        let look = match state {
            InstanceState::Ready => Look::Well,
            InstanceState::Starting => Look::Busy,
            InstanceState::Unready | InstanceState::Crashing | InstanceState::Stopped => Look::Ill,
        };
        look.badge(self.m(&state.message()))
    }

    pub fn deployment(&self, state: &DeploymentState) -> Badge {
        let look = match state {
            DeploymentState::Succeeded => Look::Well,
            DeploymentState::Failed => Look::Ill,
            DeploymentState::Superseded => Look::Idle,
            DeploymentState::Queued | DeploymentState::Running | DeploymentState::RollingBack => {
                Look::Busy
            }
        };
        look.badge(self.m(&state.message()))
    }

    pub fn step(&self, state: &StepState) -> Badge {
        match state {
            StepState::Pending => Look::Idle.badge(self.t("to do", "por hacer")),
            StepState::Running => Look::Busy.badge(self.t("now", "ahora")),
            StepState::Done => Look::Well.badge(self.t("done", "hecho")),
            StepState::Failed => Look::Ill.badge(self.t("failed", "falló")),
        }
    }

    /// How an environment is, in a word.
    pub fn health(&self, status: &EnvironmentStatus) -> Badge {
        let all = status.instances.len();
        let is_ready = |one: &&estiba_model::InstanceStatus| one.state == InstanceState::Ready;
        let ready = status.instances.iter().filter(is_ready).count();
        let (look, word) = match () {
            () if status.activity.as_ref().is_some_and(|a| a.interrupted) => {
                (Look::Ill, message!("interrupted", "interrumpido"))
            }
            () if status.activity.is_some() => (Look::Busy, message!("deploying", "desplegando")),
            () if status.deployed.is_none() && all == 0 => {
                (Look::Idle, message!("nothing runs", "nada en marcha"))
            }
            () if ready < all => (
                Look::Ill,
                message!("unhealthy ({ready}/{all})", "con fallas ({ready}/{all})"),
            ),
            () if !status.problems.is_empty() => {
                (Look::Ill, message!("not known in full", "no se sabe todo"))
            }
            () if !status.drift.is_empty() => (
                Look::Ill,
                message!("differs ({ready}/{all})", "difiere ({ready}/{all})"),
            ),
            () => (
                Look::Well,
                message!("healthy ({ready}/{all})", "sano ({ready}/{all})"),
            ),
        };
        look.badge(self.m(&word))
    }
}

/// A moment as people read it.
#[derive(Template)]
#[template(
    source = r#"<time datetime="{{ exact }}" title="{{ read }}">{{ text }}</time>"#,
    ext = "html"
)]
pub(crate) struct Moment {
    exact: String,
    read: String,
    text: String,
}

/// How something is: a word, and a mark that is not told by its colour alone.
#[derive(Template)]
#[template(
    source = r#"<span class="badge {{ kind }}"><span aria-hidden="true">{{ mark }}</span> {{ text }}</span>"#,
    ext = "html"
)]
pub(crate) struct Badge {
    kind: &'static str,
    mark: &'static str,
    text: String,
}

/// The ways something can look.
#[derive(Clone, Copy)]
enum Look {
    Well,
    Ill,
    Busy,
    Idle,
}

impl Look {
    fn badge(self, text: impl Display) -> Badge {
        let (kind, mark) = match self {
            Self::Well => ("well", "✓"),
            Self::Ill => ("ill", "✗"),
            Self::Busy => ("busy", "…"),
            Self::Idle => ("idle", "·"),
        };
        Badge {
            kind,
            mark,
            text: text.to_string(),
        }
    }
}

/// A page as an answer.
pub(crate) fn shown(page: &impl Template) -> Result<Response, Problem> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page can't be written");
        Problem::internal()
    })?;
    let mut response = Html(text).into_response();
    for (name, value) in headers() {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// The headers of pages. A form's origin is told to this server, and to no other.
pub(super) fn headers() -> [(HeaderName, HeaderValue); 2] {
    [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
    ]
}

/// A role as forms send it.
pub(super) fn word(role: &Role) -> &'static str {
    match role {
        Role::Shipper => "shipper",
        Role::Bot => "bot",
        Role::Viewer => "viewer",
        Role::Pipeline => "pipeline",
        Role::Member => "member",
        Role::Admin => "admin",
    }
}
