//! What nodes offer and cost, from a file with dates.

use std::collections::BTreeMap;
use std::path::Path;

use estiba_model::{Diagnostic, Message, Quantities, message};
use estiba_score::yaml::join;
use indexmap::IndexMap;
use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document;
use crate::file::{AmountsFile, cpu, memory, tidy};

/// Prices that are older than this are told to be.
const MOST_DAYS: i32 = 183;

/// The prices that come with this Estiba.
const SHIPPED: &str = include_str!("../prices.yaml");

/// What nodes offer and cost.
#[derive(Debug, Clone)]
pub struct Prices {
    /// `USD`.
    pub currency: String,
    /// By name, in the order of the file.
    pub all: IndexMap<String, Price>,
}

/// What a node offers and costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// What is paid for.
    pub unit: PriceUnit,
    /// What it has, less what the system and the platform's own programs take.
    pub offers: Quantities,
    /// The instances that it takes, less the platform's own; as many as fit where
    /// it is not said.
    pub pods: Option<u32>,
    /// In a month.
    pub month: f64,
    /// Of a database of the platform, where each is paid for.
    pub database_month: Option<f64>,
    /// When the price was read.
    #[serde(serialize_with = "as_text")]
    pub date: Date,
    /// Where.
    pub source: String,
}

fn as_text<S: serde::Serializer>(date: &Date, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(date)
}

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceUnit {
    /// A machine, which instances share.
    #[default]
    Node,
    /// Each instance, such as a dyno.
    Instance,
}

/// What nodes offer and cost.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "prices.yaml")]
struct PricesFile {
    /// `USD`.
    currency: String,
    /// The sizes that there are, by a name of your own.
    #[schemars(length(min = 1))]
    sizes: BTreeMap<String, PriceFile>,
}

/// A size and its price.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Price")]
struct PriceFile {
    /// What is paid for: a `node` (the default), or each `instance`.
    #[serde(default)]
    #[schemars(schema_with = "unit")]
    per: PriceUnit,
    /// Its cores, as `2` or `500m`.
    #[schemars(schema_with = "cpu")]
    cpu: Value,
    /// Its memory, as `4Gi`.
    #[schemars(schema_with = "memory")]
    memory: Value,
    /// How many pods it takes.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pods: Option<u32>,
    /// What the system and the kubelet keep for themselves.
    #[serde(default)]
    reserved: AmountsFile,
    /// What the platform's own pods request of each node.
    #[serde(default)]
    system: SystemFile,
    /// What it costs in a month.
    #[schemars(range(min = 0))]
    month: f64,
    /// What a database of the platform costs in a month.
    #[serde(default)]
    #[schemars(range(min = 0))]
    database_month: Option<f64>,
    /// When the price was read, as 2026-11-28.
    #[schemars(schema_with = "date")]
    date: String,
    /// Where it was read.
    source: String,
}

/// The platform's own pods on a node.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "System")]
struct SystemFile {
    /// What they request.
    #[serde(default)]
    #[schemars(schema_with = "cpu")]
    cpu: Option<Value>,
    /// What they request.
    #[serde(default)]
    #[schemars(schema_with = "memory")]
    memory: Option<Value>,
    /// How many they are.
    #[serde(default)]
    pods: u32,
}

fn unit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["node", "instance"] })
}

fn date(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
}

/// The JSON schema of a file of prices.
#[must_use]
pub fn prices_schema() -> Value {
    let mut schema = schemars::schema_for!(PricesFile).to_value();
    tidy(&mut schema);
    schema
}

/// The prices that come with this Estiba, as a text to begin one's own with.
#[must_use]
pub fn shipped_prices() -> &'static str {
    SHIPPED
}

/// Reads prices: those of `file`, or the shipped ones.
///
/// # Errors
/// Every mistake in it.
pub fn prices(file: Option<&Path>) -> Result<Prices, Vec<Diagnostic>> {
    match file {
        None => parse(Path::new("prices.yaml"), SHIPPED),
        Some(file) => {
            let text = document::text_of(file).map_err(|finding| vec![*finding])?;
            parse(file, &text)
        }
    }
}

fn parse(file: &Path, text: &str) -> Result<Prices, Vec<Diagnostic>> {
    let read = document::read::<PricesFile>(file, text, &prices_schema(), &[]);
    let mut found = read.found;
    let (Some(document), Some(content)) = (read.document, read.content) else {
        return Err(found);
    };
    let mut all = IndexMap::new();
    for (name, price) in content.sizes {
        let pointer = join("/sizes", &name);
        match priced(&price) {
            Some(price) => drop(all.insert(name, price)),
            None => {
                let finding = Diagnostic::error(
                    "bad-price",
                    message!(
                        "{name} has an amount or a date that is none, or keeps more for itself than it has",
                        "{name} tiene una cantidad o una fecha que no lo es, o se reserva más de lo que tiene"
                    ),
                );
                found.push(finding.at(document.place(&pointer)));
            }
        }
    }
    // In the order of the file, which is that of the sizes.
    if let Some(order) = document.value.get("sizes").and_then(Value::as_object) {
        let place = |name: &String| order.keys().position(|key| key == name);
        all.sort_by(|a, _, b, _| place(a).cmp(&place(b)));
    }
    if found.is_empty() {
        let currency = content.currency;
        return Ok(Prices { currency, all });
    }
    Err(found)
}

fn priced(file: &PriceFile) -> Option<Price> {
    let cpu = |value: &Value| estiba_score::cpu_millis(&written(value));
    let memory = |value: &Value| estiba_score::memory_bytes(&written(value));
    let taken = |values: [&Option<Value>; 2], parse: &dyn Fn(&Value) -> Option<u64>| {
        values
            .into_iter()
            .flatten()
            .try_fold(0_u64, |sum, value| sum.checked_add(parse(value)?))
    };
    let cpu_taken = taken([&file.reserved.cpu, &file.system.cpu], &cpu)?;
    let memory_taken = taken([&file.reserved.memory, &file.system.memory], &memory)?;
    let pods = match file.pods {
        Some(pods) => Some(pods.checked_sub(file.system.pods)?),
        None => None,
    };
    Some(Price {
        unit: file.per,
        offers: Quantities {
            cpu_millis: Some(cpu(&file.cpu)?.checked_sub(cpu_taken)?),
            memory_bytes: Some(memory(&file.memory)?.checked_sub(memory_taken)?),
        },
        pods,
        month: file.month,
        database_month: file.database_month,
        date: file.date.parse().ok()?,
        source: file.source.clone(),
    })
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Price {
    /// A word about a price that is old.
    #[must_use]
    pub fn age(&self, name: &str, today: Date) -> Option<Message> {
        let days = today.since(self.date).ok()?.get_days();
        (days > MOST_DAYS).then(|| {
            let (date, source) = (self.date, &self.source);
            message!(
                "the price of {name} is of {date}: look it up at {source} and write your own with --prices",
                "el precio de {name} es del {date}: consúltelo en {source} y escriba los suyos con --prices"
            )
        })
    }
}
