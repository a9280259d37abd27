//! How many dynos of which size each type of process has.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#formation>

pub(crate) mod api;
pub(crate) mod sizes;

use serde_json::{Value, json};

use self::sizes::Size;
use crate::apps::App;
use crate::error::ApiError;
use crate::ids::{new_id, now};

/// The most dynos of one type.
const MOST: i64 = 100;

/// A type of process of an app.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    id: String,
    pub(crate) command: String,
    pub(crate) quantity: i64,
    pub(crate) size: Size,
    created_at: String,
    updated_at: String,
}

impl Process {
    /// What a type is when its image is released first: one `web`, none of the others.
    pub(crate) fn new(kind: &str, command: String) -> Self {
        Self {
            id: new_id(),
            command,
            quantity: i64::from(kind == "web"),
            size: Size::USUAL,
            created_at: now(),
            updated_at: now(),
        }
    }

    /// The same with the command of another image.
    fn with_command(&self, command: Option<String>) -> Self {
        Self {
            command: command.unwrap_or_else(|| self.command.clone()),
            ..self.clone()
        }
    }

    fn view(&self, kind: &str, app: &App) -> Value {
        json!({
            "app": app.reference(),
            "command": self.command,
            "created_at": self.created_at,
            "dyno_size": self.size.reference(),
            "id": self.id,
            "quantity": self.quantity,
            "size": self.size.name,
            "type": kind,
            "updated_at": self.updated_at,
        })
    }
}

/// A quantity, as a number or a text, or a change of it: `+1`.
fn quantity(given: &Value, before: i64) -> Result<i64, ApiError> {
    let text = given
        .as_str()
        .map_or_else(|| given.to_string(), str::to_owned);
    let number: Option<i64> = text.parse().ok();
    let wanted = number.map(|number| match text.starts_with(['+', '-']) {
        true => before + number,
        false => number,
    });
    let allowed = wanted.filter(|wanted| (0..=MOST).contains(wanted));
    allowed.ok_or_else(|| ApiError::invalid(format!("Cannot update to {text} dynos.")))
}
