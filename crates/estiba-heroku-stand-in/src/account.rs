//! Who owns the key, and how many requests are left.
//!
//! Sources: <https://devcenter.heroku.com/articles/platform-api-reference#account>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#rate-limit>

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::ids::{new_id, now};
use crate::world::Shared;

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) email: String,
    since: String,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            id: new_id(),
            email: "team@example.edu".to_owned(),
            since: now(),
        }
    }
}

impl Account {
    /// As others refer to it.
    pub(crate) fn reference(&self) -> Value {
        json!({ "id": self.id, "email": self.email })
    }
}

pub(crate) async fn info(State(world): State<Shared>) -> Json<Value> {
    let Account { id, email, since } = &world.account;
    Json(json!({
        "allow_tracking": false,
        "beta": false,
        "country_of_residence": null,
        "created_at": since,
        "default_organization": null,
        "default_team": null,
        "delinquent_at": null,
        "email": email,
        "federated": false,
        "id": id,
        "identity_provider": null,
        "last_login": since,
        "name": "Team",
        "sms_number": null,
        "suspended_at": null,
        "two_factor_authentication": true,
        "updated_at": since,
        "verified": true,
    }))
}

pub(crate) async fn rate_limits(State(world): State<Shared>) -> Json<Value> {
    let remaining = world.faults.remaining();
    Json(json!({ "remaining": remaining }))
}
