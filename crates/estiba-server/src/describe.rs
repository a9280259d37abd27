//! Projects as they were described to this server.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use estiba_model::{Diagnostic, Name, Project, ProjectId, TargetConfig, has_errors, message};
use estiba_store::{DescribedProject, Store};

use crate::problem::Problem;

/// More files than a project has workloads for.
const MOST_FILES: usize = 200;
/// More than the files of a project have.
const MOST_BYTES: usize = 1 << 20;
/// Projects that are kept read; more are read again when they are asked for.
const MOST_KEPT: usize = 512;

/// Reads described projects, and keeps what it has read.
pub(crate) struct Descriptions {
    targets: Option<BTreeMap<Name, TargetConfig>>,
    kept: Mutex<HashMap<ProjectId, Kept>>,
}

struct Kept {
    described: DescribedProject,
    project: Arc<Project>,
}

impl Descriptions {
    pub fn new(targets: Option<BTreeMap<Name, TargetConfig>>) -> Self {
        Self {
            targets,
            kept: Mutex::default(),
        }
    }

    /// A project as it is described now.
    ///
    /// # Errors
    /// When there is none, or this server can't use it any more.
    pub async fn project(
        &self,
        store: &Store,
        id: &ProjectId,
    ) -> Result<(Arc<Project>, DescribedProject), Problem> {
        let described = store.project(id).await?.ok_or_else(Problem::not_found)?;
        if let Some(kept) = self.lock().get(id)
            && kept.described == described
        {
            return Ok((Arc::clone(&kept.project), described));
        }
        let project = Arc::new(self.read(id, &described.files)?);
        let mut kept = self.lock();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(
            id.clone(),
            Kept {
                described: described.clone(),
                project: Arc::clone(&project),
            },
        );
        Ok((project, described))
    }

    /// Reads and checks the files of a project.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn read(
        &self,
        id: &ProjectId,
        files: &BTreeMap<String, String>,
    ) -> Result<Project, Problem> {
        check_size(files)?;
        let folder = tempfile::tempdir().map_err(|error| {
            tracing::error!(%error, "no place for a project's files");
            Problem::internal()
        })?;
        for (path, text) in files {
            let file = folder.path().join(inside(path)?);
            let written = file
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&file, text));
            written.map_err(|error| {
                tracing::error!(%error, "a project's files can't be written");
                Problem::internal()
            })?;
        }
        let loaded = estiba_project::load_description(folder.path());
        let findings = relative(loaded.diagnostics, folder.path());
        match loaded.project {
            Some(project) if !has_errors(&findings) => self.placed(id, project),
            _ => Err(Problem::findings(findings)),
        }
    }

    /// The same with this server's targets in place of its own.
    fn placed(&self, id: &ProjectId, mut project: Project) -> Result<Project, Problem> {
        if project.id != *id {
            let inside = &project.id;
            return Err(Problem::invalid(message!(
                "estiba.yaml is of {inside}, and it was sent to {id}",
                "estiba.yaml es de {inside}, y se envió a {id}"
            )));
        }
        let Some(targets) = &self.targets else {
            return Ok(project);
        };
        let known: Vec<&str> = targets.keys().map(Name::as_str).collect();
        let known = known.join(", ");
        let unknown: Vec<Diagnostic> = project
            .targets
            .keys()
            .filter(|name| !targets.contains_key(*name))
            .map(|name| {
                Diagnostic::error(
                    "unknown-target",
                    message!(
                        "this server has no target {name}; it has: {known}",
                        "este servidor no tiene una plataforma {name}; tiene: {known}"
                    ),
                )
            })
            .collect();
        if !unknown.is_empty() {
            return Err(Problem::findings(unknown));
        }
        for (name, config) in &mut project.targets {
            config.clone_from(&targets[name]);
        }
        Ok(project)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProjectId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check_size(files: &BTreeMap<String, String>) -> Result<(), Problem> {
    let bytes: usize = files.values().map(String::len).sum();
    if files.len() <= MOST_FILES && bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(Problem::invalid(message!(
        "a project has at most {MOST_FILES} files with {MOST_BYTES} bytes together",
        "un proyecto tiene como máximo {MOST_FILES} archivos con {MOST_BYTES} bytes en total"
    )))
}

/// A path that stays in the folder it is joined to.
fn inside(path: &str) -> Result<PathBuf, Problem> {
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let path = Path::new(path);
    if path.components().all(stays) && path.file_name().is_some() {
        return Ok(path.to_owned());
    }
    let shown = path.display();
    Err(Problem::invalid(message!(
        "\"{shown}\" leads out of the project's folder",
        "«{shown}» lleva fuera de la carpeta del proyecto"
    )))
}

/// The findings as the project's owner names the files.
fn relative(findings: Vec<Diagnostic>, folder: &Path) -> Vec<Diagnostic> {
    let folder_text = format!("{}/", folder.display());
    let plain = |text: String| text.replace(&folder_text, "");
    findings
        .into_iter()
        .map(|mut finding| {
            if let Some(place) = &mut finding.place
                && let Ok(path) = place.file.strip_prefix(folder)
            {
                place.file = path.to_owned();
            }
            finding.message = finding.message.map(plain);
            finding.hint = finding.hint.map(|hint| hint.map(plain));
            finding
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(target: &str) -> BTreeMap<String, String> {
        let project = format!(
            "project: tp2\nteam: moria\nworkloads: [api/score.yaml]\ntargets:\n  here: {target}\nenvironments:\n  test: {{ on: here }}\n"
        );
        let score = "apiVersion: score.dev/v1b1\nmetadata: { name: api }\ncontainers:\n  main: { image: . }\n";
        BTreeMap::from([
            ("estiba.yaml".to_owned(), project),
            ("api/score.yaml".to_owned(), score.to_owned()),
        ])
    }

    fn id() -> ProjectId {
        ProjectId {
            team: "moria".parse().unwrap(),
            project: "tp2".parse().unwrap(),
        }
    }

    #[test]
    fn a_project_is_read_without_its_sources() {
        let project = Descriptions::new(None).read(&id(), &described("{ kind: local }"));
        assert_eq!(project.unwrap().id, id());
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["../score.yaml", "/etc/passwd", "a/../../b", ".."] {
            let files = BTreeMap::from([(path.to_owned(), String::new())]);
            let problem = Descriptions::new(None).read(&id(), &files).unwrap_err();
            assert_eq!(problem.document(estiba_model::Lang::En).code, "invalid");
        }
    }

    #[test]
    fn a_description_reads_no_file_of_the_server() {
        let secret = tempfile::tempdir().unwrap();
        let file = secret.path().join("score.yaml");
        std::fs::write(&file, "apiVersion: s3cret\nkind: s3cret\n").unwrap();
        for named in [
            file.display().to_string(),
            format!("../..{}", file.display()),
        ] {
            let mut files = described("{ kind: local }");
            let project = files["estiba.yaml"].replace("api/score.yaml", &named);
            files.insert("estiba.yaml".to_owned(), project);
            let problem = Descriptions::new(None).read(&id(), &files).unwrap_err();
            let said = format!("{:?}", problem.document(estiba_model::Lang::En));
            assert!(said.contains("leads out"), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn the_targets_of_the_server_win() {
        let config = TargetConfig {
            kind: "docker".to_owned(),
            settings: serde_json::Map::new(),
        };
        let here: Name = "here".parse().unwrap();
        let ours = Descriptions::new(Some(BTreeMap::from([(here.clone(), config)])));
        let project = ours.read(&id(), &described("{ kind: local }")).unwrap();
        assert_eq!(project.targets[&here].kind, "docker");
        let none = Descriptions::new(Some(BTreeMap::new()));
        let problem = none.read(&id(), &described("{ kind: local }")).unwrap_err();
        assert_eq!(problem.document(estiba_model::Lang::En).code, "findings");
    }
}
