//! What a cluster lets out of a pod.

use estiba_model::message;
use estiba_target::Progress;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{Api, ListParams};
use kube::core::{Selector, SelectorExt};

use super::cluster::{Cluster, persist};
use crate::manifests::{Labels, Place};

impl Cluster {
    /// Tells which policies limit what leaves pods with these labels. Whoever may not
    /// see policies is told nothing.
    pub(super) async fn tell_egress_policies(
        &self,
        place: &Place,
        labels: &Labels,
        progress: &dyn Progress,
    ) {
        let namespace = &place.namespace;
        let api: Api<NetworkPolicy> = Api::namespaced(self.client.clone(), namespace);
        let all = ListParams::default();
        let Ok(found) = persist("NetworkPolicies", || api.list(&all)).await else {
            return;
        };
        let limiting = found.items.iter().filter(|policy| limits(policy, labels));
        let names: Vec<&str> = limiting
            .filter_map(|policy| policy.metadata.name.as_deref())
            .collect();
        if names.is_empty() {
            return;
        }
        let names = names.join(", ");
        progress.notice(&message!(
            "in the namespace {namespace}, NetworkPolicies limit what leaves the pods: {names}",
            "en el namespace {namespace}, hay NetworkPolicies que limitan lo que sale de los pods: {names}"
        ));
    }
}

/// Whether a policy limits what leaves pods with these labels.
/// <https://kubernetes.io/docs/concepts/services-networking/network-policies/>
fn limits(policy: &NetworkPolicy, labels: &Labels) -> bool {
    let Some(spec) = &policy.spec else {
        return false;
    };
    let types = spec.policy_types.as_deref().unwrap_or_default();
    let is_of_egress = match types {
        [] => spec.egress.is_some(),
        types => types.iter().any(|one| one == "Egress"),
    };
    let selected = spec.pod_selector.clone().unwrap_or_default();
    // A selector that this client can't read may well select it.
    let selects = Selector::try_from(selected).map_or(true, |selector| selector.matches(labels));
    is_of_egress && selects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(spec: &serde_json::Value) -> NetworkPolicy {
        let whole = serde_json::json!({ "metadata": { "name": "one" }, "spec": spec });
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn only_policies_of_egress_that_select_the_pod_limit_it() {
        let labels = Labels::from([("tier".to_owned(), "back".to_owned())]);
        let other = serde_json::json!({ "matchLabels": { "tier": "front" } });
        for (spec, expected) in [
            (
                serde_json::json!({ "podSelector": {}, "policyTypes": ["Egress"] }),
                true,
            ),
            (serde_json::json!({ "podSelector": {}, "egress": [] }), true),
            (
                serde_json::json!({ "podSelector": {}, "policyTypes": ["Ingress"] }),
                false,
            ),
            (
                serde_json::json!({ "podSelector": other, "policyTypes": ["Egress"] }),
                false,
            ),
        ] {
            assert_eq!(limits(&policy(&spec), &labels), expected, "{spec}");
        }
    }
}
