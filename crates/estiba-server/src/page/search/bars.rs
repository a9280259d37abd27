//! How many lines there are over time: a bar for each span, by level, that leads to
//! its lines.

use std::fmt::Write;

use askama::filters::{Html, escape};
use estiba_api::{LogBucket, LogHistogram};
use estiba_logs::Level;
use jiff::{SignedDuration, Timestamp};

use super::marks::Mark;
use super::wanted::{Wanted, written};
use crate::page::frame::Frame;

const WIDE: f64 = 1000.0;
const HIGH: f64 = 100.0;
/// One bar alone does not fill the picture.
const WIDEST_BAR: f64 = 60.0;
/// Between bars.
const GAP: f64 = 1.0;

/// The bars, and between which moments they are; none where there are no lines.
pub(super) struct Bars {
    pub svg: String,
    pub first: Timestamp,
    pub last: Timestamp,
}

impl Bars {
    pub fn of(found: &LogHistogram, marks: &[Mark], wanted: &Wanted, p: &Frame) -> Option<Self> {
        let (first, last) = (found.buckets.first()?, found.buckets.last()?);
        let interval = i64::try_from(found.interval_ms).ok()?;
        let interval = SignedDuration::from_millis(interval.max(1));
        let picture = Picture {
            first: first.from,
            last: last.from.checked_add(interval).ok()?,
            interval,
            most: found.buckets.iter().map(|bar| bar.lines).max()?.max(1),
        };
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDE} {HIGH}\" preserveAspectRatio=\"none\" role=\"group\" aria-label=\"{}\">",
            p.t("Lines over time", "Líneas a lo largo del tiempo")
        );
        for bar in &found.buckets {
            picture.bar(&mut svg, bar, wanted, p)?;
        }
        for mark in marks {
            picture.mark(&mut svg, mark);
        }
        svg.push_str("</svg>");
        Some(Self {
            svg,
            first: picture.first,
            last: picture.last,
        })
    }
}

struct Picture {
    first: Timestamp,
    last: Timestamp,
    interval: SignedDuration,
    most: u64,
}

impl Picture {
    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.last.duration_since(self.first).as_secs_f64();
        at.duration_since(self.first).as_secs_f64() / whole * WIDE
    }

    fn high(&self, lines: u64) -> f64 {
        crate::logs::as_figure(lines) / crate::logs::as_figure(self.most) * HIGH
    }

    fn bar(&self, svg: &mut String, bar: &LogBucket, wanted: &Wanted, p: &Frame) -> Option<()> {
        let until = bar.from.checked_add(self.interval).ok()?;
        let link = wanted.link(|wanted| {
            wanted.from = written(bar.from);
            wanted.until = written(until);
        });
        let parts = parts(bar);
        let mut told: Vec<String> = parts
            .iter()
            .map(|(level, lines)| format!("{lines} {level}"))
            .collect();
        told.retain(|part| !part.ends_with(' '));
        let of = match told.is_empty() {
            true => String::new(),
            false => format!(" ({})", told.join(", ")),
        };
        let label = format!(
            "{}: {} {}{of}",
            bar.from.strftime("%Y-%m-%d %H:%M:%S"),
            bar.lines,
            p.t("lines", "líneas")
        );
        let (x, wide) = (self.x(bar.from), self.x(until) - self.x(bar.from));
        let wide = (wide.min(WIDEST_BAR) - GAP).max(GAP);
        let (link, label) = (escape(link, Html).ok()?, escape(label, Html).ok()?);
        let _ = write!(
            svg,
            "<a href=\"{link}\" aria-label=\"{label}\"><title>{label}</title><rect class=\"whole\" x=\"{x:.1}\" y=\"0\" width=\"{wide:.1}\" height=\"{HIGH}\"/>"
        );
        let mut y = HIGH;
        for (level, lines) in parts {
            let high = self.high(lines);
            y -= high;
            let class = if level.is_empty() { "other" } else { level };
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.2}\" width=\"{wide:.1}\" height=\"{high:.2}\"/>"
            );
        }
        svg.push_str("</a>");
        Some(())
    }

    fn mark(&self, svg: &mut String, mark: &Mark) {
        if mark.at >= self.first && mark.at <= self.last {
            let x = self.x(mark.at);
            let _ = write!(
                svg,
                "<line class=\"mark\" x1=\"{x:.1}\" y1=\"0\" x2=\"{x:.1}\" y2=\"{HIGH}\"/>"
            );
        }
    }
}

/// What a bar is made of, the gravest first; without a name those that say no level.
fn parts(bar: &LogBucket) -> Vec<(&'static str, u64)> {
    let mut parts: Vec<(&str, u64)> = Level::ALL
        .iter()
        .rev()
        .filter_map(|level| Some((level.as_str(), *bar.by.get(level.as_str())?)))
        .collect();
    let named: u64 = parts.iter().map(|(_, lines)| lines).sum();
    parts.push(("", bar.lines.saturating_sub(named)));
    parts.retain(|(_, lines)| *lines > 0);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_model::Lang;

    fn bar(minute: i64, lines: u64, by: &[(&str, u64)]) -> LogBucket {
        LogBucket {
            from: Timestamp::from_second(1_700_000_000 + 60 * minute).unwrap(),
            lines,
            by: by.iter().map(|(level, n)| ((*level).into(), *n)).collect(),
        }
    }

    #[test]
    fn a_bar_is_made_of_levels_and_leads_to_its_lines() {
        let found = LogHistogram {
            interval_ms: 60_000,
            buckets: vec![
                bar(0, 10, &[("info", 7), ("error", 2)]),
                bar(9, 5, &[("warn", 5)]),
            ],
        };
        let wanted = Wanted {
            q: "a<b".into(),
            ..Wanted::default()
        };
        let frame = Frame::open(Lang::En, "/");
        let bars = Bars::of(&found, &[], &wanted, &frame).unwrap();
        let heights: Vec<&str> = bars
            .svg
            .split("<rect class=\"")
            .skip(1)
            .map(|rect| rect.split('"').next().unwrap())
            .collect();
        assert_eq!(
            heights,
            ["whole", "error", "info", "other", "whole", "warn"],
            "{}",
            bars.svg
        );
        assert!(bars.svg.contains("10 lines (2 error, 7 info)"));
        assert!(bars.svg.contains("height=\"50.00\""), "{}", bars.svg);
        let link = "?q=a%3Cb&#38;from=2023-11-14T22%3A13%3A20Z&#38;until=2023-11-14T22%3A14%3A20Z";
        assert!(bars.svg.contains(link), "{}", bars.svg);
        assert_eq!(
            bars.last.duration_since(bars.first),
            SignedDuration::from_mins(10)
        );
    }

    #[test]
    fn no_lines_are_no_picture() {
        let found = LogHistogram {
            interval_ms: 0,
            buckets: Vec::new(),
        };
        let frame = Frame::open(Lang::Es, "/");
        assert!(Bars::of(&found, &[], &Wanted::default(), &frame).is_none());
    }
}
