//! Handmade images.

use std::io::Write;
use std::path::{Path, PathBuf};

use estiba_image::ImageStore;
use estiba_model::Digest;
use serde_json::json;
use tar::{Builder, EntryType, Header};

/// A store in a directory that goes away with it.
pub struct Scratch {
    pub dir: tempfile::TempDir,
    pub store: ImageStore,
}

pub fn scratch() -> Scratch {
    let dir = tempfile::tempdir().unwrap();
    let store = ImageStore::open(dir.path().join("store")).unwrap();
    Scratch { dir, store }
}

/// A layer, entry by entry, with nothing checked.
#[derive(Default)]
pub struct Layer(Vec<u8>);

impl Layer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Names are written as they are: `tar` itself would refuse the bad ones.
    pub fn entry(self, kind: EntryType, name: &str, link: &str, mode: u32, data: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(data.len() as u64);
        header.set_mtime(1_000);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        let Self(mut bytes) = self;
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        Self(bytes)
    }

    pub fn file(self, name: &str, data: &str) -> Self {
        self.entry(EntryType::Regular, name, "", 0o644, data.as_bytes())
    }

    pub fn dir(self, name: &str, mode: u32) -> Self {
        self.entry(EntryType::Directory, name, "", mode, b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, 0o777, b"")
    }

    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, 0o644, b"")
    }

    pub fn bytes(self) -> Vec<u8> {
        let Self(mut bytes) = self;
        bytes.extend_from_slice(&[0; 1024]);
        bytes
    }
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(data: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(data, CompressionLevel::Fastest)
}

pub fn add(tar: &mut Builder<Vec<u8>>, name: &str, data: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, data).unwrap();
}

pub fn config(diff_ids: &[Digest]) -> Vec<u8> {
    json!({
        "architecture": oci_spec::image::Arch::default().to_string(),
        "os": "linux",
        "config": {
            "Entrypoint": ["/bin/app"], "Cmd": ["serve"], "Env": ["A=1"], "User": "7:8",
            "WorkingDir": "/srv", "ExposedPorts": {"8080/tcp": {}}, "StopSignal": "SIGINT",
            "Labels": null,
        },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
    .to_string()
    .into_bytes()
}

/// What `docker save` writes, of layers in any compression.
pub fn docker_archive(layers: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let diff_ids: Vec<_> = layers.iter().map(|(plain, _)| Digest::of(plain)).collect();
    let config = config(&diff_ids);
    let config_name = format!("{}.json", Digest::of(&config).hex());
    let mut tar = Builder::new(Vec::new());
    let mut names = Vec::new();
    for (i, (_, blob)) in layers.iter().enumerate() {
        let name = format!("{i}/layer.tar");
        add(&mut tar, &name, blob);
        names.push(name);
    }
    add(&mut tar, &config_name, &config);
    let manifest = json!([{ "Config": config_name, "RepoTags": null, "Layers": names }]);
    add(&mut tar, "manifest.json", manifest.to_string().as_bytes());
    tar.into_inner().unwrap()
}

/// An image of plain layers in the store.
pub fn image(store: &ImageStore, layers: Vec<Layer>) -> Digest {
    let layers: Vec<_> = layers
        .into_iter()
        .map(|layer| {
            let bytes = layer.bytes();
            (bytes.clone(), bytes)
        })
        .collect();
    store
        .import_archive_from(docker_archive(&layers).as_slice(), "test")
        .unwrap()
}

/// The file that a stack of layers shows at `path`.
pub fn seen(layers: &[PathBuf], path: &str) -> Option<PathBuf> {
    layers
        .iter()
        .rev()
        .map(|dir| dir.join(path))
        .find(|path| path.symlink_metadata().is_ok())
}

pub fn text(layers: &[PathBuf], path: &str) -> Option<String> {
    seen(layers, path).map(|path| std::fs::read_to_string(path).unwrap())
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Every file, link and directory below a directory.
pub fn listing(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = ignore::WalkBuilder::new(dir)
        .standard_filters(false)
        .build()
        .map(|entry| entry.unwrap().into_path())
        .filter_map(|path| Some(path.strip_prefix(dir).ok()?.to_str()?.to_owned()))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names
}
