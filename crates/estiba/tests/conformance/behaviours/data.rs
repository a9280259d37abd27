//! Data outlives instances, and ends with its environment.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit};
use crate::score::{self, with_variable, with_volume};

/// What a backup in `fixtures` has in the comment of its only table.
pub const RIPE: &str = "the berries are ripe";
const ROTTEN: &str = "the berries are rotten";

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "volume_kept",
        "what is in a volume outlives a new version and a restart",
        "lo que hay en un volumen sobrevive a una versión nueva y a un reinicio",
        volume_kept,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "volume_read_only",
        "a volume that is mounted read-only can be read and not written",
        "un volumen montado para sólo leer se puede leer y no escribir",
        volume_read_only,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "down_removes",
        "`down` says what data goes and removes it; config and secrets stay",
        "`down` dice qué datos se pierden y los elimina; la configuración y los secretos quedan",
        down_removes,
    )
    .needing(&[Need::Volumes]),
    Behaviour::new(
        "postgres",
        "PostgreSQL is provided, and the workload reaches it",
        "se provee PostgreSQL, y el componente llega a él",
        postgres,
    ),
    Behaviour::new(
        "postgres_data_kept",
        "what is in a database outlives a new version; another environment has its own",
        "lo que hay en una base sobrevive a una versión nueva; otro ambiente tiene la suya",
        postgres_data_kept,
    ),
    Behaviour::new(
        "backup_and_restore",
        "a backup brings back what was in the database and nothing else; one that is damaged changes nothing",
        "una copia de respaldo trae de vuelta lo que había en la base y nada más; una dañada no cambia nada",
        backup_and_restore,
    ),
];

fn volume_kept(bench: &Bench) {
    let project = bench.project();
    project.workload(&with_volume(score::web("api")));
    project.up("1.0.0");
    assert_eq!(project.get("/write/data/note"), "written");
    project.up("1.1.0");
    assert_eq!(project.get("/file/data/note"), "written");
    project.run(&["restart", "api", "--env", "test"]).ok();
    assert_eq!(project.get("/file/data/note"), "written");
}

fn volume_read_only(bench: &Bench) {
    let project = bench.project();
    let mut api = score::web_with_migration("api");
    api["containers"]["main"]["volumes"]["/data"]["readOnly"] = json!(true);
    project.workload(&api);
    project.up("1.0.0");
    assert_eq!(project.get("/file/data/migrations"), "migrated\n");
    let refused = project.get("/write/data/note");
    assert!(refused.contains("Read-only file system"), "{refused}");
}

fn down_removes(bench: &Bench) {
    let project = bench.project();
    project.workload(&with_volume(score::web("api")));
    project.set("GREETING", "hola", "test");
    project.up("1.0.0");
    assert_eq!(project.get("/write/data/note"), "written");
    let down = project.run(&["down", "--env", "test", "--yes"]).ok();
    assert!(down.err.contains("volume.default#api.data"), "{}", down.err);
    let status = project.status("test");
    assert!(status["deployed"].is_null(), "{status}");
    assert_eq!(status["instances"], json!([]));
    assert_eq!(status["urls"], json!([]));
    project.up("1.0.0");
    let gone = project.get("/file/data/note");
    assert!(gone.starts_with("error"), "{gone}");
    assert_eq!(project.get("/greeting"), "hola");
}

fn with_database(mut api: Value) -> Value {
    api["resources"]["db"] = json!({ "type": "postgres" });
    with_variable(api, "DB", "${resources.db.host}:${resources.db.port}")
}

fn stored(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&with_database(score::web("api")));
    project.up("1.0.0");
    project
}

/// Whether a text is in an environment's database, as a new backup says.
pub fn has(project: &Kit, environment: &str, text: &str, backup: &str) -> bool {
    let file = project.dir().join(backup);
    let path = file.display().to_string();
    project
        .run(&["db", "backup", &path, "--env", environment])
        .ok();
    let bytes = fs::read(&file).unwrap();
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

pub fn restore(project: &Kit, file: &Path) {
    let file = file.display().to_string();
    project
        .run(&["db", "restore", &file, "--env", "test", "--yes"])
        .ok();
}

pub fn fixture(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    tests.join("conformance/fixtures").join(name)
}

fn postgres(bench: &Bench) {
    let project = stored(bench);
    let answer = project.get("/postgres/DB");
    assert!(["S", "N"].contains(&answer.as_str()), "{answer}");
}

fn postgres_data_kept(bench: &Bench) {
    let project = stored(bench);
    restore(&project, &fixture("ripe.dump"));
    project.up("1.1.0");
    assert!(has(&project, "test", RIPE, "after.dump"));
    project
        .run(&["promote", "--from", "test", "--to", "prod"])
        .ok();
    assert!(!has(&project, "prod", RIPE, "prod.dump"));
}

fn backup_and_restore(bench: &Bench) {
    let project = stored(bench);
    assert!(!has(&project, "test", RIPE, "empty.dump"));
    restore(&project, &fixture("ripe.dump"));
    assert!(has(&project, "test", RIPE, "ripe.dump"));
    restore(&project, &fixture("rotten.dump"));
    assert!(has(&project, "test", ROTTEN, "rotten.dump"));
    let ripe = project.dir().join("ripe.dump");
    restore(&project, &ripe);
    assert!(has(&project, "test", RIPE, "again.dump"));
    let empty = project.dir().join("empty.dump");
    restore(&project, &empty);
    assert!(!has(&project, "test", RIPE, "emptied.dump"), "made since");
    restore(&project, &ripe);
    // Half a backup: the table is in it, its data is not.
    let damaged = project.dir().join("damaged.dump");
    let whole = fs::read(fixture("rotten.dump")).unwrap();
    fs::write(&damaged, &whole[..whole.len() - 40]).unwrap();
    let path = damaged.display().to_string();
    let refused = project.run(&["db", "restore", &path, "--env", "test", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(has(&project, "test", RIPE, "kept.dump"), "as it was");
    let path = ripe.display().to_string();
    let taken = project.run(&["db", "backup", &path, "--env", "test"]);
    assert_eq!(taken.code, 1, "a backup is never overwritten");
}
