//! An export by the command through a server.

use crate::bench::Server;
use crate::support::{SECRET, files_with};

pub fn an_export_has_what_the_server_knows() {
    let server = Server::start();
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let project = server.project("moria", &gimli);
    let export = |folder: &str| {
        let version = ["--version", "1.0.0", "--env", "test"];
        project.run(&[&["export", "kubernetes", "-o", folder], &version[..]].concat())
    };
    // Nobody told the server of the project.
    let unknown = export("unknown");
    assert_eq!(unknown.code, 1, "{}", unknown.out);
    assert!(unknown.err.contains("moria/tests"), "{}", unknown.err);
    assert!(!project.dir().join("unknown").exists());

    let secret = ["secret", "set", "TOKEN", "--env", "test"];
    project.with_input(&secret, SECRET).ok();
    project.run(&["up", "--version", "1.0.0"]).ok();
    project.run(&["scale", "api=2", "--env", "test"]).ok();
    let greeting = ["config", "set", "GREETING=by-the-server", "--env", "test"];
    project.run(&greeting).ok();
    export("known").ok();
    let folder = project.dir().join("known");
    assert!(!files_with(&folder, "by-the-server").is_empty());
    assert!(!files_with(&folder, "replicas: 2").is_empty());
    assert!(files_with(&folder, SECRET).is_empty());
}
