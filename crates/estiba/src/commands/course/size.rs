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

/// Adds up what all teams request, and says what that costs.
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
    let demands = size::demands(&course);
    let today = Zoned::now().date();
    let size = size::size(&demands, &terms, &prices, today)
        .map_err(|unknown| Failure::Findings(unknown_sizes(&unknown, &prices)))?;
    context.output.json(&size);
    show(context, &size);
    Ok(())
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
    match (size.budget, size.fits) {
        (Some(budget), true) => output.line(&message!(
            "it fits the {budget:.2} {currency} there are",
            "entra en los {budget:.2} {currency} que hay"
        )),
        (Some(budget), false) => output.line(&message!(
            "it does not fit the {budget:.2} {currency} there are; what would change that:",
            "no entra en los {budget:.2} {currency} que hay; qué lo cambiaría:"
        )),
        (None, false) => output.line(&message!(
            "it does not fit; what would change that:",
            "no entra; qué lo cambiaría:"
        )),
        (None, true) => {}
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
