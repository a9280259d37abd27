//! Pipelines, known by the identity token that their CI signs: GitLab's
//! (<https://docs.gitlab.com/ci/secrets/id_token_authentication/>), GitHub's
//! (<https://docs.github.com/actions/reference/security/oidc>) or any other issuer's
//! (<https://openid.net/specs/openid-connect-core-1_0.html#IDToken>).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use estiba_model::{SecretString, Trust};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

/// Keys of an issuer are asked for again after this time.
const KEPT: Duration = Duration::from_secs(600);
/// An unknown key makes us ask again, but not more often than this.
const AT_LEAST: Duration = Duration::from_secs(30);
/// An issuer that takes longer is not there.
const LIMIT: Duration = Duration::from_secs(10);
/// Signatures with a key that only the issuer has.
const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::RS512,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// The keys of the issuers that are trusted.
pub(crate) struct Issuers {
    http: reqwest::Client,
    keys: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    keys: JwkSet,
    at: Instant,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Default for Issuers {
    fn default() -> Self {
        // The first to choose chooses for the process; it is the same everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: reqwest::Client::builder()
                .timeout(LIMIT)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap_or_default(),
            keys: Mutex::default(),
        }
    }
}

/// Whether a key is an identity token: three parts with dots between them.
pub(crate) fn is_identity_token(key: &SecretString) -> bool {
    key.expose().split('.').count() == 3
}

impl Issuers {
    /// The rule under which a token ships, and what its project is called; `None`
    /// for a token that is not valid or that no rule matches.
    pub async fn trusted(
        &self,
        token: &SecretString,
        trusts: Vec<Trust>,
    ) -> Option<(Trust, String)> {
        let issuer = claimed_issuer(token.expose())?;
        let mut of_issuer = trusts.into_iter().filter(|trust| trust.issuer == issuer);
        let first = of_issuer.next()?;
        let audiences: Vec<Trust> = std::iter::once(first).chain(of_issuer).collect();
        let claims = self.verified(token.expose(), &issuer, &audiences).await?;
        let matching = audiences
            .into_iter()
            .find(|trust| matches(trust, &claims))?;
        let project = ["project_path", "repository", "sub"]
            .iter()
            .find_map(|claim| claims.get(*claim)?.as_str())?;
        Some((matching, project.to_owned()))
    }

    async fn verified(
        &self,
        token: &str,
        issuer: &str,
        trusts: &[Trust],
    ) -> Option<Map<String, Value>> {
        let header = decode_header(token).ok()?;
        let kid = header.kid?;
        let key = self.key(issuer, &kid).await?;
        if !ALGORITHMS.contains(&header.alg) {
            return None;
        }
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[issuer]);
        let audiences: Vec<&str> = trusts.iter().map(|trust| trust.audience.as_str()).collect();
        validation.set_audience(&audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        let decoded = decode::<Map<String, Value>>(token, &key, &validation);
        decoded.ok().map(|decoded| decoded.claims)
    }

    async fn key(&self, issuer: &str, kid: &str) -> Option<DecodingKey> {
        let mut all = self.keys.lock().await;
        let age = all.get(issuer).map(|kept| kept.at.elapsed());
        let is_known = all
            .get(issuer)
            .is_some_and(|kept| kept.keys.find(kid).is_some());
        let is_old = match (age, is_known) {
            (None, _) => true,
            (Some(age), true) => age > KEPT,
            (Some(age), false) => age > AT_LEAST,
        };
        if is_old {
            match self.fetch(issuer).await {
                Ok(keys) => {
                    let at = Instant::now();
                    all.insert(issuer.to_owned(), Kept { keys, at });
                }
                Err(error) => tracing::warn!(%error, issuer, "the issuer's keys can't be had"),
            }
        }
        let key = all.get(issuer)?.keys.find(kid)?;
        DecodingKey::from_jwk(key).ok()
    }

    /// The keys, by the issuer's own document
    /// (<https://openid.net/specs/openid-connect-discovery-1_0.html>).
    async fn fetch(&self, issuer: &str) -> Result<JwkSet, reqwest::Error> {
        let about = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let about = self.http.get(about).send().await?.error_for_status()?;
        let about: Discovered = about.json().await?;
        if about.issuer != issuer {
            tracing::warn!(
                issuer,
                claimed = about.issuer,
                "an issuer calls itself otherwise"
            );
            return Ok(JwkSet { keys: Vec::new() });
        }
        let keys = self.http.get(about.jwks_uri).send().await?;
        keys.error_for_status()?.json().await
    }
}

/// What a token says of who made it. Nothing is believed yet: it only chooses
/// the rule by which it is checked.
fn claimed_issuer(token: &str) -> Option<String> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let payload: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    payload.get("iss")?.as_str().map(str::to_owned)
}

/// Whether the claims are what a rule wants.
fn matches(trust: &Trust, claims: &Map<String, Value>) -> bool {
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => *one == trust.audience,
        Some(Value::Array(many)) => many.iter().any(|one| *one == trust.audience),
        _ => false,
    };
    let claim = |(name, wanted): (&String, &String)| {
        let is = match claims.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return false,
        };
        match wanted.strip_suffix('*') {
            Some(begin) => is.starts_with(begin),
            None => is == *wanted,
        }
    };
    audience && !trust.claims.is_empty() && trust.claims.iter().all(claim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trust(claims: &[(&str, &str)]) -> Trust {
        let pairs = claims
            .iter()
            .map(|(name, is)| ((*name).to_owned(), (*is).to_owned()));
        Trust {
            team: "moria".parse().unwrap(),
            issuer: "https://gitlab.example.edu".to_owned(),
            audience: "https://estiba.example.edu".to_owned(),
            claims: pairs.collect(),
            project: None,
            environments: Vec::new(),
        }
    }

    #[test]
    fn every_claim_of_a_rule_has_to_hold() {
        let claims = json!({
            "aud": "https://estiba.example.edu",
            "project_path": "memo2/moria-bot",
            "ref": "v1.2.0",
            "ref_protected": true,
        });
        let claims = claims.as_object().unwrap();
        let cases: [(&[(&str, &str)], bool); 7] = [
            (&[("project_path", "memo2/moria-bot")], true),
            (&[("project_path", "memo2/*"), ("ref", "v*")], true),
            (&[("ref_protected", "true")], true),
            (&[("project_path", "memo2/moria")], false),
            (
                &[("project_path", "memo2/moria-bot"), ("ref", "main")],
                false,
            ),
            (&[("environment", "prod")], false),
            (&[], false),
        ];
        for (rule, expected) in cases {
            assert_eq!(matches(&trust(rule), claims), expected, "{rule:?}");
        }
    }

    #[test]
    fn a_token_for_somebody_else_matches_nothing() {
        let claims = json!({ "aud": ["https://other.example.edu"], "ref": "v1" });
        assert!(!matches(
            &trust(&[("ref", "v1")]),
            claims.as_object().unwrap()
        ));
    }
}
