//! What speaks Elasticsearch's language at an address, as far as it makes a difference.

use serde_json::Value;

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
    /// Quickwit.
    Quickwit,
    /// Another Estiba.
    Estiba,
}

/// The id of the cluster that every Estiba says to be.
const OF_ESTIBA: &str = "estiba0000000000000000";

impl Product {
    /// What the answer to `GET /` says.
    pub(crate) fn of(root: &Value) -> Option<Self> {
        if root["cluster_uuid"].as_str() == Some(OF_ESTIBA) {
            return Some(Self::Estiba);
        }
        match root["version"]["distribution"].as_str() {
            Some("opensearch") => Some(Self::OpenSearch),
            Some("quickwit") => Some(Self::Quickwit),
            _ => root["version"]["number"]
                .as_str()
                .map(|_| Self::Elasticsearch),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Elasticsearch => "Elasticsearch",
            Self::OpenSearch => "OpenSearch",
            Self::Quickwit => "Quickwit",
            Self::Estiba => "Estiba",
        }
    }

    /// Whether it is of Lucene, with a mapping that Estiba makes.
    pub(crate) fn is_lucene(self) -> bool {
        matches!(self, Self::Elasticsearch | Self::OpenSearch)
    }

    /// The smallest difference between two moments, in microseconds: of the type `date`,
    /// milliseconds.
    pub(crate) fn moment_us(self) -> i64 {
        if self == Self::Estiba { 1 } else { 1000 }
    }

    /// A value of `sort`, in microseconds since 1970.
    pub(crate) fn micros_of_sort(self, value: i64) -> i64 {
        value.saturating_mul(self.moment_us())
    }

    /// Microseconds since 1970 as a value of `search_after`.
    pub(crate) fn to_sort(self, at_us: i64) -> i64 {
        at_us.div_euclid(self.moment_us())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn products_say_what_they_are() {
        for (root, product) in [
            (
                json!({"version": {"number": "8.19.0"}, "cluster_uuid": "x"}),
                Some(Product::Elasticsearch),
            ),
            (
                json!({"version": {"number": "2.19.3", "distribution": "opensearch"}}),
                Some(Product::OpenSearch),
            ),
            (
                json!({"version": {"number": "0.8.2", "distribution": "quickwit"}}),
                Some(Product::Quickwit),
            ),
            (
                json!({"version": {"number": "8.19.0"}, "cluster_uuid": OF_ESTIBA}),
                Some(Product::Estiba),
            ),
            (json!({"hello": "world"}), None),
        ] {
            assert_eq!(Product::of(&root), product, "{root}");
        }
    }
}
