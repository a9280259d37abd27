//! People who talk to Estiba through a chat service, and what its bot remembers.

use axum::Json;
use axum::extract::State;
use estiba_api::{
    ChatAccount, ChatCode, ChatLink, ChatState, NewChatCode, Page, Problem as Document,
};
use estiba_model::{Name, Right, message};
use http::StatusCode;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// How long a code is valid, in minutes.
const CODE_MINUTES: i64 = 15;
/// The longest that a code which an admin hands out is valid, in hours.
const MOST_CODE_HOURS: u32 = 336;
/// The longest thing that the bot remembers, in bytes.
const LONGEST_STATE: usize = 256 << 10;

/// A one-time code with which you link your account of the chat service: send
/// `/start CODE` to the bot.
#[utoipa::path(post, path = "/chats/code", tag = "chats", responses(
    (status = 201, body = ChatCode),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn code(
    State(app): State<App>,
    principal: Principal,
) -> Result<(StatusCode, Json<ChatCode>), Problem> {
    let Some(person) = &principal.person else {
        return Err(Problem::forbidden(message!(
            "only a person has a chat account",
            "solo una persona tiene una cuenta de chat"
        )));
    };
    let expires_at = Timestamp::now()
        .checked_add(CODE_MINUTES.minutes())
        .map_err(|_| Problem::internal())?;
    let code = app.store().chat_code(person, expires_at).await?;
    Ok((StatusCode::CREATED, Json(ChatCode { code, expires_at })))
}

/// The members of a team, and who has linked an account. For admins.
#[utoipa::path(get, path = "/teams/{team}/chats", tag = "chats", params(("team" = Name, Path)),
    responses((status = 200, body = Page<ChatState>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn members(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
) -> Result<Json<Page<ChatState>>, Problem> {
    principal.need(&team, Right::Administer)?;
    let members = app.store().chat_members(&team).await?.into_iter();
    let states = members.map(|member| ChatState {
        login: member.login,
        linked: member.linked,
        code_expires_at: member.code_expires_at,
    });
    Ok(Json(Page::whole(states.collect())))
}

/// A one-time code for a member of a team, to be handed to them. For admins of everything.
#[utoipa::path(post, path = "/teams/{team}/chats", tag = "chats", params(("team" = Name, Path)),
    request_body = NewChatCode, responses((status = 201, body = ChatCode),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn code_for(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
    Body(new): Body<NewChatCode>,
) -> Result<(StatusCode, Json<ChatCode>), Problem> {
    principal.need(&team, Right::Administer)?;
    // Whoever uses the code acts as that person everywhere, not in this team alone.
    principal.need_admin()?;
    if !(1..=MOST_CODE_HOURS).contains(&new.hours) {
        return Err(Problem::invalid(message!(
            "`hours` is from 1 to {MOST_CODE_HOURS}",
            "`hours` va de 1 a {MOST_CODE_HOURS}"
        )));
    }
    let members = app.store().members(&team).await?;
    let member = members.into_iter().find(|member| member.login == new.login);
    let member = member.ok_or_else(Problem::not_found)?;
    let expires_at = Timestamp::now()
        .checked_add(i64::from(new.hours).hours())
        .map_err(|_| Problem::internal())?;
    let code = app.store().chat_code(&member.person, expires_at).await?;
    let object = format!("{team}/{}", member.login);
    principal
        .note(&app, "chat.code", object, Some(&team), json!({}))
        .await?;
    Ok((StatusCode::CREATED, Json(ChatCode { code, expires_at })))
}

/// Links an account to the person of a code. For the bot.
#[utoipa::path(post, path = "/chats/accounts", tag = "chats", request_body = ChatLink, responses(
    (status = 200, body = ChatAccount),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn link(
    State(app): State<App>,
    principal: Principal,
    Body(link): Body<ChatLink>,
) -> Result<Json<ChatAccount>, Problem> {
    principal.need_bot()?;
    let code = link.code.trim().to_ascii_uppercase();
    let Some(id) = app.store().link_chat(&code, link.account).await? else {
        return Err(Problem::invalid(message!(
            "this code is not valid, or not any more; `estiba chat code` gives a new one",
            "este código no es válido, o ya no lo es; `estiba chat code` da uno nuevo"
        )));
    };
    let account = account(&app, link.account, &id).await?;
    let detail = json!({ "account": link.account });
    principal
        .note(&app, "chat.link", &account.me.name, None, detail)
        .await?;
    Ok(Json(account))
}

/// The linked accounts and who they are. For the bot.
#[utoipa::path(get, path = "/chats/accounts", tag = "chats", responses(
    (status = 200, body = Page<ChatAccount>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn accounts(
    State(app): State<App>,
    principal: Principal,
) -> Result<Json<Page<ChatAccount>>, Problem> {
    principal.need_bot()?;
    let mut all = Vec::new();
    for (number, person) in app.store().chat_accounts().await? {
        all.push(account(&app, number, &person).await?);
    }
    Ok(Json(Page::whole(all)))
}

async fn account(app: &App, account: i64, person: &str) -> Result<ChatAccount, Problem> {
    let person = app.store().person(person).await?;
    let person = person.ok_or_else(Problem::not_found)?;
    let principal = Principal::of_person(app, person, None, None).await?;
    Ok(ChatAccount {
        account,
        me: principal.me(),
    })
}

/// Ends the link of an account. For the bot.
#[utoipa::path(delete, path = "/chats/accounts/{account}", tag = "chats",
    params(("account" = i64, Path)), responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn unlink(
    State(app): State<App>,
    principal: Principal,
    Path(account): Path<i64>,
) -> Result<StatusCode, Problem> {
    principal.need_bot()?;
    app.store().unlink_chat(account).await?;
    principal
        .note(&app, "chat.unlink", account.to_string(), None, json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the bot remembers under a name; `null` where it is nothing.
#[utoipa::path(get, path = "/chats/state/{name}", tag = "chats", params(("name" = String, Path)),
    responses((status = 200, body = Value),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn state(
    State(app): State<App>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, Problem> {
    principal.need_bot()?;
    Ok(Json(
        app.store().chat_state(&name).await?.unwrap_or_default(),
    ))
}

/// Remembers something for the bot.
#[utoipa::path(put, path = "/chats/state/{name}", tag = "chats", params(("name" = String, Path)),
    request_body = Value, responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn set_state(
    State(app): State<App>,
    principal: Principal,
    Path(name): Path<String>,
    Body(value): Body<Value>,
) -> Result<StatusCode, Problem> {
    principal.need_bot()?;
    if name.len() > 100 || value.to_string().len() > LONGEST_STATE {
        return Err(Problem::invalid(message!(
            "too long to be remembered",
            "demasiado largo para recordarlo"
        )));
    }
    app.store().set_chat_state(&name, &value).await?;
    Ok(StatusCode::NO_CONTENT)
}
