//! What a team lacks of what its course says.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Message, Name, Role, Version, message};
use serde::Serialize;

use crate::{Course, Holder, Team};

/// What there is of a team.
#[derive(Debug, Clone, Default)]
pub struct ObservedTeam {
    /// Whether the team itself is there.
    pub exists: bool,
    /// Its members, and what they are.
    pub members: BTreeMap<String, Role>,
    /// Its tokens that have not ended: their names, and for whom they are.
    pub tokens: BTreeSet<(String, Option<String>)>,
    /// Tokens whose making was interrupted: their keys are lost.
    pub lost: BTreeSet<(String, Option<String>)>,
    /// Members who have linked a chat account, or have a code for it.
    pub chats: BTreeSet<String>,
    /// The secrets that the files name and the environments lack, or have older.
    pub secrets: BTreeMap<Name, Vec<String>>,
    /// What the environments run.
    pub environments: BTreeMap<Name, Runs>,
}

/// What an environment runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Runs {
    /// Nothing.
    Nothing,
    /// The release that the course would deploy, with so many steps to what it
    /// should be.
    Same {
        /// How many, where that can be told.
        steps: Option<usize>,
    },
    /// Another one.
    Other(Version),
    /// That can't be told.
    Unknown(Message),
}

/// Something to do for a team.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Make the team.
    MakeTeam,
    /// Put somebody into it, or change what they are.
    Admit {
        /// Who.
        login: String,
        /// What they are to be.
        role: Role,
    },
    /// Make a token and write its key down.
    MakeToken {
        /// Its name.
        name: Name,
        /// For whom; for a machine where nobody is named.
        login: Option<String>,
        /// Whether there is one whose key is lost, which ends.
        replaces: bool,
    },
    /// Make a code that links a chat account, and write it down.
    MakeChatCode {
        /// For whom.
        login: String,
    },
    /// Keep secrets.
    SetSecrets {
        /// Of which environment.
        environment: Name,
        /// Their names.
        names: Vec<String>,
    },
    /// Take a release to an environment.
    Deploy {
        /// Which environment.
        environment: Name,
        /// Which release; that of the team's project.
        version: Version,
        /// How many steps it takes, where that is known beforehand.
        steps: Option<usize>,
    },
}

/// What is to be done for a team, and what is left as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TeamPlan {
    /// The team.
    pub team: Name,
    /// In their order.
    pub actions: Vec<Action>,
    /// Environments that run a release of the team's own, which stays.
    pub kept: BTreeMap<Name, Version>,
    /// Why something can't be told. It is not done either.
    pub problems: Vec<Message>,
}

/// What a team lacks. `version` is what its project would be released as; with
/// `update`, environments that run another release get it too.
#[must_use]
pub fn plan(
    course: &Course,
    name: &Name,
    team: &Team,
    observed: &ObservedTeam,
    version: Option<&Version>,
    update: bool,
) -> TeamPlan {
    let mut actions = Vec::new();
    if !observed.exists {
        actions.push(Action::MakeTeam);
    }
    for (login, role) in &team.members {
        if observed.members.get(login) != Some(role) {
            let (login, role) = (login.clone(), *role);
            actions.push(Action::Admit { login, role });
        }
    }
    actions.extend(tokens(course, team, observed));
    if course.chat {
        let unlinked = team
            .members
            .keys()
            .filter(|one| !observed.chats.contains(*one));
        actions.extend(
            unlinked
                .cloned()
                .map(|login| Action::MakeChatCode { login }),
        );
    }
    let mut plan = TeamPlan {
        team: name.clone(),
        actions,
        kept: BTreeMap::new(),
        problems: Vec::new(),
    };
    if let (Some(project), Some(version)) = (&team.project, version) {
        for environment in in_order(project) {
            let before = project.environments[environment].after.as_ref();
            // It takes what its team ships there; that is theirs to do.
            if before.is_some_and(|before| plan.kept.contains_key(before)) {
                keep(environment, observed, &mut plan);
                continue;
            }
            of_environment(environment, observed, version, update, &mut plan);
        }
    }
    plan
}

fn tokens<'o>(
    course: &'o Course,
    team: &'o Team,
    observed: &'o ObservedTeam,
) -> impl Iterator<Item = Action> + 'o {
    let wanted = course.tokens.iter().flat_map(|(name, token)| {
        let logins: Vec<Option<String>> = match token.holder {
            Holder::Machine => vec![None],
            Holder::Members => team.members.keys().cloned().map(Some).collect(),
        };
        logins.into_iter().map(move |login| (name, login))
    });
    wanted.filter_map(|(name, login)| {
        let key = (name.to_string(), login);
        let replaces = observed.lost.contains(&key);
        (replaces || !observed.tokens.contains(&key)).then(|| Action::MakeToken {
            name: name.clone(),
            login: key.1,
            replaces,
        })
    })
}

fn of_environment(
    environment: &Name,
    observed: &ObservedTeam,
    version: &Version,
    update: bool,
    plan: &mut TeamPlan,
) {
    let names = observed
        .secrets
        .get(environment)
        .cloned()
        .unwrap_or_default();
    let has_new_secrets = !names.is_empty();
    if has_new_secrets {
        plan.actions.push(Action::SetSecrets {
            environment: environment.clone(),
            names,
        });
    }
    let mut deploy = |steps| {
        plan.actions.push(Action::Deploy {
            environment: environment.clone(),
            version: version.clone(),
            steps,
        });
    };
    match observed.environments.get(environment) {
        None | Some(Runs::Nothing) => deploy(None),
        Some(Runs::Same { steps: Some(0) }) if !has_new_secrets => {}
        Some(Runs::Same { steps }) => deploy(steps.filter(|_| !has_new_secrets)),
        Some(Runs::Other(_)) if update => deploy(None),
        Some(Runs::Other(_)) => keep(environment, observed, plan),
        Some(Runs::Unknown(why)) => plan.problems.push(why.clone()),
    }
}

/// Leaves an environment as it is.
fn keep(environment: &Name, observed: &ObservedTeam, plan: &mut TeamPlan) {
    if let Some(Runs::Other(own)) = observed.environments.get(environment) {
        plan.kept.insert(environment.clone(), own.clone());
    }
}

/// The environments, each after that whose releases it takes.
fn in_order(project: &estiba_model::Project) -> Vec<&Name> {
    let mut order: Vec<&Name> = Vec::new();
    while order.len() < project.environments.len() {
        let next = project.environments.iter().find(|(name, environment)| {
            let is_free = environment
                .after
                .as_ref()
                .is_none_or(|before| order.contains(&before));
            is_free && !order.contains(name)
        });
        match next {
            Some((name, _)) => order.push(name),
            // A circle, which the project's own check tells.
            None => break,
        }
    }
    order
}

impl TeamPlan {
    /// Of a team that nothing can be told about.
    #[must_use]
    pub fn unknown(team: &Name, why: Vec<Message>) -> Self {
        Self {
            team: team.clone(),
            actions: Vec::new(),
            kept: BTreeMap::new(),
            problems: why,
        }
    }

    /// Whether nothing is to be done and all could be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.problems.is_empty()
    }

    /// How many of its environments get a release.
    #[must_use]
    pub fn deployments(&self) -> usize {
        let actions = self.actions.iter();
        actions
            .filter(|action| matches!(action, Action::Deploy { .. }))
            .count()
    }
}

impl Action {
    /// What is done, for people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::MakeTeam => message!("make the team", "crear el equipo"),
            Self::Admit { login, role } => {
                let role = role_word(*role);
                message!(
                    "admit {login} as {role}",
                    "incorporar a {login} como {role}"
                )
            }
            Self::MakeToken {
                name,
                login,
                replaces,
            } => {
                let what = match login {
                    Some(login) => message!(
                        "make the token {name} of {login}",
                        "crear el token {name} de {login}"
                    ),
                    None => message!("make the token {name}", "crear el token {name}"),
                };
                match replaces {
                    false => what,
                    true => Message {
                        en: what.en + " again: the key of the one there is was not written down",
                        es: what.es + " de nuevo: la clave del que hay no quedó escrita",
                    },
                }
            }
            Self::MakeChatCode { login } => message!(
                "make a code with which {login} links a chat account",
                "crear un código con el que {login} vincula su cuenta del chat"
            ),
            Self::SetSecrets { environment, names } => {
                let names = names.join(", ");
                message!(
                    "{environment}: set the secrets {names}",
                    "{environment}: definir los secretos {names}"
                )
            }
            Self::Deploy {
                environment,
                version,
                steps: None,
            } => message!(
                "{environment}: deploy {version}",
                "{environment}: desplegar {version}"
            ),
            Self::Deploy {
                environment,
                version,
                steps: Some(steps),
            } => message!(
                "{environment}: put {version} right: {steps} steps",
                "{environment}: corregir {version}: {steps} pasos"
            ),
        }
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Shipper => "shipper",
        Role::Bot => "bot",
        Role::Viewer => "viewer",
        Role::Pipeline => "pipeline",
        Role::Member => "member",
        Role::Admin => "admin",
    }
}
