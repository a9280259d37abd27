//! What reads the logs of workloads that write them to files: this very program, in the
//! role `ship`, beside their containers.

use std::collections::BTreeMap;

use estiba_model::{Digest, FileLogs, Release, SecretString};
use estiba_target::{ContainerSpec, ScratchSpec};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::inputs::Inputs;
use crate::observer::Observer;

/// Where it keeps how far it has read: the same after it was started again.
const STATE: ScratchPath = ScratchPath {
    name: "logs-state",
    target: "/var/lib/estiba-ship",
};
/// How long files have to be silent after it was told to end. On a runtime that tells all
/// containers at once, the others may still have something to say.
const QUIET: &str = "1s";
/// How long it goes on at the most; Kubernetes ends what is left after 30 seconds.
const DRAIN: &str = "25s";

struct ScratchPath {
    name: &'static str,
    target: &'static str,
}

/// Lets `containers`, those of an instance, share the folders of their logs, and puts the
/// one behind them that reads these; without its image they share them alone.
pub fn collect(logs: &FileLogs, image: Option<&Digest>, containers: &mut Vec<ContainerSpec>) {
    let shared = ScratchSpec::of_logs(logs);
    for container in &mut *containers {
        container.scratch.clone_from(&shared);
    }
    if let Some(image) = image {
        // Files that only their user may read are its own too.
        let user_of = containers.first().map(|first| first.image.clone());
        containers.push(shipper(logs, image, user_of));
    }
}

/// Its lines go the way of all others, by its standard output: it needs no address, and
/// knows no secret.
fn shipper(logs: &FileLogs, image: &Digest, user_of: Option<Digest>) -> ContainerSpec {
    let mut scratch = ScratchSpec::of_logs(logs);
    scratch.iter_mut().for_each(|one| one.read_only = true);
    scratch.push(ScratchSpec {
        name: STATE.name.to_owned(),
        target: STATE.target.to_owned(),
        read_only: false,
    });
    let variables = [
        ("ESTIBA_SHIP_PATHS", logs.globs.join(",")),
        ("ESTIBA_SHIP_PATH_FIELD", FileLogs::PATH_FIELD.to_owned()),
        ("ESTIBA_SHIP_FORMAT", "raw".to_owned()),
        ("ESTIBA_SHIP_MULTILINE", "auto".to_owned()),
        ("ESTIBA_SHIP_STATE", STATE.target.to_owned()),
        ("ESTIBA_SHIP_QUIET", QUIET.to_owned()),
        ("ESTIBA_SHIP_DRAIN", DRAIN.to_owned()),
        ("LOG_SINK", "stdout".to_owned()),
        // What it says itself stands among the lines of the workload.
        ("ESTIBA_LOG", "warn".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), SecretString::new(value)));
    ContainerSpec {
        name: FileLogs::container(),
        image: image.clone(),
        command: Vec::new(),
        args: vec!["ship".to_owned()],
        variables: variables.into(),
        files: Vec::new(),
        volumes: Vec::new(),
        scratch,
        ships_logs: true,
        user_of,
        limits: FileLogs::LIMITS,
        requests: FileLogs::REQUESTS,
        liveness: None,
        readiness: None,
        before: BTreeMap::new(),
    }
}

impl Engine {
    /// Puts into `inputs` what reads the files of logs of `release`, if it has any. The
    /// version that runs keeps the one that it has: otherwise a cluster would take the
    /// same release for another one, and restart it.
    pub(crate) async fn choose_shipper(
        &self,
        inputs: &mut Inputs,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<(), EngineError> {
        let mut workloads = release.workloads.values();
        if !workloads.any(|one| one.workload.file_logs().is_some()) {
            return Ok(());
        }
        let last = self.last_inputs(&inputs.environment).await?;
        let last = last.filter(|last| last.version == inputs.version);
        let kept = last.and_then(|last| last.shipper);
        let kept = kept.filter(|image| self.images().is_complete(image));
        inputs.shipper = Some(match kept {
            Some(image) => image,
            None => {
                let program = self.program();
                self.own_image(program, FileLogs::container(), observer)
                    .await?
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_model::Quantities;

    fn container(name: &str) -> ContainerSpec {
        ContainerSpec {
            name: name.parse().unwrap(),
            image: Digest::of(name.as_bytes()),
            command: Vec::new(),
            args: Vec::new(),
            variables: BTreeMap::new(),
            files: Vec::new(),
            volumes: Vec::new(),
            scratch: Vec::new(),
            ships_logs: false,
            user_of: None,
            limits: Quantities::default(),
            requests: Quantities::default(),
            liveness: None,
            readiness: None,
            before: BTreeMap::new(),
        }
    }

    #[test]
    fn the_containers_share_the_folders_with_the_one_that_reads_them() {
        let logs = "/data/logs/*.log /var/log/app/*/x".parse().unwrap();
        let image = Digest::of(b"estiba");
        let mut containers = vec![container("api"), container("proxy")];
        collect(&logs, Some(&image), &mut containers);
        let mounts = |one: &ContainerSpec| -> Vec<String> {
            let scratch = one.scratch.iter();
            let mount = |one: &ScratchSpec| {
                let mode = if one.read_only { "ro" } else { "rw" };
                format!("{} {} {mode}", one.name, one.target)
            };
            scratch.map(mount).collect()
        };
        for own in &containers[..2] {
            assert_eq!(
                mounts(own),
                ["logs-0 /data/logs rw", "logs-1 /var/log/app rw"]
            );
            assert!(!own.ships_logs);
        }
        let shipper = &containers[2];
        assert_eq!(
            mounts(shipper),
            [
                "logs-0 /data/logs ro",
                "logs-1 /var/log/app ro",
                "logs-state /var/lib/estiba-ship rw"
            ]
        );
        assert!(shipper.ships_logs);
        assert_eq!(shipper.user_image(), &containers[0].image);
        let paths = &shipper.variables["ESTIBA_SHIP_PATHS"];
        assert_eq!(paths.expose(), "/data/logs/*.log,/var/log/app/*/x");
    }

    #[test]
    fn without_an_image_the_folders_are_there_all_the_same() {
        let logs = "/data/logs/*.log".parse().unwrap();
        let mut containers = vec![container("api")];
        collect(&logs, None, &mut containers);
        assert_eq!(containers.len(), 1);
        assert_eq!(containers[0].scratch.len(), 1);
    }
}
