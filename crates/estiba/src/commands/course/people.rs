//! Who knows the people of a course: a server, or the state of this user.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use estiba_api::{
    ChatCode, ChatState, Client, CreatedToken, NewChatCode, NewMember, NewTeam, NewTokenBody,
};
use estiba_engine::Engine;
use estiba_model::{Member, Name, Role, Team, Token, message};
use jiff::{Timestamp, ToSpan};
use reqwest::Method;

use crate::failure::Failure;

/// For how long a code is valid that a teacher hands out.
const CODE_HOURS: u32 = 7 * 24;

/// Who knows the people.
#[async_trait]
pub trait People: Send + Sync {
    /// The teams that there are.
    async fn teams(&self) -> Result<BTreeSet<Name>, Failure>;

    /// The members of a team.
    async fn members(&self, team: &Name) -> Result<BTreeMap<String, Role>, Failure>;

    /// All tokens that have not ended.
    async fn tokens(&self) -> Result<Vec<Token>, Failure>;

    /// The members of a team who are in the chat, or have a code to come in.
    async fn in_chat(&self, team: &Name) -> Result<BTreeSet<String>, Failure>;

    /// Makes a team.
    async fn make_team(&self, team: &Name) -> Result<(), Failure>;

    /// Puts somebody into a team.
    async fn admit(&self, team: &Name, login: &str, role: Role) -> Result<(), Failure>;

    /// Makes a token.
    async fn make_token(&self, new: &NewTokenBody) -> Result<CreatedToken, Failure>;

    /// Ends a token.
    async fn end_token(&self, id: &str) -> Result<(), Failure>;

    /// Makes a code that links a member's account of the chat.
    async fn make_code(&self, team: &Name, login: &str) -> Result<ChatCode, Failure>;
}

fn alive(mut tokens: Vec<Token>) -> Vec<Token> {
    let now = Timestamp::now();
    tokens.retain(|token| token.expires_at.is_none_or(|end| end > now));
    tokens
}

fn by_login(members: Vec<Member>) -> BTreeMap<String, Role> {
    let members = members.into_iter();
    members.map(|member| (member.login, member.role)).collect()
}

/// By a server.
pub struct OfServer(pub Client);

fn of_team(team: &Name, what: &str) -> String {
    format!("/api/v1/teams/{team}/{what}")
}

#[async_trait]
impl People for OfServer {
    async fn teams(&self) -> Result<BTreeSet<Name>, Failure> {
        let teams: Vec<Team> = self.0.all("/api/v1/teams").await?;
        Ok(teams.into_iter().map(|team| team.name).collect())
    }

    async fn members(&self, team: &Name) -> Result<BTreeMap<String, Role>, Failure> {
        Ok(by_login(self.0.all(&of_team(team, "members")).await?))
    }

    async fn tokens(&self) -> Result<Vec<Token>, Failure> {
        Ok(alive(self.0.all("/api/v1/tokens").await?))
    }

    async fn in_chat(&self, team: &Name) -> Result<BTreeSet<String>, Failure> {
        let states: Vec<ChatState> = self.0.all(&of_team(team, "chats")).await?;
        let known = states
            .into_iter()
            .filter(|one| one.linked || one.code_expires_at.is_some());
        Ok(known.map(|one| one.login).collect())
    }

    async fn make_team(&self, team: &Name) -> Result<(), Failure> {
        let new = NewTeam { name: team.clone() };
        let _made: Team = self.0.call(Method::POST, "/api/v1/teams", &new).await?;
        Ok(())
    }

    async fn admit(&self, team: &Name, login: &str, role: Role) -> Result<(), Failure> {
        let login = login.to_owned();
        let new = NewMember { login, role };
        let path = of_team(team, "members");
        let _admitted: Member = self.0.call(Method::POST, &path, &new).await?;
        Ok(())
    }

    async fn make_token(&self, new: &NewTokenBody) -> Result<CreatedToken, Failure> {
        Ok(self.0.call(Method::POST, "/api/v1/tokens", new).await?)
    }

    async fn end_token(&self, id: &str) -> Result<(), Failure> {
        Ok(self.0.remove(&format!("/api/v1/tokens/{id}")).await?)
    }

    async fn make_code(&self, team: &Name, login: &str) -> Result<ChatCode, Failure> {
        let new = NewChatCode {
            login: login.to_owned(),
            hours: CODE_HOURS,
        };
        let path = of_team(team, "chats");
        Ok(self.0.call(Method::POST, &path, &new).await?)
    }
}

/// By the state of this user, for the server that will run on it.
pub struct OfState(pub Engine);

#[async_trait]
impl People for OfState {
    async fn teams(&self) -> Result<BTreeSet<Name>, Failure> {
        let teams = self.0.store().teams().await?;
        Ok(teams.into_iter().map(|team| team.name).collect())
    }

    async fn members(&self, team: &Name) -> Result<BTreeMap<String, Role>, Failure> {
        Ok(by_login(self.0.store().members(team).await?))
    }

    async fn tokens(&self) -> Result<Vec<Token>, Failure> {
        Ok(alive(self.0.store().tokens(None).await?))
    }

    async fn in_chat(&self, team: &Name) -> Result<BTreeSet<String>, Failure> {
        let members = self.0.store().chat_members(team).await?;
        let known = members
            .into_iter()
            .filter(|one| one.linked || one.code_expires_at.is_some());
        Ok(known.map(|one| one.login).collect())
    }

    async fn make_team(&self, team: &Name) -> Result<(), Failure> {
        self.0.store().add_team(team).await?;
        Ok(())
    }

    async fn admit(&self, team: &Name, login: &str, role: Role) -> Result<(), Failure> {
        let store = self.0.store();
        let person = store.person_of_login(login).await?;
        Ok(store.set_member(team, &person.id, role).await?)
    }

    async fn make_token(&self, new: &NewTokenBody) -> Result<CreatedToken, Failure> {
        let store = self.0.store();
        let person = match &new.login {
            Some(login) => Some(store.person_of_login(login).await?.id),
            None => None,
        };
        let hours = new.days.map(|days| (i64::from(days) * 24).hours());
        let expires_at = hours.and_then(|hours| Timestamp::now().checked_add(hours).ok());
        let (person, scope) = (person.as_deref(), new.scope.clone());
        let made = store
            .add_token(&new.name, person, scope, expires_at)
            .await?;
        Ok(CreatedToken {
            token: made.token,
            key: made.key.expose().to_owned(),
        })
    }

    async fn end_token(&self, id: &str) -> Result<(), Failure> {
        self.0.store().revoke_token(id).await?;
        Ok(())
    }

    async fn make_code(&self, team: &Name, login: &str) -> Result<ChatCode, Failure> {
        let store = self.0.store();
        let members = store.members(team).await?;
        let Some(member) = members.into_iter().find(|member| member.login == login) else {
            return Err(Failure::because(message!(
                "{login} is not in {team}",
                "{login} no está en {team}"
            )));
        };
        let until = Timestamp::now().checked_add(i64::from(CODE_HOURS).hours());
        let expires_at = until.map_err(|error| {
            let error = error.to_string();
            Failure::because(estiba_model::Message::verbatim(error))
        })?;
        let code = store.chat_code(&member.person, expires_at).await?;
        Ok(ChatCode { code, expires_at })
    }
}
