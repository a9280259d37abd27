//! What a log store does, in one program so that it is linked once.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod damage;
mod disk;
mod elastic;
mod environments;
mod forwarding;
mod histograms;
mod isolation;
mod kill;
mod queries;
mod reads;
mod retention;
mod tail;
mod world;
