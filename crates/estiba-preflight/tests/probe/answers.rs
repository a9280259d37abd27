//! What a service answers: its status, its login, its description.

use estiba_model::SecretString;
use estiba_preflight::{Fault, Login, Service, Stage, Wsdl};

use crate::server::{Server, answer};
use crate::{found, service};

const WSDL: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/">
<portType name="Billing"><operation name="Charge"/></portType></definitions>"#;

async fn answering(status: &str, body: &str) -> (Server, Service) {
    let server = Server::start(&answer(status, body), None).await;
    let service = service(&format!("http://127.0.0.1:{}/billing?wsdl", server.port));
    (server, service)
}

#[tokio::test]
async fn a_status_is_compared_with_what_is_expected() {
    for (status, expect, got) in [
        ("204 No Content", None, None),
        ("404 Not Found", None, Some(404)),
        ("404 Not Found", Some(404), None),
        ("200 OK", Some(404), Some(200)),
    ] {
        let (server, service) = answering(status, "").await;
        let found = found(&Service { expect, ..service }).await;
        let failure = got.map(|got| Fault::Status {
            got,
            expected: expect,
            to: None,
        });
        assert_eq!(found.failure(), failure.as_ref(), "{status} {expect:?}");
        let head = server.asked().join("");
        assert!(head.starts_with("GET /billing?wsdl HTTP/1.1\r\n"), "{head}");
        let host = format!("host: 127.0.0.1:{}\r\n", server.port);
        assert!(head.contains(&host), "{head}");
    }
}

#[tokio::test]
async fn where_a_redirection_leads_is_told_by_its_host_alone() {
    let moved = "302 Found\r\nlocation: https://login.example.edu/?token=s3cr3t";
    let (_server, service) = answering(moved, "").await;
    let found = found(&service).await;
    let expected = Fault::Status {
        got: 302,
        expected: None,
        to: Some("login.example.edu".to_owned()),
    };
    assert_eq!(found.failure(), Some(&expected));
}

#[tokio::test]
async fn it_is_asked_with_the_login_that_is_given() {
    let password = SecretString::new("open sesame");
    let user = "aladdin".to_owned();
    for (login, header) in [
        // The example of RFC 7617.
        (
            Login::Basic { user, password },
            "authorization: Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
        ),
        (
            Login::Bearer(SecretString::new("abc")),
            "authorization: Bearer abc\r\n",
        ),
    ] {
        let (server, service) = answering("200 OK", "").await;
        let login = Some(login);
        let found = found(&Service { login, ..service }).await;
        assert_eq!(found.failure(), None);
        let head = server.asked().join("");
        assert!(head.contains(header), "{head}");
    }
}

#[tokio::test]
async fn a_login_within_the_url_is_used_and_not_told() {
    let (server, _) = answering("200 OK", "").await;
    let url = format!("http://al%40ddin:open%20sesame@127.0.0.1:{}/", server.port);
    let found = found(&service(&url)).await;
    assert_eq!(found.failure(), None);
    let head = server.asked().join("");
    // `al@ddin:open sesame`
    let header = "authorization: Basic YWxAZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    assert!(head.contains(header), "{head}");
    let host = format!("host: 127.0.0.1:{}\r\n", server.port);
    assert!(head.contains(&host), "{head}");
    let told = serde_json::to_string(&found).unwrap();
    assert!(!told.contains("sesame") && !told.contains("ddin"), "{told}");
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_apart_from_none() {
    let status = |got| Fault::Status {
        got,
        expected: None,
        to: None,
    };
    let refused = |got| Fault::LoginRefused { got };
    for (answer, is_given, failure) in [
        ("401 Unauthorized", false, status(401)),
        ("401 Unauthorized", true, refused(401)),
        ("403 Forbidden", true, refused(403)),
        ("404 Not Found", true, status(404)),
    ] {
        let (_server, service) = answering(answer, "").await;
        let token = Login::Bearer(SecretString::new("abc"));
        let login = is_given.then_some(token);
        let found = found(&Service { login, ..service }).await;
        assert_eq!(found.failure(), Some(&failure), "{answer}");
    }
}

#[tokio::test]
async fn a_token_of_two_lines_is_told_to_be_one() {
    let (server, service) = answering("200 OK", "").await;
    let login = Some(Login::Bearer(SecretString::new("abc\ndef")));
    let found = found(&Service { login, ..service }).await;
    assert_eq!(found.failure(), Some(&Fault::BadToken));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_description_has_to_be_one_and_to_have_the_operation() {
    let charge = Wsdl::Operation("Charge".to_owned());
    let (_server, service) = answering("200 OK", WSDL).await;
    let wsdl = Some(charge.clone());
    let good = found(&Service { wsdl, ..service }).await;
    assert_eq!(good.failure(), None);
    assert_eq!(
        good.passed,
        [Stage::Dns, Stage::Tcp, Stage::Http, Stage::Wsdl]
    );

    let (_server, service) = answering("200 OK", "<html>log in</html>").await;
    let wsdl = Some(charge);
    let page = found(&Service { wsdl, ..service }).await;
    assert!(
        matches!(page.failure(), Some(Fault::NotWsdl { .. })),
        "{page:?}"
    );
    assert_eq!(page.passed, [Stage::Dns, Stage::Tcp, Stage::Http]);
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_told() {
    let server = Server::start("220 mail.example.edu ESMTP\r\n", None).await;
    let found = found(&service(&format!("http://127.0.0.1:{}/", server.port))).await;
    let failure = found.failure();
    assert!(
        matches!(
            failure,
            Some(Fault::Broken {
                stage: Stage::Http,
                ..
            })
        ),
        "{found:?}"
    );
}
