//! Values that are typed, and why one is none.

use estiba_model::{Message, Name, is_variable_name, message};

/// Why a value that was typed is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadValue(pub(super) Message);

pub(super) fn replicas(text: &str) -> Result<(Name, u32), BadValue> {
    let (name, count) = assignment(text)?;
    let name = name
        .parse::<Name>()
        .map_err(|error| BadValue(error.message().clone()))?;
    match count.parse::<u32>() {
        Ok(count) if count <= 100 => Ok((name, count)),
        _ => Err(BadValue(message!(
            "\"{count}\" is not a number from 0 to 100",
            "«{count}» no es un número de 0 a 100"
        ))),
    }
}

pub(super) fn assignment_or_name(text: &str) -> Result<(String, Option<String>), BadValue> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if !is_variable_name(name) {
        return Err(BadValue(message!(
            "\"{name}\" is no name of a variable",
            "«{name}» no es el nombre de una variable"
        )));
    }
    Ok((name.to_owned(), value))
}

pub(super) fn assignment(text: &str) -> Result<(String, String), BadValue> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| BadValue(message!("write NAME=VALUE", "escriba NOMBRE=VALOR")))
}
