//! What would make a course fit.

use std::collections::BTreeSet;

use estiba_model::{Message, Name, Quantities, message};
use serde::Serialize;

use super::demand::Demand;
use super::target::TargetSize;
use super::{Reckoning, Terms, total};

/// Steps of requests that are tried, in percent of what they are.
const PERCENTS: std::ops::Range<u64> = 5..100;

/// Something that would change what a course costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What to change.
    pub what: Message,
    /// What it would cost in a month then.
    pub month: f64,
    /// Whether it is enough.
    pub fits: bool,
}

/// Changes that help, those that are enough first, the cheapest first.
pub(super) fn changes(
    reckoning: &Reckoning<'_>,
    demands: &[Demand],
    now: &[TargetSize],
) -> Vec<Change> {
    let mut all = Vec::new();
    all.extend(one_copy(reckoning, demands));
    all.extend(one_database(reckoning, demands));
    all.extend(other_nodes(reckoning, demands, now));
    all.extend(fewer_environments(reckoning, demands));
    all.extend(lower_requests(reckoning, demands));
    let before = total(now).unwrap_or(f64::INFINITY);
    all.retain(|change: &Change| change.month < before);
    all.sort_by(|a, b| b.fits.cmp(&a.fits).then(a.month.total_cmp(&b.month)));
    all
}

fn change(reckoning: &Reckoning<'_>, demands: &[Demand], what: Message) -> Option<Change> {
    let month = total(&reckoning.targets(demands))?;
    Some(Change {
        what,
        fits: reckoning.fits(Some(month)),
        month,
    })
}

fn one_copy(reckoning: &Reckoning<'_>, demands: &[Demand]) -> Option<Change> {
    let many: BTreeSet<&str> = demands
        .iter()
        .filter(|demand| demand.copies > 1)
        .map(|demand| demand.workload.as_str())
        .collect();
    if many.is_empty() {
        return None;
    }
    let names = many.into_iter().collect::<Vec<_>>().join(", ");
    let mut fewer = demands.to_vec();
    for demand in &mut fewer {
        demand.copies = demand.copies.min(1);
    }
    let what = message!(
        "run one copy of {names} everywhere (`replicas`)",
        "una sola copia de {names} en todas partes (`replicas`)"
    );
    change(reckoning, &fewer, what)
}

/// One server for all databases, given by URL.
fn one_database(reckoning: &Reckoning<'_>, demands: &[Demand]) -> Option<Change> {
    let databases: u32 = demands.iter().map(|demand| demand.databases).sum();
    if databases < 2 {
        return None;
    }
    let mut shared = demands.to_vec();
    let mut seen = BTreeSet::new();
    for demand in &mut shared {
        let first = demand.databases > 0 && seen.insert(demand.target.clone());
        demand.databases = u32::from(first);
    }
    let what = message!(
        "share one PostgreSQL among the {databases} databases: `resources: {{ postgres: {{ url-from: NAME }} }}` of the environments",
        "compartir un PostgreSQL entre las {databases} bases: `resources: {{ postgres: {{ url-from: NOMBRE }} }}` de los ambientes"
    );
    change(reckoning, &shared, what)
}

fn other_nodes(reckoning: &Reckoning<'_>, demands: &[Demand], now: &[TargetSize]) -> Vec<Change> {
    let mut all = Vec::new();
    for target in now {
        let present = target
            .node
            .as_ref()
            .and_then(|node| reckoning.prices.all.get(node));
        for (name, price) in &reckoning.prices.all {
            let is_alike = present.is_none_or(|present| present.unit == price.unit);
            if target.node.as_ref() == Some(name) || !is_alike {
                continue;
            }
            let mut terms: Terms = reckoning.terms.clone();
            terms.nodes.insert(target.target.clone(), name.clone());
            let other = Reckoning {
                terms: &terms,
                prices: reckoning.prices,
            };
            let sized = other.targets(demands);
            let count = sized.iter().find(|one| one.target == target.target);
            let Some(count) = count.and_then(|one| one.nodes) else {
                continue;
            };
            let target = &target.target;
            let what = message!(
                "{target} on {count} of {name} (`size: {{ nodes: {{ {target}: {name} }} }}`)",
                "{target} en {count} de {name} (`size: {{ nodes: {{ {target}: {name} }} }}`)"
            );
            all.extend(change(&other, demands, what));
        }
    }
    // The cheapest is enough to know.
    all.sort_by(|a, b| a.month.total_cmp(&b.month));
    all.truncate(1);
    all
}

/// The last environment, of as few teams as are enough; of all where none are.
fn fewer_environments(reckoning: &Reckoning<'_>, demands: &[Demand]) -> Option<Change> {
    let last = &demands.last()?.environment;
    if demands.iter().all(|demand| demand.environment == *last) {
        return None;
    }
    let having: BTreeSet<&Name> = demands
        .iter()
        .filter(|demand| demand.environment == *last)
        .map(|demand| &demand.team)
        .collect();
    let of = having.len();
    let mut best = None;
    for count in 1..=of {
        let without: BTreeSet<&Name> = having.iter().copied().take(count).collect();
        let is_left =
            |demand: &&Demand| demand.environment != *last || !without.contains(&demand.team);
        let fewer: Vec<Demand> = demands.iter().filter(is_left).cloned().collect();
        let what = message!(
            "no {last} for {count} of {of} teams (`without: [{last}]`)",
            "sin {last} para {count} de {of} equipos (`without: [{last}]`)"
        );
        best = change(reckoning, &fewer, what).or(best);
        if best.as_ref().is_some_and(|best| best.fits) {
            break;
        }
    }
    best
}

/// Requests that are lower by as little as is enough.
fn lower_requests(reckoning: &Reckoning<'_>, demands: &[Demand]) -> Option<Change> {
    for percent in PERCENTS.rev() {
        let mut lower = demands.to_vec();
        for demand in &mut lower {
            demand.part.requests = scaled(demand.part.requests, percent);
        }
        let what = lower_words(demands, percent);
        let found = change(reckoning, &lower, what);
        if found.as_ref().is_some_and(|found| found.fits) {
            return found;
        }
    }
    None
}

fn scaled(amount: Quantities, percent: u64) -> Quantities {
    let part = |amount: u64| amount.saturating_mul(percent) / 100;
    Quantities {
        cpu_millis: amount.cpu_millis.map(part),
        memory_bytes: amount.memory_bytes.map(part),
    }
}

fn lower_words(demands: &[Demand], percent: u64) -> Message {
    let mut workloads: Vec<&Demand> = Vec::new();
    for demand in demands {
        if !workloads.iter().any(|one| one.workload == demand.workload) {
            workloads.push(demand);
        }
    }
    let parts = workloads.iter().map(|demand| {
        let (now, then) = (demand.part.requests, scaled(demand.part.requests, percent));
        format!("{}: {} → {}", demand.workload, amounts(now), amounts(then))
    });
    let parts = parts.collect::<Vec<_>>().join("; ");
    message!(
        "request {percent} % of it ({parts})",
        "solicitar el {percent} % ({parts})"
    )
}

fn amounts(amount: Quantities) -> String {
    let cpu = amount.cpu_millis.map(|cpu| format!("{cpu}m"));
    let memory = amount
        .memory_bytes
        .map(|memory| format!("{}Mi", memory >> 20));
    let parts: Vec<String> = [cpu, memory].into_iter().flatten().collect();
    parts.join(" ")
}
