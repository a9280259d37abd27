//! From a first deployment to the next.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit};
use crate::score::{self, with_variable, with_volume};
use crate::support::get;

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
        "plan_is_what_happens",
        "the steps of `plan` are those that the deployment takes",
        "los pasos de `plan` son los que da el despliegue",
        plan_is_what_happens,
    ),
    Behaviour::new(
        "rolling_change",
        "no request fails while a workload with a port changes",
        "ningún pedido falla mientras cambia un componente con puerto",
        rolling_change,
    ),
    Behaviour::new(
        "replaced_without_overlap",
        "of a workload without a port, the old instance ends before the new one starts",
        "de un componente sin puerto, la instancia anterior termina antes de que inicie la nueva",
        replaced_without_overlap,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "scale",
        "`scale` changes the number of instances: more, fewer, none",
        "`scale` cambia la cantidad de instancias: más, menos, ninguna",
        scale,
    ),
    Behaviour::new(
        "config_change_alone",
        "a changed value replaces what reads it, and nothing else",
        "un valor que cambia reemplaza a quien lo lee, y a nadie más",
        config_change_alone,
    ),
    Behaviour::new(
        "secret_change_alone",
        "a changed secret replaces what reads it, and nothing else",
        "un secreto que cambia reemplaza a quien lo lee, y a nadie más",
        secret_change_alone,
    ),
    Behaviour::new(
        "restart",
        "`restart` replaces the named workload's instances by new ones",
        "`restart` reemplaza las instancias del componente por nuevas",
        restart,
    ),
    Behaviour::new(
        "workload_added",
        "a workload that is added starts; the others stay as they are",
        "un componente que se agrega inicia; los demás quedan como están",
        workload_added,
    ),
    Behaviour::new(
        "workload_removed",
        "a workload that is removed ends; the others stay as they are",
        "un componente que se quita termina; los demás quedan como están",
        workload_removed,
    ),
    Behaviour::new(
        "workload_renamed",
        "a workload with a new name runs under it, and under the old one no more",
        "un componente que cambia de nombre corre con el nuevo, y ya no con el anterior",
        workload_renamed,
    ),
];

/// An API and a bot in `test`.
fn two(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.workload(&score::bot("bot"));
    project.up("1.0.0");
    project
}

/// What runs of one workload.
fn of(project: &Kit, workload: &str) -> Vec<String> {
    project.place.runs(project, "test", workload)
}

fn first_deployment(bench: &Bench) {
    let project = two(bench);
    assert_eq!(project.get("/version"), "1.0.0");
    assert_eq!(project.instances("test").len(), 2);
}

fn nothing_to_do(bench: &Bench) {
    let project = bench.shown();
    let before = of(project, "api");
    let again = project.up("1.0.0");
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    let plan = project.run(&["plan", "--version", "1.0.0", "--json"]).ok();
    assert_eq!(plan.json()["steps"].as_array().unwrap().len(), 0);
    assert_eq!(of(project, "api"), before);
}

fn plan_is_what_happens(bench: &Bench) {
    let project = two(bench);
    let plan = project.run(&["plan", "--version", "1.1.0", "--json"]).ok();
    let planned = plan.json()["steps"].clone();
    let done = project.run(&["up", "--version", "1.1.0", "--json"]).ok();
    let taken: Vec<Value> = done
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["event"] == "step-started")
        .map(|event| event["step"].clone())
        .collect();
    assert!(!taken.is_empty());
    assert_eq!(planned, json!(taken));
}

fn rolling_change(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    let address = project.place.reach(&project, "test", "api");
    let over = AtomicBool::new(false);
    let ask = || {
        let (mut seen, mut failed, mut requests) = (BTreeSet::new(), Vec::new(), 0);
        while !over.load(Ordering::SeqCst) {
            requests += 1;
            match get(&address, "/version") {
                Ok(answer) if answer.status == 200 => drop(seen.insert(answer.body)),
                other => failed.push(format!("{other:?}")),
            }
        }
        (seen, failed, requests)
    };
    thread::scope(|scope| {
        let askers = [scope.spawn(ask), scope.spawn(ask)];
        project.up("1.1.0");
        over.store(true, Ordering::SeqCst);
        let mut all = BTreeSet::new();
        for (seen, failed, requests) in askers.map(|asker| asker.join().unwrap()) {
            assert_eq!(failed, Vec::<String>::new(), "of {requests}");
            all.extend(seen);
        }
        assert!(all.contains("1.0.0"), "{all:?}");
    });
    assert_eq!(project.get("/version"), "1.1.0");
}

fn replaced_without_overlap(bench: &Bench) {
    let project = bench.project();
    project.workload(&with_volume(score::bot("bot")));
    project.up("1.0.0");
    project.up("1.1.0");
    project.up("1.2.0");
    let tell = ["exec", "bot", "--env", "test", "--", "api", "tell", "file"];
    let life = project
        .run(&[tell.as_slice(), &["/data/life"]].concat())
        .ok();
    let words: Vec<_> = life
        .out
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    let one = ["start", "told", "end"];
    assert_eq!(words, [one, one, one].concat()[..7], "{}", life.out);
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

fn config_change_alone(bench: &Bench) {
    let project = two(bench);
    let (api, bot) = (of(&project, "api"), of(&project, "bot"));
    project.set("GREETING", "hola", "test");
    assert_eq!(project.get("/greeting"), "hello", "until it is deployed");
    project.up("1.0.0");
    assert_eq!(project.get("/greeting"), "hola");
    assert_ne!(of(&project, "api"), api);
    assert_eq!(of(&project, "bot"), bot, "it does not read the value");
}

fn secret_change_alone(bench: &Bench) {
    let project = bench.project();
    project.workload(&with_variable(
        score::web("api"),
        "TOKEN",
        "${resources.env.TOKEN}",
    ));
    project.workload(&score::bot("bot"));
    project.secret("TOKEN", "the first", "test");
    project.secret("TOKEN", "another", "prod");
    project.up("1.0.0");
    let (api, bot) = (of(&project, "api"), of(&project, "bot"));
    project.secret("TOKEN", "the second", "test");
    project.up("1.0.0");
    assert_eq!(project.get("/env/TOKEN"), "the second");
    assert_ne!(of(&project, "api"), api);
    assert_eq!(of(&project, "bot"), bot, "it does not read the secret");
}

fn restart(bench: &Bench) {
    let project = two(bench);
    let (api, bot) = (of(&project, "api"), of(&project, "bot"));
    project.run(&["restart", "api", "--env", "test"]).ok();
    assert_ne!(of(&project, "api"), api);
    assert_eq!(of(&project, "bot"), bot);
    assert_eq!(project.get("/version"), "1.0.0");
}

fn workload_added(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    project.workload(&score::web("front"));
    project.up("1.1.0");
    assert_eq!(project.get_of("test", "front", "/version"), "1.1.0");
    assert_eq!(project.get("/version"), "1.1.0");
}

fn workload_removed(bench: &Bench) {
    let project = two(bench);
    project.without("bot");
    project.up("1.1.0");
    assert_eq!(of(&project, "bot"), Vec::<String>::new());
    assert_eq!(project.get("/version"), "1.1.0");
}

fn workload_renamed(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    project.without("api");
    project.workload(&score::web("web-api"));
    project.up("1.1.0");
    assert_eq!(of(&project, "api"), Vec::<String>::new());
    assert_eq!(project.get_of("test", "web-api", "/version"), "1.1.0");
}
