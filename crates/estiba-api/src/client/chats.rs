//! The part of the client about chats.

use reqwest::Method;

use super::{Client, segment};
use crate::error::ApiError;
use crate::wire::{ChatAccount, ChatLink};

impl Client {
    /// Links an account of a chat service to the person of a code.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn link_chat(&self, code: &str, account: i64) -> Result<ChatAccount, ApiError> {
        let code = code.to_owned();
        let link = ChatLink { code, account };
        self.call(Method::POST, "/api/v1/chats/accounts", &link)
            .await
    }

    /// What the bot remembers under a name.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn chat_state(&self, name: &str) -> Result<serde_json::Value, ApiError> {
        self.get(&format!("/api/v1/chats/state/{}", segment(name)))
            .await
    }

    /// Remembers something for the bot.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn set_chat_state(
        &self,
        name: &str,
        value: &serde_json::Value,
    ) -> Result<(), ApiError> {
        let path = format!("/api/v1/chats/state/{}", segment(name));
        self.tell(Method::PUT, &path, value).await
    }
}
