//! Logins as Docker's config.json keeps them. Each push is a process of its own,
//! since the configuration comes by the environment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use estiba_image::registry;

use crate::proxy::{Deal, Proxy};
use crate::registry::{start, start_with};
use crate::support::{Layer, image, scratch};

const REFERENCE: &str = "ESTIBA_TEST_REFERENCE";
/// `team:s3cret`, as `docker login` keeps it.
const LOGIN: &str = "dGVhbTpzM2NyZXQ=";
/// The same for a registry, as `htpasswd -B` writes it.
const HTPASSWD: &str = "team:$2b$04$hFd7hX7EtQt7CuNu4My7Su8otYC5Cn97nwEjZkecXeBv54k1aDiqu";

#[tokio::test]
#[ignore = "what the tests below run with a configuration"]
async fn pushes() {
    let Ok(reference) = std::env::var(REFERENCE) else {
        return;
    };
    let here = scratch();
    let digest = image(&here.store, vec![Layer::new().file("f", "content")]);
    if let Err(error) = registry::push(&here.store, &reference, &digest).await {
        panic!("told: {error}");
    }
    assert_eq!(registry::digest_of(&reference).await.unwrap(), Some(digest));
}

/// Pushes with a configuration; what was told where that fails.
fn push(reference: &str, config: &str, helpers: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    let path = std::env::var("PATH").unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "login::pushes", "--ignored", "--nocapture"])
        .env(REFERENCE, reference)
        .env("DOCKER_CONFIG", folder.path())
        .env("PATH", format!("{}:{path}", helpers.display()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!told.contains("s3cret"), "{told}");
    match done.status.success() {
        true => Ok(()),
        false => Err(told),
    }
}

fn auths(registry: &str) -> String {
    format!(r#"{{"auths": {{"{registry}": {{"auth": "{LOGIN}"}}}}}}"#)
}

/// A program that gives credentials, as Docker asks for them.
fn helper(folder: &Path, name: &str, script: &str) {
    let file = folder.join(format!("docker-credential-{name}"));
    fs::write(&file, format!("#!/bin/sh\ncat >/dev/null\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_password_is_given_to_a_registry_that_wants_one() {
    let server = start_with(|folder| {
        let file = folder.join("htpasswd");
        fs::write(&file, HTPASSWD).unwrap();
        let file = file.display();
        format!("auth: {{htpasswd: {{realm: tests, path: {file}}}}}\n")
    });
    let Some(server) = server else { return };
    let (registry, helpers) = (&server.address, tempfile::tempdir().unwrap());
    let reference = format!("{registry}/team/app:1");
    push(&reference, &auths(registry), helpers.path()).unwrap();

    helper(
        helpers.path(),
        "good",
        r#"echo '{"ServerURL": "x", "Username": "team", "Secret": "s3cret"}'"#,
    );
    let config = format!(r#"{{"credHelpers": {{"{registry}": "good"}}}}"#);
    push(&reference, &config, helpers.path()).unwrap();

    let anonymous = push(&reference, "{}", helpers.path()).unwrap_err();
    assert!(anonymous.contains("docker login"), "{anonymous}");

    helper(
        helpers.path(),
        "bad",
        "echo the vault is locked >&2; exit 1",
    );
    let config = format!(r#"{{"credHelpers": {{"{registry}": "bad"}}}}"#);
    let failed = push(&reference, &config, helpers.path()).unwrap_err();
    assert!(failed.contains("the vault is locked"), "{failed}");
}

/// <https://docs.gitlab.com/administration/packages/container_registry/>: a registry
/// that sends clients to GitLab for a token.
#[test]
fn a_token_is_fetched_with_the_login_as_gitlab_wants_it() {
    let Some(server) = start() else { return };
    let gitlab = Proxy::start(&server.address, |request| {
        let with_login = request.authorization == Some(format!("Basic {LOGIN}"));
        match with_login && request.path.starts_with("/jwt/auth") {
            true => Deal::Answer(200, String::new(), r#"{"token": "a-token"}"#.to_owned()),
            false => Deal::Answer(401, String::new(), "denied".to_owned()),
        }
    });
    let challenge = format!(
        "www-authenticate: Bearer realm=\"http://{}/jwt/auth\",service=\"container_registry\"\r\n",
        gitlab.address
    );
    let proxy = Proxy::start(&server.address, move |request| {
        match request.authorization.as_deref() {
            Some("Bearer a-token") => Deal::Pass,
            _ => Deal::Answer(401, challenge.clone(), String::new()),
        }
    });
    let (registry, helpers) = (&proxy.address, tempfile::tempdir().unwrap());
    let reference = format!("{registry}/team/app:1");
    push(&reference, &auths(registry), helpers.path()).unwrap();
    let asked = gitlab.seen("GET");
    let path = &asked.first().unwrap().path;
    assert!(path.contains("service=container_registry"), "{path}");
    assert!(path.contains("team%2Fapp%3Apull%2Cpush"), "{path}");

    let anonymous = push(&reference, "{}", helpers.path()).unwrap_err();
    assert!(anonymous.contains("docker login"), "{anonymous}");
}
