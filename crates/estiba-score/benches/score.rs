//! How long a thousand Score files take: `cargo bench -p estiba-score`. The goal
//! is well under a second.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const FILE: &str = include_str!("../tests/fixtures/good/everything.yaml");
const FILES: usize = 1000;
const ROUNDS: usize = 5;

fn main() {
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..FILES {
            black_box(estiba_score::parse(
                Path::new("score.yaml"),
                black_box(FILE),
            ));
        }
        let (bytes, time) = (FILE.len(), start.elapsed());
        println!("check_1000: {FILES} files of {bytes} bytes in {time:?}");
    }
}
