//! One line: its fields, and what its instance wrote before and after it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use estiba_api::{LogHit, LogRecord};
use estiba_logs::Query as LogQuery;
use estiba_model::{Name, ProjectId};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

use super::wanted::{ALL, Wanted, written};
use crate::auth::{Refused, Visit};
use crate::extract::{Path, Query};
use crate::page::frame::{Frame, shown};
use crate::resources::stored_logs::{self, Around};
use crate::state::App;

/// How many lines before and after it are shown at first, and by links.
const AROUND: [u32; 3] = [10, 25, 50];
/// How far around it the lines of all instances are shown.
const NEAR: SignedDuration = SignedDuration::from_secs(30);

#[derive(Template)]
#[template(path = "search_line.html")]
struct Line {
    p: Frame,
    id: ProjectId,
    hit: LogHit,
    around: u32,
    fields: Vec<Field>,
}

/// A field of the line, and the search for others with its value.
struct Field {
    name: String,
    value: String,
    link: String,
}

#[derive(Deserialize)]
pub(in crate::page) struct Wide {
    around: Option<u32>,
}

/// A line.
pub(in crate::page) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((team, project, cursor)): Path<(Name, Name, String)>,
    Query(Wide { around }): Query<Wide>,
) -> Result<Response, Refused> {
    let around = around.unwrap_or(AROUND[0]);
    let id = ProjectId {
        team: team.clone(),
        project: project.clone(),
    };
    let (state, principal) = (State(app.clone()), visit.principal.clone());
    let asked = Query(Around::of(around));
    let found = stored_logs::line(state, principal, Path((team, project, cursor)), asked).await?;
    Ok(shown(&Line {
        p: Frame::of(&app, &visit).await?,
        id,
        fields: fields(&found.0.record),
        hit: found.0,
        around,
    })?)
}

impl Line {
    fn record(&self) -> &LogRecord {
        &self.hit.record
    }

    fn widths(&self) -> [u32; 3] {
        AROUND
    }

    /// The lines of the whole environment around it.
    fn near(&self) -> String {
        let at = self.record().at;
        let near = |by: SignedDuration| at.checked_add(by).map(written).unwrap_or_default();
        let wanted = Wanted {
            environment: self.record().environment.clone().unwrap_or_default(),
            from: near(-NEAR),
            until: near(NEAR),
            oldest: true,
            ..Wanted::default()
        };
        wanted.link(|_| {})
    }
}

fn fields(record: &LogRecord) -> Vec<Field> {
    let origin = [
        ("level", record.level.map(|level| level.as_str().to_owned())),
        ("environment", record.environment.clone()),
        ("workload", record.workload.clone()),
        ("instance", record.instance.clone()),
        ("release", record.release.clone()),
        ("container", record.container.clone()),
        ("stream", record.stream.clone()),
    ];
    let origin = origin
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let mut fields: Vec<(String, String)> = origin.collect();
    for (name, value) in &record.attributes {
        flatten(name, value, &mut fields);
    }
    let field = |(name, value): (String, String)| {
        let others = Wanted {
            q: LogQuery::is(&name, &value).to_string(),
            from: ALL.to_owned(),
            ..Wanted::default()
        };
        Field {
            link: others.link(|_| {}),
            name,
            value,
        }
    };
    fields.into_iter().map(field).collect()
}

/// What is within a member has a name with dots, as the query language has it.
fn flatten(name: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                flatten(&format!("{name}.{key}"), value, fields);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(name, item, fields)),
        Value::Null => {}
        Value::String(text) => fields.push((name.to_owned(), text.clone())),
        other => fields.push((name.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_logs::Record;
    use serde_json::json;

    #[test]
    fn each_field_leads_to_lines_with_its_value() {
        let document = json!({
            "@timestamp": "2026-05-01T12:00:00Z", "message": "x", "level": "error",
            "http": { "status": 502, "path": "/a b" }, "tags": ["one", "two"],
        });
        let now = "2026-05-01T12:00:00Z".parse().unwrap();
        let record = Record::from_value(document, now).unwrap();
        let fields = fields(&record.clone().into());
        let shown: Vec<_> = fields
            .iter()
            .map(|field| format!("{}={}", field.name, field.value))
            .collect();
        let expected = [
            "level=error",
            "http.status=502",
            "http.path=/a b",
            "tags=one",
            "tags=two",
        ];
        let mut sorted = (shown, expected.to_vec());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1);
        for field in fields {
            let wanted: Wanted = serde_urlencoded::from_str(&field.link[1..]).unwrap();
            let query = LogQuery::parse(&wanted.q).unwrap();
            assert!(query.matches(&record), "{}", wanted.q);
        }
    }
}
