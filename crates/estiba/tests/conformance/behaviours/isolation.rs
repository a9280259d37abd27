//! What a container may not do, and how much it may use.

use std::time::Duration;

use serde_json::json;

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, eventually};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "not_root",
        "a program does not run as root",
        "un programa no corre como root",
        not_root,
    ),
    Behaviour::new(
        "no_privileges",
        "a program has no privileges, can get none, and its system calls are filtered",
        "un programa no tiene privilegios, no puede obtenerlos, y sus llamadas al sistema se filtran",
        no_privileges,
    )
    .needing(&[Need::Sandbox]),
    Behaviour::new(
        "root_read_only",
        "the root file system is read-only",
        "el sistema de archivos raíz es de sólo lectura",
        root_read_only,
    )
    .needing(&[Need::Sandbox]),
    Behaviour::new(
        "tmp_writable",
        "`/tmp` is writable, and each instance has its own",
        "`/tmp` se puede escribir, y cada instancia tiene el suyo",
        tmp_writable,
    ),
    Behaviour::new(
        "memory_limit",
        "a program that takes more memory than its limit is ended and started again",
        "un programa que toma más memoria que su límite se termina y se reinicia",
        memory_limit,
    )
    .needing(&[Need::Limits]),
    Behaviour::new(
        "cpu_limit",
        "a program gets no more processor time than its limit",
        "un programa no recibe más procesador que su límite",
        cpu_limit,
    )
    .needing(&[Need::Limits]),
];

/// A line of `/proc/self/status` (proc(5)), without its name.
fn of_status(bench: &Bench, name: &str) -> Vec<String> {
    let status = bench.shown().get("/file/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {status}"));
    line.split_whitespace().map(str::to_owned).collect()
}

pub fn not_root(bench: &Bench) {
    let users = of_status(bench, "Uid:");
    assert!(users.iter().all(|user| user != "0"), "{users:?}");
}

fn no_privileges(bench: &Bench) {
    assert_eq!(of_status(bench, "NoNewPrivs:"), ["1"]);
    assert_eq!(of_status(bench, "CapEff:"), ["0000000000000000"]);
    assert_eq!(of_status(bench, "CapBnd:"), ["0000000000000000"]);
    assert_eq!(of_status(bench, "Seccomp:"), ["2"]);
}

fn root_read_only(bench: &Bench) {
    let mounts = bench.shown().get("/file/proc/self/mounts");
    let root = mounts
        .lines()
        .rfind(|line| line.split(' ').nth(1) == Some("/"));
    let root = root.unwrap_or_else(|| panic!("no root in {mounts}"));
    let options = root.split(' ').nth(3).unwrap_or_default();
    assert!(options.split(',').any(|option| option == "ro"), "{root}");
}

fn tmp_writable(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    assert_eq!(project.get("/write/tmp/note"), "written");
    assert_eq!(project.get("/file/tmp/note"), "written");
    project.up("1.1.0");
    let fresh = project.get("/file/tmp/note");
    assert!(fresh.starts_with("error"), "{fresh}");
}

fn memory_limit(bench: &Bench) {
    let project = bench.project();
    let mut api = score::web("api");
    api["containers"]["main"]["resources"] = json!({ "limits": { "memory": "64Mi" } });
    project.workload(&api);
    project.up("1.0.0");
    assert_eq!(project.get("/allocate/8"), "8");
    let over = project.answer("test", "api", "/allocate/256");
    assert!(
        over.as_ref().map_or(true, |answer| answer.status >= 500),
        "{over:?}"
    );
    let restarted = || {
        let status = project.status("test");
        status["instances"][0]["restarts"].as_u64().unwrap_or(0) > 0
    };
    eventually("a restart", Duration::from_secs(60), restarted);
    let answers = || {
        let answer = project.answer("test", "api", "/health");
        answer.is_ok_and(|answer| answer.status == 200)
    };
    eventually("an answer", Duration::from_secs(60), answers);
}

fn cpu_limit(bench: &Bench) {
    let project = bench.project();
    let mut api = score::web("api");
    api["containers"]["main"]["resources"] = json!({ "limits": { "cpu": "200m" } });
    project.workload(&api);
    project.up("1.0.0");
    let got: u64 = project.get("/burn/2000").parse().unwrap();
    // A fifth of 2000 ms, and one period of the quota more.
    assert!((1..=600).contains(&got), "{got} ms");
}
