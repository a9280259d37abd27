//! What the bot remembers, which the server keeps: the bot itself needs no disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use estiba_api::{ApiError, Client};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, Notify};

use crate::chat::Chat;

/// So many updates are remembered as answered; more than come at once.
const UPDATES: usize = 300;

/// All that is remembered.
pub struct Memory {
    client: Client,
    /// Of which bot.
    bot: u64,
    kept: Mutex<Kept>,
    /// One writes at a time, so that nothing older replaces what is newer.
    saving: Mutex<()>,
    /// Rings when a chat changed.
    pub changed: Notify,
}

#[derive(Default)]
struct Kept {
    chats: BTreeMap<i64, Chat>,
    /// The updates that were answered, the last ones.
    updates: VecDeque<u32>,
    /// Chats that are not saved as they are.
    unsaved: BTreeSet<i64>,
    /// Whether there are other chats than were saved.
    others: bool,
    updates_unsaved: bool,
}

impl Memory {
    /// What the server keeps for a bot.
    ///
    /// # Errors
    /// When it does not tell.
    pub async fn load(client: Client, bot: u64) -> Result<Self, ApiError> {
        let memory = Self {
            client,
            bot,
            kept: Mutex::default(),
            saving: Mutex::default(),
            changed: Notify::new(),
        };
        let mut kept = Kept::default();
        let ids: Vec<i64> = memory.read("chats").await?;
        for id in ids {
            let chat = memory.read(&format!("chat-{id}")).await?;
            kept.chats.insert(id, chat);
        }
        kept.updates = memory.read("updates").await?;
        *memory.kept.lock().await = kept;
        Ok(memory)
    }

    async fn read<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, ApiError> {
        let name = self.name(name);
        let value = self.client.chat_state(&name).await?;
        if value.is_null() {
            return Ok(T::default());
        }
        Ok(serde_json::from_value(value).unwrap_or_else(|error| {
            tracing::error!(name, %error, "what was remembered is not understood and is forgotten");
            T::default()
        }))
    }

    async fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), ApiError> {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.client.set_chat_state(&self.name(name), &value).await
    }

    fn name(&self, of: &str) -> String {
        format!("telegram-{}-{of}", self.bot)
    }

    /// The happening up to which everything is taken in.
    ///
    /// # Errors
    /// When the server does not tell.
    pub async fn cursor(&self) -> Result<i64, ApiError> {
        self.read("cursor").await
    }

    /// Remembers the happening up to which everything is taken in.
    ///
    /// # Errors
    /// When the server does not keep it.
    pub async fn set_cursor(&self, cursor: i64) -> Result<(), ApiError> {
        self.write("cursor", &cursor).await
    }

    /// Looks at a chat, or changes it. It is saved by [`Memory::save`].
    pub async fn chat<T>(&self, id: i64, with: impl FnOnce(&mut Chat) -> T) -> T {
        let mut kept = self.kept.lock().await;
        let known = kept.chats.get(&id).cloned();
        let is_new = known.is_none();
        let before = known.unwrap_or_default();
        let mut chat = before.clone();
        let result = with(&mut chat);
        if chat != before {
            kept.chats.insert(id, chat);
            kept.unsaved.insert(id);
            kept.others |= is_new;
            self.changed.notify_one();
        }
        result
    }

    /// The numbers of all chats.
    pub async fn chats(&self) -> Vec<i64> {
        self.kept.lock().await.chats.keys().copied().collect()
    }

    /// A group has another number now.
    pub async fn move_chat(&self, from: i64, to: i64) {
        let mut kept = self.kept.lock().await;
        if let Some(chat) = kept.chats.remove(&from) {
            kept.chats.entry(to).or_insert(chat);
            kept.unsaved.insert(to);
            kept.others = true;
        }
    }

    /// Whether an update was answered.
    pub async fn is_answered(&self, update: u32) -> bool {
        self.kept.lock().await.updates.contains(&update)
    }

    /// An update is answered.
    pub async fn answered(&self, update: u32) {
        let mut kept = self.kept.lock().await;
        kept.updates.push_back(update);
        let beyond = kept.updates.len().saturating_sub(UPDATES);
        kept.updates.drain(..beyond);
        kept.updates_unsaved = true;
    }

    /// Brings all that changed to the server. What does not get there is brought
    /// the next time.
    ///
    /// # Errors
    /// When the server does not keep it.
    pub async fn save(&self) -> Result<(), ApiError> {
        let _alone = self.saving.lock().await;
        loop {
            let (id, chat) = {
                let mut kept = self.kept.lock().await;
                let Some(id) = kept.unsaved.pop_first() else {
                    break;
                };
                (id, kept.chats.get(&id).cloned().unwrap_or_default())
            };
            if let Err(error) = self.write(&format!("chat-{id}"), &chat).await {
                self.kept.lock().await.unsaved.insert(id);
                return Err(error);
            }
        }
        self.save_lists().await
    }

    async fn save_lists(&self) -> Result<(), ApiError> {
        let (others, updates) = {
            let mut kept = self.kept.lock().await;
            let others = std::mem::take(&mut kept.others);
            let updates = std::mem::take(&mut kept.updates_unsaved);
            (
                others.then(|| kept.chats.keys().copied().collect::<Vec<_>>()),
                updates.then(|| kept.updates.clone()),
            )
        };
        let mut saved = Ok(());
        if let Some(chats) = others {
            saved = self.write("chats", &chats).await;
            self.kept.lock().await.others |= saved.is_err();
        }
        if let Some(updates) = updates {
            let written = self.write("updates", &updates).await;
            self.kept.lock().await.updates_unsaved |= written.is_err();
            saved = saved.and(written);
        }
        saved
    }
}
