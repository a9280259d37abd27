//! A real registry on this machine's loopback.
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::{Layer, docker_archive, gzip, image, scratch, text};
use estiba_image::{ImageError, registry};
use estiba_model::Digest;

pub struct Registry {
    process: Child,
    pub address: String,
    _data: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts Debian's `docker-registry`, where it is installed.
pub fn start() -> Option<Registry> {
    start_with(|_| String::new())
}

/// The same with more configuration, given its folder.
pub fn start_with(more: impl FnOnce(&Path) -> String) -> Option<Registry> {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("config.yml");
    // The system picks a free port, and the log says which.
    let text = format!(
        "version: 0.1\nlog: {{level: info, formatter: json}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
        data.path().join("data").display()
    ) + &more(data.path());
    fs::write(&config, text).unwrap();
    let started = Command::new("docker-registry")
        .arg("serve")
        .arg(&config)
        .env("OTEL_TRACES_EXPORTER", "none")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut process) = started else {
        println!("skipped: docker-registry is not installed (sudo apt install docker-registry)");
        return None;
    };
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            let rest = line.split("listening on ").nth(1)?;
            Some(rest.split(['"', ',', ' ']).next()?.to_owned())
        })
        .expect("the registry says where it listens");
    // Read on, or the registry would wait for its log to be read.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Registry {
        process,
        address,
        _data: data,
    })
}

#[tokio::test]
async fn an_image_goes_to_a_registry_and_comes_back_the_same() {
    let Some(server) = start() else { return };
    let (here, there) = (scratch(), scratch());
    let layer = Layer::new().file("f", &"content".repeat(200_000)).bytes();
    let top = Layer::new().file("g", "top").bytes();
    let archive = docker_archive(&[(layer.clone(), layer), (top.clone(), gzip(&top))]);
    let digest = here
        .store
        .import_archive_from(archive.as_slice(), "test")
        .unwrap();
    let reference = format!("{}/team/app:1.0.0", server.address);

    registry::push(&here.store, &reference, &digest)
        .await
        .unwrap();
    registry::push(&here.store, &reference, &digest)
        .await
        .unwrap();
    assert_eq!(
        registry::pull(&there.store, &reference).await.unwrap(),
        digest
    );
    assert_eq!(
        there.store.manifest(&digest).unwrap(),
        here.store.manifest(&digest).unwrap()
    );
    assert_eq!(
        text(&there.store.layers(&digest).unwrap(), "g").unwrap(),
        "top"
    );

    let by_digest = format!("{}/team/app@{digest}", server.address);
    assert_eq!(
        registry::pull(&there.store, &by_digest).await.unwrap(),
        digest
    );
}

#[tokio::test]
async fn what_the_registry_does_not_have_is_said() {
    let Some(server) = start() else { return };
    let s = scratch();
    for name in ["team/none:1", &format!("team/none@{}", Digest::of(b"none"))] {
        let reference = format!("{}/{name}", server.address);
        let error = registry::pull(&s.store, &reference).await.unwrap_err();
        assert!(matches!(error, ImageError::Registry { .. }), "{error:?}");
        assert!(error.message().es.contains(&reference), "{error}");
    }
}

#[tokio::test]
async fn damage_in_the_registry_is_noticed() {
    let Some(server) = start() else { return };
    let (here, there) = (scratch(), scratch());
    let digest = image(&here.store, vec![Layer::new().file("f", "precious")]);
    let reference = format!("{}/team/app:1", server.address);
    registry::push(&here.store, &reference, &digest)
        .await
        .unwrap();
    let layer = &here.store.manifest(&digest).unwrap().layers[0].digest;
    let blob = server
        ._data
        .path()
        .join("data/docker/registry/v2/blobs/sha256")
        .join(&layer.hex()[..2])
        .join(layer.hex())
        .join("data");
    let mut content = fs::read(&blob).unwrap();
    content[520] ^= 1;
    fs::write(&blob, content).unwrap();
    let error = registry::pull(&there.store, &reference).await.unwrap_err();
    assert!(
        matches!(
            error,
            ImageError::Registry { .. } | ImageError::WrongDigest { .. }
        ),
        "{error:?}"
    );
    assert!(!there.store.is_complete(&digest));
}

#[tokio::test]
async fn a_registry_that_is_not_there_and_a_bad_name_are_said() {
    let s = scratch();
    let error = registry::pull(&s.store, "127.0.0.1:1/x:1")
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Registry { .. }), "{error:?}");
    let error = registry::pull(&s.store, "Not A Name").await.unwrap_err();
    assert!(
        matches!(error, ImageError::BadReference { .. }),
        "{error:?}"
    );
}
