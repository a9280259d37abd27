//! How to run the Compose file without Estiba.

use estiba_model::message;

use super::Parts;
use crate::source::notes;
use crate::{Export, ExportedFile};

pub(super) fn readme(export: &Export, parts: &Parts) -> ExportedFile {
    let lang = export.lang;
    let mut steps = Vec::new();
    for (workload, image) in export.images() {
        steps.push(if export.registry.is_some() {
            message!(
                "The image of {workload} is {image}: `docker load -i images/{workload}.tar`, and `docker push {image}` for other machines.",
                "La imagen de {workload} es {image}: `docker load -i images/{workload}.tar`, y `docker push {image}` para otras máquinas."
            )
        } else {
            message!(
                "The image of {workload}: `docker load -i images/{workload}.tar` ({image}).",
                "La imagen de {workload}: `docker load -i images/{workload}.tar` ({image})."
            )
        });
    }
    if !parts.secrets.is_empty() {
        steps.push(message!(
            "Secrets: `cp .env.example .env && chmod 600 .env`, and write each value.",
            "Secretos: `cp .env.example .env && chmod 600 .env`, y escriba cada valor."
        ));
    }
    if !parts.templates.is_empty() {
        steps.push(message!(
            "Files with secrets: `./fill.sh`, again whenever a value changes.",
            "Archivos con secretos: `./fill.sh`, y otra vez cuando cambie un valor."
        ));
    }
    steps.push(message!(
        "`docker compose up -d` (or `docker-compose up -d`), then `docker compose ps`.",
        "`docker compose up -d` (o `docker-compose up -d`) y después `docker compose ps`."
    ));
    let environment = &export.environment;
    let title = message!(
        "# {environment} with Docker Compose\n\nNothing here needs Estiba.\n",
        "# {environment} con Docker Compose\n\nNada de esto necesita Estiba.\n"
    );
    let mut text = format!("{}\n", title.text(lang));
    for (number, step) in steps.iter().enumerate() {
        text.push_str(&format!("{}. {}\n", number + 1, step.text(lang)));
    }
    let values = message!(
        "\nValues in clear have their defaults in docker-compose.yml; a line `NAME=value` in .env overrides one.",
        "\nLos valores a la vista tienen sus valores por omisión en docker-compose.yml; una línea `NOMBRE=valor` en .env los cambia."
    );
    text.push_str(values.text(lang));
    text.push('\n');
    text.push_str(&notes(&parts.notes, lang));
    ExportedFile::new("README.md", text)
}
