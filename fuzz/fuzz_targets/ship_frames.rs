//! Any bytes as a body of Heroku's drain: framing takes all of it or says where it
//! ends, and messages are taken apart without leaving their bounds.

#![no_main]

use estiba_ship::framing::octet::frames;
use estiba_ship::framing::syslog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let mut taken = 0;
    let mut has_ended = false;
    for frame in frames(body) {
        assert!(!has_ended, "nothing comes after a mistake");
        match frame {
            Ok(message) => {
                taken += message.len() + 2;
                if let Some(read) = syslog::parse(message) {
                    assert!(read.text.len() <= message.len());
                }
            }
            Err(_) => has_ended = true,
        }
    }
    assert!(taken <= body.len());
});
