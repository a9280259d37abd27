//! One error of the schema validator to findings.

use estiba_model::{Diagnostic, Message, Place, message};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::facts::{
    all_types, alternatives, closest, excluding_keys, known_keys, last_key, shown, type_names,
};
use super::{patterns, words};
use crate::suggest;
use crate::yaml::{Document, join};

/// Adds what `error` means.
pub(super) fn explain(
    document: &Document,
    schema: &Value,
    error: &ValidationError<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let explainer = Explainer {
        document,
        pointer: error.instance_path().as_str(),
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = known_keys(schema, error);
            findings.extend(
                unexpected
                    .iter()
                    .map(|key| explainer.unknown_key(key, &known)),
            );
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            if let Some(keys) = alternatives(context) {
                findings.push(explainer.no_alternative(&keys));
                return;
            }
            match closest(context, explainer.pointer) {
                Some(branch) => {
                    for error in branch {
                        explain(document, schema, error, findings);
                    }
                }
                None => findings.push(explainer.wrong_type(&all_types(context))),
            }
        }
        Kind::OneOfMultipleValid { .. } => {
            findings.push(explainer.several_alternatives(&excluding_keys(schema, error)));
        }
        kind => findings.push(explainer.simple(kind, error)),
    }
}

struct Explainer<'d> {
    document: &'d Document,
    pointer: &'d str,
}

impl Explainer<'_> {
    fn value(&self) -> &Value {
        self.document
            .value
            .pointer(self.pointer)
            .unwrap_or(&Value::Null)
    }

    fn place(&self) -> Place {
        self.document.place(self.pointer)
    }

    /// The key for what is in many lines, the value for what is in one.
    fn clear_place(&self) -> Place {
        let place = self.place();
        if place.length_bytes == 0 {
            self.document.key_place(self.pointer)
        } else {
            place
        }
    }

    fn name(&self) -> String {
        last_key(self.pointer)
    }

    fn unknown_key(&self, key: &str, known: &[&str]) -> Diagnostic {
        let place = self.document.key_place(&join(self.pointer, key));
        let message = message!("unknown key \"{key}\"", "clave desconocida «{key}»");
        let finding = Diagnostic::error("unknown-key", message).at(place);
        if known.is_empty() {
            return finding.hint(message!("remove it", "quítela"));
        }
        finding.hint(suggest::instead(key, known.iter().copied()))
    }

    fn no_alternative(&self, keys: &[String]) -> Diagnostic {
        let list = keys.join(", ");
        Diagnostic::error(
            "missing-key",
            message!(
                "one of these keys is missing: {list}",
                "falta una de estas claves: {list}"
            ),
        )
        .hint(message!("add one of them", "agregue una de ellas"))
        .at(self.document.key_place(self.pointer))
    }

    fn several_alternatives(&self, keys: &[String]) -> Diagnostic {
        let there: Vec<&str> = keys
            .iter()
            .map(String::as_str)
            .filter(|key| self.value().get(key).is_some())
            .collect();
        let list = there.join(", ");
        let place = match there.get(1) {
            Some(second) => self.document.key_place(&join(self.pointer, second)),
            None => self.document.key_place(self.pointer),
        };
        Diagnostic::error(
            "conflicting-keys",
            message!(
                "these exclude each other: {list}",
                "estas se excluyen entre sí: {list}"
            ),
        )
        .hint(message!("keep one of them", "deje una de ellas"))
        .at(place)
    }

    fn wrong_type(&self, expected: &[String]) -> Diagnostic {
        let (value, name) = (self.value(), self.name());
        let expected_text = words::types(expected);
        let (en, es) = (&expected_text.en, &expected_text.es);
        if value.is_null() {
            return Diagnostic::error(
                "wrong-type",
                message!(
                    "\"{name}\" is empty; it takes {en}",
                    "«{name}» está vacío; lleva {es}"
                ),
            )
            .hint(message!(
                "give it a value, or remove the key",
                "dele un valor, o quite la clave"
            ))
            .at(self.document.key_place(self.pointer));
        }
        let found = words::type_of(value);
        let (found_en, found_es) = (&found.en, &found.es);
        Diagnostic::error(
            "wrong-type",
            if self.pointer.is_empty() {
                message!(
                    "the file is {found_en}, not {en}",
                    "el archivo es {found_es}, no {es}"
                )
            } else {
                message!(
                    "\"{name}\" takes {en}, and this is {found_en}",
                    "«{name}» lleva {es}, y esto es {found_es}"
                )
            },
        )
        .hint(self.type_hint(expected, value))
        .at(self.clear_place())
    }

    fn type_hint(&self, expected: &[String], value: &Value) -> Message {
        let wants = |kind: &str| expected.iter().any(|e| e == kind);
        let written = self.document.written(self.pointer).trim();
        let text = value.as_str().unwrap_or_default();
        let bare = text.parse::<f64>().is_ok();
        match value {
            Value::Number(_) | Value::Bool(_) if wants("string") => {
                message!(
                    "put it in quotes: \"{written}\"",
                    "póngalo entre comillas: \"{written}\""
                )
            }
            Value::String(_) if bare && (wants("integer") || wants("number")) => {
                message!("remove the quotes: {text}", "quite las comillas: {text}")
            }
            Value::String(_) if wants("boolean") => {
                message!(
                    "write true or false, with no quotes",
                    "escriba true o false, sin comillas"
                )
            }
            Value::String(_) if wants("array") => message!(
                "write a list: [\"{text}\"]",
                "escriba una lista: [\"{text}\"]"
            ),
            Value::Array(_) if wants("object") => message!(
                "write `key: value` lines with no hyphen before them",
                "escriba líneas `clave: valor` sin guion adelante"
            ),
            _ if wants("object") && self.pointer.is_empty() => {
                message!("write `key: value` lines", "escriba líneas `clave: valor`")
            }
            _ if wants("object") => message!(
                "write `key: value` lines below it, indented",
                "escriba debajo líneas `clave: valor`, con sangría"
            ),
            _ => {
                let expected = words::types(expected);
                let (en, es) = (&expected.en, &expected.es);
                message!("write {en}", "escriba {es}")
            }
        }
    }

    fn simple(&self, kind: &Kind, error: &ValidationError<'_>) -> Diagnostic {
        let name = self.name();
        let error_with = |code: &str, message: Message, hint: Message| {
            Diagnostic::error(code, message).hint(hint)
        };
        match kind {
            Kind::Required { property } => self.missing(property),
            Kind::Type { kind } => self.wrong_type(&type_names(kind)),
            Kind::PropertyNames { error } => self.bad_name(error),
            Kind::Enum { options } => self.not_among(options),
            Kind::Pattern { pattern } => {
                let found = shown(self.value());
                error_with(
                    "bad-format",
                    message!(
                        "\"{found}\" is not valid for \"{name}\"",
                        "«{found}» no es válido para «{name}»"
                    ),
                    patterns::meaning(pattern),
                )
                .at(self.place())
            }
            Kind::Minimum { limit } | Kind::ExclusiveMinimum { limit } => error_with(
                "out-of-range",
                message!("\"{name}\" is too small", "«{name}» es demasiado pequeño"),
                message!("write {limit} or more", "escriba {limit} o más"),
            )
            .at(self.place()),
            Kind::Maximum { limit } | Kind::ExclusiveMaximum { limit } => error_with(
                "out-of-range",
                message!("\"{name}\" is too large", "«{name}» es demasiado grande"),
                message!("write {limit} or less", "escriba {limit} o menos"),
            )
            .at(self.place()),
            Kind::MinLength { limit: 1 } => error_with(
                "bad-format",
                message!("\"{name}\" is empty", "«{name}» está vacío"),
                message!(
                    "write a text, or remove the key",
                    "escriba un texto, o quite la clave"
                ),
            )
            .at(self.place()),
            Kind::MinLength { limit } => error_with(
                "bad-format",
                message!("\"{name}\" is too short", "«{name}» es demasiado corto"),
                message!(
                    "write {limit} characters at least",
                    "escriba al menos {limit} caracteres"
                ),
            )
            .at(self.place()),
            Kind::MaxLength { limit } => error_with(
                "bad-format",
                message!("\"{name}\" is too long", "«{name}» es demasiado largo"),
                message!(
                    "write {limit} characters at the most",
                    "escriba como máximo {limit} caracteres"
                ),
            )
            .at(self.place()),
            Kind::MinProperties { .. } | Kind::MinItems { .. } => error_with(
                "missing-value",
                message!("\"{name}\" has nothing in it", "«{name}» no tiene nada"),
                message!("add one at least", "agregue al menos uno"),
            )
            .at(self.clear_place()),
            Kind::Not { schema } => self.not_here(schema),
            _ => error_with(
                "schema",
                message!("\"{name}\": {error}", "«{name}»: {error}"),
                message!(
                    "see the schema of this file",
                    "vea el esquema de este archivo"
                ),
            )
            .at(self.clear_place()),
        }
    }

    fn missing(&self, property: &Value) -> Diagnostic {
        let key = property.as_str().unwrap_or_default();
        Diagnostic::error(
            "missing-key",
            message!("the key \"{key}\" is missing", "falta la clave «{key}»"),
        )
        .hint(if self.pointer.is_empty() {
            message!(
                "add `{key}:` at the top level",
                "agregue `{key}:` en el nivel superior"
            )
        } else {
            let name = self.name();
            message!("add `{key}:` to \"{name}\"", "agregue `{key}:` a «{name}»")
        })
        .at(self.document.key_place(self.pointer))
    }

    fn bad_name(&self, error: &ValidationError<'_>) -> Diagnostic {
        let instance = error.instance();
        let key = instance.as_str().unwrap_or_default();
        let hint = match error.kind() {
            Kind::Pattern { pattern } => patterns::meaning(pattern),
            Kind::MinLength { limit } => {
                message!(
                    "use {limit} characters at least",
                    "use al menos {limit} caracteres"
                )
            }
            Kind::MaxLength { limit } => {
                message!(
                    "use {limit} characters at the most",
                    "use como máximo {limit} caracteres"
                )
            }
            _ => message!("choose another name", "elija otro nombre"),
        };
        let shown = shown(instance);
        Diagnostic::error(
            "bad-name",
            message!(
                "\"{shown}\" is not a valid name",
                "«{shown}» no es un nombre válido"
            ),
        )
        .hint(hint)
        .at(self.document.key_place(&join(self.pointer, key)))
    }

    fn not_among(&self, options: &Value) -> Diagnostic {
        let (name, found) = (self.name(), shown(self.value()));
        let texts: Vec<String> = options
            .as_array()
            .into_iter()
            .flatten()
            .map(|option| {
                option
                    .as_str()
                    .map_or_else(|| option.to_string(), str::to_owned)
            })
            .collect();
        Diagnostic::error(
            "unknown-value",
            message!(
                "\"{found}\" is not a value of \"{name}\"",
                "«{found}» no es un valor de «{name}»"
            ),
        )
        .hint(suggest::instead(&found, texts.iter().map(String::as_str)))
        .at(self.clear_place())
    }

    /// `not: { required: [KEY] }` forbids a key.
    fn not_here(&self, schema: &Value) -> Diagnostic {
        let keys = schema.pointer("/required/0").and_then(Value::as_str);
        let key = keys.unwrap_or_default();
        Diagnostic::error(
            "unknown-key",
            message!(
                "\"{key}\" is not a key here",
                "«{key}» no es una clave aquí"
            ),
        )
        .hint(message!(
            "remove it: the key of the entry says it",
            "quítela: la clave de la entrada ya lo dice"
        ))
        .at(self.document.key_place(&join(self.pointer, key)))
    }
}
