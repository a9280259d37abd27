//! A PostgreSQL server for the tests: the one of `ESTIBA_TEST_POSTGRES_URL`, or
//! one of their own that ends with them.

use std::sync::OnceLock;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use crate::postgres_process::{Postgres, start};

pub struct Server {
    url: AnyConnectOptions,
    _process: Option<Postgres>,
}

pub fn server() -> &'static Result<Server, String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (url, process) = match std::env::var("ESTIBA_TEST_POSTGRES_URL") {
            Ok(url) => (url, None),
            Err(_) => {
                let why = |none| format!("{none}, and ESTIBA_TEST_POSTGRES_URL is not set");
                let process = start().map_err(why)?;
                (process.url.clone(), Some(process))
            }
        };
        Ok(Server {
            url: url.parse().unwrap(),
            _process: process,
        })
    })
}

impl Server {
    pub async fn create_database(&self, name: &str) -> String {
        self.run(format!("CREATE DATABASE {name}")).await;
        let mut url = self.url.database_url.clone();
        url.set_path(name);
        url.into()
    }

    pub async fn drop_database(&self, name: &str) {
        self.run(format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }

    async fn run(&self, statement: String) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect_with(&self.url).await.unwrap();
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    }
}
