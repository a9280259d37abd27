//! Dynos that run once: a command of somebody's, or a release phase.
//!
//! Source: <https://devcenter.heroku.com/articles/one-off-dynos>

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::rendezvous::Visitor;
use super::{Dyno, Launch, State, lines, supervise};
use crate::world::{Shared, World};

/// How long an attached dyno waits for whoever attaches to it.
const VISIT_LIMIT: Duration = Duration::from_secs(60);
/// The end of input, as terminals and Heroku's command send it.
const END_OF_INPUT: u8 = 4;

/// Runs one to its end, or until its app goes; how it ended.
pub(crate) async fn run(
    world: &Shared,
    app: &str,
    launch: &Launch,
    tell: impl Fn(&str) + Send + 'static,
) -> Result<i64> {
    let dyno = Dyno::new(launch.clone(), None);
    let (id, stop, gone) = (dyno.id.clone(), dyno.stop.clone(), dyno.gone.clone());
    let entered = enter(world, app, dyno);
    let result = async {
        entered?;
        let container = launch.make(world, false).await?;
        let code = run_in(world, &container, &stop, tell).await;
        world.engine.remove(&container).await;
        code
    };
    let result = result.await;
    leave(world, app, &id);
    gone.cancel();
    result
}

async fn run_in(
    world: &Shared,
    container: &str,
    stop: &tokio_util::sync::CancellationToken,
    tell: impl Fn(&str) + Send + 'static,
) -> Result<i64> {
    world.engine.start(container).await?;
    let reading = tokio::spawn(lines::each(world.engine.output(container), tell));
    let mut ended = Box::pin(world.engine.ended(container));
    let code = tokio::select! {
        code = &mut ended => code,
        () = stop.cancelled() => {
            supervise::stop(world, container, &mut ended, |_| ()).await;
            Err(anyhow::anyhow!("it was stopped"))
        }
    };
    reading.await?;
    code
}

/// Runs one for a visitor: what it reads and writes goes over their connection.
pub(super) async fn run_attached(
    world: &Shared,
    app: &str,
    dyno: Dyno,
    visit: Visitor,
) -> Result<()> {
    let (id, launch) = (dyno.id.clone(), dyno.launch.clone());
    let (stop, gone) = (dyno.stop.clone(), dyno.gone.clone());
    let entered = enter(world, app, dyno);
    let result = async {
        entered?;
        let stream = timeout(VISIT_LIMIT, visit).await.context("nobody came")??;
        let container = launch.make(world, true).await?;
        let attached = attach(world, &container, launch.tty, stream);
        let done = tokio::select! {
            done = attached => done,
            () = stop.cancelled() => Ok(()),
        };
        world.engine.remove(&container).await;
        done
    };
    let result = result.await;
    leave(world, app, &id);
    gone.cancel();
    result
}

async fn attach<S>(world: &World, container: &str, tty: bool, stream: S) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut attached = world.engine.attach(container).await?;
    world.engine.start(container).await?;
    let (mut from, mut to) = tokio::io::split(stream);
    let feeding = async {
        let mut buffer = vec![0; 16 << 10];
        // A visitor who is gone, and one who says that the input ends, send no more.
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let given = &buffer[..count];
            // A terminal knows what the end of input is.
            let text = if tty {
                given
            } else {
                given.strip_suffix(&[END_OF_INPUT]).unwrap_or(given)
            };
            if attached.input.write_all(text).await.is_err() || text.len() < count {
                break;
            }
        }
        // What has ended reads no more.
        let _ = attached.input.shutdown().await;
        std::future::pending::<()>().await;
    };
    let showing = async {
        while let Some(piece) = attached.output.next().await {
            to.write_all(&piece?.into_bytes()).await?;
        }
        to.shutdown().await?;
        anyhow::Ok(())
    };
    tokio::select! {
        shown = showing => shown,
        () = feeding => Ok(()),
    }
}

fn enter(world: &World, app: &str, mut dyno: Dyno) -> Result<()> {
    dyno.enter(State::Up);
    let mut state = world.state();
    let app = state
        .app_mut(app)
        .map_err(|_| anyhow::anyhow!("the app is gone"))?;
    app.dynos.push(dyno);
    Ok(())
}

fn leave(world: &World, app: &str, id: &str) {
    if let Ok(app) = world.state().app_mut(app) {
        app.dynos.retain(|dyno| dyno.id != id);
    }
}

/// One that nobody watches: its output goes to the log.
pub(super) fn run_detached(world: &Shared, app: &str, launch: Launch) {
    let (world, app) = (Arc::clone(world), app.to_owned());
    tokio::spawn(async move {
        let logs = world.state().app(&app).map(|app| Arc::clone(&app.logs));
        let Ok(logs) = logs else { return };
        let (name, log) = (launch.name.clone(), Arc::clone(&logs));
        let tell = move |line: &str| log.write("app", &name, line);
        let said = match run(&world, &app, &launch, tell).await {
            Ok(code) => format!("Process exited with status {code}"),
            Err(error) => format!("Error: {error:#}"),
        };
        logs.write("heroku", &launch.name, &said);
    });
}
