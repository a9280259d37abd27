//! The values of the fields that lines are mostly told apart by, to be clicked.

use axum::extract::State;
use estiba_api::{LogSelection, LogTerm, LogValues};
use estiba_model::ProjectId;
use futures::future::try_join_all;

use super::wanted::Wanted;
use crate::auth::Principal;
use crate::extract::{Path, Query};
use crate::page::frame::Frame;
use crate::problem::Problem;
use crate::resources::stored_logs::counts;
use crate::state::App;

/// How many values of a field are shown.
const VALUES: u32 = 8;

/// A field that a click narrows by, and what it is called.
struct Kind {
    field: &'static str,
    en: &'static str,
    es: &'static str,
    of: fn(&mut Wanted) -> &mut String,
}

const KINDS: [Kind; 5] = [
    Kind {
        field: "level",
        en: "Level, and graver",
        es: "Nivel, y más graves",
        of: |wanted| &mut wanted.level,
    },
    Kind {
        field: "environment",
        en: "Environment",
        es: "Ambiente",
        of: |wanted| &mut wanted.environment,
    },
    Kind {
        field: "workload",
        en: "Workload",
        es: "Componente",
        of: |wanted| &mut wanted.workload,
    },
    Kind {
        field: "instance",
        en: "Instance",
        es: "Instancia",
        of: |wanted| &mut wanted.instance,
    },
    Kind {
        field: "release",
        en: "Version",
        es: "Versión",
        of: |wanted| &mut wanted.release,
    },
];

/// A field and its values.
pub(super) struct Facet {
    pub name: String,
    pub values: Vec<Value>,
}

/// A value that the lines may be narrowed to.
pub(super) struct Value {
    pub text: String,
    pub lines: u64,
    pub link: String,
}

/// Something that the lines are narrowed to, and the way back.
pub(super) struct Chip {
    pub name: String,
    pub value: String,
    pub link: String,
}

/// What the lines are narrowed to.
pub(super) fn chips(wanted: &Wanted, p: &Frame) -> Vec<Chip> {
    let mut other = wanted.clone();
    let chosen = KINDS.iter().filter_map(|kind| {
        let value = (kind.of)(&mut other).clone();
        (!value.is_empty()).then(|| Chip {
            name: p.t(kind.en, kind.es).to_owned(),
            value,
            link: wanted.link(|wanted| (kind.of)(wanted).clear()),
        })
    });
    chosen.collect()
}

/// What the lines may be narrowed to: fields that have more than one value.
pub(super) async fn facets(
    app: &App,
    principal: &Principal,
    id: &ProjectId,
    selection: &LogSelection,
    wanted: &Wanted,
    p: &Frame,
) -> Result<Vec<Facet>, Problem> {
    let asked = KINDS.iter().map(async |kind| {
        let path = Path((id.team.clone(), id.project.clone()));
        let values = Query(LogValues {
            field: kind.field.to_owned(),
            limit: Some(VALUES),
        });
        let selection = Query(selection.clone());
        let state = State(app.clone());
        let found = counts::terms(state, principal.clone(), path, selection, values).await?;
        let values = found
            .0
            .terms
            .into_iter()
            .map(|term| value(kind, wanted, term));
        Ok::<_, Problem>(Facet {
            name: p.t(kind.en, kind.es).to_owned(),
            values: values.collect(),
        })
    });
    let mut facets = try_join_all(asked).await?;
    facets.retain(|facet| facet.values.len() > 1);
    Ok(facets)
}

fn value(kind: &Kind, wanted: &Wanted, term: LogTerm) -> Value {
    Value {
        link: wanted.link(|wanted| (kind.of)(wanted).clone_from(&term.value)),
        text: term.value,
        lines: term.lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_model::Lang;

    #[test]
    fn what_was_clicked_can_be_taken_back() {
        let wanted = Wanted {
            q: "refused".into(),
            level: "error".into(),
            release: "1.0".into(),
            ..Wanted::default()
        };
        let chips = chips(&wanted, &Frame::open(Lang::Es, "/"));
        let shown: Vec<_> = chips
            .iter()
            .map(|chip| format!("{}: {} {}", chip.name, chip.value, chip.link))
            .collect();
        assert_eq!(
            shown,
            [
                "Nivel, y más graves: error ?q=refused&release=1.0",
                "Versión: 1.0 ?q=refused&level=error",
            ]
        );
    }
}
