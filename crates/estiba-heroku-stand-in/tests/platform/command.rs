//! The public command of Heroku does with the stand-in what it does with Heroku.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::{Bench, eventually, output, words, works};
use super::images::{BASE, Made};

/// The package of npm, and the version that the stand-in was tried with.
const PACKAGE: &str = "heroku@11.10.0";
const LEAST_NODE: u32 = 20;

/// The command, with a home of its own.
struct Heroku {
    program: PathBuf,
    home: TempDir,
    api: String,
    key: String,
}

/// The program, which is installed below the target folder once.
fn installed() -> Result<PathBuf, String> {
    let version = words("node --version")
        .output()
        .map_err(|_| "there is no node".to_owned())?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|one| one.parse().ok());
    if major.is_none_or(|major: u32| major < LEAST_NODE) {
        return Err(format!(
            "node is {version}, and has to be {LEAST_NODE} at least"
        ));
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
    let program = folder.join("node_modules/.bin/heroku");
    let complete = folder.join("complete");
    if !complete.exists() {
        fs::create_dir_all(&folder).unwrap();
        let mut install =
            words("npm install --no-audit --no-fund --ignore-scripts --silent --prefix");
        if !works(install.arg(&folder).arg(PACKAGE)) {
            return Err(format!("npm can't install {PACKAGE}"));
        }
        fs::write(complete, "").unwrap();
    }
    Ok(program)
}

impl Heroku {
    fn of(bench: &Bench, program: PathBuf) -> Self {
        let home = tempfile::tempdir().unwrap();
        let certificate = bench.stand_in.certificate().unwrap();
        fs::write(home.path().join("certificate.pem"), certificate).unwrap();
        Self {
            program,
            home,
            api: bench.stand_in.api(),
            key: bench.stand_in.key().to_owned(),
        }
    }

    fn command(&self, line: &str) -> Command {
        let home = self.home.path();
        let lookup =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/platform/registry_lookup.cjs");
        let mut command = Command::new(&self.program);
        command
            .args(line.split(' '))
            .current_dir(home)
            .env("HOME", home)
            .env("XDG_CACHE_HOME", home)
            .env("XDG_CONFIG_HOME", home)
            .env("XDG_DATA_HOME", home)
            .env("HEROKU_HOST", &self.api)
            .env("HEROKU_DATA_HOST", "127.0.0.1")
            .env("HEROKU_PARTICLEBOARD_URL", &self.api)
            .env("HEROKU_API_KEY", &self.key)
            .env("DISABLE_TELEMETRY", "true")
            .env("HEROKU_SKIP_NEW_VERSION_CHECK", "true")
            .env("NODE_EXTRA_CA_CERTS", home.join("certificate.pem"))
            .env("NODE_OPTIONS", format!("--require {}", lookup.display()));
        command
    }

    fn run(&self, line: &str) -> String {
        output(&mut self.command(line))
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.run(line)).unwrap()
    }
}

#[test]
fn the_command_of_heroku_deploys_an_app() {
    let program = match installed() {
        Ok(program) => program,
        Err(why) => return println!("skipped: {why}"),
    };
    let Some(bench) = Bench::with(|options| options.tls = true) else {
        return;
    };
    let heroku = Heroku::of(&bench, program);

    heroku.run("apps:create by-hand --stack container --no-remote");
    assert_eq!(
        bench.get("/apps/by-hand").ok()["stack"]["name"],
        "container"
    );
    heroku.run("config:set GREETING=hello SECRET=s3cret --app by-hand");
    let config = json!({ "GREETING": "hello", "SECRET": "s3cret" });
    assert_eq!(heroku.json("config --json --app by-hand"), config);
    assert_eq!(bench.get("/apps/by-hand/config-vars").ok(), config);

    bench.push("by-hand", "web", Made::First);
    bench.push("by-hand", "release", Made::Phase);
    let released = heroku.run("container:release web release --app by-hand");
    assert!(released.contains("migrating for hello"), "{released}");
    assert_eq!(bench.ask("by-hand", "/").1["version"], "first");
    let first = bench.last_release("by-hand")["version"].clone();

    let listed = heroku.json("ps --json --app by-hand");
    assert_eq!(
        (&listed[0]["name"], &listed[0]["state"]),
        (&json!("web.1"), &json!("up"))
    );
    heroku.run("ps:scale web=2:Standard-1X --app by-hand");
    eventually("two dynos", || bench.dynos("by-hand").len() == 2);
    assert_eq!(
        heroku.run("ps:scale --app by-hand"),
        "release=0:Basic web=2:Standard-1X"
    );
    heroku.run("ps:scale web=1 --app by-hand");

    bench.push("by-hand", "web", Made::Second);
    heroku.run("container:release web --app by-hand");
    eventually("the second image", || {
        bench.ask("by-hand", "/").1["version"] == "second"
    });
    let listed = heroku.json("releases --json --app by-hand");
    assert_eq!(listed[0]["current"], true);
    heroku.run(&format!("rollback v{first} --app by-hand"));
    eventually("the first image", || {
        bench.ask("by-hand", "/").1["version"] == "first"
    });

    assert!(
        heroku
            .run("logs --num 1500 --app by-hand")
            .contains("serving first")
    );
    let once = heroku
        .command("run --app by-hand --no-tty --exit-code -- sh -c 'echo $GREETING'")
        .output();
    let once = once.unwrap();
    let written = String::from_utf8_lossy(&once.stdout).into_owned();
    assert!(
        once.status.success() && written.contains("hello"),
        "{once:?}"
    );
    let failing = heroku
        .command("run --app by-hand --no-tty --exit-code -- perl -e 'exit(7)'")
        .output();
    assert_eq!(failing.unwrap().status.code(), Some(7));

    heroku.run("apps:destroy by-hand --confirm by-hand");
    bench.get("/apps/by-hand").refuses(404, "not_found");
}

#[test]
fn the_command_of_heroku_adds_a_database() {
    let program = match installed() {
        Ok(program) => program,
        Err(why) => return println!("skipped: {why}"),
    };
    let Some(bench) = Bench::with(|options| options.tls = true) else {
        return;
    };
    if !works(&mut words("docker image inspect postgres:15")) {
        return println!("skipped: there is no image postgres:15 beside {BASE}");
    }
    let heroku = Heroku::of(&bench, program);
    heroku.run("apps:create with-data --stack container --no-remote");
    heroku.run("addons:create heroku-postgresql:essential-0 --wait --app with-data");
    let config = heroku.json("config --json --app with-data");
    let url = config["DATABASE_URL"].as_str().unwrap();
    assert!(url.starts_with("postgres://u"), "{config}");
    assert!(
        heroku
            .run("addons --app with-data")
            .contains("heroku-postgresql")
    );
    assert!(heroku.run("pg:info --app with-data").contains("Available"));
    let refused = heroku
        .command("config:set DATABASE_URL=mine --app with-data")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("Cannot overwrite attachment values"),
        "{said}"
    );
    heroku.run("addons:destroy heroku-postgresql --confirm with-data --app with-data");
    assert_eq!(heroku.json("config --json --app with-data"), json!({}));
    heroku.run("apps:destroy with-data --confirm with-data");
}
