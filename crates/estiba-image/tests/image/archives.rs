//! Archives of other tools, made by hand as they make them.
use crate::support::{Layer, add, config, docker_archive, gzip, scratch, text};
use estiba_image::ImageError;
use estiba_model::Digest;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn blob(tar: &mut Builder<Vec<u8>>, data: &[u8]) -> Digest {
    let digest = Digest::of(data);
    add(tar, &format!("blobs/sha256/{}", digest.hex()), data);
    digest
}

fn link(digest: &Digest, size: usize, kind: &str) -> Value {
    json!({ "mediaType": kind, "digest": digest, "size": size })
}

/// An OCI layout whose index is inside another, as Docker writes it with
/// attestations.
fn oci_archive(platform: &str) -> Vec<u8> {
    let layer = Layer::new().file("f", "from oci").bytes();
    let mut tar = Builder::new(Vec::new());
    let zipped = gzip(&layer);
    let layer_digest = blob(&mut tar, &zipped);
    let config = config(&[Digest::of(&layer)]);
    let config_digest = blob(&mut tar, &config);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": link(&config_digest, config.len(), "application/vnd.oci.image.config.v1+json"),
        "layers": [link(&layer_digest, zipped.len(), "application/vnd.oci.image.layer.v1.tar+gzip")],
    })
    .to_string();
    let manifest_digest = blob(&mut tar, manifest.as_bytes());
    let mut image = link(&manifest_digest, manifest.len(), MANIFEST);
    image["platform"] = json!({ "os": "linux", "architecture": platform });
    let mut note = link(&Digest::of(b"attestation"), 11, MANIFEST);
    note["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    note["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    let inner =
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [image, note] }).to_string();
    let inner_digest = blob(&mut tar, inner.as_bytes());
    let index =
        json!({ "schemaVersion": 2, "manifests": [link(&inner_digest, inner.len(), INDEX)] });
    add(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    add(&mut tar, "index.json", index.to_string().as_bytes());
    tar.into_inner().unwrap()
}

#[test]
fn an_oci_archive_keeps_the_digest_of_its_manifest() {
    let s = scratch();
    let here = oci_spec::image::Arch::default().to_string();
    let digest = s
        .store
        .import_archive_from(oci_archive(&here).as_slice(), "a.tar")
        .unwrap();
    assert!(s.store.is_complete(&digest));
    assert_eq!(
        text(&s.store.layers(&digest).unwrap(), "f").unwrap(),
        "from oci"
    );
    let zipped = gzip(&oci_archive(&here));
    assert_eq!(
        s.store
            .import_archive_from(zipped.as_slice(), "a.tgz")
            .unwrap(),
        digest
    );
}

#[test]
fn an_image_for_another_processor_is_refused() {
    let s = scratch();
    let error = s
        .store
        .import_archive_from(oci_archive("mips64le").as_slice(), "a.tar")
        .unwrap_err();
    assert!(error.to_string().contains("processor"), "{error}");
}

#[test]
fn a_docker_archive_always_gives_the_same_digest_and_its_whole_configuration() {
    let (one, two) = (scratch(), scratch());
    let layer = Layer::new().file("f", "f").bytes();
    let archive = docker_archive(&[(layer.clone(), layer)]);
    let path = one.dir.path().join("saved.tar");
    std::fs::write(&path, &archive).unwrap();
    let digest = one.store.import_archive(&path).unwrap();
    assert_eq!(
        two.store
            .import_archive_from(archive.as_slice(), "again")
            .unwrap(),
        digest
    );

    let image = one.store.manifest(&digest).unwrap();
    assert_eq!(image.layers.len(), 1);
    assert_eq!(image.config.entrypoint, ["/bin/app"]);
    assert_eq!(image.config.cmd, ["serve"]);
    assert_eq!(image.config.env, ["A=1"]);
    assert_eq!(image.config.user, "7:8");
    assert_eq!(image.config.workdir, "/srv");
    assert_eq!(image.config.exposed_ports, ["8080/tcp"]);
    assert_eq!(image.config.stop_signal.as_deref(), Some("SIGINT"));
}

#[test]
fn layers_that_are_links_to_one_another_are_found() {
    let s = scratch();
    let layer = Layer::new().file("f", "twice").bytes();
    let config = config(&[Digest::of(&layer), Digest::of(&layer)]);
    let mut tar = Builder::new(Vec::new());
    add(&mut tar, "one/layer.tar", &layer);
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "two/layer.tar", "../one/layer.tar")
        .unwrap();
    add(&mut tar, "c.json", &config);
    let manifest = json!([{ "Config": "c.json", "Layers": ["one/layer.tar", "two/layer.tar"] }]);
    add(&mut tar, "manifest.json", manifest.to_string().as_bytes());
    let archive = tar.into_inner().unwrap();
    let digest = s
        .store
        .import_archive_from(archive.as_slice(), "a.tar")
        .unwrap();
    assert_eq!(s.store.manifest(&digest).unwrap().layers.len(), 2);
    assert_eq!(
        text(&s.store.layers(&digest).unwrap(), "f").unwrap(),
        "twice"
    );
}

#[test]
fn what_is_no_image_says_so_and_leaves_nothing() {
    let s = scratch();
    let mut empty = Builder::new(Vec::new());
    add(&mut empty, "readme", b"hello");
    let here = oci_spec::image::Arch::default().to_string();
    let mut swapped = oci_archive(&here);
    let at = swapped
        .windows(9)
        .position(|w| w == b"\"Cmd\":[\"s")
        .unwrap();
    swapped[at + 8] = b'S';
    let cases = [
        empty.into_inner().unwrap(),
        docker_archive(&[])[..700].to_vec(),
        b"nothing like a tar".repeat(60),
        swapped,
    ];
    for archive in cases {
        let error = s
            .store
            .import_archive_from(archive.as_slice(), "bad.tar")
            .unwrap_err();
        assert!(
            matches!(
                error,
                ImageError::Malformed { .. } | ImageError::WrongDigest { .. }
            ),
            "{error:?}"
        );
        assert!(error.message().es.contains("bad.tar"), "{error:?}");
    }
    assert_eq!(
        std::fs::read_dir(s.store.root().join("tmp"))
            .unwrap()
            .count(),
        0
    );
}
