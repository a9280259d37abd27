//! `estiba serve`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use estiba_model::{Name, SecretString, TargetConfig, message};
use estiba_server::{Authorities, Destination, LogOptions, Options, ProviderOptions, SinkLogin};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::{Serve, ServeLogs};
use crate::context::Context;
use crate::failure::Failure;
use crate::paths::Paths;
use crate::telemetry::Telemetry;

/// The port of a server that is not told another.
const USUAL_PORT: u16 = 8700;

/// Answers the API until it is told to end.
pub async fn serve(context: &Context, serve: Serve) -> Result<(), Failure> {
    let engine = context.engine().await?;
    let options = Options {
        targets: serve.targets.as_deref().map(targets).transpose()?,
        behind_proxy: serve.behind_proxy,
        url: serve.url.as_deref().map(url).transpose()?,
        provider: provider(&serve)?,
        session_idle: span(&serve.session_idle)?,
        session_longest: span(&serve.session_longest)?,
        logs: logs(&serve.logs)?,
        ..Options::default()
    };
    let address = match serve.listen {
        Some(address) => address,
        None => where_nothing_is_said()?,
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::because(message!(
            "nothing can listen at {address}: {error}; choose another address with --listen",
            "no se puede escuchar en {address}: {error}; elija otra dirección con --listen"
        ))
    })?;
    let telemetry = Telemetry::begin(context.output.json).await?;
    let stop = when_told_to_end()?;
    let bound = listener.local_addr().unwrap_or(address);
    context.output.line(&message!(
        "listening on http://{bound}, for people and programs; the API is described at http://{bound}/api",
        "escuchando en http://{bound}, para personas y programas; la API se describe en http://{bound}/api"
    ));
    context
        .output
        .json(&serde_json::json!({ "event": "listening", "address": bound }));
    let served = estiba_server::serve(listener, engine, options, stop).await;
    telemetry.end().await;
    served.map_err(|error| Failure::because(error.message().clone()))
}

/// Where logs are kept, where they are.
fn logs(serve: &ServeLogs) -> Result<Option<LogOptions>, Failure> {
    if serve.none {
        return Ok(None);
    }
    let folder = match &serve.folder {
        Some(folder) => folder.clone(),
        None => Paths::of_user()
            .map_err(Failure::because)?
            .state
            .join("logs"),
    };
    Ok(Some(LogOptions {
        folder,
        keep: Some(days(&serve.keep)?),
        most_bytes: Some(size(&serve.size)?),
        elastic_version: serve.version.as_deref().map(elastic_version).transpose()?,
        collect: !serve.no_collect,
        to: logs_to(serve)?,
    }))
}

/// The cluster that lines of logs go to, where there is one.
fn logs_to(serve: &ServeLogs) -> Result<Option<Destination>, Failure> {
    let is_said = [&serve.token_file, &serve.password_file]
        .into_iter()
        .any(Option::is_some);
    let Some(to) = &serve.to else {
        if !is_said {
            return Ok(None);
        }
        return Err(Failure::because(message!(
            "a login for the cluster of the logs is given, and no cluster: add --logs-to URL",
            "se dio una credencial para el clúster de los registros, y ningún clúster: agregue --logs-to URL"
        )));
    };
    let login = match (&serve.token_file, &serve.user, &serve.password_file) {
        (Some(file), ..) => Some(SinkLogin::Token(secret(file)?)),
        (None, Some(user), Some(file)) => Some(SinkLogin::Basic {
            user: user.clone(),
            password: secret(file)?,
        }),
        _ => None,
    };
    let destination = Destination::new(to, &serve.index, login)
        .map_err(|(what, hint)| Failure::because(what.because(&hint)))?;
    Ok(Some(match &serve.ca_file {
        Some(file) => destination.trusting(authorities(file)?),
        None => destination,
    }))
}

fn authorities(path: &Path) -> Result<Authorities, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    Authorities::of(&text).ok_or_else(|| {
        let path = path.display();
        Failure::because(message!(
            "{path} has no certificate in PEM that can be used",
            "{path} no tiene un certificado en PEM que se pueda usar"
        ))
    })
}

/// What a file with one secret says.
fn secret(path: &Path) -> Result<SecretString, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_control) {
        let path = path.display();
        return Err(Failure::because(message!(
            "{path} has no secret of one line",
            "{path} no tiene un secreto de una línea"
        )));
    }
    Ok(SecretString::new(text))
}

/// A span of time, which may be of days.
fn days(text: &str) -> Result<Duration, Failure> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.trim().parse::<u64>().ok());
    match days.and_then(|days| days.checked_mul(24 * 60 * 60)) {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => span(text),
    }
}

/// A number of bytes, such as `500MB` or `2GB`, in powers of ten, or of two with an `i`.
fn size(text: &str) -> Result<u64, Failure> {
    const UNITS: [(&str, u64); 7] = [
        ("TIB", 1 << 40),
        ("GIB", 1 << 30),
        ("MIB", 1 << 20),
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("B", 1),
    ];
    let upper = text.trim().to_ascii_uppercase();
    let unit = UNITS
        .iter()
        .find_map(|(name, bytes)| Some((upper.strip_suffix(name)?, bytes)));
    let size =
        unit.and_then(|(count, bytes)| count.trim().parse::<u64>().ok()?.checked_mul(*bytes));
    size.filter(|size| *size > 0).ok_or_else(|| {
        Failure::because(message!(
            "\"{text}\" is not a size such as 500MB or 2GB",
            "«{text}» no es un tamaño como 500MB o 2GB"
        ))
    })
}

/// The variable in which a platform gives a program its port
/// (<https://12factor.net/port-binding>).
const PORT_VARIABLE: &str = "PORT";

/// This machine alone, unless a platform gives a port.
fn where_nothing_is_said() -> Result<SocketAddr, Failure> {
    let Ok(port) = std::env::var(PORT_VARIABLE) else {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT)));
    };
    let port = port.parse().map_err(|_| {
        Failure::because(message!(
            "{PORT_VARIABLE} is \"{port}\", which is no port; correct it, or choose an address with --listen",
            "{PORT_VARIABLE} es «{port}», que no es un puerto; corríjalo, o elija una dirección con --listen"
        ))
    })?;
    Ok(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
}

/// Cancelled when the process is told to end, by SIGTERM or from the keyboard.
pub fn when_told_to_end() -> Result<CancellationToken, Failure> {
    let unusable = |error: std::io::Error| Failure::file(Path::new("signals"), &error);
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

/// The targets that an operator allows.
fn targets(path: &Path) -> Result<BTreeMap<Name, TargetConfig>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    estiba_project::targets(path, &text).map_err(Failure::Findings)
}

/// The variable with what a provider gave this server as its secret.
const CLIENT_SECRET: &str = "ESTIBA_OIDC_CLIENT_SECRET";

/// The provider with which people log in.
fn provider(serve: &Serve) -> Result<Option<ProviderOptions>, Failure> {
    let (Some(issuer), Some(client_id)) = (&serve.oidc_issuer, &serve.oidc_client_id) else {
        return Ok(None);
    };
    let secret = match &serve.oidc_client_secret_file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?,
        None => std::env::var(CLIENT_SECRET).unwrap_or_default(),
    };
    let secret = secret.trim();
    if secret.is_empty() {
        return Err(Failure::because(message!(
            "--oidc-issuer needs the secret that {issuer} gave this server: in {CLIENT_SECRET}, or in a file that --oidc-client-secret-file names",
            "--oidc-issuer necesita el secreto que {issuer} le dio a este servidor: en {CLIENT_SECRET}, o en un archivo que nombra --oidc-client-secret-file"
        )));
    }
    Ok(Some(ProviderOptions {
        issuer: safe(issuer, "--oidc-issuer")?.to_owned(),
        client_id: client_id.clone(),
        client_secret: SecretString::new(secret),
    }))
}

/// Where people reach the server, without a slash at its end.
fn url(text: &str) -> Result<String, Failure> {
    let url = safe(text, "--url")?.trim_end_matches('/');
    // Beyond the two slashes before the host.
    if url.matches('/').count() > 2 {
        return Err(Failure::because(message!(
            "--url ends with the host, since the pages are at its root; \"{text}\" has a path",
            "--url termina con el host, porque las páginas están en su raíz; «{text}» tiene una ruta"
        )));
    }
    Ok(url.to_owned())
}

/// An address that secrets may go to: over TLS, or on this machine.
fn safe<'t>(text: &'t str, option: &str) -> Result<&'t str, Failure> {
    let is_here = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let rest = is_here.iter().find_map(|here| text.strip_prefix(here));
    let is_here = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']));
    if text.starts_with("https://") || is_here {
        return Ok(text);
    }
    Err(Failure::because(message!(
        "{option} is an address with https, such as https://estiba.example.edu; \"{text}\" is not (http is for this machine alone)",
        "{option} es una dirección con https, como https://estiba.example.edu; «{text}» no lo es (http es solo para esta máquina)"
    )))
}

/// A version that shippers can compare with theirs.
fn elastic_version(text: &str) -> Result<String, Failure> {
    let parts: Vec<_> = text.split('.').map(str::parse::<u16>).collect();
    if parts.len() == 3 && parts.iter().all(Result::is_ok) {
        return Ok(text.to_owned());
    }
    Err(Failure::because(message!(
        "--logs-version is a version of Elasticsearch such as 8.19.0; \"{text}\" is not",
        "--logs-version es una versión de Elasticsearch como 8.19.0; «{text}» no lo es"
    )))
}

/// A span of time that is not nothing.
fn span(text: &str) -> Result<Duration, Failure> {
    let span = text.parse::<SignedDuration>().ok();
    let span = span.and_then(|span| Duration::try_from(span).ok());
    span.filter(|span| !span.is_zero()).ok_or_else(|| {
        Failure::because(message!(
            "\"{text}\" is not a span of time such as 90s, 10m or 2h",
            "«{text}» no es un lapso como 90s, 10m o 2h"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_understood() {
        for (text, seconds) in [("14d", 14 * 86_400), ("36h", 36 * 3600), ("1d", 86_400)] {
            assert_eq!(
                days(text).ok().map(|span| span.as_secs()),
                Some(seconds),
                "{text}"
            );
        }
        for (text, bytes) in [("2GB", 2_000_000_000), ("1 MiB", 1 << 20), ("10b", 10)] {
            assert_eq!(size(text).ok(), Some(bytes), "{text}");
        }
        for text in ["", "GB", "0GB", "-1GB", "2", "99999999999TB"] {
            assert!(size(text).is_err(), "{text}");
        }
        for text in ["", "0d", "soon"] {
            assert!(days(text).is_err(), "{text}");
        }
        assert!(elastic_version("9.2.1").is_ok());
        for text in ["", "8", "8.19", "8.19.x", "v8.19.0", "8.19.0-rc1"] {
            assert!(elastic_version(text).is_err(), "{text}");
        }
    }
}
