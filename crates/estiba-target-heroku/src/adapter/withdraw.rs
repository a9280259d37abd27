//! Ending a workload, and leaving.
//!
//! An app that Estiba made goes when nothing of value is left in it: no database, no
//! domain and no add-on of others. One that was there before stays, without what Estiba
//! put into it.

use std::time::Duration;

use estiba_model::{EnvironmentId, Name};
use estiba_target::TargetError;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::apps::OurApp;
use super::{HerokuTarget, WEB, WORKER, app_named};
use crate::client::Client;
use crate::client::fault::Fault;
use crate::client::types::{AddOn, Domain, Process};
use crate::marks;

/// Over and above what instances are given: Heroku gives dynos half a minute.
const DYNO_LIMIT: Duration = Duration::from_secs(60);
/// The kind of domain that every app has.
const OWN_DOMAIN: &str = "heroku";

impl HerokuTarget {
    pub(super) async fn withdraw_workload(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        grace: Duration,
    ) -> Result<(), TargetError> {
        let client = self.client().await?;
        let Some(mut app) = self.app_of(environment, workload).await? else {
            return Ok(());
        };
        app.end(client, grace).await?;
        let change = marks::withdrawn(app.marks.rollout.as_ref());
        let there = change
            .into_iter()
            .filter(|(name, _)| app.vars.contains_key(name));
        let there = there.collect();
        app.change(client, &there).await
    }

    pub(super) async fn forget_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<(), TargetError> {
        let client = self.client().await?;
        for mut app in self.apps_of(environment).await? {
            let at = |fault: Fault, name: &str| fault.at(&app_named(name));
            let name = app.name().to_owned();
            if app.marks.is_created && app.is_bare(client).await? {
                let removed = client.delete(&app.path("")).await;
                removed.map_err(|fault| at(fault, &name))?;
                continue;
            }
            app.end(client, Duration::ZERO).await?;
            let mut change = marks::withdrawn(app.marks.rollout.as_ref());
            change.retain(|name, _| app.vars.contains_key(name));
            change.extend(marks::forgotten(&app.vars));
            app.change(client, &change).await?;
        }
        Ok(())
    }
}

impl OurApp {
    /// Ends all dynos of the workload.
    async fn end(&self, client: &Client, grace: Duration) -> Result<(), TargetError> {
        let at = |fault: Fault| fault.at(&app_named(self.name()));
        let path = self.path("/formation");
        let processes: Vec<Process> = client.list(&path).await.map_err(at)?;
        let running = processes.iter().filter(|process| {
            matches!(process.kind.as_str(), WEB | WORKER) && process.quantity > 0
        });
        let updates: Vec<Value> = running
            .map(|process| json!({ "type": process.kind, "quantity": 0 }))
            .collect();
        if !updates.is_empty() {
            let body = json!({ "updates": updates });
            client
                .patch::<Vec<Process>>(&path, &body)
                .await
                .map_err(at)?;
        }
        let deadline = Instant::now() + grace + DYNO_LIMIT;
        for kind in [WEB, WORKER] {
            self.await_none(client, kind, deadline).await?;
        }
        Ok(())
    }

    /// Whether nothing is in it that others would miss.
    async fn is_bare(&self, client: &Client) -> Result<bool, TargetError> {
        let at = |fault: Fault| fault.at(&app_named(self.name()));
        let addons: Vec<AddOn> = client.list(&self.path("/addons")).await.map_err(at)?;
        let domains: Vec<Domain> = client.list(&self.path("/domains")).await.map_err(at)?;
        Ok(addons.is_empty() && domains.iter().all(|domain| domain.kind == OWN_DOMAIN))
    }
}
