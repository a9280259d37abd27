//! Volumes of pods: resources, or files from ConfigMaps and Secrets.

use estiba_model::message;

use super::Cluster;
use super::config::{Datum, Store, data};
use crate::compose::value_name;
use crate::draft::{Container, Content, File, Mount, Resource, Workload};
use crate::node::Node;
use crate::text::{Setting, Text};

impl<'a> Cluster<'a> {
    /// What a container mounts.
    pub fn mounts(
        &mut self,
        workload: &mut Workload,
        container: &mut Container,
        node: &Node<'a>,
        pod: &Node<'a>,
        environment: Option<&str>,
    ) {
        let volumes = pod.items("volumes");
        for mount in node.items("volumeMounts") {
            let name = mount.text("name").unwrap_or_default();
            let volume = volumes
                .iter()
                .find(|volume| volume.text("name").as_deref() == Some(&name));
            match volume {
                Some(volume) => {
                    self.mount(workload, container, volume, &mount, environment);
                }
                // Of a `volumeClaimTemplates`, or a mistake: see `claims`.
                None => add_volume(workload, container, &mount, &name, None),
            }
        }
    }

    fn mount(
        &mut self,
        workload: &mut Workload,
        container: &mut Container,
        volume: &Node<'a>,
        mount: &Node<'a>,
        environment: Option<&str>,
    ) {
        let name = volume.text("name").unwrap_or_default();
        if let Some(claim) = volume.find(&["persistentVolumeClaim", "claimName"]) {
            let claim = claim.scalar().unwrap_or_default();
            add_volume(workload, container, mount, &claim, Some(claim.clone()));
        } else if volume.get("emptyDir").is_some() {
            add_volume(workload, container, mount, &name, None);
        } else if let Some(source) = volume.get("configMap") {
            self.files(container, Store::ConfigMap, &source, mount, environment);
        } else if let Some(source) = volume.get("secret") {
            self.files(container, Store::Secret, &source, mount, environment);
        } else if let Some(projected) = volume.get("projected") {
            for source in projected.items("sources") {
                for (key, store) in [("configMap", Store::ConfigMap), ("secret", Store::Secret)] {
                    if let Some(source) = source.get(key) {
                        self.files(container, store, &source, mount, environment);
                    }
                }
            }
        } else {
            let kinds = volume.fields();
            let kind = kinds
                .iter()
                .map(|(kind, _)| *kind)
                .find(|kind| *kind != "name");
            self.report.dropped(
                volume.key_place(),
                kind.unwrap_or("volume"),
                &message!(
                    "a workload sees no folders of the machine that it runs on, nor what only a cluster has",
                    "un componente no ve carpetas de la máquina en la que corre, ni lo que solo tiene un clúster"
                ),
                message!(
                    "use a resource of type volume",
                    "use un recurso de tipo volume"
                ),
            );
        }
    }

    /// Each key is a file below the mount's path.
    fn files(
        &mut self,
        container: &mut Container,
        store: Store,
        source: &Node<'a>,
        mount: &Node<'a>,
        environment: Option<&str>,
    ) {
        let name = source.text("name").or_else(|| source.text("secretName"));
        let name = name.unwrap_or_default();
        let folder = mount.text("mountPath").unwrap_or_default();
        let folder = folder.trim_end_matches('/').to_owned();
        let only = mount.text("subPath");
        let items = source.items("items");
        let mode = source.text("defaultMode").and_then(|mode| octal(&mode));
        for (environment, object) in self.stored(store, &name, environment, source) {
            for (key, datum, place) in data(store, &object) {
                let item = items
                    .iter()
                    .find(|item| item.text("key").as_deref() == Some(&key));
                if !items.is_empty() && item.is_none() {
                    continue;
                }
                let path = item.and_then(|item| item.text("path"));
                let path = path.unwrap_or_else(|| key.clone());
                let target = match &only {
                    Some(only) if *only == path => folder.clone(),
                    Some(_) => continue,
                    None => format!("{folder}/{path}"),
                };
                let mode = item
                    .and_then(|item| octal(&item.text("mode")?))
                    .or_else(|| mode.clone());
                let Datum::Text(text) = datum else {
                    self.binary(container, store, target, datum, mode, mount);
                    continue;
                };
                let file = container.files.entry(target).or_insert_with(|| File {
                    content: Content::Text {
                        name: value_name(&key),
                        value: Setting::new(place),
                    },
                    mode,
                });
                if let Content::Text { value, .. } = &mut file.content {
                    value.secret |= store == Store::Secret;
                    value.set(environment.as_deref(), Text::plain(text));
                }
            }
        }
    }

    fn binary(
        &mut self,
        container: &mut Container,
        store: Store,
        target: String,
        datum: Datum,
        mode: Option<String>,
        mount: &Node<'a>,
    ) {
        if let (Store::ConfigMap, Datum::Binary(base64)) = (store, datum) {
            let content = Content::Binary(base64);
            container.files.insert(target, File { content, mode });
            return;
        }
        self.report.error(
            "binary-secret",
            mount.place(),
            message!(
                "the file {target} is a secret that is no text, and was left out",
                "el archivo {target} es un secreto que no es texto, y se omitió"
            ),
            message!(
                "keep it as base64 with `estiba secret set`, and have the program decode it",
                "guárdelo como base64 con `estiba secret set`, y haga que el programa lo decodifique"
            ),
        );
    }

    /// `volumeClaimTemplates`, and mounts of volumes that nothing declares.
    pub fn claims(&mut self, workload: &mut Workload, spec: &Node<'a>) {
        let templates = spec.items("volumeClaimTemplates");
        let claimed: Vec<String> = templates
            .iter()
            .filter_map(|template| template.find(&["metadata", "name"])?.scalar())
            .collect();
        let Some(pod) = spec.find(&["template", "spec"]) else {
            return;
        };
        let volumes = pod.items("volumes");
        let declared: Vec<String> = volumes.iter().filter_map(|v| v.text("name")).collect();
        for mount in pod
            .items("containers")
            .iter()
            .flat_map(|c| c.items("volumeMounts"))
        {
            let name = mount.text("name").unwrap_or_default();
            if !declared.contains(&name) && !claimed.contains(&name) {
                let workload = &workload.name;
                self.report.error(
                    "unknown-volume",
                    mount.place(),
                    message!(
                        "{workload} mounts a volume {name} that the pod does not declare",
                        "{workload} monta un volumen {name} que el pod no declara"
                    ),
                    message!(
                        "it became a resource of type volume; correct the name if another was meant",
                        "pasó a ser un recurso de tipo volume; corrija el nombre si era otro"
                    ),
                );
            }
        }
    }

    /// Paths that differ by their case alone: on Linux they are two.
    pub fn path_case(&mut self, workload: &Workload) {
        let containers = || workload.containers.values();
        let mounts: Vec<&String> = containers().flat_map(|c| c.volumes.keys()).collect();
        let texts = containers().flat_map(|container| {
            let values = container.variables.iter();
            values.flat_map(|(name, setting)| {
                let texts = setting.texts().filter_map(Text::as_plain);
                texts.map(move |text| (name.clone(), text.to_owned(), setting.place.clone()))
            })
        });
        let targets = containers().flat_map(|container| {
            let targets = container.volumes.keys();
            targets.map(|target| (target.clone(), target.clone(), container.place.clone()))
        });
        for (name, path, place) in texts.chain(targets) {
            let close = mounts.iter().find(|mount| {
                let head = path.get(..mount.len());
                head.is_some_and(|head| head.eq_ignore_ascii_case(mount) && head != mount.as_str())
                    && matches!(path.as_bytes().get(mount.len()), None | Some(b'/'))
            });
            if let Some(mount) = close {
                self.report.warn(
                    "path-case",
                    place,
                    message!(
                        "{name} says {path} and a volume is mounted at {mount}: they differ in case, and are two paths",
                        "{name} dice {path} y hay un volumen montado en {mount}: difieren en las mayúsculas, y son dos rutas"
                    ),
                    message!(
                        "write both alike in the Score file",
                        "escriba las dos igual en el archivo Score"
                    ),
                );
            }
        }
    }
}

fn add_volume(
    workload: &mut Workload,
    container: &mut Container,
    mount: &Node<'_>,
    name: &str,
    claim: Option<String>,
) {
    let Some(target) = mount.text("mountPath") else {
        return;
    };
    let mut resource = Resource::new("volume");
    resource.id = claim;
    let resource = workload.resource(name, resource);
    let mount = Mount {
        resource,
        path: mount.text("subPath"),
        read_only: mount.text("readOnly").as_deref() == Some("true"),
    };
    container.volumes.insert(target, mount);
}

/// A mode as Score has it: what begins with 0 is octal already, what does not
/// is decimal.
fn octal(mode: &str) -> Option<String> {
    let bits = match mode.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        Some(rest) => u32::from_str_radix(rest.trim_start_matches('o'), 8).ok()?,
        None => mode.parse().ok()?,
    };
    Some(format!("{:04o}", bits & 0o777))
}
