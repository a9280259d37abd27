//! What browsers send along: cookies, and where a form was.

use estiba_model::message;
use http::{HeaderMap, HeaderValue, header};

use crate::problem::Problem;
use crate::state::App;

/// The value of a cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// A cookie that only this server's pages get. An empty value forgets it.
///
/// In clear, which is on this machine alone, it can't have the prefix that keeps
/// others from setting it
/// (<https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes>).
pub(crate) fn set_cookie(
    name: &str,
    value: &str,
    seconds: u64,
    is_secure: bool,
) -> Option<HeaderValue> {
    let seconds = if value.is_empty() { 0 } else { seconds };
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}

/// Whether browsers reach this server over TLS: as its address says, or else
/// everywhere but on this machine.
pub(crate) fn is_secure(app: &App, headers: &HeaderMap) -> bool {
    match &app.options.url {
        Some(url) => url.starts_with("https://"),
        None => !is_loopback(host(headers)),
    }
}

/// Whether a host, with or without a port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn host(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// Refuses a form that was on another site
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>).
///
/// # Errors
/// When the browser says so, or does not say where the form was.
pub(crate) fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let is_ours = |origin: &str| {
        let of_host = origin.split_once("://").map(|(_, rest)| rest);
        of_host.is_some_and(|of_host| of_host == host(headers))
            || app.options.url.as_deref() == Some(origin)
    };
    let allowed = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), Some(origin)) => site == "same-origin" && is_ours(origin),
        (Some(site), None) => site == "same-origin",
        (None, Some(origin)) => is_ours(origin),
        (None, None) => false,
    };
    if allowed {
        return Ok(());
    }
    Err(Problem::forbidden(message!(
        "this form was not on a page of this server; open the page again. (Behind a proxy, start the server with --url)",
        "este formulario no estaba en una página de este servidor; vuelva a abrir la página. (Detrás de un proxy, inicie el servidor con --url)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=1; estiba-lang=es"),
        );
        headers.append(header::COOKIE, HeaderValue::from_static("estiba=x=y"));
        assert_eq!(cookie(&headers, "estiba"), Some("x=y"));
        assert_eq!(cookie(&headers, "estiba-lang"), Some("es"));
        assert_eq!(cookie(&headers, "lang"), None);
    }

    #[test]
    fn this_machine_is_known() {
        for host in ["127.0.0.1", "127.0.0.1:8700", "localhost:1", "[::1]:8700"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "estiba.example.edu",
            "localhost.example.edu",
            "",
            "10.0.0.1:80",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
