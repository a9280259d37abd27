//! Queries that are made, not read.

use super::{Bound, Field, Glob, Node, Query, Value};
use crate::Level;

impl Query {
    /// Finds what has this value, in which nothing is special.
    #[must_use]
    pub fn is(field: &str, value: &str) -> Self {
        Self {
            node: Node::Is {
                field: Field::new(field),
                value: Value::Word(Glob::literal(value)),
            },
        }
    }

    /// Finds what one of these finds; nothing where there are none.
    #[must_use]
    pub fn any(of: impl IntoIterator<Item = Self>) -> Self {
        Self {
            node: Node::Or(of.into_iter().map(|query| query.node).collect()),
        }
    }

    /// Finds what has no value of this field.
    #[must_use]
    pub fn lacks(field: &str) -> Self {
        let field = Field::new(field);
        Self {
            node: Node::Not(Box::new(Node::Exists { field })),
        }
    }

    /// Finds lines of this level and graver ones.
    #[must_use]
    pub fn at_least(level: Level) -> Self {
        Self {
            node: Node::Between {
                field: Field::new(Field::LEVEL),
                low: Bound::Including(level.to_string()),
                high: Bound::Open,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;

    #[test]
    fn made_queries_find_what_they_say() {
        let mut record = Record::new(jiff::Timestamp::UNIX_EPOCH, "text");
        record.level = Some(Level::Error);
        record.origin.release = Some("1.*".into());
        let finds = |query: &Query| query.matches(&record);
        assert!(finds(&Query::is("release", "1.*")));
        assert!(!finds(&Query::is("release", "1.0")));
        assert!(!finds(&Query::is("release", "*")));
        assert!(finds(&Query::lacks("instance")));
        assert!(!finds(&Query::lacks("release")));
        assert!(finds(&Query::at_least(Level::Warn)));
        assert!(!finds(&Query::at_least(Level::Fatal)));
        let either = ["0", "1.*"].map(|value| Query::is("release", value));
        assert!(finds(&Query::any(either)));
        assert!(!finds(&Query::any([])));
    }
}
