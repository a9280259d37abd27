//! Images as registries want them that take Docker's own format alone, with their
//! command spelt out: a registry that starts what it is given has nowhere else to
//! be told what to run.
//! <https://distribution.github.io/distribution/spec/manifest-v2-2/>,
//! <https://devcenter.heroku.com/articles/container-registry-and-runtime>

use estiba_model::{Digest, message};
use oci_spec::image::Descriptor;
use serde_json::{Value, json};

use crate::image::descriptor_digest;
use crate::layertar::LayerTar;
use crate::store::parse_json;
use crate::{ImageError, ImageStore};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const GZIP_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const PLAIN_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// What an image is to run instead of its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Replaces the entry point, unless empty.
    pub command: Vec<String>,
    /// Replaces the arguments, unless empty; so does a `command` without any.
    pub args: Vec<String>,
}

/// An image in Docker's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerImage {
    /// The digest of its manifest.
    pub manifest: Digest,
    /// The digest of its configuration, which Docker calls the image's id.
    pub id: Digest,
    /// Whether other commands would become arguments of its entry point.
    pub has_entry_point: bool,
}

/// A program and where it is in an image.
#[derive(Debug, Clone, Copy)]
pub struct Program<'p> {
    /// Its absolute path.
    pub path: &'p str,
    /// What is in it.
    pub content: &'p [u8],
}

/// The architecture that [`Program`]s are for.
const ARCHITECTURE: &str = "amd64";

impl ImageStore {
    /// The image in Docker's format, running `words`, with `labels` beside its own.
    /// The layers are the same blobs; one more has the `starter`, where it takes one to
    /// run a single word with no shell. The same call gives the same digests.
    ///
    /// # Errors
    /// If the image is not in the store, has no command at all, or layers that
    /// Docker's format does not know.
    pub fn as_docker(
        &self,
        digest: &Digest,
        words: &Words,
        labels: &[(&str, &str)],
        starter: Program<'_>,
    ) -> Result<DockerImage, ImageError> {
        let _in_use = self.in_use()?;
        let manifest = self.oci_manifest(digest)?;
        let config_digest = descriptor_digest(manifest.config())?;
        let mut config: Value = parse_json(&self.read(&config_digest)?, digest.as_str())?;
        let is_usual = config["architecture"] == ARCHITECTURE;
        let mut needs_starter = false;
        let run = &mut config["config"];
        let own_arguments = run["Cmd"].as_array().is_some_and(|cmd| !cmd.is_empty());
        if *words != Words::default() || !own_arguments {
            let all = spelt_out(run, words);
            let Some((last, first)) = all.split_last() else {
                return Err(ImageError::malformed(
                    digest.as_str(),
                    message!(
                        "it names no program to run",
                        "no indica ningún programa que ejecutar"
                    ),
                ));
            };
            // Arguments are asked for in any case.
            needs_starter = first.is_empty() && last.starts_with('/') && is_usual;
            run["Entrypoint"] = match first {
                _ if needs_starter => json!([starter.path]),
                [] => Value::Null,
                words => json!(words),
            };
            run["Cmd"] = json!([last]);
        }
        if run["Labels"].is_null() {
            run["Labels"] = json!({});
        }
        for (key, value) in labels {
            run["Labels"][*key] = json!(value);
        }
        let layers = manifest.layers().iter();
        let mut layers: Vec<Value> = layers.map(docker_layer).collect::<Result<_, _>>()?;
        if needs_starter {
            let (layer, diff_id) = self.layer_of(starter)?;
            layers.push(layer);
            append(&mut config["rootfs"]["diff_ids"], json!(diff_id.as_str()));
            if config["history"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
            {
                append(&mut config["history"], json!({ "created_by": "estiba" }));
            }
        }
        self.keep_docker(&config, &layers)
    }

    /// An image of one program, which it runs.
    ///
    /// # Errors
    /// If the store can't be written.
    pub fn docker_of_program(&self, program: Program<'_>) -> Result<DockerImage, ImageError> {
        let _in_use = self.in_use()?;
        let (layer, diff_id) = self.layer_of(program)?;
        let config = json!({
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": { "Entrypoint": [program.path], "Cmd": [program.path] },
            "rootfs": { "type": "layers", "diff_ids": [diff_id.as_str()] },
            "history": [],
        });
        self.keep_docker(&config, &[layer])
    }

    /// A layer with a program alone, and the digest of its archive.
    fn layer_of(&self, program: Program<'_>) -> Result<(Value, Digest), ImageError> {
        let mut tar = LayerTar::default();
        tar.program(program.path, program.content)?;
        let blob = tar.write(self)?;
        let layer = json!({
            "mediaType": PLAIN_LAYER,
            "digest": blob.digest.as_str(),
            "size": blob.size_bytes,
        });
        Ok((layer, self.keep(blob)?))
    }

    fn keep_docker(&self, config: &Value, layers: &[Value]) -> Result<DockerImage, ImageError> {
        let text = config.to_string();
        let id = self.keep_bytes(text.as_bytes())?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "size": text.len(), "digest": id.as_str() },
            "layers": layers,
        });
        let manifest = self.keep_bytes(manifest.to_string().as_bytes())?;
        let entry_point = config["config"]["Entrypoint"].as_array();
        Ok(DockerImage {
            manifest,
            id,
            has_entry_point: entry_point.is_some_and(|words| !words.is_empty()),
        })
    }
}

/// All words that an image runs, as Score has `command` and `args` replace them.
fn spelt_out(run: &Value, words: &Words) -> Vec<String> {
    let own = |key: &str| -> Vec<String> {
        let list = run[key].as_array().into_iter().flatten();
        list.filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let (command, args) = match (words.command.is_empty(), words.args.is_empty()) {
        (true, true) => (own("Entrypoint"), own("Cmd")),
        (true, false) => (own("Entrypoint"), words.args.clone()),
        (false, _) => (words.command.clone(), words.args.clone()),
    };
    [command, args].concat()
}

fn append(list: &mut Value, item: Value) {
    if let Some(list) = list.as_array_mut() {
        list.push(item);
    }
}

fn docker_layer(layer: &Descriptor) -> Result<Value, ImageError> {
    let kind = layer.media_type().to_string();
    let kind = match kind.as_str() {
        GZIP_LAYER | "application/vnd.oci.image.layer.v1.tar+gzip" => GZIP_LAYER,
        PLAIN_LAYER | "application/vnd.oci.image.layer.v1.tar" => PLAIN_LAYER,
        other => {
            return Err(ImageError::malformed(
                layer.digest().to_string(),
                message!(
                    "the registry takes layers that are compressed with gzip or not at all, and this one is {other}: build the image with gzip",
                    "el registro acepta capas comprimidas con gzip o sin comprimir, y esta es {other}: construya la imagen con gzip"
                ),
            ));
        }
    };
    Ok(json!({
        "mediaType": kind,
        "digest": layer.digest().as_ref(),
        "size": layer.size(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &[&str], args: &[&str]) -> Words {
        let owned = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect();
        Words {
            command: owned(command),
            args: owned(args),
        }
    }

    #[test]
    fn words_replace_those_of_the_image_as_score_says() {
        let run = json!({ "Entrypoint": ["/app"], "Cmd": ["serve"] });
        for (given, expected) in [
            (words(&[], &[]), vec!["/app", "serve"]),
            (words(&[], &["migrate"]), vec!["/app", "migrate"]),
            (words(&["/other"], &[]), vec!["/other"]),
            (words(&["/other"], &["x", "y"]), vec!["/other", "x", "y"]),
        ] {
            assert_eq!(spelt_out(&run, &given), expected);
        }
        let nothing = spelt_out(&json!({}), &words(&[], &[]));
        assert_eq!(nothing, Vec::<String>::new());
    }
}
