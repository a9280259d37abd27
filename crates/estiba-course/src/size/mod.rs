//! What the teams of a course request on each target, and what that costs. Pure.

mod advice;
mod demand;
mod pack;
mod target;

use std::collections::BTreeMap;

use estiba_model::{Message, Name, Quantities, message};
use jiff::civil::Date;
use serde::Serialize;

use crate::prices::{Price, Prices};

pub use advice::Change;
pub use demand::{Demand, Part, demands};
pub use target::{Row, TargetSize};

/// What is reckoned with.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// What there is to spend in a month.
    pub budget: Option<f64>,
    /// The size of the nodes of each target, by its name among the prices.
    pub nodes: BTreeMap<Name, String>,
    /// What a database with a server of its own requests.
    pub database: Option<Quantities>,
}

/// A PostgreSQL that idles takes about half of it. Those of clusters request nothing
/// of the cluster, and need it all the same.
const DATABASE: Quantities = Quantities {
    cpu_millis: Some(50),
    memory_bytes: Some(128 << 20),
};

/// What a course needs, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Size {
    /// Of the prices.
    pub currency: String,
    /// What there is to spend in a month.
    pub budget: Option<f64>,
    /// Each target.
    pub targets: Vec<TargetSize>,
    /// What all of it costs in a month; none where something does not fit.
    pub month: Option<f64>,
    /// Whether everything fits its nodes and the budget.
    pub fits: bool,
    /// What would change that, the cheapest first; those that are enough before
    /// those that only help.
    pub changes: Vec<Change>,
    /// What is to be known about the figures.
    pub notes: Vec<Message>,
}

/// A size that no price has.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownSize {
    /// The target.
    pub target: Name,
    /// Its size.
    pub size: String,
}

/// What `demands` need and cost.
///
/// # Errors
/// Targets whose size no price has.
pub fn size(
    demands: &[Demand],
    terms: &Terms,
    prices: &Prices,
    today: Date,
) -> Result<Size, Vec<UnknownSize>> {
    let unknown: Vec<UnknownSize> = terms
        .nodes
        .iter()
        .filter(|(_, size)| !prices.all.contains_key(*size))
        .map(|(target, size)| UnknownSize {
            target: target.clone(),
            size: size.clone(),
        })
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let reckoning = Reckoning { terms, prices };
    let targets = reckoning.targets(demands);
    let month = total(&targets);
    let mut size = Size {
        currency: prices.currency.clone(),
        budget: terms.budget,
        fits: reckoning.fits(month),
        changes: Vec::new(),
        notes: notes(demands, &targets, prices, today),
        month,
        targets,
    };
    if !size.fits {
        size.changes = advice::changes(&reckoning, demands, &size.targets);
    }
    Ok(size)
}

/// Terms and prices, for figures of one course and of what it could be.
#[derive(Clone, Copy)]
pub(crate) struct Reckoning<'r> {
    terms: &'r Terms,
    prices: &'r Prices,
}

impl Reckoning<'_> {
    fn database(&self) -> Quantities {
        self.terms.database.unwrap_or(DATABASE)
    }

    fn targets(&self, demands: &[Demand]) -> Vec<TargetSize> {
        let mut by_target: BTreeMap<&Name, Vec<&Demand>> = BTreeMap::new();
        for demand in demands {
            by_target.entry(&demand.target).or_default().push(demand);
        }
        let each = by_target.into_iter();
        each.map(|(name, demands)| self.target(name, &demands))
            .collect()
    }

    /// With the size that is said, or the one that costs least.
    fn target(&self, name: &Name, demands: &[&Demand]) -> TargetSize {
        let said = self.terms.nodes.get(name);
        let all = self.prices.all.iter();
        let tried = all.filter(|(size, price)| match said {
            Some(said) => *size == said,
            None => price.unit == crate::PriceUnit::Node,
        });
        let sized = tried.map(|(size, price)| {
            target::TargetSize::of(name, demands, (size, price), self.database())
        });
        let cost = |one: &TargetSize| one.month.unwrap_or(f64::INFINITY);
        let best = sized.min_by(|a, b| cost(a).total_cmp(&cost(b)));
        best.unwrap_or_else(|| TargetSize::unpriced(name, demands, self.database()))
    }

    fn fits(&self, month: Option<f64>) -> bool {
        match (month, self.terms.budget) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(month), Some(budget)) => month <= budget,
        }
    }
}

/// Of all targets; none where one does not fit.
fn total(targets: &[TargetSize]) -> Option<f64> {
    targets.iter().map(|target| target.month).sum()
}

fn notes(demands: &[Demand], targets: &[TargetSize], prices: &Prices, today: Date) -> Vec<Message> {
    let mut notes = Vec::new();
    let mut silent: Vec<&str> = demands
        .iter()
        .filter(|demand| demand.part.requests.memory_bytes.is_none())
        .map(|demand| demand.workload.as_str())
        .collect();
    silent.sort_unstable();
    silent.dedup();
    if !silent.is_empty() {
        let silent = silent.join(", ");
        notes.push(message!(
            "{silent}: no memory is requested, so none is counted; say it in `resources` of the Score file, or in `limits` of the target",
            "{silent}: no se solicita memoria, así que no se cuenta; dígala en `resources` del archivo Score, o en `limits` de la plataforma"
        ));
    }
    for target in targets {
        let price: Option<(&String, &Price)> = target
            .node
            .as_ref()
            .and_then(|node| prices.all.get_key_value(node));
        notes.extend(price.and_then(|(name, price)| price.age(name, today)));
    }
    notes.dedup();
    notes
}
