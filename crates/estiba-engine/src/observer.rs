//! Who is told what the engine does.

use estiba_model::Event;

/// Who is told.
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn event(&self, event: Event);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event) {}
}
