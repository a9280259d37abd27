//! Any bytes as the body of a `_bulk` request: reading them never panics, and every
//! record that comes out reads back from the document that it becomes.

#![no_main]

use estiba_log_store::elastic::Items;
use estiba_logs::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let now = jiff::Timestamp::UNIX_EPOCH;
    for item in Items::new(body, now).flatten() {
        if let Ok(record) = item.record {
            let again = Record::from_document(record.to_document(), now);
            assert_eq!(again.text, record.text);
        }
    }
});
