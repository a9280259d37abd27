//! What is stored of a workload already.

use estiba_log_store::{
    Environment, LogStore, Order, ReadError, Scope, Search, Selection, TermsOf,
};
use estiba_logs::{Field, Node, Query};
use estiba_model::{EnvironmentId, Name};
use jiff::{Timestamp, ToSpan};

use super::marks::{LAG, Mark, Marks};

/// More instances of a workload do not write at once.
const MOST_INSTANCES: usize = 1000;

/// How far the lines of a workload are stored.
///
/// # Errors
/// When the store can't be read.
pub(super) async fn marks(
    store: &LogStore,
    environment: &EnvironmentId,
    workload: &Name,
) -> Result<Marks, ReadError> {
    let stored = Stored {
        store,
        scope: scope(environment),
    };
    let of_workload = Query::is("workload", workload.as_str()).and(captured());
    let mut marks = Marks::default();
    let Some(newest) = stored.newest(of_workload.clone()).await? else {
        return Ok(marks);
    };
    let from = newest.checked_sub(LAG).ok();
    for instance in stored.values("instance", of_workload.clone(), from).await? {
        let of_instance = of_workload.clone().and(Query::is("instance", &instance));
        for container in stored
            .values("container", of_instance.clone(), from)
            .await?
        {
            let of_it = of_instance.clone().and(Query::is("container", &container));
            let (Ok(instance), Ok(container)) = (instance.parse(), container.parse()) else {
                continue;
            };
            if let Some(mark) = stored.mark(of_it).await? {
                marks.set((instance, container), mark);
            }
        }
    }
    Ok(marks)
}

/// The lines of an environment.
pub(super) fn scope(id: &EnvironmentId) -> Scope {
    let (team, project) = (id.team.as_str(), id.project.as_str());
    Scope::environment(Environment::new(team, project, id.environment.as_str()))
}

/// Lines that came from a container's output, and not from a file by a shipper.
fn captured() -> Query {
    let somewhere = Node::Exists {
        field: Field::new("stream"),
    };
    let node = Node::Or(vec![
        Query::is("stream", "stdout").node,
        Query::is("stream", "stderr").node,
        Node::Not(Box::new(somewhere)),
    ]);
    Query { node }
}

struct Stored<'a> {
    store: &'a LogStore,
    scope: Scope,
}

impl Stored<'_> {
    async fn newest(&self, query: Query) -> Result<Option<Timestamp>, ReadError> {
        let search = Search {
            query,
            order: Order::NewestFirst,
            limit: 1,
            ..Search::default()
        };
        let found = self.store.search(&self.scope, search).await?;
        Ok(found.hits.first().map(|hit| hit.record.at))
    }

    async fn values(
        &self,
        field: &str,
        query: Query,
        from: Option<Timestamp>,
    ) -> Result<Vec<String>, ReadError> {
        let terms = TermsOf {
            selection: Selection {
                query,
                from,
                until: None,
            },
            field: field.to_owned(),
            limit: MOST_INSTANCES,
        };
        let found = self.store.terms(&self.scope, terms).await?;
        Ok(found.terms.into_iter().map(|term| term.value).collect())
    }

    async fn mark(&self, query: Query) -> Result<Option<Mark>, ReadError> {
        let Some(at) = self.newest(query.clone()).await? else {
            return Ok(None);
        };
        let selection = Selection {
            query,
            from: Some(at),
            until: at.checked_add(1.microsecond()).ok(),
        };
        let lines = self.store.count(&self.scope, selection).await?;
        Ok(Some(Mark {
            at_us: at.as_microsecond(),
            lines,
        }))
    }
}
