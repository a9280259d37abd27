//! What happens, as it happens: server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>), taken up
//! again where the connection was lost.

use std::time::Duration;

use estiba_model::{DeploymentId, Happening, ProjectId};
use eventsource_stream::Eventsource;
use futures::{Stream, StreamExt};
use reqwest::Method;

use crate::client::Client;
use crate::error::ApiError;

/// The wait before the first new try; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What comes of following.
#[derive(Debug)]
pub enum Followed {
    /// Something happened.
    Happened(Box<Happening>),
    /// The connection is lost; another one is tried, from where this one was.
    Lost(ApiError),
}

impl Client {
    /// All that happens after the happening `after`, in all teams that this
    /// client may see. Never ends, but for a refusal.
    pub fn follow(&self, after: i64) -> impl Stream<Item = Followed> + use<> {
        self.follow_path("/api/v1/events".to_owned(), after)
    }

    /// What happens in a deployment, from its begin. Does not end by itself.
    pub fn follow_deployment(
        &self,
        project: &ProjectId,
        id: DeploymentId,
    ) -> impl Stream<Item = Followed> + use<> {
        let (team, project, id) = (&project.team, &project.project, id.0);
        let path = format!("/api/v1/teams/{team}/projects/{project}/deployments/{id}/events");
        self.follow_path(path, 0)
    }

    fn follow_path(&self, path: String, mut after: i64) -> impl Stream<Item = Followed> + use<> {
        let client = self.clone();
        async_stream::stream! {
            let mut wait = FIRST_WAIT;
            loop {
                let request = client
                    .request(Method::GET, &path)
                    .header("Accept", "text/event-stream")
                    .header("Last-Event-ID", after.to_string());
                match client.send(request).await {
                    Ok(response) => {
                        let mut events = response.bytes_stream().eventsource();
                        while let Some(Ok(event)) = events.next().await {
                            wait = FIRST_WAIT;
                            let Ok(happening) = serde_json::from_str::<Happening>(&event.data)
                            else {
                                continue;
                            };
                            after = happening.id;
                            yield Followed::Happened(Box::new(happening));
                        }
                    }
                    Err(error @ ApiError::Refused(_)) if !is_passing(&error) => {
                        yield Followed::Lost(error);
                        break;
                    }
                    Err(error) => yield Followed::Lost(error),
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

/// Whether a refusal may be none the next time.
fn is_passing(error: &ApiError) -> bool {
    match error {
        ApiError::Refused(problem) => problem.status == 429 || problem.status >= 500,
        ApiError::Unreachable(_) => true,
    }
}
