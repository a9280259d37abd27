#![allow(missing_docs)]
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
const FILE: &str = include_str!("/work/main/crates/estiba-score/tests/fixtures/good/everything.yaml");
fn main() {
    let doc = estiba_score::yaml::Document::parse(Path::new("a"), FILE).unwrap();
    let schema: serde_json::Value = serde_json::from_str(include_str!("/work/main/crates/estiba-score/schema/score-v1b1.json")).unwrap();
    let v = jsonschema::validator_for(&schema).unwrap();
    for _ in 0..3 {
        let s = Instant::now();
        for _ in 0..1000 { for e in saphyr_parser::Parser::new_from_str(FILE) { black_box(e.unwrap()); } }
        println!("events {:?}", s.elapsed());
        let s = Instant::now();
        for _ in 0..1000 { black_box(estiba_score::yaml::Document::recover(Path::new("a"), black_box(FILE))); }
        println!("doc {:?}", s.elapsed());
        let s = Instant::now();
        for _ in 0..1000 { black_box(v.is_valid(&doc.value)); }
        println!("valid {:?}", s.elapsed());
        let s = Instant::now();
        for _ in 0..1000 { black_box(estiba_score::parse(Path::new("a"), black_box(FILE))); }
        println!("all {:?}", s.elapsed());
    }
}
