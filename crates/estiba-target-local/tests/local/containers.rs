//! What a container gets: files, variables, volumes, commands.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::OwnedFd;
use std::path::Path;

use estiba_model::SecretString;
use estiba_target::{ExecIo, ExecRequest, FileContent, FileSpec, Instances, Target, VolumeSpec};

use crate::fixture::{World, http_probe, name};

const SECRET: &str = "hunter2-correct-horse";

#[tokio::test]
async fn files_and_variables_are_given_and_secrets_are_nowhere_else() {
    let world = World::new();
    let mut spec = world.instance(1, &["show", "/etc/app/token", "/run/open"]);
    spec.of.exposure = crate::fixture::exposure();
    let main = &mut spec.of.containers[0];
    main.readiness = Some(estiba_model::Probe {
        http: None,
        exec: Some(vec![
            "/usr/local/bin/local-test-app".to_owned(),
            "is-file".to_owned(),
            "/run/open".to_owned(),
        ]),
    });
    main.variables
        .insert("TOKEN".to_owned(), SecretString::new(SECRET));
    main.variables
        .insert("PORT".to_owned(), SecretString::new("80"));
    let file = |path: &str, content: &str, mode| FileSpec {
        path: path.to_owned(),
        content: FileContent(content.as_bytes().to_vec()),
        mode,
    };
    main.files.push(file("/etc/app/token", SECRET, Some(0o400)));
    main.files.push(file("/run/open", "open", None));
    spec.of.secrets.push(SecretString::new(SECRET));
    world.bring_up(&spec).await;
    world.until_logged(|line| line.starts_with("names ")).await;
    let lines = world.texts().await;
    assert!(
        lines.contains(&"/etc/app/token 400 •••".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"/run/open 644 open".to_owned()),
        "{lines:?}"
    );
    let names = lines
        .iter()
        .find(|line| line.starts_with("names "))
        .unwrap();
    for wanted in [
        "TOKEN",
        "PORT",
        "PORT_HTTP",
        "ESTIBA_ENVIRONMENT",
        "ESTIBA_VERSION",
    ] {
        assert!(
            names.split(' ').any(|name| name == wanted),
            "{wanted}: {names}"
        );
    }
    assert!(
        world
            .told
            .lines()
            .iter()
            .any(|notice| notice.contains("PORT"))
    );
    assert_eq!(holders(world.root(), SECRET), Vec::<String>::new());
    assert!(
        !any_argument_has(SECRET),
        "a process has the secret among its arguments"
    );
    let in_memory = world.runtime_directory(&spec);
    assert!(in_memory.exists());
    world.stop(&spec).await;
    assert!(!in_memory.exists());
    world.end().await;
}

#[tokio::test]
async fn volumes_outlive_instances() {
    let world = World::new();
    let volume = world.volume();
    assert!(
        world
            .target
            .outputs(&world.environment, &volume)
            .await
            .is_err()
    );
    world
        .target
        .provision(&world.environment, &volume, &world.told)
        .await
        .unwrap();
    let outputs = world
        .target
        .outputs(&world.environment, &volume)
        .await
        .unwrap();
    for (generation, before) in [(1, ""), (2, "one ")] {
        let mut spec = world.instance(generation, &["append", "/data/file", "one "]);
        spec.of.containers[0].volumes.push(VolumeSpec {
            target: "/data".to_owned(),
            source: outputs["source"].expose().to_owned(),
            path: Some("sub".to_owned()),
            read_only: false,
        });
        world.bring_up(&spec).await;
        world
            .until_logged(|line| line == format!("before [{before}] Ok(())"))
            .await;
        world.stop(&spec).await;
    }
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert!(observed.resources[&volume.id].holds_data);
    world
        .target
        .destroy(&world.environment, &volume.id)
        .await
        .unwrap();
    world
        .target
        .destroy(&world.environment, &volume.id)
        .await
        .unwrap();
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert!(observed.resources.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_source_that_is_no_volume_of_the_environment_is_refused() {
    let world = World::new();
    let mut spec = world.instance(1, &["lines", "1", "1"]);
    spec.of.containers[0].volumes.push(VolumeSpec {
        target: "/data".to_owned(),
        source: "/etc".to_owned(),
        path: None,
        read_only: true,
    });
    let error = world.target.start(&spec, &world.told).await.unwrap_err();
    assert!(error.message().en.contains("/etc"), "{error}");
    assert_eq!(world.observed(&spec).await, None);
    world.end().await;
}

#[tokio::test]
async fn commands_run_beside_the_program() {
    let world = World::new();
    let mut spec = world.server(1, &[]);
    spec.of.containers[0].liveness = Some(http_probe("/alive"));
    world.bring_up(&spec).await;
    let mut output = tempfile::tempfile().unwrap();
    let run = |command: &[&str], container| {
        let request = ExecRequest {
            environment: world.environment.clone(),
            instance: spec.instance.clone(),
            container,
            command: command.iter().map(ToString::to_string).collect(),
        };
        let end = |file: &File| OwnedFd::from(file.try_clone().unwrap());
        let io = ExecIo {
            stdin: File::open("/dev/null").unwrap().into(),
            stdout: end(&output),
            stderr: end(&output),
        };
        let target = &world.target;
        async move { target.exec(&request, io).await }
    };
    let app = "/usr/local/bin/local-test-app";
    assert_eq!(run(&[app, "say", "hello", "5"], None).await.unwrap(), 5);
    assert!(
        run(&[app, "say", "x", "0"], Some(name("nobody")))
            .await
            .is_err()
    );
    let mut printed = String::new();
    output.rewind().unwrap();
    output.read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "hello\n");
    world.end().await;
}

/// The files below a directory that hold a text.
fn holders(directory: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_dir() {
            found.extend(holders(&path, text));
        } else if metadata.is_file() {
            let content = std::fs::read(&path).unwrap_or_default();
            if content
                .windows(text.len())
                .any(|part| part == text.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

fn any_argument_has(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .any(|arguments| {
            arguments
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        })
}
