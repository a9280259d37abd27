//! The packer: a program that is already built becomes an image, with no tool
//! but Estiba.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use estiba_model::Digest;
use oci_spec::image::{ConfigBuilder, ImageConfigurationBuilder, MediaType, Os, RootFsBuilder};

use crate::error::At;
use crate::image::descriptor;
use crate::layertar::LayerTar;
use crate::libraries::{Libraries, architecture, libraries};
use crate::{ImageError, ImageStore};

/// The user that packed programs run as: `nonroot`, as in distroless images.
const USER_ID: u32 = 65532;
const PASSWD: &str =
    "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnonroot:x:65532:\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where distributions keep the certificates of the authorities they trust.
const CA_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
];

/// A program to make an image of.
#[derive(Debug, Clone, Default)]
pub struct PackRequest {
    /// The program, for Linux, static or dynamic. It becomes the entry point
    /// `/usr/local/bin/{name}`.
    pub program: PathBuf,
    /// Other files and directories of the image.
    pub files: Vec<PackedFile>,
    /// The working directory; made where `files` has none. `/` if empty.
    pub workdir: String,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
}

/// A file or directory on its way into an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFile {
    /// Where it is now.
    pub source: PathBuf,
    /// Its absolute path in the image.
    pub target: String,
}

impl ImageStore {
    /// Makes an image of a built program: with the loader and shared libraries
    /// it needs, the certificate authorities of this machine, `/tmp`, and a
    /// user without rights. The same files give the same digest, wherever they
    /// lie and whenever they were made.
    ///
    /// # Errors
    /// If the program is no Linux program, a library or file is missing, two
    /// files want the same place, or the store can't be written.
    pub fn pack(&self, request: &PackRequest) -> Result<Digest, ImageError> {
        let _in_use = self.in_use()?;
        let arch = architecture(&request.program)?;
        let libraries = libraries(&request.program)?;
        let (program, app) = app_layer(request)?;
        let layers = [
            base_layer(libraries.as_ref())?,
            extra_layer(libraries.as_ref())?,
            app,
        ];

        let mut descriptors = Vec::new();
        let mut diff_ids = Vec::new();
        for layer in layers.iter().filter(|layer| !layer.is_empty()) {
            let blob = layer.write(self)?;
            // Layers are not compressed: their digest depends on no
            // compressor's version, and unpacking is only copying.
            descriptors.push(descriptor(
                MediaType::ImageLayer,
                &blob.digest,
                blob.size_bytes,
            ));
            diff_ids.push(self.keep(blob)?.to_string());
        }
        let workdir = if request.workdir.is_empty() {
            "/"
        } else {
            &request.workdir
        };
        let mut run = ConfigBuilder::default()
            .entrypoint(vec![program])
            .env(vec![PATH.to_owned()])
            .user(USER_ID.to_string())
            .working_dir(workdir);
        if !request.labels.is_empty() {
            run = run.labels(
                request
                    .labels
                    .clone()
                    .into_iter()
                    .collect::<HashMap<_, _>>(),
            );
        }
        let rootfs = RootFsBuilder::default().typ("layers").diff_ids(diff_ids);
        let image = ImageConfigurationBuilder::default()
            .architecture(arch)
            .os(Os::Linux)
            .config(
                run.build()
                    .expect("no field of a configuration is required"),
            )
            .rootfs(rootfs.build().expect("both fields are set"))
            .history(Vec::new())
            .build()
            .expect("every field that a configuration must have is set");
        // Through a value whose maps are sorted: labels come in any order.
        let text = sorted_json(&image);
        let config = self.keep_bytes(&text)?;
        let config = descriptor(MediaType::ImageConfig, &config, text.len() as u64);
        self.keep_manifest(config, descriptors)
    }
}

/// What every packed program has, so that all with the same C library share it.
fn base_layer(libraries: Option<&Libraries>) -> Result<LayerTar, ImageError> {
    let mut layer = LayerTar::default();
    layer.text("/etc/passwd", PASSWD)?;
    layer.text("/etc/group", GROUP)?;
    layer.directory("/tmp", 0o1777)?;
    if let Some(bundle) = CA_BUNDLES.iter().find(|path| Path::new(path).exists()) {
        layer.file(CA_BUNDLES[0], Path::new(bundle))?;
    }
    if let Some(libraries) = libraries {
        layer.file(&image_path(&libraries.interpreter)?, &libraries.interpreter)?;
        add_libraries(&mut layer, &libraries.dir, &libraries.base)?;
        if libraries.glibc {
            layer.text("/etc/nsswitch.conf", NSSWITCH)?;
        }
    }
    Ok(layer)
}

fn extra_layer(libraries: Option<&Libraries>) -> Result<LayerTar, ImageError> {
    let mut layer = LayerTar::default();
    if let Some(libraries) = libraries {
        add_libraries(&mut layer, &libraries.dir, &libraries.extra)?;
    }
    Ok(layer)
}

fn add_libraries(
    layer: &mut LayerTar,
    dir: &Path,
    libraries: &BTreeMap<String, PathBuf>,
) -> Result<(), ImageError> {
    for (name, path) in libraries {
        // Most are needed by a bare name; one needed by a path stays there.
        let target = if name.starts_with('/') {
            PathBuf::from(name)
        } else {
            dir.join(name)
        };
        layer.file(&image_path(&target)?, path)?;
    }
    Ok(())
}

/// The entry point and the layer it is in.
fn app_layer(request: &PackRequest) -> Result<(String, LayerTar), ImageError> {
    let program = &request.program;
    let name = program.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| ImageError::BadPath {
        path: program.clone(),
    })?;
    let target = format!("/usr/local/bin/{name}");
    let mut layer = LayerTar::default();
    layer.file(&target, &program.canonicalize().at(program)?)?;
    if !matches!(request.workdir.as_str(), "" | "/") {
        layer.directory(&request.workdir, 0o755)?;
    }
    for file in &request.files {
        layer.tree(&file.target, &file.source)?;
    }
    Ok((target, layer))
}

fn image_path(path: &Path) -> Result<String, ImageError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| ImageError::BadPath {
            path: path.to_owned(),
        })
}

fn sorted_json(value: &impl serde::Serialize) -> Vec<u8> {
    let mut value = serde_json::to_value(value).expect("a configuration is plain data");
    value.sort_all_objects();
    serde_json::to_vec(&value).expect("a value is plain data")
}
