//! The life of a dyno: it starts, is up, crashes, starts again after a pause, and goes
//! when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Dyno, Launch, State, lines};
use crate::logs::Logs;
use crate::world::{Shared, World};

/// How often a port is tried.
const EVERY: Duration = Duration::from_millis(50);
/// The pause grows no more after so many crashes.
const MOST_DOUBLINGS: u32 = 4;

/// A dyno, for those who look after it.
pub(super) struct Life {
    pub(super) world: Shared,
    pub(super) app: String,
    pub(super) id: String,
    pub(super) launch: Launch,
    pub(super) logs: Arc<Logs>,
    pub(super) stop: CancellationToken,
    pub(super) gone: CancellationToken,
}

/// How a run ended.
enum End {
    Stopped,
    Crashed,
}

impl Life {
    /// Goes on until it is told to stop.
    pub(super) async fn live(self) {
        let mut crashes = 0;
        while !self.stop.is_cancelled() {
            self.enter(State::Starting, None);
            let begin = Instant::now();
            match self.run().await {
                Ok(End::Stopped) => break,
                Ok(End::Crashed) => {}
                Err(error) => self.say(&format!("Error: {error:#}")),
            }
            self.say("State changed from up to crashed");
            self.enter(State::Crashed, None);
            let pause = self.pause(crashes);
            let ran_well = begin.elapsed() > pause * 10;
            crashes = if ran_well { 1 } else { crashes + 1 };
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep(pause) => {}
            }
        }
        self.leave();
    }

    /// The first crash is forgiven at once.
    fn pause(&self, crashes: u32) -> Duration {
        match crashes {
            0 => Duration::ZERO,
            more => self.world.options.cool_off * 2u32.pow((more - 1).min(MOST_DOUBLINGS)),
        }
    }

    fn say(&self, line: &str) {
        self.logs.write("heroku", &self.launch.name, line);
    }

    fn enter(&self, state: State, address: Option<SocketAddr>) {
        self.change(|dyno| {
            dyno.enter(state);
            dyno.address = address;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Dyno)) {
        let mut everything = self.world.state();
        let Ok(app) = everything.app_mut(&self.app) else {
            return;
        };
        if let Some(dyno) = app.dynos.iter_mut().find(|dyno| dyno.id == self.id) {
            change(dyno);
        }
    }

    fn leave(&self) {
        if let Ok(app) = self.world.state().app_mut(&self.app) {
            app.dynos.retain(|dyno| dyno.id != self.id);
        }
        self.gone.cancel();
    }

    async fn run(&self) -> Result<End> {
        let engine = &self.world.engine;
        let container = self.launch.make(&self.world, false).await?;
        self.say(&format!(
            "Starting process with command `{}`",
            self.launch.shown()
        ));
        let end = self.run_in(&container).await;
        engine.remove(&container).await;
        end
    }

    async fn run_in(&self, container: &str) -> Result<End> {
        let engine = &self.world.engine;
        engine.start(container).await?;
        self.change(|dyno| dyno.container = Some(container.to_owned()));
        let reading = self.read(container);
        let ended = engine.ended(container);
        tokio::pin!(ended);
        let end = tokio::select! {
            code = &mut ended => self.crashed(code?),
            () = self.boot_and_run(container) => {
                self.say("Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch");
                engine.signal(container, "SIGKILL").await;
                self.crashed(ended.await?)
            }
            () = self.stop.cancelled() => {
                self.enter(State::Starting, None);
                stop(&self.world, container, &mut ended, |line| self.say(line)).await;
                End::Stopped
            }
        };
        // All that it wrote is in the log before it is told to be gone.
        reading.await?;
        Ok(end)
    }

    fn read(&self, container: &str) -> tokio::task::JoinHandle<()> {
        let pieces = self.world.engine.output(container);
        let (logs, name) = (Arc::clone(&self.logs), self.launch.name.clone());
        tokio::spawn(async move {
            lines::each(pieces, |line| logs.write("app", &name, line)).await;
        })
    }

    fn crashed(&self, code: i64) -> End {
        self.say(&format!("Process exited with status {code}"));
        End::Crashed
    }

    /// Comes back only when a web dyno does not boot.
    async fn boot_and_run(&self, container: &str) {
        let address = if self.launch.kind == "web" {
            let boots = self.boots(container);
            match timeout(self.world.options.boot_limit, boots).await {
                Ok(address) => Some(address),
                Err(_) => return,
            }
        } else {
            None
        };
        self.say("State changed from starting to up");
        self.enter(State::Up, address);
        std::future::pending::<()>().await;
    }

    /// Where a web dyno listens, as soon as it does.
    async fn boots(&self, container: &str) -> SocketAddr {
        loop {
            if let Ok(ip) = self.world.engine.address(container).await {
                let address = SocketAddr::new(ip, self.launch.port());
                if TcpStream::connect(address).await.is_ok() {
                    return address;
                }
            }
            sleep(EVERY).await;
        }
    }
}

/// SIGTERM, and SIGKILL when that is not enough.
pub(super) async fn stop<E>(world: &World, container: &str, ended: &mut E, say: impl Fn(&str))
where
    E: Future<Output = Result<i64>> + Unpin,
{
    say("Stopping all processes with SIGTERM");
    world.engine.signal(container, "SIGTERM").await;
    let limit = world.options.shutdown;
    let code = match timeout(limit, &mut *ended).await {
        Ok(code) => code,
        Err(_) => {
            let seconds = limit.as_secs();
            say(&format!(
                "Error R12 (Exit timeout) -> At least one process failed to exit within \
                 {seconds} seconds of SIGTERM"
            ));
            say("Stopping remaining processes with SIGKILL");
            world.engine.signal(container, "SIGKILL").await;
            ended.await
        }
    };
    if let Ok(code) = code {
        say(&format!("Process exited with status {code}"));
    }
}
