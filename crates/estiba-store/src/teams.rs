//! Teams, people, and who is what in which team.

use estiba_model::{Member, Name, Person, Role, Team};
use sqlx::any::AnyRow;

use crate::database::Store;
use crate::error::StoreError;
use crate::random::random_id;
use crate::record::{Record, now_ms, word};

impl Store {
    /// Makes a team; `false` where there is one of that name.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn add_team(&self, name: &Name) -> Result<bool, StoreError> {
        let statement = sqlx::query(
            "INSERT INTO teams (name, created_at_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(name.as_str())
        .bind(now_ms());
        Ok(self.run(statement).await? == 1)
    }

    /// All teams, by name.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn teams(&self) -> Result<Vec<Team>, StoreError> {
        let query = sqlx::query("SELECT name, created_at_ms FROM teams ORDER BY name");
        let team = |row| {
            let record = Record(row);
            Ok(Team {
                name: record.parsed("name")?,
                created_at: record.time("created_at_ms")?,
            })
        };
        self.all(query).await?.iter().map(team).collect()
    }

    /// Whether there is such a team.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn has_team(&self, name: &Name) -> Result<bool, StoreError> {
        let query = sqlx::query("SELECT 1 FROM teams WHERE name = $1").bind(name.as_str());
        Ok(self.optional(query).await?.is_some())
    }

    /// The person of that login, made known where nobody has it.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn person_of_login(&self, login: &str) -> Result<Person, StoreError> {
        let insert = sqlx::query(
            "INSERT INTO people (id, login, admin, created_at_ms) VALUES ($1, $2, 0, $3) \
             ON CONFLICT DO NOTHING",
        )
        .bind(random_id())
        .bind(login)
        .bind(now_ms());
        self.run(insert).await?;
        let query =
            sqlx::query("SELECT id, login, admin, created_at_ms FROM people WHERE login = $1");
        let row = query.bind(login).fetch_one(self.readers()).await;
        person(&row.map_err(|e| self.failed(&e))?)
    }

    /// A person by their id.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn person(&self, id: &str) -> Result<Option<Person>, StoreError> {
        let query = sqlx::query("SELECT id, login, admin, created_at_ms FROM people WHERE id = $1");
        let row = self.optional(query.bind(id)).await?;
        row.as_ref().map(person).transpose()
    }

    /// Makes a person an admin of everything, or no longer one.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn set_admin(&self, person: &str, admin: bool) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE people SET admin = $1 WHERE id = $2")
            .bind(i64::from(admin))
            .bind(person);
        self.run(statement).await.map(drop)
    }

    /// Everybody who is an admin of everything, by login.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn admins(&self) -> Result<Vec<Person>, StoreError> {
        let query = sqlx::query(
            "SELECT id, login, admin, created_at_ms FROM people WHERE admin = 1 ORDER BY login",
        );
        self.all(query).await?.iter().map(person).collect()
    }

    /// The members of a team, by login.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn members(&self, team: &Name) -> Result<Vec<Member>, StoreError> {
        let query = sqlx::query(
            "SELECT person, login, role FROM members JOIN people ON people.id = person \
             WHERE team = $1 ORDER BY login",
        )
        .bind(team.as_str());
        let member = |row| {
            let record = Record(row);
            Ok(Member {
                person: record.text("person")?,
                login: record.text("login")?,
                role: record.word("role")?,
            })
        };
        self.all(query).await?.iter().map(member).collect()
    }

    /// What a person is in each of their teams.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn teams_of(&self, person: &str) -> Result<Vec<(Name, Role)>, StoreError> {
        let query = sqlx::query("SELECT team, role FROM members WHERE person = $1 ORDER BY team")
            .bind(person);
        let membership = |row| {
            let record = Record(row);
            Ok((record.parsed("team")?, record.word("role")?))
        };
        self.all(query).await?.iter().map(membership).collect()
    }

    /// Makes a person a member of a team, or gives a member another role.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn set_member(
        &self,
        team: &Name,
        person: &str,
        role: Role,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO members (team, person, role) VALUES ($1, $2, $3) \
             ON CONFLICT (team, person) DO UPDATE SET role = excluded.role",
        )
        .bind(team.as_str())
        .bind(person)
        .bind(word(role, "role")?);
        self.run(statement).await.map(drop)
    }

    /// Takes a person out of a team; `false` where they were not in it.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn remove_member(&self, team: &Name, person: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM members WHERE team = $1 AND person = $2")
            .bind(team.as_str())
            .bind(person);
        Ok(self.run(statement).await? == 1)
    }
}

pub(crate) fn person(row: &AnyRow) -> Result<Person, StoreError> {
    let record = Record(row);
    Ok(Person {
        id: record.text("id")?,
        login: record.text("login")?,
        admin: record.number::<i64>("admin")? != 0,
        created_at: record.time("created_at_ms")?,
    })
}
