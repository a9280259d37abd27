//! The life of one container: started, watched, started again.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use estiba_model::Message;
use estiba_target::{Redactor, Stream};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::board::Board;
use super::description::{Check, ContainerPlan, Description};
use super::handover::{materialise, output_pipe};
use super::probe;
use super::status::{CRASHING_AFTER, End, Phase};
use crate::logs::{LogWriter, capture};
use crate::process;
use crate::runtime;
use estiba_host::HostError;
use estiba_host::{Process, ProcessId, hears};

/// A container that was up for so long did not end quickly.
const LONG_UP: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What can't be asked is ready when it has been up for so long.
const SETTLED: Duration = Duration::from_millis(300);
const FIRST_CHECK: Duration = Duration::from_millis(1);
const CHECK_EVERY: Duration = Duration::from_secs(1);
const LIVENESS_EVERY: Duration = Duration::from_secs(2);
/// Failed checks in a row that count.
const FAILURES: u32 = 3;
/// A container that never was ready has so long until liveness counts.
const SLOW_START: Duration = Duration::from_secs(60);
/// Time to end for a container that failed its liveness checks.
const UNHEALTHY_GRACE: Duration = Duration::from_secs(10);
/// Time for the rest of the output after the last process is gone.
const OUTPUT_LIMIT: Duration = Duration::from_secs(2);

/// One container, and what it needs to know of its instance.
pub(super) struct Container {
    pub(super) index: usize,
    pub(super) instance: Rc<Description>,
    pub(super) board: Board,
    /// Run once, whatever comes of it.
    pub(super) once: bool,
}

/// A container that runs.
struct Running {
    process: Process,
    pid: Pid,
    since: Instant,
    output: [JoinHandle<()>; 2],
}

impl Container {
    /// Runs it until it has done its work or is told to stop.
    pub(super) async fn live(self) {
        let deadline = tokio::select! {
            () = self.board.predecessors(&self.plan().name, &self.instance.containers) => None,
            deadline = self.board.stopped(self.index) => Some(deadline),
        };
        if deadline.is_none() {
            self.run_again_and_again().await;
        }
        self.board.change(self.index, |status| {
            if status.phase != Phase::Completed {
                status.phase = Phase::Stopped;
                status.ready = false;
            }
        });
    }

    fn plan(&self) -> &ContainerPlan {
        &self.instance.containers[self.index]
    }

    async fn run_again_and_again(&self) {
        let opened = LogWriter::open(
            &self.instance.logs,
            &self.plan().name,
            redactor(&self.instance.secrets),
        );
        let log = match opened {
            Ok(log) => Rc::new(RefCell::new(log)),
            Err(error) => return self.cannot_start(error.message()),
        };
        loop {
            let stopped = match self.start(&log).await {
                Ok(running) => self.watch(running, &log).await,
                Err(error) => {
                    let text = error.to_string();
                    log.borrow_mut().write(Stream::Stderr, [text.as_str()]);
                    self.cannot_start(error);
                    false
                }
            };
            self.remove().await;
            if stopped || self.is_done() {
                return;
            }
            tokio::select! {
                () = sleep(pause(self.board.quick_ends(self.index))) => {}
                _ = self.board.stopped(self.index) => return,
            }
            self.board.change(self.index, |status| status.restarts += 1);
        }
    }

    /// Trying again at once would give the same: told as crashing right away.
    fn cannot_start(&self, error: Message) {
        self.board.change(self.index, |status| {
            status.phase = Phase::BackingOff;
            status.quick_ends = status.quick_ends.saturating_add(CRASHING_AFTER);
            status.error = Some(error);
        });
    }

    fn is_done(&self) -> bool {
        let mut done = self.once;
        self.board.change(self.index, |status| {
            let ended_well = status.end == Some(End::Exited(0)) && status.error.is_none();
            if ended_well && (self.once || self.plan().completes) {
                status.phase = Phase::Completed;
                status.ready = true;
                done = true;
            }
        });
        done
    }

    async fn start(&self, log: &Rc<RefCell<LogWriter>>) -> Result<Running, Message> {
        let plan = self.plan();
        let system = |error: io::Error| HostError::system("a container's start")(error).message();
        for file in &plan.files {
            materialise(file, plan.spec.user).map_err(|error| error.message())?;
        }
        let (stdout, stdout_end) = output_pipe(plan.spec.user).map_err(system)?;
        let (stderr, stderr_end) = output_pipe(plan.spec.user).map_err(system)?;
        let (helper, spec) = (self.instance.helper.clone(), plan.spec.clone());
        let launched =
            spawn_blocking(move || runtime::launch(&helper, &spec, stdout_end, stderr_end));
        let launched = launched
            .await
            .map_err(|error| system(io::Error::other(error)))?
            .map_err(|error| error.message())?;
        let is_first = self.board.quick_ends(self.index) == 0;
        for warning in launched.warnings.iter().filter(|_| is_first) {
            let text = format!("estiba: {warning}");
            log.borrow_mut().write(Stream::Stderr, [text.as_str()]);
        }
        let output = [(stdout, Stream::Stdout), (stderr, Stream::Stderr)]
            .map(|(pipe, stream)| spawn_local(capture(pipe, stream, Rc::clone(log))));
        let pid = Pid::from_raw(launched.pid).ok_or(io::ErrorKind::NotFound);
        let pid = pid.map_err(|error| system(error.into()))?;
        let process = Process::open(launched.pid).map_err(system)?;
        self.board.change(self.index, |status| {
            status.phase = Phase::Running;
            status.process = ProcessId::of(launched.pid);
            status.error = None;
        });
        Ok(Running {
            process,
            pid,
            since: Instant::now(),
            output,
        })
    }

    /// Waits for its end; whether that was asked for.
    async fn watch(&self, running: Running, log: &Rc<RefCell<LogWriter>>) -> bool {
        let mut stopped = false;
        tokio::select! {
            _ = process::ended(&running.process) => {}
            deadline = self.board.stopped(self.index) => {
                stopped = true;
                self.end_until(&running, deadline).await;
            }
            why = self.until_unhealthy(&running) => {
                let text = format!("estiba: ended because it is unhealthy: {why}");
                log.borrow_mut().write(Stream::Stderr, [text.as_str()]);
                self.board.change(self.index, |status| {
                    status.ready = false;
                    status.error = Some(why);
                });
                self.end_until(&running, Instant::now() + UNHEALTHY_GRACE).await;
            }
            never = self.watch_readiness(&running) => match never {},
        }
        let end = self.reap(&running);
        let was_quick = running.since.elapsed() < LONG_UP;
        for output in running.output {
            // A process that left the container could hold the pipe for ever.
            let _ = timeout(OUTPUT_LIMIT, output).await;
        }
        self.board.change(self.index, |status| {
            status.phase = Phase::BackingOff;
            status.process = None;
            status.ready = false;
            status.end = Some(end);
            status.quick_ends = if was_quick { status.quick_ends + 1 } else { 0 };
        });
        stopped
    }

    fn reap(&self, running: &Running) -> End {
        let status = waitpid(Some(running.pid), WaitOptions::empty());
        let end = match status {
            Ok(Some((_, status))) => status
                .exit_status()
                .map(End::Exited)
                .or(status.terminating_signal().map(End::Killed)),
            _ => None,
        };
        let killed = End::Killed(Signal::KILL.as_raw());
        match end.unwrap_or(killed) {
            end if end == killed && self.was_out_of_memory() => End::OutOfMemory,
            end => end,
        }
    }

    fn was_out_of_memory(&self) -> bool {
        runtime::memory_kills(&self.plan().spec.id).is_some_and(|kills| kills > 0)
    }

    /// Asks it to end, and kills it at `deadline`.
    async fn end_until(&self, running: &Running, deadline: Instant) {
        let number = self.plan().stop_signal;
        if hears(running.pid.as_raw_nonzero().get(), number) {
            let signal = Signal::from_named_raw(number).unwrap_or(Signal::TERM);
            let _ = running.process.signal(signal);
            tokio::select! {
                _ = process::ended(&running.process) => return,
                () = sleep_until(deadline) => {}
            }
        }
        let _ = running.process.signal(Signal::KILL);
        let _ = process::ended(&running.process).await;
    }

    async fn watch_readiness(&self, running: &Running) -> Infallible {
        if self.plan().completes {
            return std::future::pending().await;
        }
        if self.plan().readiness.is_empty() {
            let quick_ends = self.board.quick_ends(self.index);
            sleep_until(running.since + settling(quick_ends)).await;
            self.set_ready(Ok(()));
            return std::future::pending().await;
        }
        let mut every = FIRST_CHECK;
        let mut failures = 0;
        loop {
            let passed = self.check(&self.plan().readiness).await;
            match passed {
                Ok(()) => {
                    failures = 0;
                    every = CHECK_EVERY;
                    self.set_ready(Ok(()));
                }
                Err(why) => {
                    failures += 1;
                    every = every.mul_f32(1.5).min(CHECK_EVERY);
                    if failures >= FAILURES {
                        self.set_ready(Err(why));
                    }
                }
            }
            sleep(every).await;
        }
    }

    fn set_ready(&self, passed: Result<(), Message>) {
        self.board.change(self.index, |status| {
            status.ready = passed.is_ok();
            status.error = passed.err();
        });
    }

    /// Waits until its liveness checks fail; what they say.
    async fn until_unhealthy(&self, running: &Running) -> Message {
        if self.plan().liveness.is_empty() {
            return std::future::pending().await;
        }
        let mut was_alive = false;
        let mut failures = 0;
        loop {
            sleep(LIVENESS_EVERY).await;
            match self.check(&self.plan().liveness).await {
                Ok(()) => {
                    was_alive = true;
                    failures = 0;
                }
                Err(why) => {
                    failures += 1;
                    let counts = was_alive || running.since.elapsed() > SLOW_START;
                    if failures >= FAILURES && counts {
                        return why;
                    }
                }
            }
        }
    }

    async fn check(&self, checks: &[Check]) -> Result<(), Message> {
        probe::all_pass(checks, &self.instance.helper, &self.plan().spec.id).await
    }

    /// Removes what is left of a run. What can't be removed now can be when the
    /// same container starts or is removed again.
    async fn remove(&self) {
        let id = self.plan().spec.id.clone();
        let _ = spawn_blocking(move || runtime::delete(&id)).await;
    }
}

fn redactor(secrets: &[String]) -> Redactor {
    let secrets: Vec<_> = secrets
        .iter()
        .map(estiba_model::SecretString::new)
        .collect();
    Redactor::new(&secrets)
}

/// The time before the next start, a fifth shorter or longer by chance, so that
/// what failed together does not come back together.
fn pause(quick_ends: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(quick_ends.saturating_sub(1));
    let pause = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
    pause.mul_f32(rand::random_range(0.8..1.2))
}

/// The more often it ended, the longer it takes to be trusted.
fn settling(quick_ends: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(quick_ends.min(5));
    SETTLED * doubled
}
