//! Questions that a cluster answers in the place of the store.

use std::collections::BTreeSet;

use estiba_log_store::{
    Bucket, Cursor, Environment, Found, Histogram, HistogramOf, Hit, Order, ReadError, Scope,
    Search, Selection, Term, Terms, TermsOf,
};
use estiba_logs::{Field, Origin, Query, Record};
use estiba_model::message;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::Cluster;
use crate::document::{self, SEQUENCE};
use crate::error::ClusterError;
use crate::product::Product;
use crate::query;

/// With lines around them, there are at most so many hits.
const MOST_WITH_CONTEXT: usize = 100;
/// So many searches go in one request.
const SEARCHES_AT_ONCE: usize = 50;
/// Where the lines that come back are not those that are wanted, so many pages are read
/// for one.
const MOST_PAGES: usize = 10;
/// The fields are those of so many of the newest lines.
const LOOKED_AT: usize = 1000;
/// The most values that a bar is split by.
const MOST_PARTS: usize = 50;
/// The most bars of an answer.
const MOST_BARS: i128 = 65_000;
/// The most values of a field.
const MOST_TERMS: usize = 1000;

/// A line with its place among those of a search.
struct Line {
    at: Cursor,
    cursor: Cursor,
    record: Record,
}

impl Cluster {
    /// Finds lines, as [`LogStore::search`](estiba_log_store::LogStore::search) does.
    /// Lines of the same millisecond are in the order in which they came.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn search(&self, scope: &Scope, search: &Search) -> Result<Found, ReadError> {
        let around = search.lines_before > 0 || search.lines_after > 0;
        let most = if around {
            MOST_WITH_CONTEXT
        } else {
            Search::MOST
        };
        let limit = search.limit.min(most);
        let product = self.client.product().await?;
        let selection = Selection {
            query: search.query.clone(),
            from: search.from,
            until: search.until,
        };
        let filter = wrong(query::filter(scope, &selection, product))?;
        let is_wanted = |record: &Record| {
            search.from.is_none_or(|from| record.at >= from)
                && search.until.is_none_or(|until| record.at < until)
                && search.query.matches(record)
        };
        let (mut lines, mut after, mut next) = (Vec::new(), search.after, None);
        for _ in 0..MOST_PAGES {
            let left = limit - lines.len();
            if left == 0 {
                break;
            }
            let body = page(&filter, search.order, left, after, product);
            let found = self.lines(&self.client.search(&body).await?, product)?;
            after = found.last().map(|line| line.at);
            next = after.filter(|_| found.len() == left);
            lines.extend(found.into_iter().filter(|line| is_wanted(&line.record)));
            if next.is_none() {
                break;
            }
        }
        let mut hits = lines;
        let contexts = if around {
            self.around(&hits, search.lines_before, search.lines_after, product)
                .await?
        } else {
            Vec::new()
        };
        let mut contexts = contexts.into_iter();
        let hits = hits.drain(..).map(|line| {
            let (before, after) = contexts.next().unwrap_or_default();
            Hit {
                cursor: line.cursor,
                record: line.record,
                before,
                after,
            }
        });
        Ok(Found {
            hits: hits.collect(),
            next,
        })
    }

    /// The line of a place that a search or the store said.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn line(
        &self,
        scope: &Scope,
        place: Cursor,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Option<Hit>, ReadError> {
        let product = self.client.product().await?;
        let Ok(at) = Timestamp::from_microsecond(place.at_us) else {
            return Ok(None);
        };
        let filter = query::line(scope, at, place.sequence, product);
        let body = page(&filter, Order::OldestFirst, 1, None, product);
        let mut found = self.lines(&self.client.search(&body).await?, product)?;
        let contexts = self
            .around(&found, lines_before, lines_after, product)
            .await?;
        let (before, after) = contexts.into_iter().next().unwrap_or_default();
        Ok(found.pop().map(|line| Hit {
            cursor: line.cursor,
            record: line.record,
            before,
            after,
        }))
    }

    /// How many lines there are over time.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn histogram(&self, scope: &Scope, of: &HistogramOf) -> Result<Histogram, ReadError> {
        let product = self.client.product().await?;
        let filter = wrong(query::filter(scope, &of.selection, product))?;
        let by = of.by.as_deref().map(listed).transpose()?;
        let span = self.span(&filter, product).await?;
        let interval = match of.interval {
            Some(interval) => interval.max(SignedDuration::from_millis(1)),
            None => Histogram::fitting_interval(span),
        };
        if span.as_millis() / interval.as_millis().max(1) > MOST_BARS {
            return Err(ReadError::Wrong(message!(
                "these are more than {MOST_BARS} bars: choose a longer interval or a shorter time",
                "son más de {MOST_BARS} barras: elija un intervalo más largo o un tiempo más corto"
            )));
        }
        let mut bars = json!({"date_histogram": {
            "field": Field::AT,
            "fixed_interval": format!("{}ms", interval.as_millis()),
            "min_doc_count": 1,
        }});
        if let Some(by) = by {
            bars["aggs"] = json!({"by": {"terms": {"field": by, "size": MOST_PARTS}}});
        }
        let answer = self.aggregate(&filter, &bars).await?;
        let bucket = |bar: &Value| {
            Some(Bucket {
                from: Timestamp::from_millisecond(whole(&bar["key"])?).ok()?,
                lines: lines_of(bar),
                by: buckets(&bar["by"])
                    .iter()
                    .map(|part| (shown(part), lines_of(part)))
                    .collect(),
            })
        };
        Ok(Histogram {
            interval,
            buckets: buckets(&answer).iter().filter_map(bucket).collect(),
        })
    }

    /// The most frequent values of a field.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn terms(&self, scope: &Scope, of: &TermsOf) -> Result<Terms, ReadError> {
        let product = self.client.product().await?;
        let filter = wrong(query::filter(scope, &of.selection, product))?;
        let size = of.limit.clamp(1, MOST_TERMS);
        let terms = json!({"terms": {"field": listed(&of.field)?, "size": size}});
        let answer = self.aggregate(&filter, &terms).await?;
        let terms = buckets(&answer).iter().map(|bucket| Term {
            value: shown(bucket),
            lines: lines_of(bucket),
        });
        Ok(Terms {
            terms: terms.collect(),
            others: answer["sum_other_doc_count"].as_u64().unwrap_or_default(),
        })
    }

    /// The names of the fields of the newest lines of the scope. A cluster knows those of
    /// all its lines, of other teams too, which are not to be told.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn fields(&self, scope: &Scope) -> Result<Vec<String>, ReadError> {
        let newest = Search {
            limit: LOOKED_AT,
            ..Search::default()
        };
        let found = self.search(scope, &newest).await?;
        let fixed = [Field::AT, Field::MESSAGE, Field::LEVEL].into_iter();
        let fixed = fixed.chain(Origin::FIELDS).map(str::to_owned);
        let mut fields: BTreeSet<String> = fixed.collect();
        for hit in &found.hits {
            for (name, value) in &hit.record.attributes {
                names(name, value, &mut fields);
            }
        }
        Ok(fields.into_iter().collect())
    }

    /// From the first to the last line.
    async fn span(&self, filter: &Value, product: Product) -> Result<SignedDuration, ReadError> {
        let ends = [Order::OldestFirst, Order::NewestFirst]
            .map(|order| page(filter, order, 1, None, product));
        let answers = self.client.searches(&ends).await;
        let answers = match answers {
            Err(ClusterError::Refused { status: 404, .. }) => Vec::new(),
            answers => answers?,
        };
        let mut moments = Vec::new();
        for answer in &answers {
            let lines = self.lines(answer, product)?;
            moments.extend(lines.first().map(|line| line.record.at));
        }
        Ok(match moments.as_slice() {
            [first, last] => last.duration_since(*first),
            _ => SignedDuration::ZERO,
        })
    }

    async fn aggregate(&self, filter: &Value, aggregation: &Value) -> Result<Value, ReadError> {
        let body = json!({
            "size": 0,
            "track_total_hits": false,
            "query": filter,
            "aggs": {"asked": aggregation},
        });
        let mut answer = self.client.search(&body).await?;
        Ok(answer["aggregations"]["asked"].take())
    }

    /// Lines of the same instance before and after each.
    async fn around(
        &self,
        lines: &[Line],
        before: usize,
        after: usize,
        product: Product,
    ) -> Result<Vec<(Vec<Record>, Vec<Record>)>, ReadError> {
        if before == 0 && after == 0 {
            return Ok(Vec::new());
        }
        let wanted = [(Order::NewestFirst, before), (Order::OldestFirst, after)];
        let mut searches = Vec::with_capacity(2 * lines.len());
        for line in lines {
            let origin = &line.record.origin;
            let scope = Scope::environment(Environment::of(origin));
            let selection = Selection {
                query: match &origin.instance {
                    Some(instance) => Query::is("instance", instance),
                    None => Query::lacks("instance"),
                },
                ..Selection::default()
            };
            let filter = wrong(query::filter(&scope, &selection, product))?;
            for (order, limit) in wanted {
                let limit = limit.min(Search::MOST_CONTEXT);
                searches.push(page(&filter, order, limit, Some(line.at), product));
            }
        }
        let mut found = Vec::with_capacity(searches.len());
        for some in searches.chunks(SEARCHES_AT_ONCE) {
            for answer in self.client.searches(some).await? {
                let lines = self.lines(&answer, product)?;
                found.push(lines.into_iter().map(|line| line.record).collect());
            }
        }
        let mut found = found.into_iter();
        let mut contexts = Vec::with_capacity(lines.len());
        while let (Some(before), Some(after)) = (found.next(), found.next()) {
            let mut before: Vec<Record> = before;
            before.reverse();
            contexts.push((before, after));
        }
        Ok(contexts)
    }

    fn lines(&self, answer: &Value, product: Product) -> Result<Vec<Line>, ClusterError> {
        let hits = answer["hits"]["hits"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let line = |hit: &Value| {
            let at = Cursor {
                at_us: product.micros_of_sort(whole(&hit["sort"][0])?),
                sequence: whole(&hit["sort"][1]).and_then(|number| u64::try_from(number).ok())?,
            };
            let (record, sequence) = document::read(hit["_source"].as_object()?.clone());
            let cursor = match sequence {
                Some(sequence) => Cursor {
                    at_us: record.at.as_microsecond(),
                    sequence,
                },
                None => at,
            };
            Some(Line { at, cursor, record })
        };
        let strange = || ClusterError::Strange {
            place: self.client.place(),
        };
        hits.iter()
            .map(|hit| line(hit).ok_or_else(strange))
            .collect()
    }
}

fn page(
    filter: &Value,
    order: Order,
    size: usize,
    after: Option<Cursor>,
    product: Product,
) -> Value {
    let direction = match order {
        Order::NewestFirst => "desc",
        Order::OldestFirst => "asc",
    };
    let mut by_number = json!({"order": direction});
    if product.is_lucene() {
        // Lines that others wrote into the index have none.
        by_number["unmapped_type"] = "long".into();
    }
    let mut page = json!({
        "size": size,
        "track_total_hits": false,
        "query": filter,
        "sort": [{Field::AT: {"order": direction}}, {SEQUENCE: by_number}],
    });
    if let Some(after) = after {
        page["search_after"] = json!([product.to_sort(after.at_us), after.sequence]);
    }
    page
}

fn wrong<T>(asked: Result<T, estiba_model::Message>) -> Result<T, ReadError> {
    asked.map_err(ReadError::Wrong)
}

/// The field whose values are listed.
fn listed(name: &str) -> Result<String, ReadError> {
    let field = Field::new(name);
    if field.as_str() == Field::MESSAGE {
        return Err(ReadError::Wrong(message!(
            "{name}: messages are all different; choose another field",
            "{name}: los mensajes son todos distintos; elige otro campo"
        )));
    }
    Ok(field.as_str().to_owned())
}

fn names(name: &str, value: &Value, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (inner, value) in map {
                names(&format!("{name}.{inner}"), value, fields);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| names(name, value, fields)),
        Value::Null => {}
        _ => drop(fields.insert(name.to_owned())),
    }
}

fn buckets(answer: &Value) -> &[Value] {
    answer["buckets"].as_array().map_or(&[], Vec::as_slice)
}

fn lines_of(bucket: &Value) -> u64 {
    bucket["doc_count"].as_u64().unwrap_or_default()
}

fn shown(bucket: &Value) -> String {
    let name = bucket.get("key_as_string").unwrap_or(&bucket["key"]);
    name.as_str()
        .map_or_else(|| name.to_string(), str::to_owned)
}

/// A whole number, which some write with a fraction or as a text.
fn whole(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "places and moments are whole"
    )]
    match value {
        Value::String(text) => text.parse().ok(),
        number => number
            .as_i64()
            .or_else(|| Some(number.as_f64()?.round() as i64)),
    }
}
