//! What one target has to carry, and what that costs with nodes of one size.

use std::collections::BTreeMap;

use estiba_model::{Name, Quantities};
use estiba_project::{DatabaseServers, database_servers};
use serde::Serialize;

use super::demand::{Demand, sum, times};
use super::pack::{self, Room};
use crate::prices::{Price, PriceUnit};

/// What a target has to carry, and what that costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetSize {
    /// The target.
    pub target: Name,
    /// The size of its nodes, by its name among the prices.
    pub node: Option<String>,
    /// What a node offers to instances.
    pub offers: Option<Quantities>,
    /// What one costs in a month.
    pub each: Option<f64>,
    /// Its workloads, all teams and environments together.
    pub rows: Vec<Row>,
    /// What all of them request.
    pub requests: Quantities,
    /// What they may use at the most.
    pub limits: Quantities,
    /// How many instances there are.
    pub instances: u32,
    /// How many nodes they need, with room for one that a change runs for a while;
    /// none where one does not fit a node.
    pub nodes: Option<u32>,
    /// What they cost in a month.
    pub month: Option<f64>,
}

/// A workload in all teams and environments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Which; `postgres` for databases.
    pub workload: String,
    /// How many run.
    pub copies: u32,
    /// What all copies request.
    pub requests: Quantities,
    /// What they may use at the most.
    pub limits: Quantities,
}

impl TargetSize {
    /// With nodes of a size.
    pub(super) fn of(
        target: &Name,
        demands: &[&Demand],
        (node, price): (&str, &Price),
        database: Quantities,
    ) -> Self {
        let mut size = Self::unpriced(target, demands, database);
        let nodes = match price.unit {
            PriceUnit::Node => {
                let room = Room {
                    offers: price.offers,
                    pods: price.pods,
                };
                pack::nodes(&instances(demands, database), room)
            }
            PriceUnit::Instance => {
                let fits = |one: &&&Demand| {
                    let room = Room {
                        offers: price.offers,
                        pods: None,
                    };
                    pack::nodes(&[one.part.requests], room).is_some()
                };
                let all = demands.iter().filter(fits).count() == demands.len();
                all.then(|| demands.iter().map(|demand| demand.copies).sum())
            }
        };
        let databases = price.database_month.unwrap_or(0.0) * f64::from(count(demands));
        size.month = nodes.map(|nodes| f64::from(nodes) * price.month + databases);
        size.nodes = nodes;
        size.node = Some(node.to_owned());
        size.offers = Some(price.offers);
        size.each = Some(price.month);
        size
    }

    /// With nothing known of its nodes.
    pub(super) fn unpriced(target: &Name, demands: &[&Demand], database: Quantities) -> Self {
        let rows = rows(demands, database);
        let total =
            |of: fn(&Row) -> Quantities| rows.iter().map(of).fold(Quantities::default(), sum);
        Self {
            target: target.clone(),
            node: None,
            offers: None,
            each: None,
            requests: total(|row| row.requests),
            limits: total(|row| row.limits),
            instances: rows.iter().map(|row| row.copies).sum(),
            rows,
            nodes: None,
            month: None,
        }
    }
}

fn count(demands: &[&Demand]) -> u32 {
    demands.iter().map(|demand| demand.databases).sum()
}

/// The servers that databases are on, where they run on the nodes.
fn servers(demands: &[&Demand]) -> u32 {
    let databases = count(demands);
    let kind = demands.first().map(|demand| demand.kind.as_str());
    match kind.map_or(DatabaseServers::Own, database_servers) {
        DatabaseServers::Own => databases,
        DatabaseServers::One => databases.min(1),
        DatabaseServers::Elsewhere => 0,
    }
}

fn rows(demands: &[&Demand], database: Quantities) -> Vec<Row> {
    let mut rows: BTreeMap<&Name, Row> = BTreeMap::new();
    for demand in demands {
        let row = rows.entry(&demand.workload).or_insert_with(|| Row {
            workload: demand.workload.to_string(),
            copies: 0,
            requests: Quantities::default(),
            limits: Quantities::default(),
        });
        let copies = u64::from(demand.copies);
        row.copies += demand.copies;
        row.requests = sum(row.requests, times(demand.part.requests, copies));
        row.limits = sum(row.limits, times(demand.part.limits, copies));
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    let servers = servers(demands);
    if servers > 0 {
        rows.push(Row {
            workload: "postgres".to_owned(),
            copies: servers,
            requests: times(database, servers.into()),
            limits: Quantities::default(),
        });
    }
    rows
}

/// Each instance, the databases, and one more of the largest that a change runs
/// beside the old one.
fn instances(demands: &[&Demand], database: Quantities) -> Vec<Quantities> {
    let mut all: Vec<Quantities> = demands
        .iter()
        .flat_map(|demand| (0..demand.copies).map(|_| demand.part.requests))
        .collect();
    all.extend((0..servers(demands)).map(|_| database));
    let overlapping = demands
        .iter()
        .filter(|demand| demand.overlaps && demand.copies > 0);
    all.extend(
        overlapping
            .map(|demand| demand.part.requests)
            .max_by_key(|requests| requests.memory_bytes),
    );
    all
}
