//! How instances start and end.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit, eventually};
use crate::score::{self, with_variable, with_volume};

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "slow_start",
        "a program that takes 20 s to start is waited for",
        "se espera a un programa que tarda 20 s en iniciar",
        slow_start,
    ),
    Behaviour::new(
        "sigterm",
        "an instance that is replaced gets SIGTERM and ends by itself",
        "una instancia que se reemplaza recibe SIGTERM y termina sola",
        sigterm,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "slow_request_drained",
        "a request that takes 3 s is answered by the old instance before that ends",
        "un pedido que tarda 3 s lo responde la instancia anterior antes de terminar",
        slow_request_drained,
    ),
    Behaviour::new(
        "killed_after_the_grace",
        "a program that ignores SIGTERM is killed after its time",
        "un programa que ignora SIGTERM se mata al acabarse su plazo",
        killed_after_the_grace,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "liveness",
        "a container that fails its liveness probe is started again",
        "un contenedor que no pasa su prueba de vida se reinicia",
        liveness,
    )
    .needing(&[Need::LivenessProbes]),
    Behaviour::new(
        "readiness_lost",
        "an instance that is not ready any more gets no requests until it is",
        "una instancia que deja de estar lista no recibe pedidos hasta que vuelve a estarlo",
        readiness_lost,
    )
    .needing(&[Need::LivenessProbes]),
    Behaviour::new(
        "ended_is_restarted",
        "a program that ends by itself is started again, and that is counted",
        "un programa que termina solo se inicia otra vez, y se cuenta",
        ended_is_restarted,
    )
    .needing(&[Need::RestartCounts]),
    Behaviour::new(
        "before_complete",
        "a container that must be `complete` before another runs to its end first",
        "un contenedor que debe completarse (`complete`) antes que otro corre primero hasta el final",
        before_complete,
    )
    .needing(&[Need::Sidecars]),
];

/// An API that notes what becomes of it in its volume, where there are volumes.
fn noting(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&project.web("api"));
    project
}

fn life(project: &Kit) -> Vec<String> {
    let life = project.get("/file/data/life");
    life.lines().map(str::to_owned).collect()
}

fn slow_start(bench: &Bench) {
    let project = bench.project();
    project.workload(&with_variable(score::web("api"), "START_SECONDS", "20"));
    let begin = Instant::now();
    project.up("1.0.0");
    assert!(begin.elapsed() > Duration::from_secs(20));
    assert_eq!(project.get("/version"), "1.0.0");
}

fn sigterm(bench: &Bench) {
    let project = noting(bench);
    project.up("1.0.0");
    let old = project.get("/instance");
    project.up("1.1.0");
    let life = life(&project);
    assert!(life.contains(&format!("told {old}")), "{life:?}");
    assert!(life.contains(&format!("end {old}")), "{life:?}");
}

fn slow_request_drained(bench: &Bench) {
    let project = noting(bench);
    project.up("1.0.0");
    let address = project.place.reach(&project, "test", "api");
    thread::scope(|scope| {
        let slow = scope.spawn(|| crate::support::get(&address, "/slow/3000").unwrap());
        project.run(&["restart", "api", "--env", "test"]).ok();
        let answer = slow.join().unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "slow"));
    });
}

fn killed_after_the_grace(bench: &Bench) {
    let project = noting(bench);
    project.set("BEHAVIOUR", "stubborn", "test");
    project.up("1.0.0");
    let old = project.get("/instance");
    let begin = Instant::now();
    project.set("BEHAVIOUR", "good", "test");
    project.up("1.0.0");
    assert_eq!(project.instances("test").len(), 1);
    assert!(begin.elapsed() < Duration::from_secs(60));
    let life = life(&project);
    assert!(life.contains(&format!("told {old}")), "{life:?}");
    assert!(!life.contains(&format!("end {old}")), "{life:?}");
}

/// How often containers of the only instance were started again.
fn restarts(project: &Kit) -> u64 {
    let status = project.status("test");
    status["instances"][0]["restarts"].as_u64().unwrap_or(0)
}

fn answers(project: &Kit) -> bool {
    let answer = project.answer("test", "api", "/alive");
    answer.is_ok_and(|answer| answer.status == 200)
}

fn liveness(bench: &Bench) {
    let project = bench.project();
    let mut api = score::web("api");
    api["containers"]["main"]["livenessProbe"] =
        json!({ "httpGet": { "path": "/alive", "port": 3000 } });
    project.workload(&api);
    project.up("1.0.0");
    project.get("/die");
    let limit = Duration::from_secs(90);
    eventually("a restart", limit, || restarts(&project) > 0);
    eventually("an answer", limit, || answers(&project));
}

fn readiness_lost(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    let tell = |what: &str| {
        let args = ["exec", "api", "--env", "test", "--", "api", "tell"];
        project
            .run(&[args.as_slice(), &[what, "/tmp/unready"]].concat())
            .ok();
    };
    let limit = Duration::from_secs(60);
    tell("touch");
    eventually("no answer", limit, || !answers(&project));
    let state = project.status("test")["instances"][0]["state"].clone();
    assert_eq!(state, "unready");
    tell("remove");
    eventually("an answer", limit, || answers(&project));
    assert_eq!(restarts(&project), 0);
}

fn ended_is_restarted(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    let cut = project.answer("test", "api", "/exit/7");
    assert!(
        cut.as_ref().map_or(true, |answer| answer.status >= 500),
        "{cut:?}"
    );
    let limit = Duration::from_secs(60);
    eventually("a restart", limit, || restarts(&project) > 0);
    eventually("an answer", limit, || answers(&project));
}

/// What ended is started again, though nobody counts it.
pub fn restarts_uncounted(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    let process = || project.answer("test", "api", "/file/proc/self/stat");
    let started = |stat: &str| stat.split(' ').nth(21).map(str::to_owned);
    let before = started(&process().unwrap().body);
    // It answers nobody who asks for this.
    let _ = project.answer("test", "api", "/exit/7");
    eventually("a restart", Duration::from_secs(60), || {
        let now = process().ok().filter(|answer| answer.status == 200);
        now.is_some_and(|now| started(&now.body) != before)
    });
    assert_eq!(restarts(&project), 0);
}

fn before_complete(bench: &Bench) {
    let project = bench.project();
    let mut api = with_volume(score::web("api"));
    api["containers"]["first"] = json!({
        "image": ".",
        "args": ["migrate"],
        "volumes": { "/data": { "source": "${resources.data}" } },
        "before": { "main": { "ready": "complete" } },
    });
    project.workload(&api);
    project.up("1.0.0");
    assert_eq!(project.get("/began-with"), "migrated\n");
}
