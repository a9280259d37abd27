//! Commands that only ask a server over HTTP, as HTTP probes.

use serde_json::{Value, json};

/// A probe that runs a command; an HTTP probe where that is exactly what the
/// command does.
pub(crate) fn of_command(words: &[String]) -> Value {
    match url_of(words).and_then(|url| http(&url)) {
        Some(probe) => probe,
        None => json!({ "exec": { "command": words } }),
    }
}

/// The same for a line of a shell.
pub(crate) fn of_shell(line: &str) -> Value {
    let plain = line.trim();
    let plain = plain.strip_suffix("|| exit 1").unwrap_or(plain);
    let simple = !plain.contains(['|', '&', ';', '$', '`', '>', '<', '(']);
    let words = simple.then(|| shlex::split(plain)).flatten();
    let probe = words.and_then(|words| http(&url_of(&words)?));
    probe.unwrap_or_else(|| json!({ "exec": { "command": ["/bin/sh", "-c", line] } }))
}

/// The URL that a command asks for, where it does nothing else.
fn url_of(words: &[String]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let quiet: &[&str] = match program.rsplit('/').next()? {
        // Without -f, curl ends well whatever the status.
        "curl" => &[
            "-f",
            "--fail",
            "-s",
            "--silent",
            "-S",
            "--show-error",
            "-sf",
            "-fs",
            "-sS",
            "-fsS",
            "-sSf",
            "-fS",
        ],
        "wget" => &[
            "-q",
            "--quiet",
            "--spider",
            "--no-verbose",
            "-nv",
            "--tries=1",
            "-qO-",
            "-t1",
        ],
        _ => return None,
    };
    let fails = |word: &String| word == "--fail" || (!word.starts_with("--") && word.contains('f'));
    let flags = || arguments.iter().filter(|word| word.starts_with('-'));
    if program.ends_with("curl") && !flags().any(fails) {
        return None;
    }
    let mut urls = arguments.iter().filter(|word| !word.starts_with('-'));
    let url = urls.next()?;
    let only = urls.next().is_none() && flags().all(|flag| quiet.contains(&flag.as_str()));
    only.then(|| url.clone())
}

/// A GET to this machine.
fn http(url: &str) -> Option<Value> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    if rest.contains("://") {
        return None;
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let own = matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0");
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    own.then(|| json!({ "httpGet": { "path": path, "port": port } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_requests_become_http_probes() {
        let probe = json!({ "httpGet": { "path": "/health", "port": 3000 } });
        for line in [
            "curl -f http://localhost:3000/health || exit 1",
            "curl --fail --silent http://127.0.0.1:3000/health",
            "wget -q --spider http://localhost:3000/health",
        ] {
            assert_eq!(of_shell(line), probe, "{line}");
        }
        for line in [
            // Passes for any status.
            "curl http://localhost:3000/health",
            "curl -f http://localhost:3000/health | grep ok",
            "curl -f http://db:3000/health",
            "curl -f -H X:1 http://localhost:3000/health",
            "pg_isready -U app",
        ] {
            let expected = json!({ "exec": { "command": ["/bin/sh", "-c", line] } });
            assert_eq!(of_shell(line), expected);
        }
    }
}
