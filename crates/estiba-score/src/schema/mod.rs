//! JSON schema findings in words for people, at their place in the file.

mod explain;
mod facts;
mod patterns;
mod words;

use estiba_model::Diagnostic;
use jsonschema::Validator;
use serde_json::Value;

use crate::yaml::{Document, MOST_FINDINGS};

/// Everything in `document` that its schema does not allow, in the file's
/// order. Unknown keys get no suggestion: [`validate_with`] gives one.
#[must_use]
pub fn validate(document: &Document, validator: &Validator) -> Vec<Diagnostic> {
    validate_with(document, validator, &Value::Null)
}

/// Everything in `document` that `schema`, of which `validator` was made, does
/// not allow, in the file's order. The schema itself tells the keys and the
/// alternatives that there are.
#[must_use]
pub fn validate_with(
    document: &Document,
    validator: &Validator,
    schema: &Value,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for error in validator.iter_errors(&document.value).take(MOST_FINDINGS) {
        explain::explain(document, schema, &error, &mut findings);
    }
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    findings.dedup_by(|later, kept| {
        let repeats =
            later == kept || (later.place == kept.place && breaks_form_twice(later, kept));
        if repeats {
            std::mem::swap(later, kept);
        }
        repeats
    });
    findings.truncate(MOST_FINDINGS);
    findings
}

/// A text that breaks a length and a pattern is told of the pattern, which
/// comes later and says more.
fn breaks_form_twice(a: &Diagnostic, b: &Diagnostic) -> bool {
    a.code == b.code && matches!(a.code.as_str(), "bad-name" | "bad-format")
}
