//! From the columns of a row to the model's types.

use std::fmt::Display;
use std::str::FromStr;

use estiba_model::{EnvironmentId, Name, ProjectId};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::error::StoreError;

/// A row whose columns are read by name.
pub(crate) struct Record<'r>(pub &'r AnyRow);

impl Record<'_> {
    pub fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.0.try_get(column).map_err(bad(column))
    }

    pub fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.0.try_get(column).map_err(bad(column))
    }

    pub fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.0.try_get(column).map_err(bad(column))
    }

    pub fn number<N: TryFrom<i64, Error: Display>>(
        &self,
        column: &'static str,
    ) -> Result<N, StoreError> {
        let number: i64 = self.0.try_get(column).map_err(bad(column))?;
        N::try_from(number).map_err(bad(column))
    }

    pub fn optional_number<N: TryFrom<i64, Error: Display>>(
        &self,
        column: &'static str,
    ) -> Result<Option<N>, StoreError> {
        let number: Option<i64> = self.0.try_get(column).map_err(bad(column))?;
        number.map(N::try_from).transpose().map_err(bad(column))
    }

    pub fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.number(column)?).map_err(bad(column))
    }

    pub fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let time = self.optional_number(column)?;
        let time = time.map(Timestamp::from_millisecond).transpose();
        time.map_err(bad(column))
    }

    /// A name, version or the like.
    pub fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(bad(column))
    }

    pub fn environment(&self) -> Result<EnvironmentId, StoreError> {
        const COLUMN: &str = "environment";
        let text = self.text(COLUMN)?;
        let names: Result<Vec<Name>, _> = text.split('/').map(str::parse).collect();
        let names: [Name; 3] = names
            .map_err(bad(COLUMN))?
            .try_into()
            .map_err(|_| bad(COLUMN)(&text))?;
        let [team, project, environment] = names;
        Ok(EnvironmentId {
            team,
            project,
            environment,
        })
    }

    pub fn project(&self) -> Result<ProjectId, StoreError> {
        const COLUMN: &str = "project";
        let text = self.text(COLUMN)?;
        let (team, project) = text.split_once('/').ok_or_else(|| bad(COLUMN)(&text))?;
        Ok(ProjectId {
            team: team.parse().map_err(bad(COLUMN))?,
            project: project.parse().map_err(bad(COLUMN))?,
        })
    }

    /// A word as [`word`] writes it.
    pub fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let word = serde_json::Value::String(self.text(column)?);
        serde_json::from_value(word).map_err(bad(column))
    }

    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(bad(column))
    }

    pub fn optional_json<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let text = self.optional_text(column)?;
        let value = text.map(|text| serde_json::from_str(&text)).transpose();
        value.map_err(bad(column))
    }
}

/// The serialized name of a variant, without quotes: what SQL compares with.
pub(crate) fn word<T: Serialize>(value: T, column: &'static str) -> Result<String, StoreError> {
    match serde_json::to_value(value).map_err(bad(column))? {
        serde_json::Value::String(word) => Ok(word),
        other => Err(bad(column)(other)),
    }
}

pub(crate) fn json<T: Serialize>(value: &T, column: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(bad(column))
}

pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

pub(crate) fn bad<E: Display>(column: &'static str) -> impl FnOnce(E) -> StoreError {
    move |cause| StoreError::Record {
        column,
        cause: cause.to_string(),
    }
}
