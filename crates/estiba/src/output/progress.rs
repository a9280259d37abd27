//! Long work as it happens: a moving line on a terminal, plain lines elsewhere,
//! JSON for programs.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use estiba_engine::Observer;
use estiba_model::{Event, Lang, Message, message};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;

/// Shows what the engine tells.
pub struct ShownProgress {
    output: Output,
    bar: ProgressBar,
    current: Mutex<Current>,
}

/// What is being done.
#[derive(Default)]
struct Current {
    text: String,
    begun: Option<Instant>,
}

impl ShownProgress {
    /// Progress to standard error, or JSON to standard output.
    pub fn new(output: Output) -> Self {
        let moving = !output.json && std::io::stderr().is_terminal();
        let target = if moving {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        if moving {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self {
            output,
            bar,
            current: Mutex::default(),
        }
    }

    fn lang(&self) -> Lang {
        self.output.lang
    }

    fn permanent(&self, line: &str) {
        if self.bar.is_hidden() {
            eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    fn begin(&self, what: &Message) {
        let text = what.text(self.lang()).to_owned();
        self.bar.set_message(text.clone());
        self.bar.reset_elapsed();
        if let Ok(mut current) = self.current.lock() {
            *current = Current {
                text,
                begun: Some(Instant::now()),
            };
        }
    }

    fn end(&self, mark: &str, took: Option<Duration>) {
        let Ok(current) = self.current.lock() else {
            return;
        };
        let took = took.or_else(|| current.begun.map(|begun| begun.elapsed()));
        let seconds = took.unwrap_or_default().as_secs_f64();
        self.permanent(&format!("{mark} {} ({seconds:.1} s)", current.text));
    }

    fn line(&self, text: &str) {
        if let Ok(current) = self.current.lock() {
            if self.bar.is_hidden() {
                eprintln!("    {text}");
            } else {
                self.bar.set_message(format!("{}: {text}", current.text));
            }
        }
    }

    fn show(&self, event: &Event) {
        match event {
            Event::Building { workload } => {
                self.begin(&message!("build {workload}", "construir {workload}"));
            }
            Event::Built { cached: true, .. } => {}
            Event::Built { .. } => self.end("✓", None),
            Event::Released { version, new: true } => {
                self.permanent(
                    message!("✓ release {version}", "✓ versión {version}").text(self.lang()),
                );
            }
            Event::Released { .. } => {}
            Event::Queued { deployment } => self.permanent(
                message!(
                    "… {deployment} waits for another deployment to end",
                    "… {deployment} espera a que termine otro despliegue"
                )
                .text(self.lang()),
            ),
            Event::TakenOver { deployment } => self.permanent(
                message!(
                    "! {deployment} was interrupted; what it left undone is done now",
                    "! {deployment} se interrumpió; lo que dejó sin hacer se hace ahora"
                )
                .text(self.lang()),
            ),
            Event::Planned { plan, .. } => {
                let count = plan.steps.len();
                let environment = &plan.environment.environment;
                self.permanent(
                    message!(
                        "{environment}: {count} steps",
                        "{environment}: {count} pasos"
                    )
                    .text(self.lang()),
                );
            }
            Event::StepStarted { step, .. } => self.begin(&step.message()),
            Event::StepDone { took, .. } => self.end("✓", Some(*took)),
            Event::StepFailed { .. } => self.end("✗", None),
            Event::RollingBack { to } => {
                let message = match to {
                    Some(version) => message!(
                        "↩ restoring {version}, which worked",
                        "↩ se restaura {version}, que funcionaba"
                    ),
                    None => message!(
                        "↩ removing what was started",
                        "↩ se quita lo que se había iniciado"
                    ),
                };
                self.permanent(message.text(self.lang()));
            }
            Event::Line { text } => self.line(text),
            Event::Notice { notice } => {
                self.permanent(&format!("! {}", notice.text(self.lang())));
            }
        }
    }
}

impl Observer for ShownProgress {
    fn event(&self, event: Event) {
        if self.output.json {
            self.output.json(&event);
        } else {
            self.show(&event);
        }
    }
}

impl Drop for ShownProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
