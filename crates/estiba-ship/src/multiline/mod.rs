//! Which lines belong together: by a pattern that begins an event, or as the
//! stack traces of a language look.

mod languages;

use estiba_logs::Level;
use regex::bytes::{Regex, RegexSet};

use languages::{LANGUAGES, Opening, Rules};

pub use languages::Language;

/// How lines are joined.
#[derive(Debug)]
pub struct Multiline(Kind);

#[derive(Debug)]
enum Kind {
    /// What matches begins an event, all else goes on with it.
    Start(Regex),
    Traces(Traces),
}

#[derive(Debug)]
struct Traces {
    /// The languages, and of each what was compiled.
    rules: Vec<Compiled>,
    /// All openings of all of them, in order.
    opens: RegexSet,
    openings: Vec<(usize, &'static Opening)>,
    /// What is a frame of a trace whatever was before it, by language.
    frames: RegexSet,
}

#[derive(Debug)]
struct Compiled {
    rules: &'static Rules,
    body: Regex,
    rejoins: Option<Regex>,
}

/// How far an event's stack trace has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trace {
    language: Option<usize>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// No trace yet.
    #[default]
    Plain,
    /// So many lines go on whatever they are.
    Head(u8),
    /// Frames; `true` where one more line, which is no frame, ends the trace.
    Body(bool),
    /// It ended.
    Closed,
    /// Lines with nothing in them, after which it may go on.
    Gap(bool),
}

impl Multiline {
    /// Lines that match begin an event.
    ///
    /// # Errors
    /// The pattern is no regular expression.
    pub fn start(pattern: &str) -> Result<Self, regex::Error> {
        Ok(Self(Kind::Start(Regex::new(pattern)?)))
    }

    /// Stack traces of these languages are one event, with the line that tells of
    /// the error before them.
    ///
    /// # Panics
    /// Never: the patterns are constants, and tests compile them all.
    #[must_use]
    pub fn traces(languages: &[Language]) -> Self {
        let chosen: Vec<_> = LANGUAGES
            .iter()
            .filter(|rules| languages.contains(&rules.language))
            .collect();
        let compile = |pattern: &str| Regex::new(pattern).expect("a constant pattern");
        let set = |patterns: &mut dyn Iterator<Item = &'static str>| {
            RegexSet::new(patterns).expect("constant patterns")
        };
        let openings: Vec<(usize, &'static Opening)> = chosen
            .iter()
            .enumerate()
            .flat_map(|(index, rules)| rules.openings.iter().map(move |opening| (index, opening)))
            .collect();
        Self(Kind::Traces(Traces {
            opens: set(&mut openings.iter().map(|(_, opening)| opening.pattern)),
            openings,
            frames: set(&mut chosen.iter().map(|rules| rules.frame)),
            rules: chosen
                .into_iter()
                .map(|rules| Compiled {
                    rules,
                    body: compile(rules.body),
                    rejoins: rules.rejoins.map(compile),
                })
                .collect(),
        }))
    }

    /// The state after the first line of an event.
    pub(crate) fn begin(&self, line: &[u8]) -> Trace {
        match &self.0 {
            Kind::Start(_) => Trace::default(),
            Kind::Traces(traces) => traces.open(line).unwrap_or_default(),
        }
    }

    /// Whether `line` goes on with the event whose text so far is `event`.
    pub(crate) fn continues(&self, trace: &mut Trace, event: &[u8], line: &[u8]) -> bool {
        match &self.0 {
            Kind::Start(start) => !start.is_match(line),
            Kind::Traces(traces) => match traces.follow(*trace, event, line) {
                Some(next) => {
                    *trace = next;
                    true
                }
                None => false,
            },
        }
    }
}

impl Traces {
    fn open(&self, line: &[u8]) -> Option<Trace> {
        let first = self.opens.matches(line).iter().next()?;
        let (language, opening) = self.openings[first];
        Some(Trace {
            language: Some(language),
            phase: match opening.head {
                0 => Phase::Body(opening.has_last_line),
                lines => Phase::Head(lines),
            },
        })
    }

    fn follow(&self, trace: Trace, event: &[u8], line: &[u8]) -> Option<Trace> {
        let Some(language) = trace.language else {
            return self.attach(event, line);
        };
        let compiled = &self.rules[language];
        let next = |phase| Some(Trace { phase, ..trace });
        let is_blank = line.iter().all(u8::is_ascii_whitespace);
        let opened = || {
            self.open(line)
                .filter(|opened| opened.language == trace.language)
        };
        match trace.phase {
            Phase::Plain => None,
            Phase::Head(left) => match opened() {
                Some(opened) => Some(opened),
                None if left > 1 => next(Phase::Head(left - 1)),
                None => next(Phase::Body(false)),
            },
            Phase::Body(_) | Phase::Closed if is_blank => {
                compiled.rejoins.as_ref()?;
                next(Phase::Gap(false))
            }
            Phase::Body(has_last_line) => {
                if compiled.body.is_match(line) {
                    next(Phase::Body(has_last_line))
                } else if has_last_line {
                    next(Phase::Closed)
                } else {
                    None
                }
            }
            Phase::Closed => None,
            Phase::Gap(_) if is_blank => Some(trace),
            Phase::Gap(said_so) => {
                if said_so && let Some(opened) = opened() {
                    return Some(opened);
                }
                if !compiled.rejoins.as_ref()?.is_match(line) {
                    return None;
                }
                if compiled.rules.says_that_it_goes_on {
                    next(Phase::Gap(true))
                } else {
                    next(Phase::Body(false))
                }
            }
        }
    }

    /// A trace after a line that is none: a frame goes with whatever was before
    /// it, the head of a trace with a line that tells of trouble.
    fn attach(&self, event: &[u8], line: &[u8]) -> Option<Trace> {
        // With anything behind it, an object would be none any more.
        let event = event.trim_ascii();
        if event.starts_with(b"{") && event.ends_with(b"}") {
            return None;
        }
        if let Some(language) = self.frames.matches(line).iter().next() {
            return Some(Trace {
                language: Some(language),
                phase: Phase::Body(self.rules[language].rules.has_last_line),
            });
        }
        let opened = self.open(line)?;
        let rules = self.rules[opened.language?].rules;
        let tells_of_trouble = || Level::in_text(event).is_some_and(|level| level >= Level::Warn);
        (rules.follows_a_message && tells_of_trouble()).then_some(opened)
    }
}

#[cfg(test)]
mod tests;
