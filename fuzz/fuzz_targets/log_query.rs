//! Any text as a query: it is read or refused at a place in it, what was read is
//! written as a text that means the same, and matching never panics.

#![no_main]

use estiba_logs::{Query, Record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (text, message) = input;
    match Query::parse(text) {
        Ok(query) => {
            let written = query.to_string();
            if written.len() <= Query::LONGEST_BYTES {
                assert_eq!(Query::parse(&written).as_ref(), Ok(&query), "{written}");
            }
            let _ = query.matches(&Record::new(jiff::Timestamp::UNIX_EPOCH, message));
        }
        Err(error) => assert!(text.get(error.span).is_some()),
    }
});
