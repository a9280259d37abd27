//! Jobs that migrate; other Jobs and CronJobs have no counterpart.

use estiba_model::{MIGRATION_ANNOTATION, message};
use indexmap::IndexMap;

use super::Cluster;
use super::objects::Object;
use super::pod::migrates;
use crate::draft::{Container, Image, Workload};

impl<'a> Cluster<'a> {
    /// A Job that migrates and runs the image of a workload becomes its
    /// migration.
    pub fn jobs(&mut self, workloads: &mut IndexMap<String, Workload>) {
        let jobs: Vec<Object<'a>> = self.objects.of_kind("Job").cloned().collect();
        for job in &jobs {
            if !self.migration(workloads, job) {
                self.report.dropped(
                    job.node.key_place(),
                    &format!("Job {}", job.name),
                    &message!(
                        "Score has no word for what runs once",
                        "Score no tiene palabra para lo que corre una vez"
                    ),
                    message!(
                        "run it with `estiba exec`, or make it a migration with the annotation estiba.dev/migration",
                        "ejecútelo con `estiba exec`, o hágalo una migración con la anotación estiba.dev/migration"
                    ),
                );
            }
        }
        let crons: Vec<Object<'a>> = self.objects.of_kind("CronJob").cloned().collect();
        for cron in &crons {
            let schedule = cron.node.find(&["spec", "schedule"]);
            let schedule = schedule.and_then(|node| node.scalar()).unwrap_or_default();
            self.report.dropped(
                cron.node.key_place(),
                &format!("CronJob {}", cron.name),
                &message!(
                    "Score has no word for a schedule ({schedule})",
                    "Score no tiene palabra para un horario ({schedule})"
                ),
                message!(
                    "have a cron run `estiba exec WORKLOAD --env ENVIRONMENT -- COMMAND`",
                    "haga que un cron ejecute `estiba exec COMPONENTE --env AMBIENTE -- COMANDO`"
                ),
            );
        }
    }

    fn migration(&mut self, workloads: &mut IndexMap<String, Workload>, job: &Object<'a>) -> bool {
        let Some(pod) = job.node.find(&["spec", "template", "spec"]) else {
            return false;
        };
        let Some(node) = pod.items("containers").into_iter().next() else {
            return false;
        };
        let image = node.text("image").unwrap_or_default();
        let place = node.get("image").unwrap_or_else(|| node.clone()).place();
        let mut container = Container::new(Image::Reference(image), place);
        container.command = node.texts("command");
        container.args = node.texts("args");
        let Some(name) = estiba_project::name_of(&job.name_without_environment()) else {
            return false;
        };
        let Ok(name) = name.parse() else {
            return false;
        };
        if !migrates(&name, &container) {
            return false;
        }
        // The tag says which release; the repository, whose migration it is.
        let repository = |image: &Image| match image {
            Image::Reference(image) => image.rsplit_once(':').map(|(name, _)| name.to_owned()),
            Image::Built => None,
        };
        let same = |workload: &&mut Workload| {
            let mut containers = workload.containers.values();
            containers.any(|other| {
                other.image == container.image
                    || (repository(&other.image).is_some()
                        && repository(&other.image) == repository(&container.image))
            })
        };
        let Some(workload) = workloads.values_mut().find(same) else {
            return false;
        };
        let known = workload.annotations.get(MIGRATION_ANNOTATION);
        if known.is_some_and(|known| *known != name.to_string()) {
            return false;
        }
        let mut container = workload.containers.shift_remove(&name).unwrap_or(container);
        let environment = job.environment.as_deref();
        self.variables(&mut container, &node, environment);
        self.mounts(workload, &mut container, &node, &pod, environment);
        let annotation = MIGRATION_ANNOTATION.to_owned();
        workload.annotations.insert(annotation, name.to_string());
        workload.containers.insert(name.clone(), container);
        let workload = &workload.name;
        self.report.warn(
            "migration",
            job.node.key_place(),
            message!(
                "the Job {name} became the migration of {workload}: it runs once for a release, before new instances",
                "el Job {name} pasó a ser la migración de {workload}: corre una vez por versión, antes de las instancias nuevas"
            ),
            message!(
                "see the annotation estiba.dev/migration in its Score file",
                "vea la anotación estiba.dev/migration en su archivo Score"
            ),
        );
        true
    }
}
