//! The identity token that GitHub gives a job which asks for it
//! (<https://docs.github.com/actions/reference/security/oidc>). GitLab puts its own into
//! a variable.

use std::time::Duration;

use estiba_model::{SecretString, message};
use serde::Deserialize;

use crate::ApiError;

/// Where a job asks for its token.
const ADDRESS: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
/// What it shows when it asks.
const KEY: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// GitHub answers sooner.
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Answer {
    value: String,
}

/// The token of a job of GitHub for a server; `None` in any other place.
///
/// # Errors
/// When GitHub does not give it.
pub async fn github_identity(server: &str) -> Result<Option<SecretString>, ApiError> {
    let (Ok(address), Ok(key)) = (std::env::var(ADDRESS), std::env::var(KEY)) else {
        return Ok(None);
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let asked = async {
        let http = reqwest::Client::builder().timeout(LIMIT).build()?;
        let audience = [("audience", server.trim_end_matches('/'))];
        let request = http.get(address).query(&audience).bearer_auth(key);
        let answer = request.send().await?.error_for_status()?;
        answer.json::<Answer>().await
    };
    match asked.await {
        Ok(answer) => Ok(Some(SecretString::new(answer.value))),
        Err(error) => {
            let why = error.without_url();
            Err(ApiError::Unreachable(message!(
                "GitHub gave this job no identity token: {why}. See that the workflow has `permissions: {{ id-token: write }}`",
                "GitHub no le dio a este trabajo un token de identidad: {why}. Vea que el workflow tenga `permissions: {{ id-token: write }}`"
            )))
        }
    }
}
