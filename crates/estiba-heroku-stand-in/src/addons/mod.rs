//! Add-ons: `heroku-postgresql`, on a PostgreSQL that really runs.
//!
//! Sources: <https://devcenter.heroku.com/articles/platform-api-reference#add-on>,
//! <https://devcenter.heroku.com/articles/heroku-postgresql>

pub(crate) mod api;
pub(crate) mod attachments;
pub(crate) mod data_api;
pub(crate) mod postgres;
mod provision;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use self::postgres::Database;
use crate::apps::{App, stable_id};
use crate::error::ApiError;
use crate::ids::{new_id, now};
use crate::world::{State, World};

pub(crate) const SERVICE: &str = "heroku-postgresql";
/// Plans with their monthly price in cents; the first is the usual one.
const PLANS: [(&str, u32); 4] = [
    ("essential-0", 500),
    ("essential-1", 900),
    ("essential-2", 2000),
    ("standard-0", 5000),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provision {
    Running,
    Done,
    Failed,
}

impl Provision {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "provisioning",
            Self::Done => "provisioned",
            Self::Failed => "deprovisioned",
        }
    }
}

#[derive(Debug)]
pub(crate) struct AddOn {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The identifier of the app that it belongs to.
    pub(crate) app: String,
    plan: &'static str,
    state: Provision,
    database: Option<Database>,
    created_at: String,
    updated_at: String,
}

/// An add-on by a name in an app.
#[derive(Debug)]
pub(crate) struct Attachment {
    id: String,
    addon: String,
    app: String,
    name: String,
    created_at: String,
}

impl Attachment {
    fn new(addon: &str, app: &str, name: String) -> Self {
        Self {
            id: new_id(),
            addon: addon.to_owned(),
            app: app.to_owned(),
            name,
            created_at: now(),
        }
    }

    fn config_name(&self) -> String {
        format!("{}_URL", self.name)
    }

    fn view(&self, addon: &AddOn, owner: &App, app: &App, more: bool) -> Value {
        let mut of_addon = json!({ "id": addon.id, "name": addon.name, "app": owner.reference() });
        if more {
            of_addon["plan"] = addon.plan_view();
        }
        let mut view = json!({
            "addon": of_addon,
            "app": app.reference(),
            "created_at": self.created_at,
            "id": self.id,
            "log_input_url": null,
            "name": self.name,
            "namespace": null,
            "updated_at": self.created_at,
            "web_url": null,
        });
        if more {
            view["config_vars"] = json!([self.config_name()]);
        }
        view
    }
}

impl AddOn {
    /// `SERVICE:PLAN`.
    pub(crate) fn plan_name(&self) -> String {
        format!("{SERVICE}:{}", self.plan)
    }

    fn is(&self, identity: &str) -> bool {
        self.id == identity || self.name == identity
    }

    fn cents(&self) -> u32 {
        let plan = PLANS.iter().find(|(name, _)| *name == self.plan);
        plan.map_or(0, |(_, cents)| *cents)
    }

    fn plan_view(&self) -> Value {
        let name = self.plan_name();
        json!({
            "id": stable_id(&name),
            "name": name,
            "price": { "cents": self.cents(), "contract": false, "unit": "month" },
        })
    }

    fn view(&self, app: &App, state: &State, expanded: bool) -> Value {
        let mine = state.attachments.iter().filter(|one| one.addon == self.id);
        let of_app = mine.filter(|one| one.app == app.id);
        let plan = self.plan_name();
        let mut view = json!({
            "actions": [],
            "addon_service": { "id": stable_id(SERVICE), "name": SERVICE },
            "app": app.reference(),
            "billed_price": { "cents": self.cents(), "contract": false, "unit": "month" },
            "billing_entity": { "id": app.id, "name": app.name, "type": "app" },
            "config_vars": of_app.map(Attachment::config_name).collect::<Vec<_>>(),
            "created_at": self.created_at,
            "id": self.id,
            "name": self.name,
            "plan": { "id": stable_id(&plan), "name": plan },
            "provider_id": self.id,
            "state": self.state.name(),
            "updated_at": self.updated_at,
            "web_url": null,
        });
        if expanded {
            view["plan"] = self.plan_view();
        }
        view
    }
}

/// The names of the config vars that are add-ons' in an app.
pub(crate) fn config_names(state: &State, app: &str) -> BTreeSet<String> {
    let of_app = state.attachments.iter().filter(|one| one.app == app);
    of_app.map(Attachment::config_name).collect()
}

/// The config vars of add-ons in an app, of those that are there.
pub(crate) fn config_vars(state: &State, app: &str) -> BTreeMap<String, String> {
    let of_app = state.attachments.iter().filter(|one| one.app == app);
    of_app
        .filter_map(|one| {
            let addon = state.addons.iter().find(|addon| addon.id == one.addon)?;
            Some((one.config_name(), addon.database.as_ref()?.url()))
        })
        .collect()
}

fn find<'s>(state: &'s State, identity: &str) -> Result<&'s AddOn, ApiError> {
    let found = state.addons.iter().find(|addon| addon.is(identity));
    found.ok_or_else(|| ApiError::not_found("add_on", "add-on"))
}

/// Takes an app's add-ons out; the databases that go with them.
pub(crate) fn leave(state: &mut State, app: &str) -> Vec<Database> {
    let (gone, kept) = std::mem::take(&mut state.addons)
        .into_iter()
        .partition::<Vec<_>, _>(|addon| addon.app == app);
    state.addons = kept;
    let is_gone = |one: &Attachment| gone.iter().any(|addon| addon.id == one.addon);
    state
        .attachments
        .retain(|one| one.app != app && !is_gone(one));
    gone.into_iter()
        .filter_map(|addon| addon.database)
        .collect()
}

pub(crate) async fn drop_databases(world: &Arc<World>, databases: Vec<Database>) {
    for database in databases {
        if let Some(server) = world.databases.get() {
            server.drop_database(world, &database).await;
        }
    }
}
