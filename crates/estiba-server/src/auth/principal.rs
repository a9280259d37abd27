//! Who asks, and what they may.

use std::collections::BTreeMap;
use std::net::IpAddr;

use estiba_api::{Me, TeamMembership};
use estiba_model::{EnvironmentId, Name, Person, Right, Role, Scope, SecretString, message};
use estiba_store::{NewAuditEntry, TOKEN_PREFIX};
use jiff::Timestamp;
use serde_json::Value;

use super::pipeline::{Untrusted, is_identity_token};
use crate::events::Seen;
use crate::problem::Problem;
use crate::state::App;

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Principal {
    /// A login, `token NAME` or `pipeline PROJECT`.
    pub name: String,
    /// The person's id, where it is one.
    pub person: Option<String>,
    /// Whether they are an admin of everything.
    pub(super) admin: bool,
    /// Whether it is a chat bot that speaks for nobody now.
    pub bot: bool,
    /// From where.
    pub from: Option<IpAddr>,
    pub(super) teams: BTreeMap<Name, Role>,
    /// What the token reaches at the most.
    pub(super) scope: Option<Scope>,
    /// When the token ends, where it does.
    pub ends: Option<Timestamp>,
}

impl Principal {
    /// Refuses what this principal may not do in a team. That a team is there is
    /// told to nobody outside it.
    pub fn need(&self, team: &Name, right: Right) -> Result<(), Problem> {
        let role = self.role_in(team).ok_or_else(Problem::not_found)?;
        // Who may do what in a team is more than a project or an environment of it.
        let is_within = right != Right::Administer || !self.is_narrowed();
        if role.may(right) && is_within {
            return Ok(());
        }
        Err(Problem::forbidden(message!(
            "{} may not do this in {team}",
            "{} no puede hacer esto en {team}",
            self.name
        )))
    }

    /// The same for a project.
    pub fn need_project(&self, team: &Name, project: &Name, right: Right) -> Result<(), Problem> {
        let only = self.only().1;
        if only.is_some_and(|only| only != project) {
            return Err(Problem::not_found());
        }
        self.need(team, right)
    }

    /// The same for an environment.
    pub fn need_environment(&self, id: &EnvironmentId, right: Right) -> Result<(), Problem> {
        self.need_project(&id.team, &id.project, right)?;
        let only = self
            .scope
            .as_ref()
            .map(|scope| scope.environments.as_slice());
        let only = only.unwrap_or_default();
        if right == Right::See
            || only.is_empty()
            || only.iter().any(|one| one.stands_for(&id.environment))
        {
            return Ok(());
        }
        Err(Problem::forbidden(message!(
            "{} may not change {}",
            "{} no puede cambiar {}",
            self.name,
            id.environment
        )))
    }

    /// Refuses all but admins of everything.
    pub fn need_admin(&self) -> Result<(), Problem> {
        if self.is_admin() {
            return Ok(());
        }
        Err(Problem::forbidden(message!(
            "only an admin may do this",
            "solo un docente o administrador puede hacer esto"
        )))
    }

    /// Refuses all but chat bots and admins.
    pub fn need_bot(&self) -> Result<(), Problem> {
        if self.bot || self.is_admin() {
            return Ok(());
        }
        Err(Problem::forbidden(message!(
            "only the token of a bot may do this",
            "solo el token de un bot puede hacer esto"
        )))
    }

    /// Whether this principal is an admin of everything, and its token is too.
    pub fn is_admin(&self) -> bool {
        self.admin && self.sees_all() && self.most() == Role::Admin && !self.is_narrowed()
    }

    /// Whether the token is for less than whole teams.
    fn is_narrowed(&self) -> bool {
        let scope = self.scope.as_ref();
        scope.is_some_and(|scope| scope.project.is_some() || !scope.environments.is_empty())
    }

    /// The only team and project that the token is for.
    fn only(&self) -> (Option<&Name>, Option<&Name>) {
        let scope = self.scope.as_ref();
        scope.map_or((None, None), |scope| {
            (scope.team.as_ref(), scope.project.as_ref())
        })
    }

    /// The teams that this principal may see; `None` stands for all.
    pub fn seen_teams(&self) -> Option<Vec<Name>> {
        match self.only() {
            (Some(team), _) => Some(
                self.own_role(team)
                    .map(|_| team.clone())
                    .into_iter()
                    .collect(),
            ),
            (None, _) if self.admin || self.bot => None,
            (None, _) => Some(self.teams.keys().cloned().collect()),
        }
    }

    /// What happens that this principal may see.
    pub fn seen_happenings(&self) -> Seen {
        match (self.seen_teams(), self.only().1) {
            (teams, Some(project)) => Seen::Project(teams, project.clone()),
            (Some(teams), None) => Seen::Teams(teams),
            (None, None) => Seen::All,
        }
    }

    fn sees_all(&self) -> bool {
        (self.admin || self.bot) && self.only().0.is_none()
    }

    /// What this principal is in a team.
    pub fn role_in(&self, team: &Name) -> Option<Role> {
        self.own_role(team).map(|role| role.min(self.most()))
    }

    /// What it would be with no token that says less.
    pub(super) fn own_role(&self, team: &Name) -> Option<Role> {
        let only = self.only().0;
        match () {
            () if only.is_some_and(|only| only != team) => None,
            () if self.admin => Some(Role::Admin),
            () if self.bot => Some(Role::Viewer),
            () => self.teams.get(team).copied(),
        }
    }

    /// What its token allows at the most.
    pub(super) fn most(&self) -> Role {
        self.scope.as_ref().map_or(Role::Admin, |scope| scope.role)
    }

    /// What a token that this principal makes may reach: no more than it does.
    pub fn may_give(&self, scope: &Scope) -> bool {
        let mine = self.scope.as_ref();
        let narrower = |mine: Option<&Name>, given: Option<&Name>| mine.is_none() || mine == given;
        let most = mine.map_or(Role::Admin, |mine| mine.role);
        let environments = mine
            .map(|mine| mine.environments.as_slice())
            .unwrap_or_default();
        scope.role <= most
            && narrower(mine.and_then(|m| m.team.as_ref()), scope.team.as_ref())
            && narrower(
                mine.and_then(|m| m.project.as_ref()),
                scope.project.as_ref(),
            )
            && (environments.is_empty()
                || !scope.environments.is_empty()
                    && scope.environments.iter().all(|e| environments.contains(e)))
    }

    /// This principal as others see it.
    pub fn me(&self) -> Me {
        let teams = self.teams.keys().filter_map(|team| {
            Some(TeamMembership {
                team: team.clone(),
                role: self.role_in(team)?,
            })
        });
        Me {
            name: self.name.clone(),
            admin: self.is_admin(),
            teams: teams.collect(),
        }
    }

    /// Notes that this principal changed something.
    pub async fn note(
        &self,
        app: &App,
        action: &'static str,
        object: impl Into<String>,
        team: Option<&Name>,
        detail: Value,
    ) -> Result<(), Problem> {
        let entry = NewAuditEntry {
            actor: self.name.clone(),
            from: self.from.map(|from| from.to_string()),
            action,
            object: object.into(),
            team: team.cloned(),
            detail,
        };
        Ok(app.store().note(&entry).await?)
    }

    /// A person with all that they are.
    pub async fn of_person(
        app: &App,
        person: Person,
        scope: Option<Scope>,
        from: Option<IpAddr>,
    ) -> Result<Self, Problem> {
        let teams = app.store().teams_of(&person.id).await?;
        Ok(Self {
            name: person.login,
            person: Some(person.id),
            admin: person.admin,
            bot: false,
            from,
            teams: teams.into_iter().collect(),
            scope,
            ends: None,
        })
    }

    /// Whoever presents this token; within, why it is nobody.
    pub(crate) async fn of_token(
        app: &App,
        token: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Result<Self, Problem>, Problem> {
        if token.expose().starts_with(TOKEN_PREFIX) {
            let found = Self::of_key(app, token, from).await?;
            return Ok(found.ok_or_else(Problem::unauthorized));
        }
        if is_identity_token(token) {
            let found = Self::of_pipeline(app, token, from).await?;
            return Ok(found.map_err(|untrusted| Problem::untrusted(untrusted.message())));
        }
        Ok(Err(Problem::unauthorized()))
    }

    async fn of_key(
        app: &App,
        key: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Option<Self>, Problem> {
        let Some(owner) = app.store().token_of(key).await? else {
            return Ok(None);
        };
        let (scope, ends) = (owner.token.scope, owner.token.expires_at);
        if let Some(id) = owner.person {
            let Some(person) = app.store().person(&id).await? else {
                return Ok(None);
            };
            let person = Self::of_person(app, person, Some(scope), from).await?;
            return Ok(Some(Self { ends, ..person }));
        }
        let bot = scope.role == Role::Bot;
        let teams = match &scope.team {
            Some(team) => BTreeMap::from([(team.clone(), scope.role)]),
            None => BTreeMap::new(),
        };
        Ok(Some(Self {
            name: format!("token {}", owner.token.name),
            person: None,
            // A machine's token of an admin reaches every team up to its role.
            admin: !bot && scope.team.is_none(),
            bot,
            from,
            teams,
            scope: Some(scope),
            ends,
        }))
    }

    /// A pipeline that a rule of a team lets ship.
    async fn of_pipeline(
        app: &App,
        token: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Result<Self, Untrusted>, Problem> {
        let trusts = app.store().trusts(None).await?;
        let trusts = trusts.into_iter().map(|(_, trust)| trust).collect();
        let (trust, project) = match app.issuers.trusted(token, trusts).await {
            Ok(trusted) => trusted,
            Err(untrusted) => return Ok(Err(untrusted)),
        };
        Ok(Ok(Self {
            name: format!("pipeline {project}"),
            person: None,
            admin: false,
            bot: false,
            from,
            teams: BTreeMap::from([(trust.team.clone(), Role::Pipeline)]),
            scope: Some(Scope {
                role: Role::Pipeline,
                team: Some(trust.team),
                project: trust.project,
                environments: trust.environments,
            }),
            ends: None,
        }))
    }

    /// The person of a chat account, for whom a bot speaks.
    pub(super) async fn of_account(self, app: &App, account: &str) -> Result<Self, Problem> {
        self.need_bot()?;
        let account = account.parse().map_err(|_| Problem::unauthorized())?;
        let id = app.store().person_of_chat(account).await?;
        let person = match id {
            Some(id) => app.store().person(&id).await?,
            None => None,
        };
        let Some(person) = person else {
            return Err(Problem::forbidden(message!(
                "this account is linked to nobody",
                "esta cuenta no está vinculada a nadie"
            )));
        };
        Self::of_person(app, person, None, self.from).await
    }
}

#[cfg(test)]
mod tests;
