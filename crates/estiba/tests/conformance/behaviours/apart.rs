//! Environments, projects and what is not Estiba's do not touch one another.

use serde_json::json;

use crate::behaviour::{Behaviour, Need};
use crate::bench::Bench;
use crate::score::{self, with_volume};

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "two_environments",
        "two environments share neither data, nor values, nor instances",
        "dos ambientes no comparten datos, valores ni instancias",
        two_environments,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "two_projects",
        "two projects of one team with equal names of workloads do not touch one another",
        "dos proyectos de un equipo con nombres iguales de componentes no se tocan",
        two_projects,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "foreign_things",
        "what Estiba did not make is left alone, by a deployment and by `down`",
        "lo que no hizo Estiba queda como está, tras un despliegue y tras `down`",
        foreign_things,
    ),
    Behaviour::new(
        "another_state_folder",
        "an Estiba with another state folder sees what runs, and takes it over",
        "un Estiba con otra carpeta de estado ve lo que corre, y lo toma a su cargo",
        another_state_folder,
    )
    .needing(&[Need::Shared]),
    Behaviour::new(
        "longest_names",
        "names of 63 characters work everywhere",
        "los nombres de 63 caracteres funcionan en todas partes",
        longest_names,
    )
    .needing(&[Need::LongNames]),
];

fn two_environments(bench: &Bench) {
    let project = bench.project();
    project.workload(&with_volume(score::web("api")));
    project.up("1.0.0");
    project
        .run(&["promote", "--from", "test", "--to", "prod"])
        .ok();
    assert_eq!(project.get("/write/data/note"), "written");
    let other = project.get_of("prod", "api", "/file/data/note");
    assert!(other.starts_with("error"), "{other}");
    project.set("GREETING", "hola", "test");
    project.up("1.1.0");
    assert_eq!(project.get("/greeting"), "hola");
    assert_eq!(project.get_of("prod", "api", "/greeting"), "hello");
    assert_eq!(project.get_of("prod", "api", "/version"), "1.0.0");
    let prod = project.instances("prod");
    project.run(&["down", "--env", "test", "--yes"]).ok();
    assert_eq!(project.instances("prod"), prod);
    assert_eq!(project.get_of("prod", "api", "/version"), "1.0.0");
}

fn two_projects(bench: &Bench) {
    let project = bench.project();
    let other = project.sibling("other");
    for one in [&project, &other] {
        one.workload(&with_volume(score::web("api")));
    }
    project.up("1.0.0");
    other.up("2.0.0");
    assert_eq!(project.get("/version"), "1.0.0");
    assert_eq!(other.get("/version"), "2.0.0");
    assert_eq!(project.get("/write/data/note"), "written");
    let seen = other.get("/file/data/note");
    assert!(seen.starts_with("error"), "{seen}");
    other.run(&["down", "--env", "test", "--yes"]).ok();
    assert_eq!(project.get("/version"), "1.0.0");
    assert_eq!(project.get("/file/data/note"), "written");
}

fn foreign_things(bench: &Bench) {
    let project = bench.project();
    project.workload(&project.web("api"));
    project.up("1.0.0");
    let mut foreign = project.place.plant(&project, "test");
    project.up("1.1.0");
    foreign.assert_untouched();
    let status = project.status("test");
    assert_eq!(status["drift"], json!([]), "it is no drift");
    project.run(&["down", "--env", "test", "--yes"]).ok();
    foreign.assert_untouched();
}

fn another_state_folder(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    let elsewhere = project.elsewhere();
    assert_eq!(elsewhere.instances("test"), project.instances("test"));
    elsewhere.up("2.0.0");
    assert_eq!(project.get("/version"), "2.0.0");
    assert_eq!(project.instances("test").len(), 1);
}

fn longest_names(bench: &Bench) {
    let name = |letter: &str| letter.repeat(63);
    let project = bench.project().sibling(&name("p"));
    let (environment, workload) = (name("e"), name("w"));
    project.edit(|file| {
        let test = file["environments"]["test"].clone();
        file["environments"] = json!({ environment.as_str(): test });
    });
    project.workload(&with_volume(score::web(&workload)));
    project.up("1.0.0");
    let said = project.get_of(&environment, &workload, "/version");
    assert_eq!(said, "1.0.0");
    let down = ["down", "--env", &environment, "--yes"];
    project.run(&down).ok();
}
