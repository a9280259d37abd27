//! Amounts as Kubernetes writes them.

use std::collections::BTreeMap;

use estiba_model::Quantities;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// What is reserved of a CPU limit that comes without a request: a part of so
/// many. Kubernetes itself would reserve all of it, and a small cluster would be
/// full of programs that wait.
const RESERVED_PART: u64 = 10;

/// What a container may use and what it needs.
pub(super) fn requirements(
    limits: &Quantities,
    requests: &Quantities,
) -> Option<ResourceRequirements> {
    let mut requests = *requests;
    requests.cpu_millis = requests.cpu_millis.or(limits
        .cpu_millis
        .map(|millis| millis.div_ceil(RESERVED_PART)));
    let (limits, requests) = (amounts(limits), amounts(&requests));
    let is_empty = limits.is_none() && requests.is_none();
    (!is_empty).then(|| ResourceRequirements {
        limits,
        requests,
        ..ResourceRequirements::default()
    })
}

fn amounts(quantities: &Quantities) -> Option<BTreeMap<String, Quantity>> {
    let cpu = quantities.cpu_millis.map(|millis| format!("{millis}m"));
    let memory = quantities.memory_bytes.map(|bytes| bytes.to_string());
    let amounts: BTreeMap<_, _> = [("cpu", cpu), ("memory", memory)]
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), Quantity(amount?))))
        .collect();
    (!amounts.is_empty()).then_some(amounts)
}
