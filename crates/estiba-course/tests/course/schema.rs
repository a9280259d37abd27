//! The published JSON schema.

use std::path::Path;

#[test]
fn the_published_schema_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/course.schema.json");
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    let current = serde_json::to_string_pretty(&estiba_course::schema()).unwrap() + "\n";
    assert!(
        published == current,
        "schema/course.schema.json is behind the types: \
         cargo run -p estiba -- course schema > schema/course.schema.json"
    );
}

#[test]
fn the_schemas_are_valid_for_their_own_draft() {
    jsonschema::meta::validate(&estiba_course::schema()).unwrap();
    jsonschema::meta::validate(&estiba_course::prices_schema()).unwrap();
}
