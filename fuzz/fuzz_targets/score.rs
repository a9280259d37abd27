//! Any text as a Score file: reading it never panics, says why there is no
//! workload, and points into the text.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let parsed = estiba_score::parse(Path::new("score.yaml"), text);
    assert_eq!(
        parsed.workload.is_none(),
        estiba_model::has_errors(&parsed.diagnostics)
    );
    for place in parsed
        .diagnostics
        .iter()
        .filter_map(|finding| finding.place.as_ref())
    {
        assert!(place.offset_bytes + place.length_bytes <= text.len());
    }
});
