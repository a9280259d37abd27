//! The API's document as a page that people read: no script, no address but its
//! own.

use std::fmt::Write;

use http::{HeaderName, header};
use utoipa::openapi::OpenApi;

/// The page's one style, allowed by the policy.
pub(crate) const POLICY: (HeaderName, &str) = (
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

const STYLE: &str = "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}code{font-family:ui-monospace,monospace}dt{margin-top:1rem}b{display:inline-block;min-width:4.5rem}";

/// The page.
pub(crate) fn page(document: &OpenApi) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Estiba API</title><style>{STYLE}</style><h1>Estiba API</h1><p>{}</p><p>The whole document, with every body: <a href=\"/api/openapi.json\">openapi.json</a>.</p><dl>",
        escaped(document.info.description.as_deref().unwrap_or_default())
    );
    for (path, item) in &document.paths.paths {
        let operations = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            let about = [&operation.summary, &operation.description];
            let about: Vec<&str> = about.into_iter().flatten().map(String::as_str).collect();
            // Writing to a text does not fail.
            let _ = write!(
                page,
                "<dt><b>{method}</b> <code>{}</code><dd>{}",
                escaped(path),
                escaped(&about.join(" "))
            );
        }
    }
    page.push_str("</dl></html>");
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
