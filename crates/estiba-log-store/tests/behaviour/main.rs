//! What a log store does, in one program so that it is linked once.

mod damage;
mod disk;
mod isolation;
mod kill;
mod queries;
mod reads;
mod retention;
mod tail;
mod world;
