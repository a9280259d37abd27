//! What happens to many environments at once, told a line each.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use estiba_engine::Observer;
use estiba_model::{Event, Message, Name};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::output::Output;

/// Shows how teams get on: a moving line on a terminal, plain lines elsewhere, JSON
/// for programs.
#[derive(Clone)]
pub struct Told {
    output: Output,
    bar: Arc<ProgressBar>,
}

impl Told {
    pub fn new(output: Output, total: u64) -> Self {
        let moving = !output.json && std::io::stderr().is_terminal();
        let target = match moving {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg} {elapsed}")
        {
            bar.set_style(style);
        }
        if moving {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self {
            output,
            bar: Arc::new(bar),
        }
    }

    /// A line that stays.
    pub fn line(&self, message: &Message) {
        if self.output.json {
            return;
        }
        let text = message.text(self.output.lang);
        match self.bar.is_hidden() {
            true => eprintln!("{text}"),
            false => self.bar.println(text),
        }
    }

    /// One more is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// What the engine tells about one environment.
    pub fn of(&self, team: &Name, environment: &Name) -> OfOne {
        OfOne {
            told: self.clone(),
            team: team.clone(),
            environment: environment.clone(),
        }
    }

    /// Nothing moves any more.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// What the engine tells about one environment.
pub struct OfOne {
    told: Told,
    team: Name,
    environment: Name,
}

impl Observer for OfOne {
    fn event(&self, event: Event) {
        let (team, environment) = (&self.team, &self.environment);
        let told = &self.told;
        if told.output.json {
            let mut document = json!(event);
            document["team"] = json!(team);
            document["environment"] = json!(environment);
            return told.output.json(&document);
        }
        let doing = match &event {
            Event::StepStarted { step, .. } => step.message(),
            Event::Notice { notice } => {
                let notice = notice.clone();
                return told.line(&notice.map(|text| format!("! {team}/{environment}: {text}")));
            }
            _ => return,
        };
        let text = doing.text(told.output.lang);
        told.bar
            .set_message(format!("{team}/{environment}: {text}"));
    }
}
