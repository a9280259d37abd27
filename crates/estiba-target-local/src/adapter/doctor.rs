//! What this machine can and can't do.

use std::path::PathBuf;

use estiba_model::{Message, message};
use estiba_target::HostCheck;

use super::{LocalTarget, blocking};
use crate::runtime::{HostReport, host_report};
use estiba_host::edge;

/// Less room than this is worth a warning, in bytes.
const LITTLE_ROOM: u64 = 2 << 30;
/// Programs of which one can build a Dockerfile.
const BUILDERS: [&str; 3] = ["docker", "podman", "buildah"];

impl LocalTarget {
    pub(super) async fn check_host(&self) -> Vec<HostCheck> {
        let helper = self.config.helper.clone();
        let report = blocking(move || {
            host_report(&helper).map_err(|error| estiba_host::HostError::Told(error.message()))
        });
        let mut checks = match report.await {
            Ok(report) => containers(&report),
            Err(error) => vec![HostCheck {
                name: "containers",
                ok: false,
                optional: false,
                found: error.message(),
                advice: None,
            }],
        };
        checks.push(self.check_edge().await);
        checks.extend(self.check_room());
        checks.push(check_postgres());
        checks.push(check_builders());
        checks
    }

    async fn check_edge(&self) -> HostCheck {
        let place = self.layout.edge();
        let client = estiba_edge::ControlClient::new(place.socket());
        let found = match (client.status().await, edge::port(&place)) {
            (Ok(status), _) => {
                let address = status.listen;
                message!(
                    "the edge listens on {address}",
                    "el edge escucha en {address}"
                )
            }
            (Err(_), Some(port)) => message!(
                "the edge does not run; it will listen on port {port} again",
                "el edge no está corriendo; volverá a escuchar en el puerto {port}"
            ),
            (Err(_), None) => message!(
                "the edge does not run yet; the first deployment starts it",
                "el edge todavía no corre; el primer despliegue lo inicia"
            ),
        };
        HostCheck {
            name: "edge",
            ok: true,
            optional: false,
            found,
            advice: None,
        }
    }

    fn check_room(&self) -> Option<HostCheck> {
        let mut existing: PathBuf = self.layout.root().to_owned();
        while !existing.exists() {
            existing.pop();
        }
        let room = rustix::fs::statvfs(&existing).ok()?;
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        let (gib, path) = (free >> 30, self.layout.root().display());
        let ok = free >= LITTLE_ROOM;
        Some(HostCheck {
            name: "disk",
            ok,
            optional: true,
            found: message!("{gib} GiB free in {path}", "{gib} GiB libres en {path}"),
            advice: (!ok).then(|| {
                message!(
                    "free some space: images and data need it",
                    "libere espacio: lo necesitan las imágenes y los datos"
                )
            }),
        })
    }
}

fn containers(report: &HostReport) -> Vec<HostCheck> {
    let check = |name, ok, optional, found| HostCheck {
        name,
        ok,
        optional,
        found,
        advice: None,
    };
    let kernel = &report.kernel;
    let works = if report.containers {
        message!(
            "containers run (Linux {kernel})",
            "los contenedores funcionan (Linux {kernel})"
        )
    } else {
        message!(
            "containers do not run (Linux {kernel})",
            "los contenedores no funcionan (Linux {kernel})"
        )
    };
    let who = if report.rootless {
        message!(
            "containers run without root",
            "los contenedores corren sin root"
        )
    } else {
        message!(
            "containers run as root, each as a user of its own",
            "los contenedores corren como root, cada uno con un usuario propio"
        )
    };
    let overlay = if report.overlay {
        message!(
            "images are used in place",
            "las imágenes se usan en su lugar"
        )
    } else {
        message!(
            "images are copied for each container",
            "las imágenes se copian para cada contenedor"
        )
    };
    let limits = report.memory_limit && report.pids_limit && report.cpu_limit;
    let yes_no = |yes: bool| if yes { "✓" } else { "✗" };
    let (memory, pids, cpu) = (
        yes_no(report.memory_limit),
        yes_no(report.pids_limit),
        yes_no(report.cpu_limit),
    );
    let mut checks = vec![
        check("containers", report.containers, false, works),
        check("user", true, true, who),
        check("overlay", report.overlay, true, overlay),
        check(
            "limits",
            limits,
            true,
            message!(
                "limits: memory {memory}, processes {pids}, CPU {cpu}",
                "límites: memoria {memory}, procesos {pids}, CPU {cpu}"
            ),
        ),
    ];
    let advice = report.remarks.iter().cloned().reduce(|all, one| Message {
        en: format!("{}\n{}", all.en, one.en),
        es: format!("{}\n{}", all.es, one.es),
    });
    // The remarks explain whatever of these is not as it should be.
    if let Some(first) = checks.iter_mut().find(|check| !check.ok) {
        first.advice = advice;
    }
    checks
}

/// Without a server of its own, a machine gets one downloaded.
fn check_postgres() -> HostCheck {
    let installed = estiba_postgres::installed_server();
    let found = match &installed {
        Some((directory, major)) => {
            let directory = directory.display();
            message!(
                "PostgreSQL {major} in {directory}",
                "PostgreSQL {major} en {directory}"
            )
        }
        None => message!(
            "PostgreSQL is not installed; it is downloaded when a workload needs it",
            "PostgreSQL no está instalado; se descarga cuando un componente lo necesita"
        ),
    };
    HostCheck {
        name: "postgresql",
        ok: installed.is_some(),
        optional: true,
        found,
        advice: Some(message!(
            "for backups and without a network: `apt-get install postgresql`",
            "para copias de respaldo y sin red: `apt-get install postgresql`"
        )),
    }
}

fn check_builders() -> HostCheck {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    let found: Vec<&str> = BUILDERS.into_iter().filter(|name| is_there(name)).collect();
    let names = found.join(", ");
    HostCheck {
        name: "builders",
        ok: !found.is_empty(),
        optional: true,
        found: if found.is_empty() {
            message!(
                "no docker, podman or buildah: programs are packed, Dockerfiles can't be built",
                "sin docker, podman ni buildah: los programas se empaquetan, los Dockerfile no se pueden construir"
            )
        } else {
            message!(
                "builds Dockerfiles with {names}",
                "construye Dockerfiles con {names}"
            )
        },
        advice: found.is_empty().then(|| {
            message!(
                "only for Dockerfiles: `apt install podman` or `buildah`",
                "solo para Dockerfiles: `apt install podman` o `buildah`"
            )
        }),
    }
}
