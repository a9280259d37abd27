//! Output keys that a resource of its type does not have.
//! <https://docs.score.dev/docs/score-specification/resources-reference/>

use estiba_model::message;

use crate::finding::{Findings, instead};
use crate::references::ResourceReference;

/// The outputs of a Score type; `None` where any key may be one.
fn outputs(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "postgres" | "mysql" => &["host", "port", "name", "database", "username", "password"],
        "redis" => &["host", "port", "username", "password"],
        "amqp" => &["host", "port", "vhost", "username", "password"],
        "s3" => &[
            "bucket",
            "endpoint",
            "region",
            "access_key_id",
            "secret_key",
        ],
        "dns" => &["host"],
        "route" => &[],
        "service-port" => &["hostname", "port"],
        "smtp" => &[
            "host",
            "port",
            "username",
            "password",
            "from",
            "encryption",
            "api",
        ],
        "volume" => &["source"],
        _ => return None,
    })
}

pub(super) fn check(references: &[ResourceReference<'_>], found: &mut Findings) {
    for reference in references {
        match reference.resource {
            Some(resource) => unknown_output(reference, &resource.kind, found),
            None if reference.in_source => unknown_resource(reference, found),
            // The Score reader has told it with the rest of its file.
            None => {}
        }
    }
}

fn unknown_output(reference: &ResourceReference<'_>, kind: &str, found: &mut Findings) {
    let Some(known) = outputs(kind) else { return };
    let key = match reference.keys.as_slice() {
        [] => return,
        [key] if known.contains(&key.as_str()) => return,
        keys => keys.join("."),
    };
    found.error(
        "unknown-output",
        reference.spot.clone(),
        message!(
            "a resource of type {kind} has no output \"{key}\", as ${{resources.{name}.{key}}} wants",
            "un recurso de tipo {kind} no tiene la salida «{key}» que pide ${{resources.{name}.{key}}}",
            name = reference.name
        ),
        instead(&key, known.iter().copied()),
    );
}

fn unknown_resource(reference: &ResourceReference<'_>, found: &mut Findings) {
    let name = &reference.name;
    found.error(
        "unknown-reference",
        reference.spot.clone(),
        message!(
            "this file refers to ${{resources.{name}}}, and the workload has no resource \"{name}\"",
            "este archivo se refiere a ${{resources.{name}}}, y el componente no tiene un recurso «{name}»"
        ),
        instead(name, reference.user.workload.resources.keys().map(AsRef::as_ref)),
    );
}
