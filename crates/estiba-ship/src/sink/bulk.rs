//! Elasticsearch's `_bulk`, and all that speak it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, StatusCode, Url};

use super::answer::{self, Verdict};
use super::patience::{Pauses, retry_after};
use super::{Delivered, Rejected};
use crate::config::{BulkConfig, SinkLogin};
use crate::metrics::Metrics;

/// A longer answer is none.
const LONGEST_ANSWER: usize = 16 << 20;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A place where documents are posted.
#[derive(Debug)]
pub(crate) struct Bulk {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
    gzip: bool,
    rejected: Option<Rejected>,
    metrics: Arc<Metrics>,
}

enum Sent {
    Done,
    /// A verdict for each document.
    Mixed(Vec<Verdict>),
    TooLarge,
    Failed(Failure),
}

struct Failure {
    what: String,
    wait: Option<Duration>,
}

impl Bulk {
    pub(crate) fn new(
        to: &BulkConfig,
        rejected: Option<Rejected>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, reqwest::Error> {
        super::choose_cryptography();
        let mut url = to.url.clone();
        url.set_query(Some("filter_path=errors,items.*.status,items.*.error.type"));
        let mut client = Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(to.timeout)
            .pool_max_idle_per_host(1)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("estiba/", env!("CARGO_PKG_VERSION")));
        if url.scheme() == "http" {
            // Roots of trust are megabytes that a sidecar in a cluster has no use for.
            client = client.tls_certs_only([]);
        } else if let Some(authorities) = &to.authorities {
            client = authorities.trusted_by(client);
        }
        Ok(Self {
            client: client.build()?,
            url,
            authorization: to.login.as_ref().and_then(SinkLogin::authorization),
            gzip: to.gzip,
            rejected,
            metrics,
        })
    }

    /// Sends until every document is there or will never be.
    pub(crate) async fn deliver(
        &mut self,
        body: Vec<u8>,
        documents: usize,
        give_up: Option<Duration>,
    ) -> (Delivered, Vec<u8>) {
        let body = Bytes::from(body);
        let mut delivered = Delivered::default();
        // What is left to be sent: halves of what was too large come one after another.
        let mut left = vec![(body.clone(), documents)];
        let (mut pauses, began) = (Pauses::new(), Instant::now());
        let mut is_told = false;
        while let Some((part, count)) = left.pop() {
            self.metrics.requests.add(1);
            let failure = match self.send(&part, count).await {
                Sent::Done => {
                    delivered.shipped += count;
                    pauses = Pauses::new();
                    continue;
                }
                Sent::TooLarge if count > 1 => {
                    let (first, second) = halves(&part, count);
                    left.push(second);
                    left.push(first);
                    continue;
                }
                Sent::TooLarge => {
                    self.refuse(&part, 413, "too_large", &mut delivered);
                    continue;
                }
                Sent::Mixed(verdicts) => match self.sort(&part, verdicts, &mut delivered) {
                    None => continue,
                    Some((later, count)) => {
                        left.push((later, count));
                        Failure {
                            what: format!("{count} documents not now"),
                            wait: None,
                        }
                    }
                },
                Sent::Failed(failure) => {
                    left.push((part, count));
                    failure
                }
            };
            self.metrics.failed_requests.add(1);
            self.metrics.sink_down.store(true, Ordering::Relaxed);
            if give_up.is_some_and(|limit| began.elapsed() >= limit) {
                let lost: usize = left.drain(..).map(|(_, count)| count).sum();
                delivered.given_up += lost;
                tracing::error!(
                    "gave up {lost} lines after {:?}: {}",
                    began.elapsed(),
                    failure.what
                );
                break;
            }
            let pause = pauses.next(failure.wait);
            if !is_told {
                is_told = true;
                tracing::warn!(
                    "{} does not take lines, which are kept: {}",
                    place(&self.url),
                    failure.what
                );
            } else {
                tracing::debug!("tried again in {pause:?}: {}", failure.what);
            }
            self.metrics
                .retried
                .add(left.last().map_or(0, |(_, count)| *count as u64));
            tokio::time::sleep(pause).await;
        }
        if is_told && delivered.given_up == 0 {
            tracing::info!("{} takes lines again", place(&self.url));
        }
        self.metrics
            .sink_down
            .store(delivered.given_up > 0, Ordering::Relaxed);
        drop(left);
        (
            delivered,
            if body.is_unique() {
                Vec::from(body)
            } else {
                Vec::new()
            },
        )
    }

    async fn send(&self, body: &Bytes, documents: usize) -> Sent {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-ndjson")
            .header(ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let request = if self.gzip {
            match compress(body) {
                Ok(compressed) => request.header(CONTENT_ENCODING, "gzip").body(compressed),
                Err(error) => return failed(format!("cannot compress: {error}")),
            }
        } else {
            request.body(body.clone())
        };
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return failed(cause(&error)),
        };
        let status = response.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Sent::TooLarge;
        }
        if status != StatusCode::OK && status != StatusCode::CREATED {
            let asked = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok());
            return Sent::Failed(Failure {
                what: format!("it answers {status}"),
                wait: asked.and_then(retry_after),
            });
        }
        let mut answer = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.len() + chunk.len() <= LONGEST_ANSWER => {
                    answer.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return failed("its answer is too long".to_owned()),
                Ok(None) => break,
                Err(error) => return failed(cause(&error)),
            }
        }
        match answer::read(&answer, documents) {
            Ok(None) => Sent::Done,
            Ok(Some(verdicts)) => Sent::Mixed(verdicts),
            Err(answer::NoAnswer) => failed("its answer is not that of a `_bulk`".to_owned()),
        }
    }

    /// Counts what is done with; gives back what is to be sent again.
    fn sort(
        &mut self,
        part: &Bytes,
        verdicts: Vec<Verdict>,
        delivered: &mut Delivered,
    ) -> Option<(Bytes, usize)> {
        let (mut later, mut count) = (Vec::new(), 0);
        let mut refused = BTreeMap::<(u16, String), usize>::new();
        for (pair, verdict) in pairs(part).zip(verdicts) {
            match verdict {
                Verdict::Taken => delivered.shipped += 1,
                Verdict::Later => {
                    later.extend_from_slice(pair);
                    count += 1;
                }
                Verdict::Refused(status, kind) => {
                    delivered.refused += 1;
                    self.keep(pair);
                    *refused.entry((status, kind)).or_default() += 1;
                }
            }
        }
        for ((status, kind), count) in refused {
            tracing::warn!(
                "{} refused {count} lines for good: {status} {kind}",
                place(&self.url)
            );
        }
        (count > 0).then(|| (later.into(), count))
    }

    fn refuse(&mut self, pair: &[u8], status: u16, kind: &str, delivered: &mut Delivered) {
        delivered.refused += 1;
        self.keep(pair);
        tracing::warn!(
            "{} refused a line for good: {status} {kind}",
            place(&self.url)
        );
    }

    fn keep(&mut self, pair: &[u8]) {
        let Some(rejected) = &mut self.rejected else {
            return;
        };
        let document = memchr::memchr(b'\n', pair).map_or(pair, |end| &pair[end + 1..]);
        if let Err(error) = rejected.keep(document) {
            tracing::warn!("cannot keep a line that was refused: {error}");
        }
    }
}

fn failed(what: String) -> Sent {
    Sent::Failed(Failure { what, wait: None })
}

/// What is at the bottom of an error, which has no address in it.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The address without what may be secret in it.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn compress(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// Each document with its action: two lines.
fn pairs(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let end = pair_end(rest)?;
        let (pair, after) = rest.split_at(end);
        rest = after;
        Some(pair)
    })
}

fn pair_end(body: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', body).nth(1).map(|at| at + 1)
}

fn halves(body: &Bytes, count: usize) -> ((Bytes, usize), (Bytes, usize)) {
    let half = count / 2;
    let end: usize = pairs(body).take(half).map(<[u8]>::len).sum();
    ((body.slice(..end), half), (body.slice(end..), count - half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_whole_pairs() {
        let body = Bytes::from_static(b"a\n1\na\n22\na\n333\n");
        let ((first, one), (second, two)) = halves(&body, 3);
        assert_eq!((one, two), (1, 2));
        assert_eq!(
            (first.as_ref(), second.as_ref()),
            (&b"a\n1\n"[..], &b"a\n22\na\n333\n"[..])
        );
    }
}
