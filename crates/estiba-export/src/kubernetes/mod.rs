//! Manifests that `kubectl apply` takes, and a kustomization.

mod build;
mod gate;
mod readme;
mod rewrite;

use std::collections::BTreeMap;

use estiba_model::{Lang, Message, Name, ReleasedWorkload, message};
use estiba_score::yaml::emit;
use estiba_target_kubernetes::manifests::Manifest;
use serde_json::{Map, Value, json};

use crate::parts::{Part, external_note, mail_notes, password_name, secrets_in};
use crate::source::{comment, fill_script, to_fill_in};
use crate::{Export, Exported, ExportedFile, explain};
use build::Builder;
use gate::Gate;
pub(crate) use gate::HELPERS;
pub(crate) use readme::migrations;
use rewrite::{Referred, Stores, files_only};

/// Kinds whose pods have keys to explain.
const WITH_PODS: [&str; 3] = ["Deployment", "StatefulSet", "Job"];

/// A file of manifests.
pub(crate) struct Group {
    /// Files are applied in the order of their names.
    pub name: String,
    pub objects: Vec<Value>,
    /// It has secrets to fill in.
    pub template: bool,
}

/// How a format writes what is known as late as it is used.
pub(crate) struct Wording<'a> {
    /// A part of a file.
    pub part: &'a dyn Fn(&Part) -> String,
    /// What tells a migration of a workload from others of it.
    pub migration: &'a dyn Fn(&ReleasedWorkload) -> String,
}

/// What an environment is on a cluster.
pub(crate) struct Objects {
    pub namespace: String,
    pub groups: Vec<Group>,
    pub stores: Stores,
    pub referred: Referred,
    pub notes: Vec<Message>,
}

/// The manifests of an environment, with a kustomization.
///
/// # Errors
/// Everything that manifests can't be given.
pub fn kubernetes(export: &Export) -> Result<Exported, Vec<Message>> {
    let mark = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Config(name) => export.config.get(name).cloned().unwrap_or_default(),
        Part::Secret(name) => format!("@@{name}@@"),
    };
    let wording = Wording {
        part: &mark,
        migration: &|_| export.version.to_string(),
    };
    let mut objects = objects(export, &wording)?;
    objects.groups.insert(1, config_map(export, &objects));
    let mut files = Vec::new();
    let mut resources = Vec::new();
    let mut templates = Vec::new();
    for group in &objects.groups {
        let text = documents(&group.objects, export.explain);
        let path = if group.template {
            templates.push(format!("{}.yaml", group.name));
            resources.push(format!("filled/{}.yaml", group.name));
            format!("templates/{}.yaml", group.name)
        } else {
            resources.push(format!("manifests/{}.yaml", group.name));
            format!("manifests/{}.yaml", group.name)
        };
        files.push(ExportedFile::new(path, text));
    }
    let secrets = &objects.referred.secrets;
    let mut kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
    });
    if !secrets.is_empty() {
        kustomization["secretGenerator"] = json!([{
            "name": objects.stores.secrets,
            "namespace": objects.namespace,
            "envs": [".env"],
        }]);
        kustomization["generatorOptions"] = json!({ "disableNameSuffixHash": true });
        let head = message!(
            "Copy this file to .env, which nobody else may read (chmod 600 .env), and write\neach value after its `=`.",
            "Copie este archivo como .env, que nadie más pueda leer (chmod 600 .env), y escriba\ncada valor después de su `=`."
        );
        let example = to_fill_in(secrets, &head, export.lang);
        files.push(ExportedFile::new(".env.example", example));
    }
    files.push(ExportedFile::new(
        "kustomization.yaml",
        emit(&kustomization),
    ));
    if !templates.is_empty() {
        files.push(fill_script(&templates));
    }
    files.push(readme::readme(export, &objects, !templates.is_empty()));
    files.push(ExportedFile::new(".gitignore", ".env\nfilled/\nimages/\n"));
    Ok(Exported {
        files,
        images: export.images(),
        notes: objects.notes,
    })
}

/// All objects but the ConfigMap.
pub(crate) fn objects(export: &Export, wording: &Wording<'_>) -> Result<Objects, Vec<Message>> {
    let builder = Builder::new(export);
    let place = builder.manifests.place();
    let stores = Stores {
        config: place.shared("config"),
        secrets: place.shared("secrets"),
    };
    let mut referred = Referred::default();
    let mut notes = Vec::new();
    let mut problems = Vec::new();
    for id in builder.external_databases() {
        notes.push(external_note(export, &id));
    }
    notes.extend(mail_notes(export));
    let environment = builder.manifests.environment();
    let environment = environment.iter().map(|object| object.value().clone());
    let mut groups = vec![Group {
        name: "00-environment".to_owned(),
        objects: environment.collect(),
        template: false,
    }];
    for resource in builder.resources() {
        let name = place.resource(&resource.id);
        let objects = if resource.kind == "postgres" {
            let password = password_name(&resource.id);
            referred.secrets.insert(password.clone());
            let objects = builder.manifests.postgres(&resource).into_iter();
            let objects = objects.map(|object| {
                let mut value = object.value().clone();
                stores.redirect(&mut value, &name, "password", &password);
                if value["kind"] == "Secret"
                    && let Some(data) = value["data"].as_object_mut()
                {
                    data.shift_remove("password");
                }
                value
            });
            objects.collect()
        } else {
            vec![builder.manifests.volume(&resource).value().clone()]
        };
        groups.push(Group {
            name: format!("20-{name}"),
            objects,
            template: false,
        });
    }
    for (name, released) in &export.workloads {
        let made = workload(
            &builder,
            name,
            released,
            &stores,
            &mut referred,
            &mut notes,
            wording,
        );
        match made {
            Ok(made) => groups.extend(made),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Objects {
        namespace: place.namespace,
        groups,
        stores,
        referred,
        notes,
    })
}

fn workload(
    builder: &Builder<'_>,
    name: &Name,
    released: &ReleasedWorkload,
    stores: &Stores,
    referred: &mut Referred,
    notes: &mut Vec<Message>,
    wording: &Wording<'_>,
) -> Result<Vec<Group>, Message> {
    let mut groups = Vec::new();
    let mut gate = None;
    if let Some((spec, values)) = builder.migration(name, released)? {
        let migration = spec.container.name.clone();
        let mark = (wording.migration)(released);
        gate = Gate::of(builder, &released.workload, &migration, mark)?;
        if gate.is_none() {
            notes.push(unheld(name));
        }
        let objects = builder.manifests.migration(&spec, &[])?;
        let mut made = Made::new(format!("30-{name}-migration"), &objects, vec![values]);
        made.gated("Job", gate.as_ref(), Gate::note);
        groups.extend(made.groups(stores, referred, wording.part));
    }
    let (spec, values) = builder.rollout(name, released, notes)?;
    let objects = builder.manifests.workload(&spec)?;
    let mut made = Made::new(format!("40-{name}"), &objects, values);
    made.gated("Deployment", gate.as_ref(), Gate::hold);
    groups.extend(made.groups(stores, referred, wording.part));
    Ok(groups)
}

fn unheld(workload: &Name) -> Message {
    message!(
        "nothing holds {workload} back until its migration is done, since that has no PostgreSQL: run the Job first, and wait for it",
        "nada retiene a {workload} hasta que termine su migración, que no tiene PostgreSQL: ejecute antes el Job, y espérelo"
    )
}

/// Objects as the target makes them.
struct Made {
    name: String,
    objects: Vec<Value>,
    values: Vec<build::Values>,
}

impl Made {
    fn new(name: String, objects: &[Manifest], values: Vec<build::Values>) -> Self {
        let objects = objects.iter().map(|object| object.value().clone());
        Self {
            name,
            objects: objects.collect(),
            values,
        }
    }

    /// Puts the containers of a gate into objects of a kind.
    fn gated(&mut self, kind: &str, gate: Option<&Gate>, put: fn(&Gate, &mut Value)) {
        let Some(gate) = gate else { return };
        let objects = self.objects.iter_mut();
        for object in objects.filter(|object| object["kind"] == kind) {
            put(gate, object);
        }
        self.values.extend(gate.values());
    }

    /// The objects as they are exported: files with secrets in a file of their
    /// own, which is filled in.
    fn groups(
        mut self,
        stores: &Stores,
        referred: &mut Referred,
        text_of: &dyn Fn(&Part) -> String,
    ) -> Vec<Group> {
        let mut files: BTreeMap<String, Vec<Part>> = BTreeMap::new();
        for object in &mut self.objects {
            if object["kind"] == "Job" {
                // Nobody watches it: what fails for a moment is tried again.
                object["spec"]["backoffLimit"] = 6.into();
            }
            files.extend(stores.pod(object, &self.values, referred));
        }
        let secrets = secrets_in(files.values().flatten());
        let is_values = |object: &Value| object["kind"] == "Secret";
        let (kept, others): (Vec<Value>, Vec<Value>) =
            self.objects.into_iter().partition(is_values);
        let mut groups = Vec::new();
        let kept = kept.into_iter().next();
        if let Some(object) = kept.and_then(|object| files_only(object, &files, text_of)) {
            groups.push(Group {
                name: format!("{}-files", self.name),
                objects: vec![object],
                template: !secrets.is_empty(),
            });
        }
        referred.secrets.extend(secrets);
        groups.push(Group {
            name: self.name,
            objects: others,
            template: false,
        });
        groups
    }
}

fn config_map(export: &Export, objects: &Objects) -> Group {
    let names = objects.referred.config.iter();
    let data =
        names.filter_map(|name| Some((name.clone(), export.config.get(name)?.clone().into())));
    let data: Map<String, Value> = data.collect();
    Group {
        name: "10-config".to_owned(),
        objects: vec![json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": objects.stores.config, "namespace": objects.namespace },
            "data": data,
        })],
        template: false,
    }
}

/// Objects as one file.
pub(crate) fn documents(objects: &[Value], explain: Option<Lang>) -> String {
    let documents = objects.iter().map(|object| document(object, explain));
    documents.collect::<Vec<_>>().join("---\n")
}

fn document(object: &Value, lang: Option<Lang>) -> String {
    let text = emit(object);
    let Some(lang) = lang else {
        return text;
    };
    let kind = object["kind"].as_str().unwrap_or_default();
    let head = explain::of_kind(kind).map(|about| comment(&about, lang));
    let text = if WITH_PODS.contains(&kind) {
        explain::beside_keys(&text, None, explain::of_pod, lang)
    } else {
        text
    };
    head.unwrap_or_default() + &text
}
