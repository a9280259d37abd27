//! One request, and what the answer is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, LOCATION, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::network::broken;
use crate::{Fault, Login, Service, Stage, wsdl};

/// More than any description of a service has.
const MOST_BYTES: usize = 8 << 20;

/// Asks a service for its URL over a connection to it, and notes what it passes.
///
/// # Errors
/// When the answer is not as it should be.
pub(crate) async fn ask<S>(
    stream: S,
    service: &Service,
    uri: &Uri,
    passed: &mut Vec<Stage>,
) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error| broken(Stage::Http, error);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    // It ends with the sender, at the end of this function.
    let _driven = AbortOnDrop(tokio::spawn(connection));
    let login = service.asker();
    let request = request(login.as_ref(), uri)?;
    let answer = sender.send_request(request).await.map_err(failed)?;
    let status = answer.status().as_u16();
    let is_expected = match service.expect {
        Some(expected) => status == expected,
        None => answer.status().is_success(),
    };
    if !is_expected {
        if login.is_some() && matches!(status, 401 | 403) {
            return Err(Fault::LoginRefused { got: status });
        }
        let to = answer.headers().get(LOCATION);
        let to = to.and_then(|to| to.to_str().ok()?.parse::<Uri>().ok());
        return Err(Fault::Status {
            got: status,
            expected: service.expect,
            // The rest of it may hold a token.
            to: to.and_then(|to| to.host().map(str::to_owned)),
        });
    }
    passed.push(Stage::Http);
    let Some(wanted) = &service.wsdl else {
        return Ok(());
    };
    let body = Limited::new(answer.into_body(), MOST_BYTES);
    let body = body.collect().await;
    let body = body.map_err(|error| broken(Stage::Wsdl, error))?.to_bytes();
    wsdl::check(&String::from_utf8_lossy(&body), wanted)?;
    passed.push(Stage::Wsdl);
    Ok(())
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn request(login: Option<&Login>, uri: &Uri) -> Result<Request<Empty<Bytes>>, Fault> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map(|authority| {
        let all = authority.as_str();
        all.rsplit_once('@').map_or(all, |(_, host)| host)
    });
    let mut request = Request::get(path)
        .header(HOST, host.unwrap_or_default())
        .header(USER_AGENT, "estiba-preflight")
        .header(ACCEPT, "*/*");
    if let Some(login) = login {
        request = request.header(AUTHORIZATION, authorization(login)?);
    }
    request.body(Empty::new()).map_err(|_| Fault::BadUrl)
}

fn authorization(login: &Login) -> Result<HeaderValue, Fault> {
    let value = match login {
        Login::Basic { user, password } => {
            let pair = format!("{user}:{}", password.expose());
            format!("Basic {}", STANDARD.encode(pair))
        }
        Login::Bearer(token) => format!("Bearer {}", token.expose()),
    };
    HeaderValue::try_from(value).map_err(|_| Fault::BadToken)
}
