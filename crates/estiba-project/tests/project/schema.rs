//! The published JSON schema.

use std::path::Path;

#[test]
fn the_published_schema_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/estiba.schema.json");
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    let current = serde_json::to_string_pretty(&estiba_project::schema()).unwrap() + "\n";
    assert!(
        published == current,
        "schema/estiba.schema.json is behind the types: \
         cargo run -p estiba-project --example schema > schema/estiba.schema.json"
    );
}

#[test]
fn the_schema_is_valid_for_its_own_draft() {
    jsonschema::meta::validate(&estiba_project::schema()).unwrap();
}
