//! Which files an import reads, what they are, and of which environment.

use std::path::{Path, PathBuf};

use estiba_model::message;

use crate::files::{Files, Kind};
use crate::report::{Report, start_of};

/// Whose files they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    Kubernetes,
    Compose,
    Heroku,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "Kubernetes",
            Self::Compose => "Compose",
            Self::Heroku => "Heroku",
        }
    }
}

/// A file to read.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub text: String,
    /// What its name says about the environment that it is for.
    pub environment: Option<String>,
}

/// The files of one format.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub format: Option<Format>,
    pub files: Vec<Source>,
}

/// The files of the format that comes first among what `paths` name.
pub(crate) fn find(files: &dyn Files, paths: &[PathBuf], report: &mut Report) -> Sources {
    let mut found: Vec<(Format, Source)> = Vec::new();
    for path in paths {
        match files.kind(path) {
            Kind::Missing => report.error(
                "missing-file",
                start_of(path),
                message!(
                    "there is no {path}",
                    "no existe {path}",
                    path = path.display()
                ),
                message!("correct the path", "corrija la ruta"),
            ),
            Kind::File => match read(files, path, path.parent().unwrap_or(path)) {
                Some(known) => found.push(known),
                None => unknown(path, report),
            },
            Kind::Folder => {
                let below = files.below(path);
                found.extend(below.iter().filter_map(|file| read(files, file, path)));
            }
        }
    }
    let Some(format) = found.iter().map(|(format, _)| *format).min() else {
        if paths.iter().any(|path| files.kind(path) == Kind::Folder) {
            report.nothing_runs(&paths[0]);
        }
        return Sources::default();
    };
    let (chosen, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(f, _)| *f == format);
    for (other, source) in others {
        let (other, name) = (other.name(), format.name());
        report.warn(
            "not-read",
            start_of(&source.path),
            message!(
                "this {other} file was not read, since there are {name} files too",
                "este archivo de {other} no se leyó, porque también hay archivos de {name}"
            ),
            message!(
                "name it on the command line to import from it instead",
                "nómbrelo en la línea de comandos para importar desde él"
            ),
        );
    }
    Sources {
        format: Some(format),
        files: chosen.into_iter().map(|(_, source)| source).collect(),
    }
}

fn unknown(path: &Path, report: &mut Report) {
    let shown = path.display();
    report.error(
        "unknown-format",
        start_of(path),
        message!(
            "{shown} is no Compose file, no Kubernetes manifest, no Procfile, app.json or {{environment}}.config.json",
            "{shown} no es un archivo Compose, ni un manifiesto de Kubernetes, ni un Procfile, app.json o {{ambiente}}.config.json"
        ),
        message!(
            "a Compose file has `services`; a manifest has `apiVersion` and `kind`",
            "un archivo Compose tiene `services`; un manifiesto tiene `apiVersion` y `kind`"
        ),
    );
}

fn read(files: &dyn Files, path: &Path, root: &Path) -> Option<(Format, Source)> {
    let name = path.file_name()?.to_str()?;
    let heroku = name == "Procfile" || name == "app.json" || name.ends_with(".config.json");
    let yaml = [".yml", ".yaml"].iter().any(|end| name.ends_with(end));
    let json = name.ends_with(".json");
    if !heroku && !yaml && !json {
        return None;
    }
    let text = files.text(path)?;
    let format = if heroku {
        Format::Heroku
    } else {
        format_of(&text)?
    };
    let environment = environment_of(path.strip_prefix(root).unwrap_or(path));
    let path = path.to_owned();
    Some((
        format,
        Source {
            path,
            text,
            environment,
        },
    ))
}

/// By the keys that lines begin with: a file with a mistake is of a format too.
fn format_of(text: &str) -> Option<Format> {
    let has = |key: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches(['-', ' ', '"', '{', '\t']);
            let rest = line.strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start_matches(['"', ' ']).starts_with(':'))
        })
    };
    let begins = |key: &str| text.lines().any(|line| line.starts_with(key));
    if has("apiVersion") && has("kind") && !text.contains("score.dev/v1b1") {
        Some(Format::Kubernetes)
    } else if begins("services:") {
        Some(Format::Compose)
    } else {
        None
    }
}

/// Words that name environments, in the order in which releases go through them.
const ENVIRONMENTS: [&str; 14] = [
    "local",
    "dev",
    "development",
    "ci",
    "test",
    "testing",
    "qa",
    "uat",
    "stage",
    "staging",
    "preprod",
    "demo",
    "prod",
    "production",
];

/// Whether a word names an environment.
pub(crate) fn is_environment(word: &str) -> bool {
    ENVIRONMENTS.contains(&word)
}

/// Environments in the order in which a release goes through them; those of
/// other names in between, by name.
pub(crate) fn in_order(environments: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut environments: Vec<String> = environments.into_iter().collect();
    let rank = |name: &str| {
        let known = ENVIRONMENTS.iter().position(|known| *known == name);
        // Before what comes right before production.
        known.unwrap_or(9)
    };
    environments.sort_by(|a, b| (rank(a), a).cmp(&(rank(b), b)));
    environments.dedup();
    environments
}

/// The environment that a path, from the root of the import, speaks of: `prod.config.json`,
/// `docker-compose.prod.yml`, `overlays/prod/api.yaml`, `.env.prod`.
pub(crate) fn environment_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    // What stands before these names an environment, whatever its name.
    for end in [".config.json", ".configmap.yaml", ".configmap.yml"] {
        if let Some(environment) = name.strip_suffix(end) {
            return estiba_project::name_of(environment);
        }
    }
    let words = name.split(['.', '-', '_']).map(str::to_lowercase);
    let of_name = words.into_iter().find(|word| is_environment(word));
    let folders = path.parent().into_iter().flat_map(Path::components).rev();
    of_name.or_else(|| {
        let folders = folders.filter_map(|folder| folder.as_os_str().to_str());
        let mut folders = folders.map(str::to_lowercase);
        folders.find(|folder| is_environment(folder))
    })
}
