//! The server that databases are on: a container on this machine's network, so that
//! dynos and this machine reach it at one address, as Heroku's are reached from
//! everywhere. Unlike Heroku's, it does not insist on TLS.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{sleep, timeout};

use crate::engine::Making;
use crate::ids::letters;
use crate::world::World;

const START_LIMIT: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_millis(200);
const DATA: &str = "/var/lib/postgresql/data";

#[derive(Debug)]
pub(crate) struct Server {
    container: String,
    port: u16,
}

/// A database, and the one role that owns it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    name: String,
    user: String,
    password: String,
    address: String,
}

impl Database {
    pub(crate) fn url(&self) -> String {
        let Self {
            name,
            user,
            password,
            address,
        } = self;
        format!("postgres://{user}:{password}@{address}/{name}")
    }
}

impl Server {
    pub(crate) async fn start(world: &World) -> Result<Self> {
        let (image, gateway) = (&world.options.postgres, world.addresses.gateway);
        if !world.engine.has_image(image).await {
            world
                .engine
                .pull(image)
                .await
                .context("no image of PostgreSQL")?;
        }
        let port = TcpListener::bind((gateway, 0))?.local_addr()?.port();
        let settings = [
            format!("listen_addresses=127.0.0.1,{gateway}"),
            format!("port={port}"),
            "fsync=off".to_owned(),
            "max_connections=200".to_owned(),
        ];
        let flags = settings
            .into_iter()
            .flat_map(|setting| ["-c".to_owned(), setting]);
        let password = letters(24);
        let making = Making {
            image: image.clone(),
            cmd: std::iter::once("postgres".to_owned())
                .chain(flags)
                .collect(),
            env: ["POSTGRES_PASSWORD", "PGPASSWORD"]
                .map(|name| format!("{name}={password}"))
                .to_vec(),
            on_host_network: true,
            data: Some(DATA),
            ..Making::default()
        };
        let container = world.engine.create(making).await?;
        world.engine.start(&container).await?;
        let server = Self { container, port };
        // It listens there only when all is set up.
        let answers = async {
            while server.run(world, "select 1").await.is_err() {
                sleep(EVERY).await;
            }
        };
        timeout(START_LIMIT, answers)
            .await
            .context("PostgreSQL does not start")?;
        Ok(server)
    }

    async fn run(&self, world: &World, statement: &str) -> Result<String> {
        let port = self.port.to_string();
        let command = [
            "psql",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--username",
            "postgres",
            "--no-psqlrc",
            "--set",
            "ON_ERROR_STOP=1",
            "--command",
            statement,
        ];
        world.engine.execute(&self.container, &command).await
    }

    pub(super) async fn create_database(&self, world: &World) -> Result<Database> {
        let database = Database {
            name: format!("d{}", letters(13)),
            user: format!("u{}", letters(13)),
            password: format!("p{}", letters(40)),
            address: format!("{}:{}", world.addresses.gateway, self.port),
        };
        let Database {
            name,
            user,
            password,
            ..
        } = &database;
        for statement in [
            format!("create role {user} login password '{password}'"),
            format!("create database {name} owner {user}"),
            format!("revoke connect on database {name} from public"),
        ] {
            self.run(world, &statement).await?;
        }
        Ok(database)
    }

    pub(super) async fn drop_database(&self, world: &World, database: &Database) {
        let Database { name, user, .. } = database;
        for statement in [
            format!("drop database if exists {name} with (force)"),
            format!("drop role if exists {user}"),
        ] {
            // The server goes with the stand-in, and what it still has too.
            let _ = self.run(world, &statement).await;
        }
    }
}
