//! From a folder to a [`Project`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use estiba_model::{
    Diagnostic, Environment, Name, Project, ProjectId, ProjectWorkload, TargetConfig, has_errors,
    message,
};
use estiba_score::yaml::{Document, Recovered, emit, join};
use indexmap::IndexMap;
use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::check::{self, Declared};
use crate::file::{EnvironmentFile, On, PreviewsFile, ProjectFile, checking_schema};
use crate::finding::{Findings, Spot, start_of};
use crate::logs::LogsFile;
use crate::outside::{self, OutsideFile};
use crate::over::Over;
use crate::prune::prune;

/// The name of a project's file.
pub const FILE_NAME: &str = "estiba.yaml";

/// More than any project file has; a longer one is something else.
const MOST_BYTES: u64 = 4 << 20;

/// What came of reading a project.
#[derive(Debug)]
pub struct Loaded {
    /// The project; `None` where any finding is an error.
    pub project: Option<Project>,
    /// Every mistake in the files and across them, in the order of the files.
    /// What only an environment's secrets can tell is left to
    /// [`missing_values`](crate::missing_values) and
    /// [`same_telegram_token`](crate::same_telegram_token).
    pub diagnostics: Vec<Diagnostic>,
}

/// The folder of the nearest `estiba.yaml`, from `start` upwards.
#[must_use]
pub fn find(start: &Path) -> Option<PathBuf> {
    let start = start.canonicalize().ok()?;
    start
        .ancestors()
        .find(|dir| dir.join(FILE_NAME).is_file())
        .map(Path::to_owned)
}

/// Reads and checks the project of a folder, or of an `estiba.yaml`, with its
/// Score files.
#[must_use]
pub fn load(path: &Path) -> Loaded {
    let file = if path.is_dir() {
        beside(path, FILE_NAME)
    } else {
        path.to_owned()
    };
    match read_text(&file) {
        Ok(text) => parse(&file, &text),
        Err(diagnostic) => failed(vec![*diagnostic]),
    }
}

/// The same with what a course says put over it.
#[must_use]
pub fn load_over(folder: &Path, over: &Over<'_>) -> Loaded {
    let file = beside(folder, FILE_NAME);
    match read_text(&file) {
        Ok(text) => read(&file, &text, Sources::Beside, Some(over)),
        Err(diagnostic) => failed(vec![*diagnostic]),
    }
}

/// Reads and checks the text of an `estiba.yaml` as if it were at `file`, with
/// the Score files beside it.
#[must_use]
pub fn parse(file: &Path, text: &str) -> Loaded {
    read(file, text, Sources::Beside, None)
}

/// The same of a folder that has the project's files and not the sources that
/// they are about: what was described to a server.
#[must_use]
pub fn load_description(folder: &Path) -> Loaded {
    let file = beside(folder, FILE_NAME);
    match read_text(&file) {
        Ok(text) => read(&file, &text, Sources::Elsewhere, None),
        Err(diagnostic) => failed(vec![*diagnostic]),
    }
}

/// Where the programs and files are that Score files name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sources {
    /// In the project's folder.
    Beside,
    /// On another machine, which has checked them.
    Elsewhere,
}

fn read(file: &Path, text: &str, sources: Sources, over: Option<&Over<'_>>) -> Loaded {
    let Recovered {
        document,
        mut diagnostics,
    } = Document::recover(file, text);
    let Some(mut document) = document else {
        return failed(diagnostics);
    };
    if let Some(over) = over {
        document.value = over.put_over(&document);
    }
    let document = document;
    diagnostics.extend(estiba_score::schema::validate_with(
        &document, &VALIDATOR, &SCHEMA,
    ));
    let mut findings = Findings::default();
    check::words::check(file, &document.value, &mut findings);

    let mut declared = Declared::of(&document.value);
    check::alerts::check(file, &document.value, &declared.environments, &mut findings);
    check::logs::check(file, &document.value, &mut findings);
    let directory = folder(file);
    let listed = document.value.get("workloads").and_then(Value::as_array);
    let listed = listed.map_or(&[][..], Vec::as_slice);
    let places = Places {
        project_file: file,
        directory: &directory,
        sources,
    };
    let workloads = read_workloads(&places, listed, &mut diagnostics, &mut findings);
    if workloads.len() == listed.len() {
        declared.workloads = Some(workloads.keys().map(Name::to_string).collect());
    }
    let shape = prune(document.value.clone(), &VALIDATOR, &["project", "team"])
        .and_then(|value| serde_json::from_value::<ProjectFile>(value).ok());
    let overlay = over.map(|over| over.document);
    let Some(shape) = shape else {
        diagnostics.extend(findings.into_diagnostics(file, overlay));
        diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
        return failed(diagnostics);
    };
    let mut project = assemble(shape, &document, directory.clone(), workloads);
    let all = project
        .environments
        .values_mut()
        .chain(&mut project.previews);
    all.for_each(|environment| places.read_authorities(environment));
    project.text = match over {
        None => text.to_owned(),
        Some(_) => emit(&document.value),
    };
    findings.extend(check::run(&project, &declared, sources));
    diagnostics.extend(findings.into_diagnostics(file, overlay));
    diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
    Loaded {
        project: (!has_errors(&diagnostics)).then_some(project),
        diagnostics,
    }
}

fn failed(diagnostics: Vec<Diagnostic>) -> Loaded {
    Loaded {
        project: None,
        diagnostics,
    }
}

static SCHEMA: LazyLock<Value> = LazyLock::new(checking_schema);

#[expect(
    clippy::expect_used,
    reason = "the schema is made of this crate's own types; tests compile it"
)]
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::validator_for(&SCHEMA).expect("the schema of estiba.yaml is valid")
});

/// `directory/name` as a person would write it.
pub(crate) fn beside(directory: &Path, name: impl AsRef<Path>) -> PathBuf {
    if directory == Path::new(".") {
        name.as_ref().to_owned()
    } else {
        directory.join(name)
    }
}

/// The folder of a file; never empty.
fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn read_text(file: &Path) -> Result<String, Box<Diagnostic>> {
    let shown = file.display();
    let found = std::fs::metadata(file).and_then(|found| {
        if found.len() > MOST_BYTES {
            return Err(std::io::Error::new(
                ErrorKind::FileTooLarge,
                "more than 4 MiB",
            ));
        }
        std::fs::read_to_string(file)
    });
    found.map_err(|error| {
        Box::new(match error.kind() {
        ErrorKind::NotFound => Diagnostic::error(
            "no-project",
            message!("there is no {shown}", "no existe {shown}"),
        )
        .hint(message!(
            "run `estiba init` in the project's folder to write one, or name another folder",
            "ejecute `estiba init` en la carpeta del proyecto para escribir uno, o indique otra carpeta"
        )),
        _ => Diagnostic::error(
            "unreadable-file",
            message!("{shown} can't be read: {error}", "no se puede leer {shown}: {error}"),
        )
        .at(start_of(file)),
    })
    })
}

/// Where the files of a project are.
struct Places<'p> {
    project_file: &'p Path,
    directory: &'p Path,
    sources: Sources,
}

impl Places<'_> {
    /// A file that the project names. A description has what is in its folder alone:
    /// whoever sends one has no business with other files of the server.
    fn named(&self, path: &str) -> Option<PathBuf> {
        let stays = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        let is_allowed = self.sources == Sources::Beside || Path::new(path).components().all(stays);
        is_allowed.then(|| beside(self.directory, path))
    }

    /// Reads the certificates that the services outside are trusted by.
    fn read_authorities(&self, environment: &mut Environment) {
        for service in environment.outside.values_mut() {
            let file = service.ca.as_deref().and_then(|file| self.named(file));
            service.ca_text = file.and_then(|file| std::fs::read_to_string(file).ok());
        }
    }
}

/// What `listed`, the list of the file as it is written, names. Items that are
/// no texts were told by the schema.
fn read_workloads(
    places: &Places<'_>,
    listed: &[Value],
    diagnostics: &mut Vec<Diagnostic>,
    findings: &mut Findings,
) -> BTreeMap<Name, ProjectWorkload> {
    let mut workloads: BTreeMap<Name, ProjectWorkload> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let paths = listed.iter().enumerate();
    for (index, path) in paths.filter_map(|(index, item)| Some((index, item.as_str()?))) {
        let spot = Spot::value(places.project_file, &["workloads", &index.to_string()]);
        let Some(file) = places.named(path) else {
            findings.error(
                "missing-file",
                spot,
                message!(
                    "{path} leads out of the project's folder",
                    "{path} lleva fuera de la carpeta del proyecto"
                ),
                message!(
                    "what a server is to deploy has all its Score files below estiba.yaml",
                    "lo que despliega un servidor tiene todos sus archivos Score debajo de estiba.yaml"
                ),
            );
            continue;
        };
        if !seen.insert(file.clone()) {
            findings.error(
                "duplicate-workload",
                spot,
                message!(
                    "{path} is listed twice",
                    "{path} está dos veces en la lista"
                ),
                message!("remove one of the two", "quite una de las dos"),
            );
            continue;
        }
        if !file.is_file() {
            findings.error(
                "missing-file",
                spot,
                message!(
                    "there is no Score file {path}",
                    "no existe el archivo Score {path}"
                ),
                missing_score_hint(&file, path),
            );
            continue;
        }
        let parsed = estiba_score::read(&file);
        diagnostics.extend(parsed.diagnostics);
        let Some(workload) = parsed.workload else {
            continue;
        };
        if let Some(first) = workloads.get(&workload.name) {
            let (name, first) = (&workload.name, first.file.display());
            findings.error(
                "duplicate-workload",
                Spot::value(&file, &["metadata", "name"]),
                message!(
                    "the workload of {first} is named \"{name}\" too",
                    "el componente de {first} también se llama «{name}»"
                ),
                message!(
                    "give each workload of a project a name of its own",
                    "dé a cada componente del proyecto un nombre propio"
                ),
            );
            continue;
        }
        let directory = folder(&file);
        let name = workload.name.clone();
        workloads.insert(
            name,
            ProjectWorkload {
                workload,
                file,
                directory,
            },
        );
    }
    workloads
}

fn missing_score_hint(file: &Path, path: &str) -> estiba_model::Message {
    if file.join("score.yaml").is_file() {
        let path = path.trim_end_matches('/');
        return message!(
            "{path} is a folder: write {path}/score.yaml",
            "{path} es una carpeta: escriba {path}/score.yaml"
        );
    }
    message!(
        "correct the path, which is relative to estiba.yaml, or let `estiba init` show how such a file begins",
        "corrija la ruta, que es relativa a estiba.yaml, o vea con `estiba init` cómo empieza un archivo así"
    )
}

fn assemble(
    file: ProjectFile,
    document: &Document,
    directory: PathBuf,
    workloads: BTreeMap<Name, ProjectWorkload>,
) -> Project {
    let outside = file.outside;
    let environments: IndexMap<Name, Environment> = file
        .environments
        .into_iter()
        .map(|(name, environment)| {
            let config = join(&join("/environments", name.as_str()), "config");
            let written = |key: &str| document.written(&join(&config, key));
            let environment = environment_of(environment, &outside, &workloads, &written);
            (name, environment)
        })
        .collect();
    let previews = file
        .previews
        .and_then(|previews| preview_of(previews, document, &environments));
    let alerts = file.alerts.into_iter();
    let alerts = alerts.map(|(name, alert)| (name, alert.alert()));
    let alerts = alerts.collect();
    let logs = file.logs.map(LogsFile::logs);
    let targets = file
        .targets
        .into_iter()
        .map(|(name, target)| {
            (
                name,
                TargetConfig {
                    kind: target.kind,
                    settings: target.settings,
                },
            )
        })
        .collect();
    Project {
        id: ProjectId {
            team: file.team,
            project: file.project,
        },
        directory,
        text: String::new(),
        workloads,
        registry: file.registry,
        targets,
        environments,
        previews,
        alerts,
        logs,
    }
}

/// What previews are: as another environment, but for what they say themselves.
fn preview_of(
    file: PreviewsFile,
    document: &Document,
    environments: &IndexMap<Name, Environment>,
) -> Option<Environment> {
    let mut preview = environments.get(&file.like)?.clone();
    preview.after = None;
    preview.approve = false;
    preview.replicas.extend(file.replicas);
    for (key, value) in file.config {
        let text = value.into_text(document.written(&join("/previews/config", &key)));
        preview.config.insert(key, text);
    }
    Some(preview)
}

fn environment_of<'d>(
    file: EnvironmentFile,
    outside: &BTreeMap<Name, OutsideFile>,
    workloads: &BTreeMap<Name, ProjectWorkload>,
    written: &dyn Fn(&str) -> &'d str,
) -> Environment {
    let placement = match file.on {
        On::All(target) => workloads
            .keys()
            .map(|name| (name.clone(), target.clone()))
            .collect(),
        On::Each(placement) => placement,
    };
    let config = file.config.into_iter().map(|(key, value)| {
        let text = value.into_text(written(&key));
        (key, text)
    });
    let resources = file.resources.into_iter().map(|(kind, settings)| {
        let settings = settings
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)));
        (kind, settings.collect::<Map<_, _>>())
    });
    Environment {
        placement,
        after: file.after,
        approve: file.approve,
        acceptance: file.acceptance,
        reset: file.reset,
        replicas: file.replicas,
        config: config.collect(),
        resources: resources.collect(),
        outside: outside::of_environment(outside, &file.outside),
    }
}
