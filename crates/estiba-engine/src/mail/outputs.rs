//! What workloads are told: the login of the sink, or that of the server that is named.

use estiba_mail::{API_PORT, SMTP_PORT, USERNAME};
use estiba_model::{Encryption, MailServer, Message, SMTP, SecretString, message};
use estiba_target::Outputs;
use serde_json::Value;

use super::sink::port_id;
use crate::bind::Bound;
use crate::desired::resource_settings;
use crate::inputs::Inputs;
use crate::values::Known;

/// What is wrong with the server that an environment names.
#[must_use]
pub fn server_problem(inputs: &Inputs) -> Option<Message> {
    let settings = inputs.provision.get(SMTP)?;
    let environment = &inputs.environment.environment;
    if let Some(name) = settings.get("url-from").and_then(Value::as_str) {
        let Some(url) = inputs.value(name) else {
            return Some(message!(
                "mail of {environment} goes to the server in {name}, which has no value: `estiba secret set {name} --env {environment}`, with smtp://USER:PASSWORD@HOST:PORT",
                "el correo de {environment} va al servidor de {name}, que no tiene valor: `estiba secret set {name} --env {environment}`, con smtp://USUARIO:CONTRASEÑA@HOST:PUERTO"
            ));
        };
        let why = MailServer::parse(url.expose()).err()?;
        return Some(Message::verbatim(name).because(&why));
    }
    let url = settings.get("url").and_then(Value::as_str)?;
    MailServer::parse(url).err()
}

/// What a resource of type `smtp` gives. `known` has the ports of the sink;
/// `password` is the sink's.
///
/// # Errors
/// When the server's URL is none.
pub fn outputs(bound: &Bound, known: &Known, password: &SecretString) -> Result<Outputs, Message> {
    let settings = resource_settings(bound, SMTP);
    let sender = settings.get("from").map(|from| from.expose().to_owned());
    let all = match settings.get("url") {
        Some(url) => of_server(&MailServer::parse(url.expose())?, sender),
        None => {
            let project = &bound.inputs.environment.project;
            let sender = sender.unwrap_or_else(|| format!("no-reply@{project}.test"));
            of_sink(known, password, sender)
        }
    };
    Ok(all
        .into_iter()
        .map(|(key, value)| (key.to_owned(), SecretString::new(value)))
        .collect())
}

fn of_server(server: &MailServer, sender: Option<String>) -> [(&'static str, String); 7] {
    [
        ("host", server.host.clone()),
        ("port", server.port.to_string()),
        ("username", server.username.clone()),
        ("password", server.password.expose().to_owned()),
        ("from", sender.unwrap_or_else(|| server.usual_sender())),
        ("encryption", server.encryption.as_str().to_owned()),
        // Whoever delivers does not tell.
        ("api", String::new()),
    ]
}

fn of_sink(known: &Known, password: &SecretString, sender: String) -> [(&'static str, String); 7] {
    let at = |port: &str, key: &str| {
        let value = known.get(&port_id(port)).and_then(|all| all.get(key));
        value.map_or(String::new(), |value| value.expose().to_owned())
    };
    let password = password.expose();
    let (host, port) = (at(API_PORT, "hostname"), at(API_PORT, "port"));
    [
        ("host", at(SMTP_PORT, "hostname")),
        ("port", at(SMTP_PORT, "port")),
        ("username", USERNAME.to_owned()),
        ("password", password.to_owned()),
        ("from", sender),
        ("encryption", Encryption::None.as_str().to_owned()),
        ("api", format!("http://{host}:{port}/{password}/mails")),
    ]
}
