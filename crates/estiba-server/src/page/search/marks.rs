//! Where deployments began and ended among lines.

use estiba_api::{DeploymentView, LogHit};
use estiba_model::{DeploymentState, Lang, Message, message};
use jiff::Timestamp;

/// The begin or the end of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub at: Timestamp,
    pub deployment: i64,
    pub message: Message,
}

impl Mark {
    /// Both of a deployment, as far as it is.
    pub fn of(view: &DeploymentView) -> impl Iterator<Item = Self> {
        let one = &view.deployment;
        let (id, version) = (one.id, &one.version);
        let cause = one.cause.message();
        let (en, es) = (cause.text(Lang::En), cause.text(Lang::Es));
        let state = one.state.message();
        let (state_en, state_es) = (state.text(Lang::En), state.text(Lang::Es));
        let is_well = one.state == DeploymentState::Succeeded;
        let sign = if is_well { "✓" } else { "✗" };
        let began = one.started_at.map(|at| Self {
            at,
            deployment: id.0,
            message: message!(
                "▶ {id} {version}: {en} began",
                "▶ {id} {version}: comenzó {es}"
            ),
        });
        let ended = one.finished_at.map(|at| Self {
            at,
            deployment: id.0,
            message: message!(
                "{sign} {id} {version}: {en} {state_en}",
                "{sign} {id} {version}: {es} {state_es}"
            ),
        });
        began.into_iter().chain(ended)
    }
}

/// What is shown, one below the other.
#[derive(Debug, PartialEq)]
pub(super) enum Row {
    Line(Box<LogHit>),
    Mark(Mark),
}

/// Between which moments a page of lines is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// The oldest first.
    pub oldest: bool,
    /// Whether other lines are before these, and after them, in their order.
    pub before: bool,
    pub after: bool,
}

/// Lines with the marks of their time among them.
pub(super) fn rows(lines: Vec<LogHit>, mut marks: Vec<Mark>, reach: Reach) -> Vec<Row> {
    let ends = lines.first().zip(lines.last());
    let ends = ends.map(|(first, last)| (first.record.at, last.record.at));
    marks.retain(|mark| {
        let in_span = reach.from.is_none_or(|from| mark.at >= from)
            && reach.until.is_none_or(|until| mark.at < until);
        let in_page = ends.is_none_or(|(first, last)| {
            let is_before = if reach.oldest {
                mark.at < first
            } else {
                mark.at > first
            };
            let is_after = if reach.oldest {
                mark.at > last
            } else {
                mark.at < last
            };
            !(is_before && reach.before || is_after && reach.after)
        });
        in_span && in_page
    });
    // The next to be shown is the last.
    marks.sort_by_key(|mark| mark.at);
    if reach.oldest {
        marks.reverse();
    }
    let mut rows = Vec::with_capacity(lines.len() + marks.len());
    for line in lines {
        let is_due = |mark: &mut Mark| match reach.oldest {
            true => mark.at <= line.record.at,
            false => mark.at > line.record.at,
        };
        while let Some(mark) = marks.pop_if(is_due) {
            rows.push(Row::Mark(mark));
        }
        rows.push(Row::Line(Box::new(line)));
    }
    rows.extend(marks.into_iter().rev().map(Row::Mark));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_api::LogRecord;
    use estiba_logs::Record;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn line(second: i64) -> LogHit {
        LogHit {
            cursor: String::new(),
            record: LogRecord::from(Record::new(at(second), second.to_string())),
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    fn shown(lines: &[i64], marks: &[i64], reach: Reach) -> String {
        let marks = marks.iter().map(|second| Mark {
            at: at(*second),
            deployment: 1,
            message: Message::verbatim(""),
        });
        let lines = lines.iter().map(|second| line(*second)).collect();
        let rows = rows(lines, marks.collect(), reach);
        let rows = rows.iter().map(|row| match row {
            Row::Line(line) => line.record.text.clone(),
            Row::Mark(mark) => format!("[{}]", mark.at.as_second()),
        });
        rows.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn marks_are_where_they_belong() {
        let whole = Reach {
            from: Some(at(10)),
            until: Some(at(90)),
            oldest: false,
            before: false,
            after: false,
        };
        let marks = [5, 15, 35, 30, 80, 95];
        let middle = Reach {
            before: true,
            after: true,
            ..whole
        };
        let turned = |reach| Reach {
            oldest: true,
            ..reach
        };
        for (lines, reach, expected) in [
            (&[50, 30, 20][..], whole, "[80] 50 [35] 30 [30] 20 [15]"),
            (&[20, 30, 50], turned(whole), "[15] 20 [30] 30 [35] 50 [80]"),
            (&[50, 30, 20], middle, "50 [35] 30 [30] 20"),
            (&[20, 30, 50], turned(middle), "20 [30] 30 [35] 50"),
            (&[], whole, "[80] [35] [30] [15]"),
        ] {
            assert_eq!(shown(lines, &marks, reach), expected, "{reach:?}");
        }
    }
}
