//! Sizes of dynos of the Common Runtime.
//!
//! Sources: <https://devcenter.heroku.com/articles/dyno-types>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#dyno-size>

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::apps::stable_id;
use crate::error::ApiError;
use crate::world::Shared;

/// A size by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    memory_mib: i64,
    compute: u32,
    cents: u32,
    dedicated: bool,
    professional: bool,
}

const fn size(name: &'static str, memory_mib: i64, compute: u32, cents: u32) -> Size {
    Size {
        name,
        memory_mib,
        compute,
        cents,
        dedicated: false,
        professional: true,
    }
}

const ALL: [Size; 7] = [
    Size {
        professional: false,
        ..size("Eco", 512, 1, 500)
    },
    Size {
        professional: false,
        ..size("Basic", 512, 1, 700)
    },
    size("Standard-1X", 512, 1, 2500),
    size("Standard-2X", 1024, 2, 5000),
    Size {
        dedicated: true,
        ..size("Performance-M", 2560, 12, 25000)
    },
    Size {
        dedicated: true,
        ..size("Performance-L", 14336, 50, 50000)
    },
    Size {
        dedicated: true,
        ..size("Performance-2XL", 129_024, 100, 150_000)
    },
];

impl Size {
    /// What processes have that say nothing.
    pub(crate) const USUAL: Self = ALL[1];

    /// One by its name, in any case, or its identifier.
    pub(crate) fn find(name: &str) -> Result<Self, ApiError> {
        let is = |one: &&Self| one.name.eq_ignore_ascii_case(name) || stable_id(one.name) == name;
        let found = ALL.iter().find(is).copied();
        found.ok_or_else(|| ApiError::invalid(format!("No such dyno size {name}.")))
    }

    pub(crate) fn memory_bytes(self) -> i64 {
        self.memory_mib << 20
    }

    /// Whether it runs more than one dyno of a type, and `preboot`.
    pub(crate) fn is_professional(self) -> bool {
        self.professional
    }

    pub(crate) fn reference(self) -> Value {
        json!({ "id": stable_id(self.name), "name": self.name })
    }

    fn view(self) -> Value {
        json!({
            "architecture": "amd64",
            "compute": self.compute,
            "cost": { "cents": self.cents, "unit": "month" },
            "dedicated": self.dedicated,
            "generation": { "id": stable_id("cedar"), "name": "cedar" },
            "id": stable_id(self.name),
            "memory": f64::from(u32::try_from(self.memory_mib).unwrap_or(u32::MAX)) / 1024.0,
            "name": self.name,
            "precise_dyno_units": 0.0,
            "private_space_only": false,
        })
    }
}

pub(crate) async fn list() -> Json<Value> {
    Json(ALL.into_iter().map(Size::view).collect())
}

pub(crate) async fn info(Path(name): Path<String>) -> Result<Json<Value>, ApiError> {
    let found = Size::find(&name).map_err(|_| ApiError::not_found("dyno_size", "dyno size"))?;
    Ok(Json(found.view()))
}

pub(crate) async fn of_app(
    State(world): State<Shared>,
    Path(identity): Path<String>,
) -> Result<Json<Value>, ApiError> {
    world.state().app(&identity)?;
    Ok(list().await)
}
