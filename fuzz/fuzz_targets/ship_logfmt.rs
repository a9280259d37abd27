//! Any text as logfmt: keys are parts of it, in order, and levels are found or not.

#![no_main]

use estiba_logs::Level;
use estiba_ship::parse::logfmt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = (logfmt::looks_like(text), Level::in_text(text));
    let mut rest = text;
    for (key, _) in logfmt::pairs(text) {
        let at = rest.find(key).expect("a key is a part of what is left");
        rest = &rest[at + key.len()..];
        assert!(!key.is_empty());
    }
});
