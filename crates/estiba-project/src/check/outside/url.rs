//! The URL of a service outside.

use estiba_model::{Message, message};

use crate::check::secrets;
use crate::finding::{Findings, Spot};

/// The schemes of what can be tried.
const SCHEMES: [&str; 6] = ["http", "https", "postgres", "postgresql", "tcp", "tls"];

/// The scheme of a URL, where it is one of those that can be tried.
pub(super) fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once("://")?;
    SCHEMES.contains(&scheme).then_some(scheme)
}

/// What is wrong about a URL that is written down.
pub(super) fn check(url: &str, environment: &str, spot: &Spot, found: &mut Findings) {
    let has_secret = secrets::looks_secret("", url);
    if has_secret {
        found.warning(
            "secret-in-clear",
            spot.clone(),
            message!(
                "a URL with a secret is written here in clear",
                "aquí está escrita a la vista una URL con un secreto"
            ),
            message!(
                "keep it with `estiba secret set NAME --env {environment}` and write `url-from: NAME`; who has seen this file knows it, so revoke it",
                "guárdela con `estiba secret set NOMBRE --env {environment}` y escriba `url-from: NOMBRE`; quien vio este archivo la conoce, así que revóquela"
            ),
        );
    }
    if !is_whole(url) {
        let what = match has_secret {
            true => message!(
                "this is no URL that can be tried",
                "esto no es una URL que se pueda probar"
            ),
            false => message!(
                "\"{url}\" is no URL that can be tried",
                "«{url}» no es una URL que se pueda probar"
            ),
        };
        let example = "https://soap.example.edu/billing?wsdl, postgres://db.example.edu/notes, tcp://smtp.example.edu:587";
        let hint = message!("for example: {example}", "por ejemplo: {example}");
        found.error("bad-url", spot.clone(), what, hint);
        return;
    }
    // What reads the URLs of databases encodes them by itself.
    if scheme(url).is_some_and(|scheme| scheme.starts_with("postgres")) {
        return;
    }
    let mut signs: Vec<char> = url.chars().filter(|s| !may_stand_in_a_url(*s)).collect();
    signs.sort_unstable();
    signs.dedup();
    if !signs.is_empty() {
        let shown = |open: &str, close: &str| {
            let each = signs
                .iter()
                .map(|s| format!("{open}{}{close}", s.escape_debug()));
            each.collect::<Vec<_>>().join(", ")
        };
        let (en, es) = (shown("\"", "\""), shown("«", "»"));
        let what = message!(
            "a URL can't have this as it is: {en}",
            "una URL no puede tener esto así: {es}"
        );
        found.error("bad-url", spot.clone(), what, encoded(url, &signs));
    }
}

fn is_whole(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let has_port = || {
        let (_, port) = authority(rest).rsplit_once(':').unwrap_or_default();
        port.parse::<u16>().is_ok()
    };
    match scheme(url) {
        Some("tcp" | "tls") => has_port(),
        Some(_) => !rest.is_empty(),
        None => false,
    }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// What readers of URLs take.
fn may_stand_in_a_url(sign: char) -> bool {
    sign.is_ascii_graphic() && !matches!(sign, '<' | '>' | '`')
}

/// What to write for signs that may not stand in a URL.
fn encoded(url: &str, signs: &[char]) -> Message {
    let (_, rest) = url.split_once("://").unwrap_or_default();
    if !authority(rest).is_ascii() {
        return message!(
            "write the name of the host as DNS has it, which begins with xn--",
            "escriba el nombre del host como lo tiene el DNS, que comienza con xn--"
        );
    }
    let codes: Vec<String> = signs.iter().map(|sign| code(*sign)).collect();
    let codes = codes.join(", ");
    message!("write it as {codes}", "escríbalo como {codes}")
}

fn code(sign: char) -> String {
    let mut bytes = [0; 4];
    let bytes = sign.encode_utf8(&mut bytes).bytes();
    bytes.map(|byte| format!("%{byte:02X}")).collect()
}
