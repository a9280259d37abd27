//! People, known by an OpenID Connect provider: the authorization code flow with
//! PKCE, state and nonce (<https://openid.net/specs/openid-connect-core-1_0.html>).

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use estiba_model::{Digest, Message, SecretString, message};
use http::StatusCode;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use tokio::sync::Mutex;

use crate::problem::Problem;

/// What a provider says of itself is asked for again after this time.
const KEPT: Duration = Duration::from_secs(60);
/// A provider that takes longer is not there.
const LIMIT: Duration = Duration::from_secs(10);
/// Signatures with a key that only the provider has.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The provider with which people log in.
#[derive(Debug, Clone)]
pub struct ProviderOptions {
    /// As its own document calls it: `https://gitlab.com`.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// How this server shows that it is the one.
    pub client_secret: SecretString,
}

/// Asks a provider who somebody is.
pub(crate) struct Provider {
    options: ProviderOptions,
    /// Where it sends people back.
    back: String,
    http: reqwest::Client,
    about: Mutex<Option<(Instant, CoreProviderMetadata)>>,
}

/// What a provider vouches for.
#[derive(Debug)]
pub(crate) struct Identity {
    pub issuer: String,
    pub subject: String,
    /// An address of theirs that the provider has verified.
    pub email: Option<String>,
}

/// What a browser keeps while its person is at the provider. All that has to be
/// unguessable in between follows from it.
pub(crate) struct Trip(SecretString);

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Trip {
    pub fn new() -> Self {
        let random: [u8; 32] = rand::random();
        Self(SecretString::new(URL_SAFE_NO_PAD.encode(random)))
    }

    pub fn kept(text: &str) -> Self {
        Self(SecretString::new(text))
    }

    pub fn text(&self) -> &str {
        self.0.expose()
    }

    /// What comes back with the person.
    pub fn state(&self) -> String {
        self.derived("state")
    }

    fn derived(&self, what: &str) -> String {
        let digest = Digest::of(format!("{what}\n{}", self.0.expose()).as_bytes());
        digest.hex().to_owned()
    }
}

impl Provider {
    /// A provider that sends people back to the server at `url`.
    pub fn new(options: ProviderOptions, url: &str) -> Self {
        // The first to choose chooses for the process; it is the same everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            options,
            back: format!("{url}/login/back"),
            http: reqwest::Client::builder()
                .timeout(LIMIT)
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap_or_default(),
            about: Mutex::default(),
        }
    }

    /// Where a person says who they are.
    ///
    /// # Errors
    /// When the provider does not answer.
    pub async fn address(&self, trip: &Trip) -> Result<String, Problem> {
        let client = self.client().await?;
        let verifier = PkceCodeVerifier::new(trip.derived("verifier"));
        let (state, nonce) = (trip.state(), trip.derived("nonce"));
        let (url, _, _) = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url.into())
    }

    /// Who came back with `code`.
    ///
    /// # Errors
    /// When the provider does not answer, or vouches for nobody.
    pub async fn identity(&self, trip: &Trip, code: String) -> Result<Identity, Problem> {
        let client = self.client().await?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| unusable(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(trip.derived("verifier")))
            .request_async(&|request| send(self.http.clone(), request))
            .await
            .map_err(|error| refused(&error))?;
        let token = answer.id_token().ok_or_else(|| {
            let none = "there is no ID token in its answer";
            unusable(&std::io::Error::other(none))
        })?;
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS.to_vec());
        let claims = token
            .claims(&verifier, &Nonce::new(trip.derived("nonce")))
            .map_err(|error| refused(&error))?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(|error| refused(&error))?;
            let key = token
                .signing_key(&verifier)
                .map_err(|error| refused(&error))?;
            let hash = AccessTokenHash::from_token(answer.access_token(), algorithm, key);
            if hash.map_err(|error| refused(&error))? != *expected {
                return Err(refused(&std::io::Error::other("another access token")));
            }
        }
        let mut email = claims
            .email()
            .filter(|_| claims.email_verified() == Some(true))
            .map(|email| email.to_string());
        if email.is_none() {
            let access = answer.access_token().clone();
            let subject = claims.subject().clone();
            if let Ok(request) = client.user_info(access, Some(subject)) {
                let told: CoreUserInfoClaims = request
                    .request_async(&|request| send(self.http.clone(), request))
                    .await
                    .map_err(|error| unusable(&error))?;
                email = told
                    .email()
                    .filter(|_| told.email_verified() == Some(true))
                    .map(|email| email.to_string());
            }
        }
        Ok(Identity {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email,
        })
    }

    async fn client(&self) -> Result<Client, Problem> {
        let back = RedirectUrl::new(self.back.clone()).map_err(|error| unusable(&error))?;
        let secret = self.options.client_secret.expose().to_owned();
        let client = CoreClient::from_provider_metadata(
            self.about().await?,
            ClientId::new(self.options.client_id.clone()),
            Some(ClientSecret::new(secret)),
        );
        Ok(client.set_redirect_uri(back))
    }

    async fn about(&self) -> Result<CoreProviderMetadata, Problem> {
        let mut kept = self.about.lock().await;
        if let Some((at, about)) = kept.as_ref()
            && at.elapsed() < KEPT
        {
            return Ok(about.clone());
        }
        let issuer = IssuerUrl::new(self.options.issuer.clone());
        let issuer = issuer.map_err(|error| unusable(&error))?;
        let http = |request| send(self.http.clone(), request);
        let about = CoreProviderMetadata::discover_async(issuer, &http).await;
        let about = about.map_err(|error| unusable(&error))?;
        *kept = Some((Instant::now(), about.clone()));
        Ok(about)
    }
}

async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let mut answer = HttpResponse::default();
    *answer.status_mut() = response.status();
    answer.headers_mut().clone_from(response.headers());
    *answer.body_mut() = response.bytes().await?.to_vec();
    Ok(answer)
}

/// The provider can't be used. The operator finds why in the log.
fn unusable(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::warn!(error = causes(error), "the provider can't be used");
    problem(
        StatusCode::BAD_GATEWAY,
        message!(
            "the login provider does not answer as it should; try again, or log in with a token",
            "el proveedor de identidad no responde como debe; pruebe de nuevo, o ingrese con un token"
        ),
    )
}

/// The provider vouches for nobody.
fn refused(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::warn!(error = causes(error), "a login is refused");
    problem(
        StatusCode::FORBIDDEN,
        message!(
            "the login provider did not confirm who you are; log in again",
            "el proveedor de identidad no confirmó quién es usted; ingrese de nuevo"
        ),
    )
}

fn problem(status: StatusCode, message: Message) -> Problem {
    Problem::new(status, "login-provider", message)
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let all = std::iter::successors(Some(error), |error| error.source());
    let all: Vec<String> = all.map(ToString::to_string).collect();
    all.join(": ")
}
