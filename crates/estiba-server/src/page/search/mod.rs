//! Stored lines of a project: searched, counted, narrowed by clicks, followed.

mod bars;
mod facets;
mod follow;
mod line;
mod marks;
mod wanted;

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use estiba_api::{LogBars, LogHit, LogOrder, LogPaging, LogSelection, Page, Problem as Document};
use estiba_model::{Deployment, Lang, Name, ProjectId, Right};
use futures::try_join;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::frame::{Frame, shown};
use crate::auth::{Refused, Visit};
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::resources::stored_logs::{self, counts, selection::selected};
use crate::resources::{self, deployments};
use crate::state::App;
use bars::Bars;
use facets::{Chip, Facet, chips, facets};
use marks::{Mark, Reach, Row, rows};
use wanted::{ALL, Wanted, written};

pub(super) use follow::follow;
pub(super) use line::show as line;

/// How many lines a page has.
const LINES: u32 = 200;
/// How many deployments of an environment are marked among its lines.
const MARKED: u32 = 50;
/// How long before a deployment, and after it, lines tell what it changed.
const AROUND: SignedDuration = SignedDuration::from_mins(2);
/// Spans that a link chooses.
const SPANS: [&str; 6] = ["15m", "1h", "6h", "1d", "7d", ALL];

#[derive(Template)]
#[template(path = "search.html")]
struct Search {
    p: Frame,
    id: ProjectId,
    wanted: Wanted,
    /// Why nothing is found: what was written makes no sense.
    trouble: Option<Trouble>,
    bars: Option<Bars>,
    chips: Vec<Chip>,
    facets: Vec<Facet>,
    rows: Vec<Row>,
    /// How many lines there are in all.
    lines: u64,
    next: Option<String>,
    /// From where on new lines are shown, in microseconds; none where the page does
    /// not follow them.
    after: Option<i64>,
}

/// What is wrong with what was written.
struct Trouble {
    messages: Vec<String>,
    /// The query: what is before the mistake, the mistake, what is after it.
    place: Option<[String; 3]>,
}

impl Trouble {
    /// `None` where nobody wrote anything wrong.
    fn of(document: &Document, wanted: &Wanted, lang: Lang) -> Option<Self> {
        if document.status != StatusCode::UNPROCESSABLE_ENTITY.as_u16() {
            return None;
        }
        let place = document.position.map(|position| {
            let part = |from: usize, to: usize| -> String {
                let query = wanted.q.trim().chars();
                query.skip(from).take(to.saturating_sub(from)).collect()
            };
            // What lacks at the end is shown as one character that is not there.
            let wrong = part(position.start, position.end);
            let wrong = if wrong.is_empty() {
                "␣".into()
            } else {
                wrong
            };
            [
                part(0, position.start),
                wrong,
                part(position.end, usize::MAX),
            ]
        });
        let messages = document.messages.iter();
        Some(Self {
            messages: messages.map(|one| one.text(lang).to_owned()).collect(),
            place,
        })
    }
}

/// Lines that were searched for.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((team, project)): Path<(Name, Name)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refused> {
    let p = Frame::of(&app, &visit).await?;
    let id = ProjectId { team, project };
    resources::project(&app, &visit.principal, &id, Right::See).await?;
    let page = Search {
        chips: chips(&wanted, &p),
        p,
        id,
        wanted: wanted.clone(),
        trouble: None,
        bars: None,
        facets: Vec::new(),
        rows: Vec::new(),
        lines: 0,
        next: None,
        after: None,
    };
    match page.filled(&app, &visit).await {
        Ok(page) => Ok(shown(&page)?),
        Err((mut page, problem)) => {
            let document = problem.document(visit.lang);
            let Some(trouble) = Trouble::of(&document, &wanted, visit.lang) else {
                return Err(problem.into());
            };
            page.trouble = Some(trouble);
            let mut answer = shown(&*page)?;
            *answer.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(answer)
        }
    }
}

impl Search {
    /// The page with what is found.
    async fn filled(mut self, app: &App, visit: &Visit) -> Result<Self, (Box<Self>, Problem)> {
        match self.fill(app, visit).await {
            Ok(()) => Ok(self),
            Err(problem) => Err((Box::new(self), problem)),
        }
    }

    async fn fill(&mut self, app: &App, visit: &Visit) -> Result<(), Problem> {
        let principal = &visit.principal;
        let wanted = &self.wanted;
        let selection = wanted.selection()?;
        let span = selected(app, principal, &self.id, &selection)
            .await?
            .selection;
        let path = || Path((self.id.team.clone(), self.id.project.clone()));
        let asked = || Query(selection.clone());
        let who = || principal.clone();
        let paging = LogPaging {
            limit: Some(LINES),
            cursor: Some(wanted.cursor.clone()).filter(|cursor| !cursor.is_empty()),
            order: match wanted.oldest && !wanted.live {
                true => LogOrder::Oldest,
                false => LogOrder::Newest,
            },
            ..LogPaging::default()
        };
        let by_level = LogBars {
            by: Some("level".to_owned()),
            interval: None,
        };
        let state = || State(app.clone());
        let found = stored_logs::search(state(), who(), path(), asked(), Query(paging));
        let counted = counts::histogram(state(), who(), path(), asked(), Query(by_level));
        let facets = facets(app, principal, &self.id, &selection, wanted, &self.p);
        let marks = self.marks(app, visit, &selection);
        let (found, counted, facets, marks) = try_join!(found, counted, facets, marks)?;
        let Page { mut items, next } = found.0;
        if wanted.live {
            items.reverse();
            let last = items.last().map(|last| last.record.at);
            let last = last.unwrap_or_else(Timestamp::now);
            self.after = Some(last.as_microsecond());
        }
        let reach = Reach {
            from: span.from,
            until: span.until,
            oldest: wanted.oldest || wanted.live,
            before: !wanted.cursor.is_empty() || wanted.live && next.is_some(),
            after: next.is_some() && !wanted.live,
        };
        self.lines = counted.0.buckets.iter().map(|bar| bar.lines).sum();
        self.bars = Bars::of(&counted.0, &marks, wanted, &self.p);
        self.rows = rows(items, marks, reach);
        self.next = next;
        self.facets = facets;
        Ok(())
    }

    /// The deployments of the environment that is looked at.
    async fn marks(
        &self,
        app: &App,
        visit: &Visit,
        selection: &LogSelection,
    ) -> Result<Vec<Mark>, Problem> {
        let mut marks = Vec::new();
        let mut marked = BTreeSet::new();
        let (team, project) = (self.id.team.clone(), self.id.project.clone());
        let principal = &visit.principal;
        if let Some(number) = self.wanted.deployment {
            let path = Path((team.clone(), project.clone(), number));
            let view = deployments::show(State(app.clone()), principal.clone(), path).await?;
            marked.insert(number);
            marks.extend(Mark::of(&view.0));
        }
        let environment = selection.environment.as_deref().map(str::parse::<Name>);
        if let Some(Ok(environment)) = environment {
            let path = Path((team, project, environment));
            let wanted = Query(deployments::Wanted {
                limit: Some(MARKED),
                ..deployments::Wanted::default()
            });
            let listed =
                deployments::list(State(app.clone()), principal.clone(), path, wanted).await;
            // Lines may say that they are of an environment that is not there.
            let listed = listed.map(|page| page.0.items).unwrap_or_default();
            for view in listed {
                if marked.insert(view.deployment.id.0) {
                    marks.extend(Mark::of(&view));
                }
            }
        }
        Ok(marks)
    }

    /// What was chosen by clicks, which the form keeps.
    fn clicked(&self) -> Vec<(&'static str, &str)> {
        let wanted = &self.wanted;
        let mut clicked = vec![
            ("environment", wanted.environment.as_str()),
            ("workload", &wanted.workload),
            ("instance", &wanted.instance),
            ("release", &wanted.release),
            ("level", &wanted.level),
        ];
        if wanted.oldest {
            clicked.push(("oldest", "true"));
        }
        clicked.retain(|(_, value)| !value.is_empty());
        clicked
    }

    /// The spans, how they are called, and whether it is the one that is looked at.
    fn spans(&self) -> Vec<(String, String, bool)> {
        let span = |span: &str| {
            let label = match span {
                ALL => self.p.t("all that is kept", "todo lo guardado"),
                span => span,
            };
            let link = self.wanted.link(|wanted| {
                wanted.from = span.to_owned();
                wanted.until = String::new();
            });
            (label.to_owned(), link, self.wanted.span() == span)
        };
        SPANS.into_iter().map(span).collect()
    }

    fn older(&self, cursor: &str) -> String {
        self.wanted.link(|wanted| wanted.cursor = cursor.to_owned())
    }

    fn first_page(&self) -> String {
        self.wanted.link(|_| {})
    }

    fn turned(&self) -> String {
        self.wanted.link(|wanted| wanted.oldest = !wanted.oldest)
    }

    fn live(&self) -> String {
        self.wanted.link(|wanted| {
            wanted.live = true;
            wanted.oldest = false;
            wanted.until = String::new();
        })
    }

    /// What a stream of new lines is asked with.
    fn stream(&self) -> String {
        self.wanted.link(|_| {})
    }
}

/// The search for the lines around a deployment, from a little before it to a little
/// after it.
pub(super) fn around(deployment: &Deployment) -> String {
    let moved = |at: Timestamp, by| at.checked_add(by).map(written).unwrap_or_default();
    let began = deployment.started_at.unwrap_or(deployment.created_at);
    let ended = deployment.finished_at;
    let wanted = Wanted {
        environment: deployment.environment.environment.to_string(),
        deployment: Some(deployment.id.0),
        from: moved(began, -AROUND),
        until: ended.map_or_else(String::new, |at| moved(at, AROUND)),
        oldest: true,
        ..Wanted::default()
    };
    wanted.link(|_| {})
}

/// The lines that are found, as the page and its stream show them.
#[derive(Template)]
#[template(path = "search_lines.html")]
struct Lines<'a> {
    p: &'a Frame,
    id: &'a ProjectId,
    rows: &'a [Row],
}

/// A moment to the millisecond, as logs have it.
fn moment(hit: &LogHit) -> String {
    hit.record.at.strftime("%m-%d %H:%M:%S%.3f").to_string()
}
