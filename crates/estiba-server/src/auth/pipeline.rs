//! Pipelines, known by the identity token that their CI signs: GitLab's
//! (<https://docs.gitlab.com/ci/secrets/id_token_authentication/>), GitHub's
//! (<https://docs.github.com/actions/reference/security/oidc>) or any other issuer's
//! (<https://openid.net/specs/openid-connect-core-1_0.html#IDToken>).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use estiba_model::{Message, SecretString, Trust, message};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Keys of an issuer are asked for again after this time.
const KEPT: Duration = Duration::from_secs(600);
/// An unknown key makes us ask again, but not more often than this.
const AT_LEAST: Duration = Duration::from_secs(30);
/// An issuer that takes longer is not there.
const LIMIT: Duration = Duration::from_secs(10);
/// One that did not answer is left alone for so long, by all its pipelines together.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
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
    keys: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Kept>>>>,
}

/// What is known of one issuer. While it is asked, its own pipelines wait, and no others.
struct Kept {
    keys: JwkSet,
    asked: Option<(Instant, Answered)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    Well,
    Badly,
}

impl Kept {
    fn is_to_be_asked(&self, kid: &str) -> bool {
        let Some((at, answered)) = self.asked else {
            return true;
        };
        let limit = match (answered, self.keys.find(kid)) {
            (Answered::Badly, _) => AFTER_FAILURE,
            (Answered::Well, Some(_)) => KEPT,
            (Answered::Well, None) => AT_LEAST,
        };
        at.elapsed() > limit
    }
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

/// Why an identity token opens nothing. What is said of it is what it says itself, so
/// that nobody learns which rules there are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// It is no identity token.
    Unreadable,
    /// No rule is about its issuer.
    Issuer(String),
    /// The issuer does not have the key that it names, or can't be asked.
    Key(String),
    /// Its time is over, or has not come.
    Expired,
    /// It was made for somebody else.
    Audience(String),
    /// It is not what the issuer signed.
    Forged(String),
    /// It is valid, and no rule is about its project and ref.
    Rule { project: String, git_ref: String },
}

impl Untrusted {
    pub fn message(&self) -> Message {
        match self {
            Self::Unreadable => message!(
                "what ESTIBA_TOKEN has is no token of Estiba and no identity token of a CI; give the job one by `id_tokens`",
                "lo que tiene ESTIBA_TOKEN no es un token de Estiba ni de identidad de un CI; déle uno al trabajo con `id_tokens`"
            ),
            Self::Issuer(issuer) => message!(
                "this server trusts no pipelines of {issuer}; an admin adds a rule for it",
                "este servidor no confía en pipelines de {issuer}; un docente o administrador agrega una regla"
            ),
            Self::Key(issuer) => message!(
                "the pipeline's identity token names a key that {issuer} does not have, or {issuer} does not answer; run the job again, and if it fails again, see that this server reaches {issuer}",
                "el token de identidad del pipeline nombra una clave que {issuer} no tiene, o {issuer} no responde; repita el trabajo, y si vuelve a fallar, vea que este servidor llegue a {issuer}"
            ),
            Self::Expired => message!(
                "the pipeline's identity token is not valid at this time: it expired, or a clock is wrong; run the job again",
                "el token de identidad del pipeline no es válido a esta hora: venció, o un reloj está mal; repita el trabajo"
            ),
            Self::Audience(audience) if audience.is_empty() => message!(
                "the pipeline's identity token does not say for whom it is; write this server's address as its `aud`",
                "el token de identidad del pipeline no dice para quién es; escriba la dirección de este servidor como su `aud`"
            ),
            Self::Audience(audience) => message!(
                "the pipeline's identity token is for \"{audience}\", and not for this server; write this server's address as its `aud`",
                "el token de identidad del pipeline es para «{audience}», y no para este servidor; escriba la dirección de este servidor como su `aud`"
            ),
            Self::Forged(issuer) => message!(
                "the pipeline's identity token is not what {issuer} signed; do not change it, and let the job get its own",
                "el token de identidad del pipeline no es lo que firmó {issuer}; no lo modifique, y deje que el trabajo obtenga el suyo"
            ),
            Self::Rule { project, git_ref } => message!(
                "no rule of this server lets {project} at {git_ref} ship; run the pipeline of a tag or branch that ships, or ask an admin for a rule",
                "ninguna regla de este servidor deja desplegar a {project} en {git_ref}; ejecute el pipeline de un tag o rama que despliegue, o pida una regla a un docente o administrador"
            ),
        }
    }
}

/// What is shown of a claim.
const MOST_SHOWN: usize = 120;

fn shown(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MOST_SHOWN)
        .collect()
}

impl Issuers {
    /// The rule under which a token ships, and what its project is called.
    ///
    /// # Errors
    /// Why a token is not valid, or that no rule matches.
    pub async fn trusted(
        &self,
        token: &SecretString,
        trusts: Vec<Trust>,
    ) -> Result<(Trust, String), Untrusted> {
        let said = claims_of(token.expose()).ok_or(Untrusted::Unreadable)?;
        let issuer = said.get("iss").and_then(Value::as_str);
        let issuer = issuer.ok_or(Untrusted::Unreadable)?.to_owned();
        let of_issuer = trusts.into_iter().filter(|trust| trust.issuer == issuer);
        let of_issuer: Vec<Trust> = of_issuer.collect();
        if of_issuer.is_empty() {
            return Err(Untrusted::Issuer(shown(&issuer)));
        }
        let claims = self.verified(token.expose(), &issuer, &of_issuer).await?;
        let text = |names: &[&str]| {
            let mut names = names.iter();
            names.find_map(|claim| claims.get(*claim)?.as_str())
        };
        let project = text(&["project_path", "repository", "sub"]).unwrap_or_default();
        match together(
            of_issuer
                .into_iter()
                .filter(|trust| matches(trust, &claims)),
        ) {
            Some(trust) if !project.is_empty() => Ok((trust, project.to_owned())),
            _ => Err(Untrusted::Rule {
                project: shown(project),
                git_ref: shown(text(&["ref"]).unwrap_or("…")),
            }),
        }
    }

    async fn verified(
        &self,
        token: &str,
        issuer: &str,
        trusts: &[Trust],
    ) -> Result<Map<String, Value>, Untrusted> {
        let forged = || Untrusted::Forged(shown(issuer));
        let header = decode_header(token).map_err(|_| Untrusted::Unreadable)?;
        let kid = header.kid.ok_or_else(forged)?;
        let key = self.key(issuer, &kid).await;
        let key = key.ok_or_else(|| Untrusted::Key(shown(issuer)))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(forged());
        }
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[issuer]);
        let audiences: Vec<&str> = trusts.iter().map(|trust| trust.audience.as_str()).collect();
        validation.set_audience(&audiences);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        let decoded = decode::<Map<String, Value>>(token, &key, &validation);
        match decoded {
            Ok(decoded) => Ok(decoded.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Untrusted::Expired,
                ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => {
                    Untrusted::Audience(String::new())
                }
                ErrorKind::InvalidAudience => {
                    let claims = claims_of(token).unwrap_or_default();
                    let audience = claims.get("aud").map(|aud| match aud {
                        Value::String(one) => one.clone(),
                        other => other.to_string(),
                    });
                    Untrusted::Audience(shown(&audience.unwrap_or_default()))
                }
                _ => forged(),
            }),
        }
    }

    async fn key(&self, issuer: &str, kid: &str) -> Option<DecodingKey> {
        let kept = self.of(issuer);
        let mut kept = kept.lock().await;
        if kept.is_to_be_asked(kid) {
            let answered = match self.fetch(issuer).await {
                Ok(keys) => {
                    kept.keys = keys;
                    Answered::Well
                }
                Err(error) => {
                    tracing::warn!(%error, issuer, "the issuer's keys can't be had");
                    Answered::Badly
                }
            };
            kept.asked = Some((Instant::now(), answered));
        }
        DecodingKey::from_jwk(kept.keys.find(kid)?).ok()
    }

    fn of(&self, issuer: &str) -> Arc<tokio::sync::Mutex<Kept>> {
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let none = || Kept {
            keys: JwkSet { keys: Vec::new() },
            asked: None,
        };
        let kept = all.entry(issuer.to_owned());
        Arc::clone(kept.or_insert_with(|| Arc::new(tokio::sync::Mutex::new(none()))))
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

/// What a token says. Nothing is believed yet: it only chooses the rules by which it
/// is checked, and the words with which it is refused.
fn claims_of(token: &str) -> Option<Map<String, Value>> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// What several rules allow: the first of them, and the environments of all that are of
/// its team and project.
fn together(mut trusts: impl Iterator<Item = Trust>) -> Option<Trust> {
    let mut first = trusts.next()?;
    for other in
        trusts.filter(|other| (&other.team, &other.project) == (&first.team, &first.project))
    {
        // None named means all.
        if other.environments.is_empty() || first.environments.is_empty() {
            first.environments.clear();
        } else {
            first.environments.extend(other.environments);
        }
    }
    Some(first)
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
    fn rules_of_one_project_allow_together_what_each_allows() {
        let allowing = |project: &str, environments: &[&str]| Trust {
            project: Some(project.parse().unwrap()),
            environments: environments
                .iter()
                .map(|one| one.parse().unwrap())
                .collect(),
            ..trust(&[("project_path", "memo2/*")])
        };
        let together = |trusts: Vec<Trust>| {
            let all = together(trusts.into_iter()).unwrap();
            all.environments
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let prod = || allowing("tp2", &["prod"]);
        assert_eq!(
            together(vec![prod(), allowing("tp2", &["test"])]),
            ["prod", "test"]
        );
        assert_eq!(
            together(vec![prod(), allowing("other", &["test"])]),
            ["prod"]
        );
        assert!(together(vec![prod(), allowing("tp2", &[])]).is_empty());
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
