//! Taking documents.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use estiba_logs::{Level, Record};
use estiba_model::message;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::Failure;
use super::body::{self, Packing, Room, unreadable};
use super::bulk::{self, BulkError, Item, Items, Unread};
use super::filter::Filter;
use super::ids::{Claimed, Known};
use super::{Endpoint, Grant, Writer};
use crate::{AppendError, Environment, LogStore};

/// What Filebeat wants to have of the answer, which is all but `took`.
const BEATS: &str = "errors,items.*.error,items.*.status";

/// What a line takes beside its document, in bytes.
const LINE_BYTES: usize = 64;

pub(super) async fn bulk(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    filter: Filter,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let started = Instant::now();
    let writer = grant.write.ok_or_else(Failure::forbidden)?;
    let packing = Packing::of(&headers)?;
    let mut room = Room::of(&endpoint.room);
    let packed = upload(&endpoint, body, &mut room).await?;
    let turn = Arc::clone(&endpoint.bodies).acquire_owned().await;
    let taking = async move {
        let _held = (turn, room);
        take_all(&endpoint, &writer, packing, packed).await
    };
    // A client that hangs up may send all of it again: what was begun is brought to its
    // end, so that it is known then.
    let answers = tokio::spawn(taking)
        .await
        .unwrap_or_else(|_| Err(AppendError::Closed.into()))?;
    let took = started.elapsed().as_millis();
    let text = match filter.text() {
        None if is_of_fluent_bit(&headers) && !answers.errors => {
            Answers::default().text(Some(took))
        }
        None => answers.text(Some(took)),
        Some(BEATS) => answers.text(None),
        Some(_) => {
            let whole = serde_json::from_str(&answers.text(Some(took))).unwrap_or(Value::Null);
            filter.leave(whole).to_string()
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// Fluent Bit looks at no item where there are no errors, and sends everything again where
/// the answer is longer than its buffer, by default 512,000 bytes.
fn is_of_fluent_bit(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT);
    agent.is_some_and(|agent| agent.as_bytes().starts_with(b"Fluent-Bit"))
}

/// A body that is to be taken. Its turn comes when all of it is here: a turn is never held
/// by who still sends.
async fn upload(endpoint: &Endpoint, body: Body, room: &mut Room) -> Result<Bytes, Failure> {
    let settings = &endpoint.settings;
    body::read(body, settings.longest_body, settings.body_time, room).await
}

/// The answers to all items; those that were taken are on disk. The lines of a body
/// that is larger than the queue are taken in parts: if a later part is refused, all
/// of the body has to come again, and the lines of earlier parts are there twice.
async fn take_all(
    endpoint: &Endpoint,
    writer: &Writer,
    packing: Packing,
    packed: Bytes,
) -> Result<Answers, Failure> {
    let most = endpoint.settings.longest_unpacked;
    let mut reading = Reading {
        packed,
        packing,
        most,
        part_bytes: endpoint.store.fitting_bytes(),
        writer: writer.clone(),
        ids: endpoint.ids.request(),
    };
    let (parts, mut received) = tokio::sync::mpsc::channel(1);
    let store = Arc::clone(&endpoint.store);
    // Unpacking and reading take time, in which others have to be served.
    let read = tokio::task::spawn_blocking(move || {
        let answers = reading.run(&store, &parts);
        (answers, reading.ids)
    });
    while let Some(part) = received.recv().await {
        endpoint.store.append(part).await?;
    }
    let (answers, ids) = read.await.map_err(|_| Failure::from(AppendError::Closed))?;
    let answers = answers?;
    ids.keep();
    Ok(answers)
}

struct Reading {
    packed: Bytes,
    packing: Packing,
    most: usize,
    part_bytes: usize,
    writer: Writer,
    ids: Claimed,
}

impl Reading {
    fn run(
        &mut self,
        store: &LogStore,
        parts: &tokio::sync::mpsc::Sender<Vec<Record>>,
    ) -> Result<Answers, Failure> {
        let unpacked = self
            .packing
            .unpack(&self.packed, self.most)
            .map_err(|error| unreadable(&error, self.most))?;
        let mut answers = Answers::default();
        let (mut part, mut bytes) = (Vec::new(), 0);
        let mut admitted: Option<Environment> = None;
        let items = Items::new(unpacked, Timestamp::now()).with_longest(self.part_bytes);
        for item in items {
            let Item {
                action,
                id,
                record,
                bytes: length,
            } = item.map_err(|error| match error {
                BulkError::Read(error) => unreadable(&error, self.most),
                error => Failure::wrong(&estiba_model::Message::verbatim(error.to_string())),
            })?;
            let record = record
                .map_err(unread)
                .and_then(|record| self.admit(store, record, &mut admitted));
            let record = match record {
                Ok(record) => record,
                // An item that was refused for good is an answer; all else is about
                // the whole request.
                Err(failure) if is_of_item(&failure) => {
                    answers.refused(action, &failure);
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            match id.map(|id| self.ids.claim(&Environment::of(&record.origin), &id)) {
                None | Some(Known::New) => {}
                Some(Known::Taken) => {
                    answers.refused(action, &conflict());
                    continue;
                }
                Some(Known::Elsewhere) => return Err(Failure::later(&on_its_way())),
            }
            // No part is larger than what always fits: a long document is one alone.
            let length = length + LINE_BYTES;
            if bytes + length > self.part_bytes && !part.is_empty() {
                bytes = 0;
                if parts.blocking_send(std::mem::take(&mut part)).is_err() {
                    return Ok(answers);
                }
            }
            bytes += length;
            answers.taken(action);
            part.push(record);
        }
        // If nobody receives it, an earlier part was refused, which is the answer.
        let _ = parts.blocking_send(part);
        Ok(answers)
    }

    /// The record as the writer's, if there is room for its environment.
    fn admit(
        &self,
        store: &LogStore,
        record: Record,
        admitted: &mut Option<Environment>,
    ) -> Result<Record, Failure> {
        let record = owned(record, &self.writer);
        let is_known = admitted
            .as_ref()
            .is_some_and(|last| last.is_of(&record.origin));
        if !is_known {
            let environment = Environment::of(&record.origin);
            store.admit(&environment)?;
            *admitted = Some(environment);
        }
        Ok(record)
    }
}

/// Why a document can't be taken.
fn unread(why: Unread) -> Failure {
    match why {
        Unread::Wrong(reason) => {
            Failure::new(StatusCode::BAD_REQUEST, "mapper_parsing_exception", &reason)
        }
        // Not 413: Logstash sends such an item again for ever.
        Unread::TooLong(most) => Failure::new(
            StatusCode::BAD_REQUEST,
            "content_too_long_exception",
            &message!(
                "the document is longer than {most} bytes",
                "el documento tiene más de {most} bytes"
            ),
        ),
    }
}

fn is_of_item(failure: &Failure) -> bool {
    failure.status == StatusCode::BAD_REQUEST
}

/// As Elasticsearch refuses to make what is there.
fn conflict() -> Failure {
    Failure::new(
        StatusCode::CONFLICT,
        "version_conflict_engine_exception",
        &message!(
            "a document of this id was taken a while ago",
            "un documento con este id se tomó hace un rato"
        ),
    )
}

fn on_its_way() -> estiba_model::Message {
    message!(
        "another request with the same ids is on its way: send again",
        "otro pedido con los mismos ids está en camino: reenvía"
    )
}

fn owned(mut record: Record, writer: &Writer) -> Record {
    record.origin.force(&writer.forced);
    record.origin.fill(&writer.defaults);
    record.level = record.level.or_else(|| Level::in_text(&record.text));
    record
}

/// The answer to a bulk request, as short as it can be.
#[derive(Debug, Default)]
struct Answers {
    errors: bool,
    items: String,
}

impl Answers {
    fn taken(&mut self, action: &str) {
        self.separate();
        let _ = write!(self.items, r#"{{"{action}":{{"status":201}}}}"#);
    }

    fn refused(&mut self, action: &str, failure: &Failure) {
        self.errors = true;
        self.separate();
        let (status, error) = (failure.status.as_u16(), failure.cause());
        let _ = write!(
            self.items,
            r#"{{"{action}":{{"status":{status},"error":{error}}}}}"#
        );
    }

    fn separate(&mut self) {
        if !self.items.is_empty() {
            self.items.push(',');
        }
    }

    fn text(&self, took: Option<u128>) -> String {
        let Self { errors, items } = self;
        let took = took
            .map(|took| format!("\"took\":{took},"))
            .unwrap_or_default();
        format!(r#"{{{took}"errors":{errors},"items":[{items}]}}"#)
    }
}

/// Takes a document, whatever its id.
pub(super) async fn document(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    Path(names): Path<Vec<String>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let (record, _held) = one(&endpoint, grant, &headers, body).await?;
    let appended = endpoint.store.append(vec![record]).await?;
    Ok(taken(&names, appended.first_sequence))
}

/// Takes a document whose id was not taken before.
pub(super) async fn created(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    Path((index, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let (record, held) = one(&endpoint, grant, &headers, body).await?;
    let mut ids = endpoint.ids.request();
    match ids.claim(&Environment::of(&record.origin), &id) {
        Known::New => {}
        Known::Taken => return Err(conflict()),
        Known::Elsewhere => return Err(Failure::later(&on_its_way())),
    }
    let taking = async move {
        let _held = held;
        let appended = endpoint.store.append(vec![record]).await?;
        ids.keep();
        Ok(taken(&[index, id], appended.first_sequence))
    };
    // As in a bulk: what a client does not wait for is known when it comes again.
    tokio::spawn(taking)
        .await
        .unwrap_or_else(|_| Err(AppendError::Closed.into()))
}

/// The one document of a body, as the writer's, and what it holds until it is taken.
async fn one(
    endpoint: &Endpoint,
    grant: Grant,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Record, (OwnedSemaphorePermit, Room)), Failure> {
    let writer = grant.write.ok_or_else(Failure::forbidden)?;
    let packing = Packing::of(headers)?;
    let mut room = Room::of(&endpoint.room);
    let packed = upload(endpoint, body, &mut room).await?;
    let turn = Arc::clone(&endpoint.bodies).acquire_owned().await;
    let turn = turn.map_err(|_| AppendError::Closed)?;
    let text = packing.whole(&packed, endpoint.store.fitting_bytes())?;
    let document = bulk::document(&text).map_err(|reason| unread(Unread::Wrong(reason)))?;
    let record = Record::from_document(document, Timestamp::now());
    Ok((owned(record, &writer), (turn, room)))
}

fn taken(names: &[String], sequence: u64) -> Response {
    let answer = json!({
        "_index": names.first(),
        "_id": names.get(1).cloned().unwrap_or_else(|| sequence.to_string()),
        "_version": 1,
        "result": "created",
        "_shards": {"total": 1, "successful": 1, "failed": 0},
        "_seq_no": sequence,
        "_primary_term": 1,
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}
