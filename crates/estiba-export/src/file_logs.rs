//! Files that a workload logs to. Without Estiba nobody reads them, so an export keeps the
//! folders, which have to be writable, and says so.

use estiba_model::{FileLogs, Message, Name, Workload, message};
use estiba_target::ScratchSpec;

/// The folders that the containers of a workload share.
pub(crate) fn shared(workload: &Workload) -> Vec<ScratchSpec> {
    let logs = workload.file_logs();
    logs.as_ref().map(ScratchSpec::of_logs).unwrap_or_default()
}

/// What to do about them on a cluster.
pub(crate) fn kubernetes_note(name: &Name, workload: &Workload) -> Option<Message> {
    let (folders, globs) = said(&workload.file_logs()?);
    Some(message!(
        "{name} logs to files ({globs}), which Estiba read and nobody reads here: {folders} is an emptyDir of the pod. Let it log to standard output, or add a container that mounts the same volume and reads them, such as Fluent Bit",
        "{name} escribe sus logs en archivos ({globs}), que Estiba leía y aquí no lee nadie: {folders} es un emptyDir del pod. Haga que los escriba en la salida estándar, o agregue un contenedor que monte el mismo volumen y los lea, como Fluent Bit"
    ))
}

/// What to do about them with Compose.
pub(crate) fn compose_note(name: &Name, workload: &Workload) -> Option<Message> {
    let (folders, globs) = said(&workload.file_logs()?);
    Some(message!(
        "{name} logs to files ({globs}), which Estiba read and nobody reads here: {folders} is a volume in memory. Let it log to standard output, or add a service that mounts the same volume and reads them, such as Fluent Bit",
        "{name} escribe sus logs en archivos ({globs}), que Estiba leía y aquí no lee nadie: {folders} es un volumen en memoria. Haga que los escriba en la salida estándar, o agregue un servicio que monte el mismo volumen y los lea, como Fluent Bit"
    ))
}

fn said(logs: &FileLogs) -> (String, String) {
    (logs.folders.join(", "), logs.globs.join(", "))
}
