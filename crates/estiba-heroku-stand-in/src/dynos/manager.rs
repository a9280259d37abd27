//! Brings an app's dynos to what its formation and its current release say.
//!
//! Old dynos stop before new ones start, unless the app has `preboot`:
//! <https://devcenter.heroku.com/articles/preboot>.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::supervise::Life;
use super::{Dyno, Launch, State};
use crate::apps::App;
use crate::world::{Shared, World};

/// How often it is looked whether new dynos are up.
const EVERY: Duration = Duration::from_millis(50);

/// Does it in the background. What is asked for meanwhile comes after.
pub(crate) fn settle(world: &Shared, app: &str) {
    let (world, id) = (Arc::clone(world), app.to_owned());
    tokio::spawn(async move {
        let Some(turn) = turn(&world, &id) else {
            return;
        };
        let turn = turn.lock_owned().await;
        preboot(&world, &id).await;
        let leaving = tell_old_ones(&world, &id);
        join_all(leaving.iter().map(CancellationToken::cancelled)).await;
        start_missing(&world, &id, |_| true);
        drop(turn);
    });
}

fn turn(world: &World, app: &str) -> Option<Arc<tokio::sync::Mutex<()>>> {
    let state = world.state();
    state.app(app).ok().map(|app| Arc::clone(&app.dyno_turn))
}

/// The dynos that there should be.
fn wanted(app: &App) -> Vec<Launch> {
    let Some(release) = app.current() else {
        return Vec::new();
    };
    let of_formation = app.formation.iter();
    let running = of_formation.filter(|(kind, _)| kind.as_str() != crate::releases::RELEASE);
    running
        .filter_map(|(kind, process)| Some((kind, process, release.images.get(kind)?)))
        .flat_map(|(kind, process, image)| {
            (1..=process.quantity).map(move |number| {
                let name = format!("{kind}.{number}");
                Launch::new(app, release, kind, name, process.size, image.clone())
            })
        })
        .collect()
}

/// Whether a dyno is as it should be.
fn is_right(dyno: &Dyno, wanted: &Launch) -> bool {
    let Launch {
        name,
        release,
        size,
        ..
    } = &dyno.launch;
    !dyno.stop.is_cancelled()
        && *name == wanted.name
        && *release == wanted.release
        && *size == wanted.size
}

/// Tells the dynos that should not be there to go.
fn tell_old_ones(world: &World, app: &str) -> Vec<CancellationToken> {
    let state = world.state();
    let Ok(app) = state.app(app) else {
        return Vec::new();
    };
    let wanted = wanted(app);
    let of_formation = app.dynos.iter().filter(|dyno| dyno.is_of_formation());
    let old = of_formation.filter(|dyno| !wanted.iter().any(|one| is_right(dyno, one)));
    old.map(|dyno| {
        dyno.stop.cancel();
        dyno.gone.clone()
    })
    .collect()
}

/// Starts the dynos that are missing; how many.
fn start_missing(world: &Shared, app: &str, which: impl Fn(&Launch) -> bool) -> usize {
    let mut state = world.state();
    let Ok(app) = state.app_mut(app) else {
        return 0;
    };
    let is_there = |one: &Launch| app.dynos.iter().any(|dyno| is_right(dyno, one));
    let missing: Vec<_> = wanted(app)
        .into_iter()
        .filter(|one| which(one) && !is_there(one))
        .collect();
    let count = missing.len();
    for launch in missing {
        let dyno = Dyno::new(launch, None);
        let life = Life {
            world: Arc::clone(world),
            app: app.id.clone(),
            id: dyno.id.clone(),
            launch: dyno.launch.clone(),
            logs: Arc::clone(&app.logs),
            stop: dyno.stop.clone(),
            gone: dyno.gone.clone(),
        };
        app.dynos.push(dyno);
        tokio::spawn(life.live());
    }
    count
}

/// New web dynos come before the old ones go, where the app wants that.
async fn preboot(world: &Shared, app: &str) {
    let has = world.state().app(app).is_ok_and(|app| app.preboot);
    if !has || start_missing(world, app, |one| one.kind == "web") == 0 {
        return;
    }
    let up = async {
        while !new_web_is_up(world, app) {
            sleep(EVERY).await;
        }
    };
    if timeout(world.options.boot_limit, up).await.is_ok() {
        sleep(world.options.preboot).await;
    }
}

fn new_web_is_up(world: &World, app: &str) -> bool {
    let state = world.state();
    let Ok(app) = state.app(app) else { return true };
    let current = app.current;
    let web = app.dynos.iter().filter(|dyno| dyno.launch.kind == "web");
    let mut new = web.filter(|dyno| Some(dyno.launch.release.1) == current);
    new.all(|dyno| dyno.state == State::Up)
}
