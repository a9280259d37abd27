//! A Helm chart: the manifests with what may differ taken from values.

mod template;
mod values;

use estiba_model::{Message, ReleasedWorkload, message};
use estiba_score::yaml::emit;
use serde_json::{Map, Value, json};

use crate::kubernetes::{HELPERS, Objects, Wording, documents, migrations, objects};
use crate::parts::Part;
use crate::source::{comment, notes};
use crate::{Export, Exported, ExportedFile};
use template::{expression, rendered};

/// A chart's version is a semantic one; the project's may not be.
const CHART_VERSION: &str = "0.1.0";

/// The image of what waits for databases and migrations.
const CLIENT: &str = "psql";

/// The chart of an environment.
///
/// # Errors
/// Everything that manifests can't be given.
pub fn chart(export: &Export) -> Result<Exported, Vec<Message>> {
    let text_of = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Config(name) => expression(&format!("index .Values.config {name:?}")),
        Part::Secret(name) => expression(&secret(name)),
    };
    // What is there for several copies is in the chart, under a condition.
    let several = Export {
        replicas: export
            .workloads
            .keys()
            .map(|name| (name.clone(), 2))
            .collect(),
        ..export.clone()
    };
    let wording = Wording {
        part: &text_of,
        migration: &|released| expression(&migration(released)),
    };
    let objects = objects(&several, &wording)?;
    let mut files = Vec::new();
    for group in &objects.groups {
        let templated = group
            .objects
            .iter()
            .filter(|object| object["kind"] != "Namespace")
            .map(|object| template::object(export, object));
        for (number, (object, condition)) in templated.enumerate() {
            let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
            let name = group.name.split_once('-').map_or("", |(_, name)| name);
            let text = rendered(&documents(&[object], export.explain));
            let text = match condition {
                Some(condition) => format!("{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n"),
                None => text,
            };
            let path = format!("templates/{name}-{number}-{kind}.yaml");
            files.push(ExportedFile::new(path, text));
        }
    }
    files.push(ExportedFile::new("templates/config.yaml", config(&objects)));
    files.push(ExportedFile::new(
        "templates/secrets.yaml",
        secrets(&objects),
    ));
    files.push(ExportedFile::new("Chart.yaml", chart_file(export)));
    files.push(ExportedFile::new(
        "values.yaml",
        values::values(export, &objects),
    ));
    let schema = values::schema(export, &objects);
    let schema = serde_json::to_string_pretty(&schema).unwrap_or_default();
    files.push(ExportedFile::new(
        "values.schema.json",
        format!("{schema}\n"),
    ));
    files.push(readme(export, &objects));
    files.push(ExportedFile::new(
        ".helmignore",
        "/images/\n/secrets.yaml\n/.gitignore\n",
    ));
    files.push(ExportedFile::new(".gitignore", "secrets.yaml\nimages/\n"));
    Ok(Exported {
        files,
        images: export.images(),
        notes: objects.notes,
    })
}

/// What tells a migration from others of its workload: other images migrate anew.
fn migration(released: &ReleasedWorkload) -> String {
    let name = &released.workload.name;
    let containers = released.workload.containers.keys();
    let own: String = containers.map(|c| format!(" \"{name}-{c}\"")).collect();
    format!("pick .Values.images \"{name}\"{own} | toJson | sha256sum | trunc 8")
}

/// A secret that must have been given.
fn secret(name: &str) -> String {
    format!("required \"secrets.{name} has no value\" (index .Values.secrets {name:?})")
}

fn config(objects: &Objects) -> String {
    let names = objects.referred.config.iter();
    let data = names.map(|name| {
        let value = template::whole(&format!("index .Values.config {name:?} | quote"));
        (name.clone(), value.into())
    });
    rendered(&emit(&json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": objects.stores.config },
        "data": data.collect::<Map<_, _>>(),
    })))
}

/// Not made where the Secret is there already: `existingSecret`.
fn secrets(objects: &Objects) -> String {
    let names = objects.referred.secrets.iter();
    let data = names.map(|name| {
        let value = template::whole(&format!("{} | b64enc | quote", secret(name)));
        (name.clone(), value.into())
    });
    let text = rendered(&emit(&json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": { "name": objects.stores.secrets },
        "data": data.collect::<Map<_, _>>(),
    })));
    format!("{{{{- if not .Values.existingSecret }}}}\n{text}{{{{- end }}}}\n")
}

fn chart_file(export: &Export) -> String {
    let environment = &export.environment;
    let about = message!(
        "{project} of {team}",
        "{project} de {team}",
        project = environment.project,
        team = environment.team
    );
    let head = message!(
        "`appVersion` is the version of the project; `version` that of this chart.",
        "`appVersion` es la versión del proyecto; `version`, la de este chart."
    );
    let value = json!({
        "apiVersion": "v2",
        "name": environment.project,
        "description": about.text(export.lang),
        "type": "application",
        "version": CHART_VERSION,
        "appVersion": export.version,
    });
    let comment = export.explain.map(|lang| comment(&head, lang));
    comment.unwrap_or_default() + &emit(&value)
}

fn readme(export: &Export, objects: &Objects) -> ExportedFile {
    let environment = &export.environment;
    let project = &environment.project;
    let namespace = &objects.namespace;
    let secrets = &objects.stores.secrets;
    let names = objects.referred.secrets.iter();
    let fields: String = names.map(|name| format!("  {name}: \"…\"\n")).collect();
    let text = message!(
        "# {environment} as a Helm chart\n\nNothing here needs Estiba. One release of it fits into a namespace.\n\n1. Bring the images of `images/` to where the cluster pulls from: `docker load`, `docker push`;\n   `values.yaml` says their names.\n2. Write the secrets into `secrets.yaml`, which nobody else may read (`chmod 600`):\n\n```yaml\nsecrets:\n{fields}```\n\n   or make a Secret {secrets} with these keys yourself, and set `existingSecret: {secrets}`.\n3. `helm install {project} . --namespace {namespace} --create-namespace -f secrets.yaml --wait`;\n   later `helm upgrade` with the same options.\n\nPods get other values of `config` at once; other secrets with\n`kubectl -n {namespace} rollout restart deployment`.\n",
        "# {environment} como chart de Helm\n\nNada de esto necesita Estiba. En un espacio de nombres entra una instalación.\n\n1. Lleve las imágenes de `images/` adonde el clúster las descarga: `docker load`, `docker push`;\n   `values.yaml` dice sus nombres.\n2. Escriba los secretos en `secrets.yaml`, que nadie más pueda leer (`chmod 600`):\n\n```yaml\nsecrets:\n{fields}```\n\n   o haga usted un Secret {secrets} con esas claves, y fije `existingSecret: {secrets}`.\n3. `helm install {project} . --namespace {namespace} --create-namespace -f secrets.yaml --wait`;\n   después, `helm upgrade` con las mismas opciones.\n\nLos pods reciben otros valores de `config` enseguida; otros secretos, con\n`kubectl -n {namespace} rollout restart deployment`.\n"
    );
    let mut text = text.text(export.lang).to_owned();
    text.push_str(&migrations(objects, export.lang));
    text.push_str(&notes(&objects.notes, export.lang));
    ExportedFile::new("README.md", text)
}

/// What the value of an image is called: its workload where it is built, and
/// the container too where it is not.
fn image_key(export: &Export, workload: &str, container: &str, image: &str) -> String {
    let built = export.workloads.get_key_value(workload);
    match built {
        Some((name, _)) if export.built_image(name) == image => workload.to_owned(),
        _ if HELPERS.contains(&container) => format!("{workload}-{CLIENT}"),
        _ => format!("{workload}-{container}"),
    }
}

/// An image's repository and tag; a digest is a tag with its own mark.
fn split_image(image: &str) -> (&str, &str) {
    if let Some((repository, digest)) = image.split_once('@') {
        return (repository, digest);
    }
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, "latest"),
    }
}

/// Every image of the objects, with the key of its value.
fn images(export: &Export, objects: &Objects) -> Map<String, Value> {
    let mut images = Map::new();
    for object in objects.groups.iter().flat_map(|group| &group.objects) {
        template::each_container(object, &mut |workload, container| {
            let image = container["image"].as_str().unwrap_or_default();
            let name = container["name"].as_str().unwrap_or_default();
            let (repository, tag) = split_image(image);
            let key = image_key(export, workload, name, image);
            images.insert(key, json!({ "repository": repository, "tag": tag }));
        });
    }
    images
}
