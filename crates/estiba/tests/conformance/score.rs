//! Score files in the making. JSON is YAML too.

use serde_json::{Value, json};

/// A web API: it listens, is probed, and reads two values of its environment.
pub fn web(name: &str) -> Value {
    json!({
        "apiVersion": "score.dev/v1b1",
        "metadata": { "name": name, "annotations": {} },
        "containers": { "main": {
            "image": ".",
            "variables": {
                "BEHAVIOUR": "${resources.env.BEHAVIOUR}",
                "GREETING": "${resources.env.GREETING}",
            },
            "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
        } },
        "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
        "resources": { "env": { "type": "environment" } },
    })
}

/// A bot: it has no port.
pub fn bot(name: &str) -> Value {
    json!({
        "apiVersion": "score.dev/v1b1",
        "metadata": { "name": name },
        "containers": { "main": {
            "image": ".",
            "args": ["bot"],
            "variables": { "BEHAVIOUR": "${resources.env.BEHAVIOUR}" },
        } },
        "resources": { "env": { "type": "environment" } },
    })
}

/// A web API with a volume and a migration that writes to it.
pub fn web_with_migration(name: &str) -> Value {
    let mut web = with_volume(web(name));
    web["metadata"]["annotations"]["estiba.dev/migration"] = json!("migrate");
    web["containers"]["migrate"] = json!({
        "image": ".",
        "args": ["migrate"],
        "volumes": { "/data": { "source": "${resources.data}" } },
    });
    web
}

/// The same with a volume at `/data`.
pub fn with_volume(mut web: Value) -> Value {
    web["resources"]["data"] = json!({ "type": "volume" });
    web["containers"]["main"]["volumes"] = json!({ "/data": { "source": "${resources.data}" } });
    web
}

/// The same with a log in a file.
pub fn with_file_logs(mut web: Value) -> Value {
    web["metadata"]["annotations"]["estiba.dev/logs"] = json!("/data/logs/*.log");
    web
}

/// The same, which sends mail.
pub fn with_mail(mut web: Value) -> Value {
    web["resources"]["mail"] = json!({ "type": "smtp" });
    for key in [
        "host",
        "port",
        "username",
        "password",
        "from",
        "encryption",
        "api",
    ] {
        let name = format!("SMTP_{}", key.to_uppercase());
        web = with_variable(web, &name, &format!("${{resources.mail.{key}}}"));
    }
    web
}

/// The same with a variable of its main container.
pub fn with_variable(mut score: Value, name: &str, text: &str) -> Value {
    score["containers"]["main"]["variables"][name] = json!(text);
    score
}
