//! How to run the manifests without Estiba.

use estiba_model::message;

use super::Objects;
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
        "\nWithout kustomize: `kubectl apply -f manifests/00-environment.yaml`, then\n`kubectl -n {namespace} create secret generic {secrets} --from-env-file=.env`, then\n`kubectl apply -f manifests/{filled}`.\n\nA migration is a Job: `kubectl -n {namespace} wait --for=condition=complete job --all`\nsays when it is done.",
        "\nSin kustomize: `kubectl apply -f manifests/00-environment.yaml`, después\n`kubectl -n {namespace} create secret generic {secrets} --from-env-file=.env`, y después\n`kubectl apply -f manifests/{filled}`.\n\nUna migración es un Job: `kubectl -n {namespace} wait --for=condition=complete job --all`\ndice cuándo terminó."
    );
    text.push_str(plain.text(lang));
    text.push('\n');
    if !objects.notes.is_empty() {
        let head = message!(
            "\n## Not as with Estiba\n",
            "\n## Distinto que con Estiba\n"
        );
        text.push_str(head.text(lang));
        text.push('\n');
        for note in &objects.notes {
            text.push_str(&format!("- {}\n", note.text(lang)));
        }
    }
    ExportedFile::new("README.md", text)
}
