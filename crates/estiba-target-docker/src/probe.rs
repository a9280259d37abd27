//! Asking a container how it is: Estiba asks, not the engine, whose own checks
//! are commands that an image may not have.

use std::net::IpAddr;

use estiba_host::probe;
use estiba_model::{Message, Probe, message};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::engine::Engine;
use crate::exec;

/// Checks that must all pass.
pub(crate) type Checks = Vec<Check>;

/// A single check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    /// Something accepts connections on this port of the instance.
    Tcp(u16),
    /// A GET request is answered with a status from 200 to 399.
    Http {
        /// The instance itself where there is none.
        host: Option<String>,
        port: u16,
        path: String,
        headers: Vec<(String, String)>,
    },
    /// A command ends with code 0.
    Exec(Vec<String>),
}

impl Check {
    /// The checks of a probe.
    pub(crate) fn of(probe: Option<&Probe>) -> Checks {
        let http = probe.and_then(|probe| probe.http.as_ref());
        let http = http.map(|http| Self::Http {
            host: http.host.clone(),
            port: http.port,
            path: http.path.clone(),
            headers: http.headers.clone(),
        });
        let exec = probe.and_then(|probe| probe.exec.clone()).map(Self::Exec);
        http.into_iter().chain(exec).collect()
    }
}

/// Whether all checks pass; what the first one says that fails.
pub(crate) async fn all_pass(
    checks: &[Check],
    engine: &Engine,
    container: &str,
    address: Option<IpAddr>,
) -> Result<(), Message> {
    for check in checks {
        passes(check, engine, container, address).await?;
    }
    Ok(())
}

async fn passes(
    check: &Check,
    engine: &Engine,
    container: &str,
    address: Option<IpAddr>,
) -> Result<(), Message> {
    let own = || match address {
        Some(address) => Ok(address.to_string()),
        None => Err(message!(
            "the instance has no address",
            "la instancia no tiene dirección"
        )),
    };
    match check {
        Check::Tcp(port) => probe::tcp(&own()?, *port).await,
        Check::Http {
            host,
            port,
            path,
            headers,
        } => {
            let host = host.clone().map_or_else(own, Ok)?;
            probe::http(&host, *port, path, headers).await
        }
        Check::Exec(command) => {
            let name = command.first().map_or("", String::as_str);
            let run = exec::run(engine, container, command, exec::Streams::default());
            match timeout(probe::LIMIT, run).await {
                Ok(Ok(0)) => Ok(()),
                Ok(Ok(code)) => Err(message!(
                    "{name} ends with code {code}",
                    "{name} termina con código {code}"
                )),
                Ok(Err(error)) => Err(error.message()),
                Err(_) => Err(probe::too_slow(name)),
            }
        }
    }
}
