//! How to run the manifests without Estiba.

use estiba_model::{Lang, message};
use serde_json::Value;

use super::Objects;
use crate::source::notes;
use crate::{Export, ExportedFile};

pub(super) fn readme(export: &Export, objects: &Objects, templates: bool) -> ExportedFile {
    let lang = export.lang;
    let namespace = &objects.namespace;
    let secrets = &objects.stores.secrets;
    let mut steps = Vec::new();
    for (workload, image) in export.images() {
        steps.push(message!(
            "Bring the image of {workload} to where the cluster pulls from: `docker load -i images/{workload}.tar`, `docker push {image}`.",
            "Lleve la imagen de {workload} adonde el clúster la descarga: `docker load -i images/{workload}.tar`, `docker push {image}`."
        ));
    }
    if !objects.referred.secrets.is_empty() {
        steps.push(message!(
            "Secrets: `cp .env.example .env && chmod 600 .env`, and write each value.",
            "Secretos: `cp .env.example .env && chmod 600 .env`, y escriba cada valor."
        ));
    }
    if templates {
        steps.push(message!(
            "Files with secrets: `./fill.sh`, again whenever a value changes.",
            "Archivos con secretos: `./fill.sh`, y otra vez cuando cambie un valor."
        ));
    }
    steps.push(message!(
        "`kubectl apply -k .`, then `kubectl -n {namespace} get pods`.",
        "`kubectl apply -k .` y después `kubectl -n {namespace} get pods`."
    ));
    let environment = &export.environment;
    let title = message!(
        "# {environment} on Kubernetes\n\nNothing here needs Estiba.\n",
        "# {environment} en Kubernetes\n\nNada de esto necesita Estiba.\n"
    );
    let mut text = format!("{}\n", title.text(lang));
    for (number, step) in steps.iter().enumerate() {
        text.push_str(&format!("{}. {}\n", number + 1, step.text(lang)));
    }
    let filled = if templates { " -f filled/" } else { "" };
    let plain = message!(
        "\nWithout kustomize: `kubectl apply -f manifests/00-environment.yaml`, then\n`kubectl -n {namespace} create secret generic {secrets} --from-env-file=.env`, then\n`kubectl apply -f manifests/{filled}`.\n\nPods get other values at their next start: `kubectl -n {namespace} rollout restart deployment`.",
        "\nSin kustomize: `kubectl apply -f manifests/00-environment.yaml`, después\n`kubectl -n {namespace} create secret generic {secrets} --from-env-file=.env`, y después\n`kubectl apply -f manifests/{filled}`.\n\nLos pods reciben otros valores al arrancar: `kubectl -n {namespace} rollout restart deployment`."
    );
    text.push_str(plain.text(lang));
    text.push('\n');
    text.push_str(&migrations(objects, lang));
    text.push_str(&notes(&objects.notes, lang));
    ExportedFile::new("README.md", text)
}

/// How workloads are held back until their migrations are done.
pub(crate) fn migrations(objects: &Objects, lang: Lang) -> String {
    let mut all = objects.groups.iter().flat_map(|group| &group.objects);
    let held = |object: &Value| {
        let first = object.pointer("/spec/template/spec/initContainers");
        object["kind"] == "Job" && first.is_some()
    };
    if !all.any(held) {
        return String::new();
    }
    let namespace = &objects.namespace;
    let text = message!(
        "\n## Migrations\n\nEach is a Job that notes in its database, in `deployment.migrated`, that it ended well. New\npods wait for that note in their container `await-migration`; the old ones serve until then.\n`kubectl -n {namespace} get jobs` shows how far it is. When one failed:\n`kubectl -n {namespace} logs job/NAME -c CONTAINER`, delete the Job, and apply again.\n",
        "\n## Migraciones\n\nCada una es un Job que anota en su base, en `deployment.migrated`, que terminó bien. Los pods\nnuevos esperan esa nota en su contenedor `await-migration`; los viejos atienden hasta entonces.\n`kubectl -n {namespace} get jobs` muestra cómo va. Si una falló:\n`kubectl -n {namespace} logs job/NOMBRE -c CONTENEDOR`, borre el Job y aplique de nuevo.\n"
    );
    text.text(lang).to_owned()
}
