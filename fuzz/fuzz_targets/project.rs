//! Any text as an `estiba.yaml`: reading and checking it never panics.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // No Score file is there, so that the text alone is what is read.
    let _ = estiba_project::parse(Path::new("/nonexistent/estiba.yaml"), text);
});
