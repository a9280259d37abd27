//! SIGTERM, without a library.

use std::sync::atomic::{AtomicBool, Ordering};

static CAME: AtomicBool = AtomicBool::new(false);
const SIGTERM: i32 = 15;

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
}

extern "C" fn note(_: i32) {
    CAME.store(true, Ordering::SeqCst);
}

/// From now on, SIGTERM is noted instead of ending the process.
pub fn listen() {
    // SAFETY: `signal` is that of the C library, which every program has; the
    // handler does nothing but store to an atomic, which is async-signal-safe.
    unsafe {
        signal(SIGTERM, note);
    }
}

/// Whether SIGTERM came.
pub fn came() -> bool {
    CAME.load(Ordering::SeqCst)
}
