//! The targets that behaviours are tried on, and the few things that they can't
//! ask of the command: how each is reached, disturbed and looked into.

mod docker;
mod heroku;
mod kubernetes;
mod kubernetes_volumes;
mod local;
mod tool;

use std::sync::Arc;

use serde_json::Value;

use crate::behaviour::Need;
use crate::bench::Kit;
use crate::support::Address;

/// All targets, in the order of the docs' table.
pub fn all() -> Vec<Arc<dyn Place>> {
    vec![
        Arc::new(local::Local),
        Arc::new(docker::Engine::docker()),
        Arc::new(docker::Engine::podman()),
        Arc::new(kubernetes::Cluster::default()),
        Arc::new(heroku::Heroku::default()),
    ]
}

/// A kind of target as it is on this machine.
pub trait Place: Send + Sync {
    /// The name of its column, and of its tests.
    fn name(&self) -> &'static str;

    /// Why it can't be tried here. What has to be started for it is started.
    fn missing(&self) -> Option<String>;

    /// How many behaviours are tried at once: they wait more than they compute.
    fn at_once(&self) -> usize {
        4
    }

    /// What it declares not to have.
    fn lacking(&self) -> Vec<Need>;

    /// Whether it has what a behaviour is not about, and uses where it is.
    fn has(&self, need: Need) -> bool {
        !self.lacking().contains(&need)
    }

    /// Its entry below `targets` of `estiba.yaml`.
    fn target(&self, project: &Kit) -> Value;

    /// Where images are pushed, if it needs that: `HOST:PORT`.
    fn registry(&self) -> Option<String> {
        None
    }

    /// Where a workload answers.
    fn reach(&self, project: &Kit, environment: &str, workload: &str) -> Address {
        project.address(environment, workload)
    }

    /// Where what routes host names from outside listens: `HOST:PORT`.
    fn edge(&self, project: &Kit, environment: &str) -> String {
        project.address(environment, "api").socket
    }

    /// What tells this run of each instance of a workload from the next: their names,
    /// where no name is used twice.
    fn runs(&self, project: &Kit, environment: &str, workload: &str) -> Vec<String> {
        project.instances_of(environment, workload)
    }

    /// Whether it starts again by itself what somebody ended.
    fn heals(&self) -> bool {
        false
    }

    /// Ends an instance behind Estiba's back.
    fn kill(&self, project: &Kit, environment: &str, instance: &str);

    /// Changes something by hand, so that the workload is not as it was
    /// deployed, though its instances run.
    fn meddle(&self, project: &Kit, environment: &str, workload: &str);

    /// Makes things that are not Estiba's, as near to an environment's as can be.
    fn plant(&self, project: &Kit, environment: &str) -> Box<dyn Foreign>;

    /// Everything that the runtime tells about a project to those who may look
    /// at it, but for its own kind of secret.
    fn inspect(&self, project: &Kit) -> String;

    /// Ends what `missing` started.
    fn end(&self) {}
}

/// Something that is not Estiba's; dropped, it is removed.
pub trait Foreign {
    /// # Panics
    /// When it is not as it was made.
    fn assert_untouched(&mut self);
}
