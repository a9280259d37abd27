//! Errors of usage in Spanish: what clap says of them in English, from the same
//! facts.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use estiba_model::{Lang, NameError};

use crate::cli::values::BadValue;

/// The error in Spanish; `None` for what is no error of usage, such as help.
pub fn usage_in_spanish(error: &clap::Error) -> Option<String> {
    let mut lines = vec![format!("error: {}", what(error)?)];
    for (kind, label) in [
        (ContextKind::ValidSubcommand, "comandos"),
        (ContextKind::ValidValue, "valores posibles"),
    ] {
        if let Some(known) = list(error, kind) {
            lines.push(format!("  [{label}: {}]", known.join(", ")));
        }
    }
    let similar = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .filter_map(|kind| list(error, kind))
    .flatten()
    .collect::<Vec<_>>();
    if !similar.is_empty() {
        let similar = similar.join("», «");
        lines.push(format!("\n  ¿quiso decir «{similar}»?"));
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        let usage = usage.trim_start_matches("Usage:").trim();
        lines.push(format!("\nUso: {usage}"));
    }
    lines.push("\nPara saber más, use '--help'.".to_owned());
    Some(lines.join("\n"))
}

fn what(error: &clap::Error) -> Option<String> {
    let of = |kind| list(error, kind).map(|all| all.join(", "));
    let argument = of(ContextKind::InvalidArg).unwrap_or_default();
    let value = of(ContextKind::InvalidValue).unwrap_or_default();
    Some(match error.kind() {
        ErrorKind::UnknownArgument => format!("no se esperaba el argumento '{argument}'"),
        ErrorKind::InvalidSubcommand => {
            let command = of(ContextKind::InvalidSubcommand).unwrap_or_default();
            format!("no existe el comando '{command}'")
        }
        ErrorKind::MissingSubcommand => "falta un comando".to_owned(),
        ErrorKind::MissingRequiredArgument => {
            let missing = list(error, ContextKind::InvalidArg).unwrap_or_default();
            format!(
                "faltan argumentos obligatorios:\n  {}",
                missing.join("\n  ")
            )
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("'{argument}' necesita un valor y no se dio ninguno")
        }
        ErrorKind::InvalidValue => format!("el valor '{value}' no es válido para '{argument}'"),
        ErrorKind::ValueValidation => {
            let why = why_refused(error);
            format!("el valor '{value}' no es válido para '{argument}': {why}")
        }
        ErrorKind::ArgumentConflict => {
            let other = of(ContextKind::PriorArg).unwrap_or_default();
            format!("'{argument}' no se puede usar junto con '{other}'")
        }
        ErrorKind::TooManyValues => format!("'{argument}' no admite el valor '{value}'"),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("'{argument}' no tiene la cantidad de valores que necesita")
        }
        ErrorKind::NoEquals => format!("'{argument}' necesita un '=' antes de su valor"),
        ErrorKind::InvalidUtf8 => "hay un argumento que no es texto UTF-8".to_owned(),
        _ => return None,
    })
}

/// What the parser of a value said.
fn why_refused(error: &clap::Error) -> String {
    let Some(source) = error.source() else {
        return String::new();
    };
    let name = source.downcast_ref::<NameError>().map(NameError::message);
    let message = name.or_else(|| Some(&source.downcast_ref::<BadValue>()?.0));
    message.map_or_else(|| source.to_string(), |it| it.text(Lang::Es).to_owned())
}

fn list(error: &clap::Error, kind: ContextKind) -> Option<Vec<String>> {
    match error.get(kind)? {
        ContextValue::String(one) if !one.is_empty() => Some(vec![one.clone()]),
        ContextValue::Strings(all) if !all.is_empty() => Some(all.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(args: &[&str]) -> String {
        let typed = std::iter::once("estiba").chain(args.iter().copied());
        let error = crate::cli::command(Lang::Es)
            .try_get_matches_from(typed)
            .unwrap_err();
        usage_in_spanish(&error).unwrap()
    }

    #[test]
    fn each_error_of_usage_is_said_in_spanish() {
        for (args, expected) in [
            (
                ["--bogus"].as_slice(),
                "no se esperaba el argumento '--bogus'",
            ),
            (&["deploi"], "¿quiso decir «completion», «deploy»?"),
            (
                &["deploy"],
                "faltan argumentos obligatorios:\n  --env <AMBIENTE>",
            ),
            (&["deploy", "--env"], "necesita un valor"),
            (&["deploy", "--env", "Bad!"], "no es un nombre válido"),
            (&["check", "--lang", "fr"], "[valores posibles: en, es]"),
            (&["scale", "api", "--env", "test"], "NOMBRE=VALOR"),
        ] {
            let text = said(args);
            assert!(text.contains(expected), "{args:?}: {text}");
            assert!(!text.contains("Usage"), "{text}");
        }
    }

    #[test]
    fn help_is_no_error_of_usage() {
        let help = crate::cli::command(Lang::Es).try_get_matches_from(["estiba", "--help"]);
        assert_eq!(usage_in_spanish(&help.unwrap_err()), None);
    }
}
