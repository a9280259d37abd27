//! Probes as health checks: Compose runs them inside of the container.

use estiba_model::{HttpScheme, Probe};
use serde_json::{Value, json};

use super::service::literal;

/// The health check of a probe; `None` where it needs a shell and there is none.
pub(super) fn check(probe: &Probe, shell: bool) -> Option<Value> {
    let test = match (&probe.exec, &probe.http) {
        (Some(command), _) => {
            let mut test = vec!["CMD".to_owned()];
            test.extend(command.iter().map(|word| literal(word)));
            test
        }
        (None, Some(http)) if shell => {
            let scheme = match http.scheme {
                HttpScheme::Http => "http",
                HttpScheme::Https => "https",
            };
            let host = http.host.as_deref().unwrap_or("127.0.0.1");
            let path = http.path.trim_start_matches('/');
            let url = format!("{scheme}://{host}:{}/{path}", http.port);
            vec!["CMD-SHELL".to_owned(), literal(&ask(&url))]
        }
        _ => return None,
    };
    Some(json!({
        "test": test,
        "interval": "5s",
        "timeout": "5s",
        "retries": 12,
        "start_period": "10s",
    }))
}

/// Asks with whatever the image has: each fails for a status of 400 and above.
fn ask(url: &str) -> String {
    let url = url.replace('\'', "");
    [
        format!("wget -q -O /dev/null '{url}'"),
        format!("curl -fsk -o /dev/null '{url}'"),
        format!("python3 -c \"import urllib.request as r; r.urlopen('{url}', timeout=4)\""),
        format!("ruby -ropen-uri -e \"URI.open('{url}').read\""),
        format!("node -e \"fetch('{url}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\""),
    ]
    .join(" 2>/dev/null || ")
}
