//! Any bytes as a file, in any format and in any two parts: the events are those of
//! the whole, and every byte is passed once.

#![no_main]

use std::ops::ControlFlow;

use estiba_ship::framing::{Assembler, Cursor, End, Format, Limits};
use estiba_ship::multiline::{Language, Multiline};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    lines: 1000,
};

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (which, cut, text) = input;
    let format = [Format::Raw, Format::Cri, Format::Docker, Format::Container][usize::from(which % 4)];
    let joins = which & 4 != 0;
    let events = |cut: usize| {
        let multiline = joins.then(|| Multiline::traces(&Language::ALL));
        let mut assembler = Assembler::new(format, multiline, LIMITS);
        let (mut events, mut cursor) = ([Vec::new(), Vec::new()], Cursor::default());
        for (end, kind) in [(cut, End::Open), (text.len(), End::All)] {
            let window = &text[cursor.start() as usize..end];
            assembler.take(window, kind, &mut cursor, |event| {
                let is_error = event.stream.is_some_and(|stream| stream.name() == "stderr");
                events[usize::from(is_error)].push(event.text.to_vec());
                ControlFlow::Continue(())
            });
        }
        assert_eq!(cursor.start(), text.len() as u64);
        events
    };
    assert_eq!(events(usize::from(cut).min(text.len())), events(0));
});
