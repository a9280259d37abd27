//! The files that `init` writes.

use std::collections::BTreeSet;
use std::fmt::Write;

use estiba_model::{Lang, Message, message};
use estiba_score::yaml::scalar;

use super::detect::{Component, Found, Source};

/// The name that guessed workloads give to their port.
const PORT_NAME: &str = "web";

/// A comment of as many lines as the text has.
fn comment(text: &Message, lang: Lang) -> String {
    text.text(lang)
        .lines()
        .map(|line| format!("# {line}\n"))
        .collect()
}

/// The `estiba.yaml` of a project with these workloads.
pub(super) fn project(
    project: &str,
    team: &str,
    components: &[Component],
    values: &BTreeSet<String>,
    lang: Lang,
) -> String {
    let head = comment(
        &message!(
            "Who ships what, and where. `estiba check` tells what is wrong with this file.",
            "Quién entrega qué, y dónde. `estiba check` dice qué tiene de malo este archivo."
        ),
        lang,
    );
    let registry = comment(
        &message!(
            "Where images are pushed; not needed on one machine.\nregistry: registry.example.edu/{team}/{project}",
            "Adónde se suben las imágenes; no hace falta en una sola máquina.\nregistry: registry.example.edu/{team}/{project}"
        ),
        lang,
    );
    let targets = comment(
        &message!(
            "Container runtimes. `local` is the machine that Estiba runs on.",
            "Plataformas de contenedores. `local` es la máquina en la que corre Estiba."
        ),
        lang,
    );
    let environments = comment(
        &message!(
            "`estiba up` deploys to the first. `config` has what differs between them;\nsecrets are kept apart: `estiba secret set NAME --env test`.",
            "`estiba up` despliega en el primero. `config` tiene lo que cambia entre ellos;\nlos secretos se guardan aparte: `estiba secret set NOMBRE --env test`."
        ),
        lang,
    );
    let after = message!("only what ran well in test", "solo lo que funcionó en test");
    let after = after.text(lang);
    let approve = message!("another person must agree", "otra persona debe aprobar");
    let approve = approve.text(lang);
    let paths: String = components
        .iter()
        .map(|c| format!("  - {}\n", scalar(&c.score_path())))
        .collect();
    let config = |level: &str| match values.contains("LOG_LEVEL") {
        true => format!("    config:\n      LOG_LEVEL: {level}\n"),
        false => "    # config: { NAME: value }\n".to_owned(),
    };
    let (debug, info) = (config("debug"), config("info"));
    let (project, team) = (scalar(project), scalar(team));
    format!(
        "{head}project: {project}\nteam: {team}\nworkloads:\n{paths}\n{registry}\n\
         {targets}targets:\n  local: {{ kind: local }}\n\n\
         {environments}environments:\n  test:\n    on: local\n{debug}  prod:\n    on: local\n    \
         after: test  # {after}\n    # approve: true  # {approve}\n{info}"
    )
}

/// The Score file of a workload, from what its source shows.
pub(super) fn score(
    component: &Component,
    source: &Source,
    components: &[Component],
    lang: Lang,
) -> String {
    let head = comment(
        &message!(
            "What this workload is, the same in every environment. The format is Score:\nhttps://docs.score.dev/docs/score-specification/score-spec-reference/",
            "Qué es este componente, igual en todos los ambientes. El formato es Score:\nhttps://docs.score.dev/docs/score-specification/score-spec-reference/"
        ),
        lang,
    );
    let built = message!(
        "built from this folder, by its Dockerfile or by Cargo",
        "se construye desde esta carpeta, con su Dockerfile o con Cargo"
    );
    let built = built.text(lang);
    let name = scalar(&component.name);
    let mut text = format!("{head}apiVersion: score.dev/v1b1\nmetadata:\n  name: {name}\n");
    if let Some(port) = source.port {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "service:\n  ports:\n    {PORT_NAME}:\n      port: 80\n      targetPort: {port}\n"
        );
    }
    let mut variables = vec![("LOG_LEVEL", "${resources.env.LOG_LEVEL}".to_owned())];
    let mut resources = vec!["  env:\n    type: environment\n".to_owned()];
    if source.port.is_none() {
        variables.push((
            "TELEGRAM_TOKEN",
            "${resources.env.TELEGRAM_TOKEN}".to_owned(),
        ));
        if let Some(api) = the_only_service(components).map(scalar) {
            variables.push((
                "API_URL",
                "http://${resources.api.hostname}:${resources.api.port}".to_owned(),
            ));
            resources.push(format!(
                "  api:\n    type: service-port\n    params:\n      workload: {api}\n      port: {PORT_NAME}\n"
            ));
        }
    }
    if let Some(port) = source.port {
        variables.push(("PORT", format!("\"{port}\"")));
        resources.push(
            "  route:\n    type: route\n    params:\n      path: /\n      port: 80\n".to_owned(),
        );
    }
    if source.database {
        let url = "postgres://${resources.db.username}:${resources.db.password}@${resources.db.host}:${resources.db.port}/${resources.db.name}";
        variables.push(("DATABASE_URL", url.to_owned()));
        resources.push("  db:\n    type: postgres\n".to_owned());
    }
    let variables: String = variables
        .iter()
        .map(|(key, value)| format!("      {key}: {value}\n"))
        .collect();
    let resources = resources.concat();
    text + &format!(
        "containers:\n  main:\n    image: .  # {built}\n    variables:\n{variables}resources:\n{resources}"
    )
}

/// The one workload that a bot can be meant to call; its port has the name
/// that `score` gives it.
fn the_only_service(components: &[Component]) -> Option<&str> {
    let mut services = components.iter().filter(|component| {
        matches!(
            &component.found,
            Found::Source(Source { port: Some(_), .. })
        )
    });
    let only = services.next()?;
    services.next().is_none().then_some(only.name.as_str())
}
