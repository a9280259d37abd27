//! What the engine can and can't do.

use estiba_host::edge;
use estiba_model::message;
use estiba_target::HostCheck;

use super::DockerTarget;

impl DockerTarget {
    pub(super) async fn check_engine(&self) -> Vec<HostCheck> {
        let socket = self.engine.socket();
        let answered = match self.engine.api().await {
            Ok(api) => {
                let (version, info) = (api.version().await, api.info().await);
                let both = version.and_then(|version| info.map(|info| (version, info)));
                both.map_err(|error| self.engine.failed(error))
            }
            Err(error) => Err(error),
        };
        let mut checks = Vec::new();
        match answered {
            Ok((version, info)) => {
                let release = version.version.unwrap_or_default();
                let arch = version.arch.unwrap_or_default();
                checks.push(check(
                    "engine",
                    true,
                    message!(
                        "an engine {release} ({arch}) answers behind {socket}",
                        "un motor {release} ({arch}) responde detrás de {socket}"
                    ),
                ));
                let limits = [info.memory_limit, info.cpu_cfs_quota, info.pids_limit];
                let ok = limits.iter().all(|limit| *limit != Some(false));
                checks.push(HostCheck {
                    optional: true,
                    ..check("limits", ok, if ok {
                        message!(
                            "limits of memory, CPU and processes are in force",
                            "los límites de memoria, CPU y procesos se aplican"
                        )
                    } else {
                        message!(
                            "the engine can't enforce all limits of memory, CPU and processes",
                            "el motor no puede aplicar todos los límites de memoria, CPU y procesos"
                        )
                    })
                });
            }
            Err(error) => checks.push(check("engine", false, error.message())),
        }
        checks.push(self.check_edge());
        checks
    }

    fn check_edge(&self) -> HostCheck {
        check(
            "edge",
            true,
            match edge::port(&self.home.edge()) {
                Some(port) => message!(
                    "HTTP comes in at port {port}",
                    "HTTP entra por el puerto {port}"
                ),
                None => message!(
                    "the edge does not run yet; the first deployment starts it",
                    "el edge todavía no corre; el primer despliegue lo inicia"
                ),
            },
        )
    }
}

fn check(name: &'static str, ok: bool, found: estiba_model::Message) -> HostCheck {
    HostCheck {
        name,
        ok,
        optional: false,
        found,
        advice: None,
    }
}
