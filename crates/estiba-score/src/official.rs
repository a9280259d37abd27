//! The specification's own JSON schema. Where it is from is in `schema/README.md`.

use std::sync::LazyLock;

use estiba_model::Diagnostic;
use jsonschema::Validator;
use serde_json::Value;

use crate::schema;
use crate::yaml::Document;

struct Official {
    schema: Value,
    validator: Validator,
}

#[expect(
    clippy::expect_used,
    reason = "the schema is part of this crate; tests compile it"
)]
static OFFICIAL: LazyLock<Official> = LazyLock::new(|| {
    let schema = serde_json::from_str(include_str!("../schema/score-v1b1.json"))
        .expect("the vendored schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the vendored schema is valid");
    Official { schema, validator }
});

/// Everything that the schema does not allow.
pub(crate) fn validate(document: &Document) -> Vec<Diagnostic> {
    let Official { schema, validator } = &*OFFICIAL;
    // Telling that there are no errors is much faster than listing them.
    if validator.is_valid(&document.value) {
        return Vec::new();
    }
    schema::validate_with(document, validator, schema)
}
