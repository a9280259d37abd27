//! `estiba secret`.

use std::io::Read;

use estiba_model::{Name, SecretString, is_variable_name, message};
use estiba_store::SealKey;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::Table;

use super::config::say_when_it_holds;

/// The longest secret: a certificate chain fits many times over.
const LONGEST_BYTES: u64 = 256 * 1024;

/// Keeps a secret whose value comes from the terminal or standard input.
pub async fn set(context: &Context, name: &str, environment: &Name) -> Result<(), Failure> {
    if !is_variable_name(name) {
        return Err(Failure::Usage(message!(
            "\"{name}\" is no name of a secret: use letters, digits and '_', and no digit first",
            "«{name}» no es el nombre de un secreto: use letras, dígitos y '_', sin un dígito al comienzo"
        )));
    }
    let project = context.project()?;
    let backend = context.backend().await?;
    let value = read_value(context, name)?;
    backend
        .set_secret(&project, environment, name, value)
        .await?;
    say_when_it_holds(context, environment);
    Ok(())
}

fn read_value(context: &Context, name: &str) -> Result<SecretString, Failure> {
    let unreadable = |error: std::io::Error| Failure::file(std::path::Path::new("stdin"), &error);
    if context.output.can_ask() {
        let prompt = message!("value of {name}: ", "valor de {name}: ");
        let value = rpassword::prompt_password(context.output.say(&prompt)).map_err(unreadable)?;
        return Ok(SecretString::new(value));
    }
    let mut value = String::new();
    std::io::stdin()
        .take(LONGEST_BYTES + 1)
        .read_to_string(&mut value)
        .map_err(unreadable)?;
    if value.len() as u64 > LONGEST_BYTES {
        return Err(Failure::because(message!(
            "{name} is longer than 256 KiB",
            "{name} mide más de 256 KiB"
        )));
    }
    // `echo` adds a line end that nobody means.
    let value = value.strip_suffix('\n').unwrap_or(&value);
    Ok(SecretString::new(value.strip_suffix('\r').unwrap_or(value)))
}

/// Lists the names of secrets.
pub async fn list(context: &Context, environment: Option<Name>) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let backend = context.backend().await?;
    let names = backend.secrets(&project, &environment).await?;
    let list: Vec<_> = names
        .iter()
        .map(|(name, at)| serde_json::json!({ "name": name, "updated_at": at }))
        .collect();
    context.output.json(&list);
    let since = context.output.say(&message!("set", "fijado"));
    let mut table = Table::new([&context.output.say(&message!("name", "nombre")), &since]);
    for (name, at) in names {
        table.row([name, at.to_string()]);
    }
    context.output.text(&table.to_string());
    Ok(())
}

/// Prints a new key that is kept nowhere. It is the one secret that is shown:
/// nobody has it yet.
pub fn new_key(context: &Context) -> Result<(), Failure> {
    let key = SealKey::generate().to_text();
    context.output.text(key.expose());
    context
        .output
        .json(&serde_json::json!({ "key": key.expose() }));
    Ok(())
}

/// Forgets a secret.
pub async fn unset(context: &Context, name: &str, environment: &Name) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    if !backend.unset_secret(&project, environment, name).await? {
        return Err(Failure::because(message!(
            "{environment} has no secret {name}",
            "{environment} no tiene un secreto {name}"
        )));
    }
    say_when_it_holds(context, environment);
    Ok(())
}
