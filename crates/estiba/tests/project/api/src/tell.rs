//! `tell`: what tests run in an instance beside its own program.

use std::io::{Read, Write};
use std::{env, io, process};

/// Writes and reads as the arguments say, and ends with the code they say:
/// `tell out TEXT`, `err TEXT`, `stdin`, `code N`, in any number and order.
pub fn tell() {
    let mut words = env::args().skip(2);
    while let Some(word) = words.next() {
        match word.as_str() {
            "out" => print!("{}", words.next().unwrap_or_default()),
            "err" => eprint!("{}", words.next().unwrap_or_default()),
            "stdin" => {
                let mut bytes = Vec::new();
                let _ = io::stdin().read_to_end(&mut bytes);
                let _ = io::stdout().write_all(&bytes);
            }
            "bytes" => {
                let count = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
                let _ = io::stdout().write_all(&vec![b'x'; count]);
            }
            _ => {
                let _ = io::stdout().flush();
                process::exit(words.next().and_then(|n| n.parse().ok()).unwrap_or(0));
            }
        }
    }
}
