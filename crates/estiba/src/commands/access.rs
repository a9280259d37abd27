//! `estiba team`, `token`, `approve`, `audit` and `chat-code`: who may do what,
//! and who did. A server knows; without one, only its first admin can be made.

use estiba_api::{
    ApprovalDecision, Asked, ChatCode, Client, CreatedToken, Figures, NewMember, NewTeam,
    NewTokenBody, Page,
};
use estiba_model::{Approval, AuditEntry, Member, Message, Name, Role, Team, Token, message};
use jiff::{Timestamp, ToSpan};
use reqwest::Method;

use super::history::moment;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Table;

/// The server that knows.
pub async fn server(context: &Context) -> Result<Client, Failure> {
    context.client().await?.ok_or_else(|| {
        Failure::because(message!(
            "a server knows this: set ESTIBA_URL to its address and ESTIBA_TOKEN to your token",
            "esto lo sabe un servidor: defina ESTIBA_URL con su dirección y ESTIBA_TOKEN con su token"
        ))
    })
}

/// Shows rows under headings.
pub fn table<const N: usize>(context: &Context, headings: [Message; N], rows: Vec<[String; N]>) {
    let headings = headings.map(|heading| context.output.say(&heading));
    let mut table = Table::new(headings.each_ref().map(String::as_str));
    rows.into_iter().for_each(|row| table.row(row));
    context.output.text(&table.to_string());
}

/// Lists the teams.
pub async fn teams(context: &Context) -> Result<(), Failure> {
    let teams: Vec<Team> = server(context).await?.all("/api/v1/teams").await?;
    context.output.json(&teams);
    let rows = teams
        .into_iter()
        .map(|team| [team.name.to_string(), moment(team.created_at)]);
    let headings = [message!("team", "equipo"), message!("since", "desde")];
    table(context, headings, rows.collect());
    Ok(())
}

/// Makes a team.
pub async fn add_team(context: &Context, name: Name) -> Result<(), Failure> {
    let new = NewTeam { name };
    let team: Team = server(context)
        .await?
        .call(Method::POST, "/api/v1/teams", &new)
        .await?;
    let name = &team.name;
    context
        .output
        .line(&message!("team {name} is made", "se creó el equipo {name}"));
    context.output.json(&team);
    Ok(())
}

/// Lists the members of a team.
pub async fn members(context: &Context, team: &Name) -> Result<(), Failure> {
    let path = format!("/api/v1/teams/{team}/members");
    let members: Vec<Member> = server(context).await?.all(&path).await?;
    context.output.json(&members);
    let rows = members
        .into_iter()
        .map(|member| [member.login, role_word(member.role)]);
    let headings = [message!("person", "persona"), message!("role", "rol")];
    table(context, headings, rows.collect());
    Ok(())
}

/// Puts a person into a team.
pub async fn admit(
    context: &Context,
    team: &Name,
    login: String,
    role: Role,
) -> Result<(), Failure> {
    let path = format!("/api/v1/teams/{team}/members");
    let new = NewMember { login, role };
    let member: Member = server(context)
        .await?
        .call(Method::POST, &path, &new)
        .await?;
    let (login, role) = (&member.login, role_word(member.role));
    context.output.line(&message!(
        "{login} is {role} of {team}",
        "{login} es {role} de {team}"
    ));
    context.output.json(&member);
    Ok(())
}

/// Takes a person out of a team.
pub async fn dismiss(context: &Context, team: &Name, login: &str) -> Result<(), Failure> {
    let client = server(context).await?;
    let path = format!("/api/v1/teams/{team}/members");
    let members: Vec<Member> = client.all(&path).await?;
    let member = members.iter().find(|member| member.login == login);
    let Some(member) = member else {
        return Err(Failure::because(message!(
            "{login} is not in {team}",
            "{login} no está en {team}"
        )));
    };
    client.remove(&format!("{path}/{}", member.person)).await?;
    context.output.line(&message!(
        "{login} is no longer in {team}",
        "{login} ya no está en {team}"
    ));
    context.output.json(member);
    Ok(())
}

/// Shows how a team delivers.
pub async fn figures(context: &Context, team: &Name, days: u32) -> Result<(), Failure> {
    let path = format!("/api/v1/teams/{team}/figures?days={days}");
    let figures: Figures = server(context).await?.get(&path).await?;
    context.output.json(&figures);
    let span = |seconds: Option<u64>| {
        let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
        seconds.map_or("-".to_owned(), |seconds| {
            let minutes = seconds / 60;
            format!("{} h {} min", minutes / 60, minutes % 60)
        })
    };
    let rate = figures.change_failure_rate;
    let rows = [
        (
            message!("deployments a week", "despliegues por semana"),
            format!("{:.1}", figures.frequency_a_week),
        ),
        (
            message!("lead time", "demora hasta producción"),
            span(figures.lead_time_seconds),
        ),
        (
            message!("change failure rate", "proporción de fallas"),
            rate.map_or("-".to_owned(), |rate| format!("{:.0} %", rate * 100.0)),
        ),
        (
            message!("time to restore", "tiempo de recuperación"),
            span(figures.time_to_restore_seconds),
        ),
    ];
    let rows = rows.map(|(what, value)| [context.output.say(&what), value]);
    let headings = [
        message!("figure", "medida"),
        message!("last {days} days", "últimos {days} días"),
    ];
    table(context, headings, rows.into());
    Ok(())
}

/// Lists tokens.
pub async fn tokens(context: &Context) -> Result<(), Failure> {
    let tokens: Vec<Token> = server(context).await?.all("/api/v1/tokens").await?;
    context.output.json(&tokens);
    let rows = tokens.into_iter().map(|token| {
        let team = token.scope.team.map(|team| team.to_string());
        [
            token.id,
            token.name,
            token.login.unwrap_or_default(),
            role_word(token.scope.role),
            team.unwrap_or_default(),
            token.expires_at.map(moment).unwrap_or_default(),
            token.last_used_at.map(moment).unwrap_or_default(),
        ]
    });
    let headings = [
        message!("id", "id"),
        message!("name", "nombre"),
        message!("person", "persona"),
        message!("role", "rol"),
        message!("team", "equipo"),
        message!("ends", "termina"),
        message!("last used", "último uso"),
    ];
    table(context, headings, rows.collect());
    Ok(())
}

/// Makes a token; on the machine of the state, without a server, by itself.
pub async fn create_token(context: &Context, new: NewTokenBody) -> Result<(), Failure> {
    let created = match context.client().await? {
        Some(client) => client.call(Method::POST, "/api/v1/tokens", &new).await?,
        None => first_token(context, new).await?,
    };
    let CreatedToken { token, key } = &created;
    context.output.remark(&message!(
        "token {} is made; its key is shown only now:",
        "se creó el token {}; su clave se muestra solo ahora:",
        token.id
    ));
    context.output.text(key);
    context.output.json(&created);
    Ok(())
}

/// Whoever can open the state is its admin.
async fn first_token(context: &Context, new: NewTokenBody) -> Result<CreatedToken, Failure> {
    let engine = context.engine().await?;
    let store = engine.store();
    let person = match (&new.login, new.machine) {
        (Some(login), _) => Some(store.person_of_login(login.trim()).await?),
        (None, true) => None,
        (None, false) => {
            return Err(Failure::Usage(message!(
                "without ESTIBA_URL, say for whom the token is: --login NAME, or --machine",
                "sin ESTIBA_URL, diga para quién es el token: --login NOMBRE, o --machine"
            )));
        }
    };
    if let Some(person) = &person
        && new.scope.role == Role::Admin
    {
        store.set_admin(&person.id, true).await?;
    }
    let hours = new.days.map(|days| (i64::from(days) * 24).hours());
    let expires_at = hours.and_then(|hours| Timestamp::now().checked_add(hours).ok());
    let person = person.map(|person| person.id);
    let made = store
        .add_token(&new.name, person.as_deref(), new.scope, expires_at)
        .await?;
    Ok(CreatedToken {
        token: made.token,
        key: made.key.expose().to_owned(),
    })
}

/// Ends a token.
pub async fn revoke_token(context: &Context, id: &str) -> Result<(), Failure> {
    server(context)
        .await?
        .remove(&format!("/api/v1/tokens/{id}"))
        .await?;
    context
        .output
        .line(&message!("token {id} has ended", "el token {id} terminó"));
    context
        .output
        .json(&serde_json::json!({ "id": id, "revoked": true }));
    Ok(())
}

/// Lists what waits for a person.
pub async fn approvals(context: &Context) -> Result<(), Failure> {
    let waiting: Vec<Approval> = server(context).await?.approvals().await?;
    context.output.json(&waiting);
    let rows = waiting.into_iter().map(|approval| {
        [
            approval.id.to_string(),
            approval.environment.to_string(),
            approval.version.to_string(),
            approval.requested_by,
            moment(approval.requested_at),
        ]
    });
    let headings = [
        message!("number", "número"),
        message!("environment", "ambiente"),
        message!("version", "versión"),
        message!("asked by", "lo pidió"),
        message!("at", "cuándo"),
    ];
    table(context, headings, rows.collect());
    Ok(())
}

/// Agrees to a deployment, or rejects it.
pub async fn decide(context: &Context, id: i64, approve: bool) -> Result<(), Failure> {
    let path = format!("/api/v1/approvals/{id}");
    let decision = ApprovalDecision { approve };
    let asked: Asked = server(context)
        .await?
        .call(Method::POST, &path, &decision)
        .await?;
    context.output.line(&match &asked {
        _ if !approve => message!("{id} is rejected", "{id} se rechazó"),
        Asked::Queued { deployment } => {
            let deployment = deployment.id;
            message!(
                "deployment {deployment} is being carried out",
                "el despliegue {deployment} está en curso"
            )
        }
        _ => message!("nothing had to be changed", "no hubo nada que cambiar"),
    });
    context.output.json(&asked);
    Ok(())
}

/// Shows who changed what.
pub async fn audit(context: &Context, team: Option<Name>, limit: u32) -> Result<(), Failure> {
    let path = match team {
        Some(team) => format!("/api/v1/teams/{team}/audit?limit={limit}"),
        None => format!("/api/v1/audit?limit={limit}"),
    };
    let page: Page<AuditEntry> = server(context).await?.get(&path).await?;
    context.output.json(&page.items);
    let rows = page.items.into_iter().map(|entry| {
        [
            moment(entry.at),
            entry.actor,
            entry.action,
            entry.object,
            entry.from.unwrap_or_default(),
        ]
    });
    let headings = [
        message!("at", "cuándo"),
        message!("who", "quién"),
        message!("what", "qué"),
        message!("of", "de"),
        message!("from", "desde"),
    ];
    table(context, headings, rows.collect());
    Ok(())
}

/// Gets a code that links a chat account.
pub async fn chat_code(context: &Context) -> Result<(), Failure> {
    let code: ChatCode = server(context)
        .await?
        .call(Method::POST, "/api/v1/chats/code", &serde_json::json!({}))
        .await?;
    let (text, until) = (&code.code, moment(code.expires_at));
    context.output.line(&message!(
        "send this to the bot before {until}:  /start {text}",
        "envíe esto al bot antes de {until}:  /start {text}"
    ));
    context.output.json(&code);
    Ok(())
}

fn role_word(role: Role) -> String {
    let word = serde_json::to_value(role).ok();
    let word = word.and_then(|word| word.as_str().map(str::to_owned));
    word.unwrap_or_default()
}
