//! Links the program at a fixed address.
//!
//! Each instance has a supervisor, a process of this program. A program that can
//! be loaded anywhere has its tables of addresses rewritten in every process, a
//! megabyte each that none of them shares; one at a fixed address is shared whole.
//! Stack, heap and shared libraries still lie at random addresses.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
