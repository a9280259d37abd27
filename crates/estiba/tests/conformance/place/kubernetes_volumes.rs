//! Volumes for a cluster that makes none by itself: folders of its one node, which
//! is this machine.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::kubernetes::kubectl;
use super::tool::{output, works};

/// More than all behaviours together use.
const COUNT: usize = 100;
/// Volumes of this provisioner are made by hand
/// (<https://kubernetes.io/docs/concepts/storage/storage-classes/#local>).
const BY_HAND: &str = "kubernetes.io/no-provisioner";
const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
const LABEL: &str = "estiba.dev/kit";
/// What the name of a class begins with; the number of the kit's process follows.
const PREFIX: &str = "kit-";

/// Whether somebody has to make the volumes of the cluster's default class.
pub fn makes_no_volumes() -> bool {
    let list = output(&mut kubectl(&["get", "storageclasses", "-o", "json"]));
    let list: Value = serde_json::from_str(&list).unwrap();
    let mut classes = list["items"].as_array().unwrap().iter();
    classes.any(|class| {
        class["provisioner"] == BY_HAND && class["metadata"]["annotations"][IS_DEFAULT] == "true"
    })
}

/// A class of volumes; dropped, they are removed.
pub struct Volumes {
    pub class: String,
    _folder: TempDir,
}

impl Volumes {
    pub fn make() -> Self {
        remove_abandoned();
        let class = format!("{PREFIX}{:x}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let labels = json!({ LABEL: class });
        let mut items = vec![json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": { "name": class, "labels": labels },
            "provisioner": BY_HAND,
        })];
        for number in 0..COUNT {
            let path = folder.path().join(number.to_string());
            fs::create_dir(&path).unwrap();
            // Programs run as users of their own.
            fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
            items.push(json!({
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": { "name": format!("{class}-{number}"), "labels": labels },
                "spec": {
                    "capacity": { "storage": "1Gi" },
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": class,
                    "hostPath": { "path": path },
                },
            }));
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        let file = folder.path().join("volumes.json");
        fs::write(&file, list.to_string()).unwrap();
        output(&mut kubectl(&["create", "-f", &file.display().to_string()]));
        Self {
            class,
            _folder: folder,
        }
    }
}

impl Drop for Volumes {
    fn drop(&mut self) {
        remove(&self.class);
    }
}

fn remove(class: &str) {
    let kinds = "persistentvolumes,storageclasses";
    let label = format!("{LABEL}={class}");
    works(&mut kubectl(&[
        "delete",
        kinds,
        "-l",
        &label,
        "--wait=false",
    ]));
}

/// Removes the volumes of kits that were killed.
fn remove_abandoned() {
    let names = "jsonpath={.items[*].metadata.name}";
    let get = ["get", "storageclasses", "-l", LABEL, "-o", names];
    let classes = output(&mut kubectl(&get));
    let is_abandoned = |class: &&str| {
        let process = class.strip_prefix(PREFIX);
        let process = process.and_then(|process| u32::from_str_radix(process, 16).ok());
        process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists())
    };
    classes
        .split_whitespace()
        .filter(is_abandoned)
        .for_each(remove);
}
