//! Making a database in the background, as Heroku does: the app restarts when it is
//! there.

use std::sync::Arc;

use super::postgres::Server;
use super::{Provision, SERVICE};
use crate::ids::now;
use crate::releases::{self, Change};
use crate::world::{Shared, World};

pub(super) fn begin(world: &Shared, addon: &str) {
    let (world, id) = (Arc::clone(world), addon.to_owned());
    tokio::spawn(async move {
        let server = world
            .databases
            .get_or_try_init(|| Server::start(&world))
            .await;
        let made = match server {
            Ok(server) => server.create_database(&world).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(database) => {
                let unused = done(&world, &id, database);
                super::drop_databases(&world, unused.into_iter().collect()).await;
            }
            Err(error) => failed(&world, &id, &format!("{error:#}")),
        }
    });
}

/// Gives the database back where its add-on has gone meanwhile.
fn done(
    world: &Shared,
    id: &str,
    database: super::postgres::Database,
) -> Option<super::postgres::Database> {
    let mut state = world.state();
    let Some(addon) = state.addons.iter_mut().find(|addon| addon.id == id) else {
        return Some(database);
    };
    addon.database = Some(database);
    addon.state = Provision::Done;
    addon.updated_at = now();
    let attached = state.attachments.iter().filter(|one| one.addon == id);
    let apps: Vec<_> = attached
        .map(|one| (one.app.clone(), one.name.clone()))
        .collect();
    for (app, name) in apps {
        let change = Change::described(&format!("Update {name} by {SERVICE}"));
        // An app that has gone took its attachments along.
        let _ = releases::create(world, &mut state, &app, change);
    }
    None
}

fn failed(world: &World, id: &str, why: &str) {
    let mut state = world.state();
    let Some(addon) = state.addons.iter_mut().find(|addon| addon.id == id) else {
        return;
    };
    addon.state = Provision::Failed;
    let app = addon.app.clone();
    if let Ok(app) = state.app(&app) {
        app.logs.write(
            "heroku",
            "api",
            &format!("{SERVICE} was not provisioned: {why}"),
        );
    }
}
