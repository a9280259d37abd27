//! The behaviours, by theme.

mod deploying;

use crate::behaviour::Behaviour;
use crate::bench::Kit;
use crate::score::{self, with_volume};

/// A theme in English and Spanish, and its behaviours.
type Theme = ([&'static str; 2], &'static [Behaviour]);

/// All themes in the order of the docs.
pub const THEMES: &[Theme] = &[(["Deploying", "Desplegar"], deploying::ALL)];

/// All behaviours.
pub fn all() -> impl Iterator<Item = &'static Behaviour> {
    THEMES.iter().flat_map(|(_, behaviours)| *behaviours)
}

/// The project that behaviours look at without changing it.
pub fn shown(kit: Kit) -> Kit {
    kit.workload(&with_volume(score::web("api")));
    kit.up("1.0.0");
    kit
}
