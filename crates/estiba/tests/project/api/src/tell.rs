//! `tell`: what tests run in an instance beside its own program.

use std::io::{Read, Write};
use std::{env, fs, io, process};

use crate::answer::ask;
use crate::variable;

/// Does what the arguments say, one after the other: `out TEXT`, `err TEXT`,
/// `stdin` (which comes back), `bytes N`, `file PATH`, `touch PATH`, `remove PATH`,
/// `self PATH` (a GET to the instance itself), `ask VARIABLE PATH` (a GET to what a
/// variable says), `code N`.
pub fn tell() {
    let mut words = env::args().skip(2);
    while let Some(word) = words.next() {
        match word.as_str() {
            "out" => print!("{}", word_of(&mut words)),
            "err" => eprint!("{}", word_of(&mut words)),
            "stdin" => {
                let mut bytes = Vec::new();
                let _ = io::stdin().read_to_end(&mut bytes);
                let _ = io::stdout().write_all(&bytes);
            }
            "bytes" => {
                let count = word_of(&mut words).parse().unwrap_or(0);
                let _ = io::stdout().write_all(&vec![b'x'; count]);
            }
            "file" => print!(
                "{}",
                fs::read_to_string(word_of(&mut words)).unwrap_or_default()
            ),
            "touch" => fs::write(word_of(&mut words), "").expect("a writable folder"),
            "remove" => fs::remove_file(word_of(&mut words)).expect("the file"),
            "self" => {
                let own = format!("http://127.0.0.1:{}", variable("PORT"));
                print!("{}", ask(&own, &word_of(&mut words)).unwrap_or_default());
            }
            "ask" => {
                let base = variable(&word_of(&mut words));
                match ask(&base, &word_of(&mut words)) {
                    Ok(answer) => print!("{answer}"),
                    Err(error) => print!("{base}: {error}"),
                }
            }
            _ => {
                let _ = io::stdout().flush();
                process::exit(word_of(&mut words).parse().unwrap_or(0));
            }
        }
    }
}

fn word_of(words: &mut impl Iterator<Item = String>) -> String {
    words.next().unwrap_or_default()
}
