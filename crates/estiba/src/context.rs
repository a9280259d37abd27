//! What a command works with: language, project, engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use estiba_api::{Client, github_identity};
use estiba_engine::Engine;
use estiba_image::ImageStore;
use estiba_model::{Diagnostic, Lang, Name, Project, SecretString, has_errors, message};
use estiba_store::{KEY_FILE, Location, SealKey, Store};

use crate::backend::{Backend, Here, There};
use crate::cli::Global;
use crate::failure::Failure;
use crate::output::Output;
use crate::paths::Paths;
use crate::targets::{self, Adapters};

/// The variable with the URL of a PostgreSQL that keeps the state.
const DATABASE_VARIABLE: &str = "ESTIBA_DATABASE_URL";

/// The variable with the address of a server that carries out commands.
const URL_VARIABLE: &str = "ESTIBA_URL";
/// The variable with the token that is shown to it.
pub const TOKEN_VARIABLE: &str = "ESTIBA_TOKEN";

/// What a command works with.
pub struct Context {
    /// How results are shown.
    pub output: Output,
    project_dir: Option<PathBuf>,
    /// The environment that the command is about; it may be a preview.
    environment: Option<Name>,
}

impl Context {
    /// From the options of every command.
    pub fn new(global: &Global) -> Self {
        Self {
            output: Output::new(language(global), global.json),
            project_dir: global.project.clone(),
            environment: None,
        }
    }

    /// The same about an environment, where the command names one.
    pub fn about(mut self, environment: Option<&Name>) -> Self {
        self.environment = environment.cloned();
        self
    }

    /// The same with the project in `dir`, where one is given.
    pub fn at(mut self, dir: Option<PathBuf>) -> Self {
        self.project_dir = dir.or(self.project_dir);
        self
    }

    /// Reads and checks the project.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn project(&self) -> Result<Project, Failure> {
        let (project, findings) = self.project_with_findings()?;
        match project {
            Some(project) if !has_errors(&findings) => {
                self.output.diagnostics(&findings);
                Ok(project)
            }
            _ => Err(Failure::Findings(findings)),
        }
    }

    /// Reads and checks the project, and tells all that was found.
    ///
    /// # Errors
    /// When there is no project.
    pub fn project_with_findings(&self) -> Result<(Option<Project>, Vec<Diagnostic>), Failure> {
        let path = match &self.project_dir {
            Some(dir) => dir.clone(),
            None => self.nearest_project()?,
        };
        let loaded = estiba_project::load(&path);
        let project = loaded.project.map(|project| match &self.environment {
            Some(environment) => project.including(environment),
            None => project,
        });
        Ok((project, loaded.diagnostics))
    }

    /// The folder of `-C`, or this one.
    pub fn folder(&self) -> &Path {
        self.project_dir.as_deref().unwrap_or(Path::new("."))
    }

    /// The folder with the pipeline's file: that of `-C`, or the nearest above.
    ///
    /// # Errors
    /// When there is none.
    pub fn repository(&self, file: &Path) -> Result<PathBuf, Failure> {
        let start = self.folder().to_owned();
        let mut folder = start.clone();
        let is_fixed = self.project_dir.is_some();
        while folder.is_dir() {
            if folder.join(file).is_file() {
                return Ok(folder);
            }
            let is_top = folder
                .canonicalize()
                .is_ok_and(|folder| folder.parent().is_none());
            if is_fixed || is_top {
                break;
            }
            folder = match folder == Path::new(".") {
                true => "..".into(),
                false => folder.join(".."),
            };
        }
        let (start, file) = (start.display(), file.display());
        Err(Failure::because(message!(
            "there is no {file} in {start} or above; `estiba ci gitlab` writes one",
            "no hay un {file} en {start} ni más arriba; `estiba ci gitlab` escribe uno"
        )))
    }

    fn nearest_project(&self) -> Result<PathBuf, Failure> {
        let here =
            std::env::current_dir().map_err(|error| Failure::file(Path::new("."), &error))?;
        estiba_project::find(&here).ok_or_else(|| {
            let here = here.display();
            Failure::because(message!(
                "there is no estiba.yaml in {here} or above; `estiba init` writes a first one",
                "no hay un estiba.yaml en {here} ni más arriba; `estiba init` escribe uno"
            ))
        })
    }

    /// The engine over this user's state.
    ///
    /// # Errors
    /// When the state can't be opened.
    pub async fn engine(&self) -> Result<Engine, Failure> {
        let paths = Paths::of_user().map_err(Failure::because)?;
        let key = SealKey::from_environment(&paths.state.join(KEY_FILE), || self.ask_passphrase())
            .map_err(|error| Failure::because(error.message()))?;
        let location = match std::env::var(DATABASE_VARIABLE) {
            Ok(url) => Location::Postgres(SecretString::new(url)),
            Err(_) => Location::Sqlite(paths.state.clone()),
        };
        let store = Store::open(&location, key).await?;
        let adapters = self.adapters()?;
        let images = adapters.images.clone();
        let program = targets::helper().map_err(Failure::because)?;
        let engine = Engine::new(store, images, Arc::new(adapters), program);
        Ok(engine.keeping_aside_in(paths.state.join("emptied")))
    }

    /// What carries out commands: the server that `ESTIBA_URL` names, or the
    /// engine in this process.
    ///
    /// # Errors
    /// When the state can't be opened, or the server's address is none.
    pub async fn backend(&self) -> Result<Box<dyn Backend>, Failure> {
        self.backend_over(self.engine().await?).await
    }

    /// The same with an engine that is there already.
    ///
    /// # Errors
    /// When the server's address is none.
    pub async fn backend_over(&self, engine: Engine) -> Result<Box<dyn Backend>, Failure> {
        match self.client().await? {
            Some(client) => Ok(Box::new(There::new(client, engine))),
            None => Ok(Box::new(Here(engine))),
        }
    }

    /// Whether a server carries out commands.
    pub fn is_remote(&self) -> bool {
        server_url().is_some()
    }

    /// The client of the server that `ESTIBA_URL` names, where it does.
    ///
    /// # Errors
    /// When that is no address of a server.
    pub async fn client(&self) -> Result<Option<Client>, Failure> {
        let Some(url) = server_url() else {
            return Ok(None);
        };
        let token = std::env::var(TOKEN_VARIABLE).ok();
        let token = match token.filter(|token| !token.is_empty()) {
            Some(token) => Some(SecretString::new(token)),
            None => github_identity(&url).await?,
        };
        Ok(Some(Client::new(&url, token, self.output.lang)?))
    }

    fn ask_passphrase(&self) -> Option<SecretString> {
        if !self.output.can_ask() {
            return None;
        }
        let prompt = message!("passphrase of the key: ", "frase de paso de la clave: ");
        let passphrase = rpassword::prompt_password(self.output.say(&prompt)).ok()?;
        Some(SecretString::new(passphrase))
    }

    /// The adapters of this machine.
    ///
    /// # Errors
    /// When the image store can't be opened.
    pub fn adapters(&self) -> Result<Adapters, Failure> {
        let paths = Paths::of_user().map_err(Failure::because)?;
        let images =
            ImageStore::open(&paths.images).map_err(|error| Failure::because(error.message()))?;
        Ok(Adapters {
            local_root: paths.state.join("local"),
            images,
        })
    }

    /// The environment that was named, or the project's first.
    ///
    /// # Errors
    /// When the project has none.
    pub fn environment(&self, project: &Project, named: Option<Name>) -> Result<Name, Failure> {
        named
            .or_else(|| project.environments.keys().next().cloned())
            .ok_or_else(|| {
                Failure::because(message!(
                    "estiba.yaml has no environment",
                    "estiba.yaml no tiene ningún ambiente"
                ))
            })
    }
}

fn server_url() -> Option<String> {
    std::env::var(URL_VARIABLE)
        .ok()
        .filter(|url| !url.is_empty())
}

/// The language that was asked for, or that of the locale.
pub fn language(global: &Global) -> Lang {
    if let Some(lang) = global.lang {
        return lang.into();
    }
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .filter_map(|variable| std::env::var(variable).ok())
        .find(|locale| !locale.is_empty())
        .map_or(Lang::En, |locale| Lang::from_locale(&locale))
}
