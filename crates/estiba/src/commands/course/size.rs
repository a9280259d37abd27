//! `estiba course size`.

use estiba_course::size::{self, Size, TargetSize};
use estiba_course::{Prices, prices};
use estiba_model::{Diagnostic, Message, Quantities, message};
use jiff::Zoned;

use super::checked;
use crate::cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Table;

/// Adds up what all teams request, and says what that costs. Fails where it does not
/// fit.
pub fn size(context: &Context, asked: &cli::CourseSize) -> Result<(), Failure> {
    if asked.show_prices {
        context
            .output
            .text(estiba_course::shipped_prices().trim_end());
        return Ok(());
    }
    let prices = prices(asked.prices.as_deref()).map_err(Failure::Findings)?;
    let course = checked(context, estiba_course::load(&asked.file, &[]))?;
    let mut terms = course.size.clone();
    terms.budget = asked.budget.or(terms.budget);
    terms.nodes.extend(asked.node.iter().cloned());
    let mut unknown = course.unknown_targets(asked.node.iter().map(|(target, _)| target));
    let demands = size::demands(&course);
    let today = Zoned::now().date();
    let size = match size::size(&demands, &terms, &prices, today) {
        Ok(size) if unknown.is_empty() => size,
        Ok(_) => return Err(Failure::Findings(unknown)),
        Err(sizes) => {
            unknown.extend(unknown_sizes(&sizes, &prices));
            return Err(Failure::Findings(unknown));
        }
    };
    context.output.json(&size);
    show(context, &size);
    match size.fits {
        true => Ok(()),
        false => Err(Failure::Quiet(1)),
    }
}

fn unknown_sizes(unknown: &[size::UnknownSize], prices: &Prices) -> Vec<Diagnostic> {
    let known: Vec<&str> = prices.all.keys().map(String::as_str).collect();
    let known = known.join(", ");
    let finding = |one: &size::UnknownSize| {
        let (target, size) = (&one.target, &one.size);
        let what = message!(
            "no price has the size \"{size}\" of {target}",
            "ningún precio tiene el tamaño «{size}» de {target}"
        );
        let hint = message!(
            "there are: {known}; add others in a file of your own (--prices)",
            "hay: {known}; agregue otros en un archivo propio (--prices)"
        );
        Diagnostic::error("unknown-size", what).hint(hint)
    };
    unknown.iter().map(finding).collect()
}

fn show(context: &Context, size: &Size) {
    let output = context.output;
    for target in &size.targets {
        show_target(context, target, &size.currency);
    }
    let currency = &size.currency;
    if let Some(month) = size.month {
        output.line(&message!(
            "in all: {month:.2} {currency} a month",
            "en total: {month:.2} {currency} por mes"
        ));
    }
    if let Some(verdict) = verdict(size) {
        output.line(&verdict);
    }
    for change in &size.changes {
        let (mark, month) = (if change.fits { "✓" } else { "·" }, change.month);
        let text = |what: &String| format!("  {mark} {month:.2} {currency}  {what}");
        let Message { en, es } = &change.what;
        output.line(&Message {
            en: text(en),
            es: text(es),
        });
    }
    for note in &size.notes {
        output.remark(&note.clone().map(|text| format!("! {text}")));
    }
}

/// Whether it fits; nothing where there is nothing to fit.
fn verdict(size: &Size) -> Option<Message> {
    let unpriced = size.targets.iter().filter(|target| target.node.is_none());
    let unpriced: Vec<&str> = unpriced.map(|target| target.target.as_str()).collect();
    if !unpriced.is_empty() {
        let unpriced = unpriced.join(", ");
        return Some(message!(
            "there are no prices of nodes for {unpriced}: add some in a file of your own (--prices), or name a size that is paid by the instance (--node)",
            "no hay precios de nodos para {unpriced}: agréguelos en un archivo propio (--prices), o indique un tamaño que se paga por instancia (--node)"
        ));
    }
    let what = match (size.budget, size.fits) {
        (Some(budget), true) => {
            return Some(message!(
                "it fits the {budget:.2} {} there are",
                "entra en los {budget:.2} {} que hay",
                size.currency
            ));
        }
        (None, true) => return None,
        // Without a sum, a node is what it does not fit.
        (Some(budget), false) if size.month.is_some() => message!(
            "it does not fit the {budget:.2} {} there are",
            "no entra en los {budget:.2} {} que hay",
            size.currency
        ),
        (_, false) => message!("it does not fit", "no entra"),
    };
    let Message { en, es } = what;
    Some(match size.changes.is_empty() {
        true => message!(
            "{en}; what would change that: nothing that we know of",
            "{es}; qué lo cambiaría: nada que sepamos"
        ),
        false => message!("{en}; what would change that:", "{es}; qué lo cambiaría:"),
    })
}

fn show_target(context: &Context, size: &TargetSize, currency: &str) {
    let output = context.output;
    let headings = [
        message!("workload", "componente"),
        message!("copies", "copias"),
        message!("CPU", "CPU"),
        message!("memory", "memoria"),
        message!("CPU limit", "límite de CPU"),
        message!("memory limit", "límite de memoria"),
    ];
    output.text(size.target.as_str());
    let headings = headings.map(|heading| output.say(&heading));
    let mut table = Table::new(headings.each_ref().map(String::as_str));
    for row in &size.rows {
        table.row(cells(&row.workload, row.copies, &row.requests, &row.limits));
    }
    let all = output.say(&message!("all", "total"));
    table.row(cells(&all, size.instances, &size.requests, &size.limits));
    output.text(&table.to_string());
    let (Some(node), Some(offers), Some(each)) = (&size.node, &size.offers, size.each) else {
        return;
    };
    let (cpu, memory) = (cpu(offers.cpu_millis), memory(offers.memory_bytes));
    match size.nodes {
        Some(nodes) => output.line(&message!(
            "{nodes} of {node} ({cpu} and {memory} for instances, {each:.2} {currency} a month each)",
            "{nodes} de {node} ({cpu} y {memory} para instancias, {each:.2} {currency} por mes cada uno)"
        )),
        None => output.line(&message!(
            "an instance does not fit {node}, which has {cpu} and {memory} for instances",
            "una instancia no entra en {node}, que tiene {cpu} y {memory} para instancias"
        )),
    }
}

fn cells(name: &str, copies: u32, requests: &Quantities, limits: &Quantities) -> [String; 6] {
    [
        name.to_owned(),
        copies.to_string(),
        cpu(requests.cpu_millis),
        memory(requests.memory_bytes),
        cpu(limits.cpu_millis),
        memory(limits.memory_bytes),
    ]
}

fn cpu(millis: Option<u64>) -> String {
    millis.map_or("-".to_owned(), |millis| format!("{millis}m"))
}

fn memory(bytes: Option<u64>) -> String {
    bytes.map_or("-".to_owned(), |bytes| format!("{}Mi", bytes >> 20))
}

#[cfg(test)]
mod tests {
    use estiba_course::size::{Demand, Part, Terms};

    use super::*;

    const PRICES: &str = "currency: USD\nsizes:\n  UNIT: { per: UNIT, cpu: 1, memory: 1Gi, month: 10, date: 2026-11-01, source: 'https://example.edu/prices' }\n";

    /// What is said of one instance with so much memory.
    fn said(unit: &str, memory_bytes: u64, budget: Option<f64>) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prices.yaml");
        std::fs::write(&file, PRICES.replace("UNIT", unit)).unwrap();
        let requests = Quantities {
            cpu_millis: None,
            memory_bytes: Some(memory_bytes),
        };
        let name = |text: &str| text.parse::<estiba_model::Name>().unwrap();
        let demand = Demand {
            team: name("moria"),
            environment: name("test"),
            workload: name("api"),
            target: name("aks"),
            kind: "kubernetes".to_owned(),
            copies: 1,
            part: Part {
                requests,
                limits: requests,
            },
            databases: 0,
            overlaps: false,
        };
        let terms = Terms {
            budget,
            ..Terms::default()
        };
        let prices = prices(Some(&file)).unwrap();
        let today = "2026-11-29".parse().unwrap();
        let size = size::size(&[demand], &terms, &prices, today).unwrap();
        verdict(&size).map(|said| said.en)
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_reason() {
        let (small, large) = (64 << 20, 2 << 30);
        let said = |unit, memory, budget| said(unit, memory, budget).unwrap_or_default();
        assert_eq!(said("node", small, None), "");
        assert_eq!(
            said("node", small, Some(10.0)),
            "it fits the 10.00 USD there are"
        );
        let nothing = "what would change that: nothing that we know of";
        assert_eq!(
            said("node", small, Some(5.0)),
            format!("it does not fit the 5.00 USD there are; {nothing}")
        );
        let unpriced = said("instance", small, Some(5.0));
        assert!(unpriced.starts_with("there are no prices"), "{unpriced}");
        let larger = said("node", large, Some(50.0));
        assert!(larger.starts_with("it does not fit; "), "{larger}");
    }
}
