//! Values, files and secrets as a workload gets them.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Need};
use crate::bench::Bench;
use crate::support::{SECRET, files_with};

/// [`SECRET`] in the encoding of Kubernetes' objects.
const SECRET_BASE64: &str = "cGxhbnRlZC1zM2NyZXQtNDcxM";
/// A value with everything that quoting gets wrong.
pub const UNICODE: &str = "ñandú ☕ 日本 'one' \"two\" \\ $HOME # {x}: %s";
/// A file that is no text: 0, 255, 128, a line end.
const BINARY: [&str; 2] = ["AP+ACg==", "00ff800a"];

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "placeholders",
        "placeholders of all kinds are expanded: `metadata`, `resources`, `$$`",
        "los marcadores de todo tipo se expanden: `metadata`, `resources`, `$$`",
        placeholders,
    ),
    Behaviour::new(
        "files",
        "a file is there with its content and mode, its placeholders expanded",
        "un archivo está con su contenido y modo, con sus marcadores expandidos",
        files,
    )
    .needing(&[Need::Files]),
    Behaviour::new(
        "files_not_expanded",
        "a file with `noExpand` is there as it was written",
        "un archivo con `noExpand` está tal como se escribió",
        files_not_expanded,
    )
    .needing(&[Need::Files]),
    Behaviour::new(
        "files_binary",
        "a file of any bytes is there byte by byte",
        "un archivo de bytes cualesquiera está byte por byte",
        files_binary,
    )
    .needing(&[Need::Files]),
    Behaviour::new(
        "unicode",
        "a value with accents, quotes, emoji and dollar signs arrives as it is",
        "un valor con acentos, comillas, emoji y signos de pesos llega tal cual",
        unicode,
    ),
    Behaviour::new(
        "own_variables",
        "an instance knows its name, workload, environment and version",
        "una instancia conoce su nombre, componente, ambiente y versión",
        own_variables,
    )
    .needing(&[Need::InstanceNames]),
    Behaviour::new(
        "secret_reaches_the_program",
        "a secret reaches the program, as a variable and in a file",
        "un secreto llega al programa, como variable y en un archivo",
        secret_reaches_the_program,
    ),
    Behaviour::new(
        "secret_nowhere_else",
        "a secret is in no output, log, file of the state, label or description of the runtime",
        "un secreto no está en ninguna salida, log, archivo de estado, etiqueta ni descripción de la plataforma",
        secret_nowhere_else,
    ),
];

/// Adds what these behaviours look at to an API.
pub fn fill(api: &mut Value, with_files: bool) {
    api["metadata"]["tier"] = json!({ "name": "front", "ports": [1, 2] });
    let main = &mut api["containers"]["main"];
    let variables = &mut main["variables"];
    variables["NAME"] = json!("${metadata.name} of ${metadata.tier.name}");
    variables["PORTS"] = json!("${metadata.tier.ports}");
    variables["DOLLARS"] = json!("$$ $${x} $HOME ${resources.env.BEHAVIOUR}");
    if !with_files {
        return;
    }
    main["files"] = json!({
        "/etc/app/token": { "content": "token=${resources.env.TOKEN}\n", "mode": "0444" },
        "/etc/app/run": { "content": "for ${metadata.name}", "mode": "0555" },
        "/etc/app/raw": { "content": "${metadata.name} $$", "noExpand": true },
        "/srv/binary": { "binaryContent": BINARY[0] },
    });
}

fn placeholders(bench: &Bench) {
    let project = bench.shown();
    assert_eq!(project.get("/env/NAME"), "api of front");
    assert_eq!(project.get("/env/PORTS"), "[1,2]");
    assert_eq!(project.get("/env/DOLLARS"), "$ ${x} $HOME good");
}

fn files(bench: &Bench) {
    let project = bench.shown();
    assert_eq!(project.get("/file/etc/app/run"), "for api");
    assert_eq!(project.get("/mode/etc/app/run"), "0555");
    assert_eq!(project.get("/mode/etc/app/token"), "0444");
}

fn files_not_expanded(bench: &Bench) {
    let raw = bench.shown().get("/file/etc/app/raw");
    assert_eq!(raw, "${metadata.name} $$");
}

fn files_binary(bench: &Bench) {
    assert_eq!(bench.shown().get("/hex/srv/binary"), BINARY[1]);
}

fn unicode(bench: &Bench) {
    assert_eq!(bench.shown().get("/greeting"), UNICODE);
}

fn own_variables(bench: &Bench) {
    let project = bench.shown();
    assert_eq!(project.instances("test"), [project.get("/instance")]);
    assert_eq!(project.get("/env/ESTIBA_WORKLOAD"), "api");
    assert_eq!(project.get("/env/ESTIBA_ENVIRONMENT"), "test");
    assert_eq!(project.get("/version"), "1.0.0");
}

/// The platform's own name of an instance is what Estiba's is made of.
pub fn instance_is_a_dyno(bench: &Bench) {
    let project = bench.shown();
    let dyno = project.get("/env/DYNO").replace('.', "-");
    assert_eq!(project.instances("test"), [format!("api-{dyno}")]);
}

fn secret_reaches_the_program(bench: &Bench) {
    let project = bench.shown();
    assert_eq!(project.get("/env/TOKEN"), SECRET);
    if project.place.has(Need::Files) {
        assert_eq!(
            project.get("/file/etc/app/token"),
            format!("token={SECRET}\n")
        );
    }
}

fn secret_nowhere_else(bench: &Bench) {
    let project = bench.project();
    let mut api = crate::score::web("api");
    fill(&mut api, project.place.has(Need::Files));
    let api = crate::score::with_variable(api, "TOKEN", "${resources.env.TOKEN}");
    project.workload(&api);
    for environment in ["test", "prod"] {
        project.secret("TOKEN", SECRET, environment);
    }
    let mut said = vec![project.run(&["up", "--version", "1.0.0", "--json"]).ok()];
    for args in [
        ["logs", "api", "--env", "test"].as_slice(),
        &["plan", "--env", "prod", "--version", "1.0.0", "--json"],
        &["history", "--json", "--steps"],
        &["status", "--json"],
        &["secret", "list"],
        &["config", "get"],
    ] {
        said.push(project.run(args).ok());
    }
    assert!(said[1].out.contains("token is •••"), "{}", said[1].out);
    let runtime = project.place.inspect(&project);
    project.set("BEHAVIOUR", "crash", "test");
    said.push(project.run(&["up", "--version", "1.0.1"]));
    let texts = said.iter().flat_map(|done| [&done.out, &done.err]);
    for text in texts.chain([&runtime]) {
        for form in [SECRET, SECRET_BASE64] {
            assert!(!text.contains(form), "{text}");
        }
    }
    assert_eq!(files_with(&project.state(), SECRET), Vec::<PathBuf>::new());
}
