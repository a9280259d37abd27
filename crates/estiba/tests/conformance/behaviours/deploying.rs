//! From a first deployment to the next.

use crate::behaviour::Behaviour;
use crate::bench::Bench;
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "first_deployment",
        "a first deployment runs every workload, and the API answers",
        "un primer despliegue pone en marcha cada componente, y la API responde",
        first_deployment,
    ),
    Behaviour::new(
        "nothing_to_do",
        "deploying the same again changes nothing",
        "desplegar lo mismo otra vez no cambia nada",
        nothing_to_do,
    ),
    Behaviour::new(
        "promotion",
        "`promote` takes the very same images to another environment",
        "`promote` lleva las mismas imágenes a otro ambiente",
        promotion,
    ),
    Behaviour::new(
        "rollback",
        "`rollback` brings back the release before",
        "`rollback` trae de vuelta la versión anterior",
        rollback,
    ),
    Behaviour::new(
        "scale",
        "`scale` changes the number of instances, up, down and to none",
        "`scale` cambia la cantidad de instancias: más, menos y ninguna",
        scale,
    ),
];

fn first_deployment(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.workload(&score::bot("bot"));
    project.up("1.0.0");
    assert_eq!(project.get("/version"), "1.0.0");
    assert_eq!(project.instances("test").len(), 2);
}

fn nothing_to_do(bench: &Bench) {
    let project = bench.shown();
    let again = project.up("1.0.0");
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    let plan = project.run(&["plan", "--version", "1.0.0", "--json"]).ok();
    assert_eq!(plan.json()["steps"].as_array().unwrap().len(), 0);
}

fn promotion(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    project
        .run(&["promote", "--from", "test", "--to", "prod"])
        .ok();
    assert_eq!(project.get_of("prod", "api", "/version"), "1.0.0");
}

fn rollback(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    project.up("1.1.0");
    assert_eq!(project.get("/version"), "1.1.0");
    project.run(&["rollback", "--env", "test"]).ok();
    assert_eq!(project.get("/version"), "1.0.0");
}

fn scale(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    for count in [3, 1, 0, 2] {
        let wanted = format!("api={count}");
        project.run(&["scale", &wanted, "--env", "test"]).ok();
        assert_eq!(project.instances("test").len(), count);
    }
    assert_eq!(project.get("/version"), "1.0.0");
}
