//! What Estiba keeps in the config vars of an app, since apps have no labels: whose
//! the app is, what runs there, what was provided and which migrations ended well.
//! Any Estiba that may read the app knows it by these.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Digest, EnvironmentId, Exposure, Fingerprint, Name, ResourceId, SecretString, Version,
};
use serde::{Deserialize, Serialize};

use crate::secret_places::Places;

const OWNER: &str = "ESTIBA_OWNER";
// These three are for the workload itself too, as on every target.
const ENVIRONMENT: &str = "ESTIBA_ENVIRONMENT";
const WORKLOAD: &str = "ESTIBA_WORKLOAD";
const VERSION: &str = "ESTIBA_VERSION";
const ORIGIN: &str = "ESTIBA_ORIGIN";
const ROLLOUT: &str = "ESTIBA_ROLLOUT";
const MIGRATIONS: &str = "ESTIBA_MIGRATIONS";
const MIGRATING: &str = "ESTIBA_MIGRATING";
const RESOURCES: &str = "ESTIBA_RESOURCES";
/// All of them.
const ALL: [&str; 9] = [
    OWNER,
    ENVIRONMENT,
    WORKLOAD,
    VERSION,
    ORIGIN,
    ROLLOUT,
    MIGRATIONS,
    MIGRATING,
    RESOURCES,
];
/// The attachments of databases begin so.
const DATABASE: &str = "ESTIBA_DB_";
/// Migrations that are remembered; older ones do not come back.
const MOST_MIGRATIONS: usize = 20;

/// Config vars by name.
pub(crate) type Vars = BTreeMap<String, SecretString>;
/// Config vars to set, and those to remove.
pub(crate) type Change = BTreeMap<String, Option<SecretString>>;

/// Whether Estiba made an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It did, and may remove it.
    Created,
    /// It was there before.
    Adopted,
}

/// Whose an app is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) environment: String,
    pub(crate) workload: Name,
}

/// What was rolled out. How many copies is not among it: that is the formation's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RolledOut {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) exposure: Exposure,
    /// The name of its container.
    pub(crate) container: Name,
    /// The id of the image in Docker's format.
    pub(crate) image: Digest,
    /// The digest of the one that it was made from.
    pub(crate) source: Digest,
    /// Whether other commands would become arguments of its entry point.
    #[serde(default)]
    pub(crate) has_entry_point: bool,
    /// The config vars that Estiba set.
    pub(crate) variables: BTreeSet<String>,
    /// A hash of their values.
    pub(crate) values: String,
    /// Where the secrets are in them.
    pub(crate) secrets: Places,
}

/// A migration that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Migrating {
    pub(crate) fingerprint: Fingerprint,
    /// The config vars that the app has for it alone.
    pub(crate) added: BTreeSet<String>,
}

/// A resource that was provided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Provided {
    pub(crate) id: ResourceId,
    pub(crate) kind: ProvidedKind,
    pub(crate) fingerprint: Fingerprint,
}

/// How a resource was provided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProvidedKind {
    Dns,
    Route,
    ServicePort,
    /// An add-on, by the name of its attachment.
    Postgres {
        attachment: String,
    },
    /// A database of a server that was given by URL: it is not Heroku's.
    ForeignPostgres,
}

/// All marks of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) owner: Option<Owner>,
    pub(crate) is_created: bool,
    pub(crate) version: Option<Version>,
    pub(crate) rollout: Option<RolledOut>,
    pub(crate) migrations: Vec<Fingerprint>,
    pub(crate) migrating: Option<Migrating>,
    pub(crate) resources: Vec<Provided>,
}

impl Marks {
    /// What another version of Estiba wrote and this one does not know is as if it
    /// were not there: it is then made anew.
    pub(crate) fn read(vars: &Vars) -> Self {
        let text = |name: &str| vars.get(name).map(SecretString::expose);
        let owner = text(OWNER).zip(text(WORKLOAD));
        let migrations = text(MIGRATIONS).unwrap_or_default().split(' ');
        Self {
            owner: owner.and_then(|(environment, workload)| {
                Some(Owner {
                    environment: environment.to_owned(),
                    workload: workload.parse().ok()?,
                })
            }),
            is_created: text(ORIGIN) == Some("created"),
            version: text(VERSION).and_then(|version| version.parse().ok()),
            rollout: text(ROLLOUT).and_then(|text| serde_json::from_str(text).ok()),
            migrations: migrations.filter_map(|one| one.parse().ok()).collect(),
            migrating: text(MIGRATING).and_then(|text| serde_json::from_str(text).ok()),
            resources: text(RESOURCES)
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        }
    }

    /// The attachments of the databases that this app has from Estiba.
    pub(crate) fn attachments(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().filter_map(|one| match &one.kind {
            ProvidedKind::Postgres { attachment } => Some(attachment.as_str()),
            _ => None,
        })
    }
}

/// The marks of a new owner.
pub(crate) fn owned_by(environment: &EnvironmentId, workload: &Name, origin: Origin) -> Vars {
    let origin = match origin {
        Origin::Created => "created",
        Origin::Adopted => "adopted",
    };
    let name = environment.environment.as_str();
    Vars::from([
        (OWNER.to_owned(), SecretString::new(environment.to_string())),
        (ENVIRONMENT.to_owned(), SecretString::new(name)),
        (WORKLOAD.to_owned(), SecretString::new(workload.as_str())),
        (ORIGIN.to_owned(), SecretString::new(origin)),
    ])
}

/// The marks of what is rolled out.
pub(crate) fn rolled_out(version: &Version, rollout: &RolledOut) -> Vars {
    Vars::from([
        (VERSION.to_owned(), SecretString::new(version.as_str())),
        (ROLLOUT.to_owned(), json_text(rollout)),
    ])
}

/// A migration is going on.
pub(crate) fn migrating(migrating: &Migrating) -> Vars {
    Vars::from([(MIGRATING.to_owned(), json_text(migrating))])
}

/// No migration is going on any more: without the config vars that were there for it.
pub(crate) fn not_migrating(migrating: Option<&Migrating>) -> Change {
    let added = migrating
        .into_iter()
        .flat_map(|one| one.added.iter().cloned());
    added
        .chain([MIGRATING.to_owned()])
        .map(|name| (name, None))
        .collect()
}

/// One more migration that ended well.
pub(crate) fn migrated(before: &[Fingerprint], now: &Fingerprint) -> Vars {
    let all = before.iter().filter(|one| *one != now).chain([now]);
    let all: Vec<&str> = all.map(Fingerprint::as_str).collect();
    let newest = &all[all.len().saturating_sub(MOST_MIGRATIONS)..];
    let value = SecretString::new(newest.join(" "));
    Vars::from([(MIGRATIONS.to_owned(), value)])
}

/// What is provided.
pub(crate) fn provided(resources: &[Provided]) -> Change {
    let value = (!resources.is_empty()).then(|| json_text(&resources));
    Change::from([(RESOURCES.to_owned(), value)])
}

/// The config vars that a rollout set, with its marks.
pub(crate) fn of_rollout(vars: &Vars) -> Vars {
    let mut names = Marks::read(vars)
        .rollout
        .map(|rollout| rollout.variables)
        .unwrap_or_default();
    names.extend([VERSION, ROLLOUT].map(str::to_owned));
    let set = vars.iter().filter(|(name, _)| names.contains(*name));
    set.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// No rollout any more: with the config vars that belong to it.
pub(crate) fn withdrawn(rollout: Option<&RolledOut>) -> Change {
    let variables = rollout.into_iter().flat_map(|rollout| &rollout.variables);
    let marks = [VERSION, ROLLOUT].map(str::to_owned);
    variables
        .cloned()
        .chain(marks)
        .map(|name| (name, None))
        .collect()
}

/// No mark at all any more.
pub(crate) fn forgotten(vars: &Vars) -> Change {
    let there = ALL.iter().filter(|name| vars.contains_key(**name));
    there.map(|name| ((*name).to_owned(), None)).collect()
}

/// What differs between the config vars that are there and those that are wanted.
/// Only those that Estiba set before are removed.
pub(crate) fn difference(there: &Vars, wanted: &Vars, ours: &BTreeSet<String>) -> Change {
    let set = wanted
        .iter()
        .filter(|(name, value)| there.get(*name) != Some(*value))
        .map(|(name, value)| (name.clone(), Some(value.clone())));
    let removed = ours
        .iter()
        .filter(|name| there.contains_key(*name) && !wanted.contains_key(*name))
        .map(|name| (name.clone(), None));
    set.chain(removed).collect()
}

/// A hash of the values of these config vars and of the databases' addresses, so that
/// a change by somebody else, or by Heroku, shows.
pub(crate) fn hash(vars: &Vars, names: &BTreeSet<String>) -> String {
    let mut all = String::new();
    for (name, value) in vars {
        if names.contains(name) || is_database(name) {
            all.push_str(&format!("{name}={}\0", value.expose()));
        }
    }
    Digest::of(all.as_bytes()).hex().to_owned()
}

/// The config var of an attachment.
pub(crate) fn variable_of(attachment: &str) -> String {
    format!("{attachment}_URL")
}

/// The name of the attachment of a resource: one that no workload's own config var has.
pub(crate) fn attachment_of(id: &ResourceId) -> String {
    let id = id.to_string();
    let short = id.rsplit(['.', '/', '#']).next().unwrap_or(&id);
    let word: String = short
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    let hash = Digest::of(id.as_bytes()).hex()[..4].to_ascii_uppercase();
    format!("{DATABASE}{word}_{hash}")
}

fn is_database(name: &str) -> bool {
    name.starts_with(DATABASE) && name.ends_with("_URL")
}

/// Names that a workload can't have: Heroku's own, and the marks.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == "PORT" || ALL.contains(&name) || is_database(name)
}

fn json_text(value: &impl Serialize) -> SecretString {
    // Plain data with text keys always has a JSON form.
    SecretString::new(serde_json::to_string(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(all: &[(&str, &str)]) -> Vars {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), SecretString::new(*value));
        all.iter().map(owned).collect()
    }

    fn names(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|&name| name.to_owned()).collect()
    }

    fn fingerprint(digit: char) -> Fingerprint {
        digit.to_string().repeat(16).parse().unwrap()
    }

    #[test]
    fn only_what_differs_is_changed_and_only_ours_is_removed() {
        let there = vars(&[("A", "1"), ("B", "2"), ("OLD", "x"), ("DATABASE_URL", "pg")]);
        let wanted = vars(&[("A", "1"), ("B", "3"), ("C", "4")]);
        let change = difference(&there, &wanted, &names(&["A", "B", "OLD", "GONE"]));
        let shown: Vec<_> = change
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref().map(SecretString::expose)))
            .collect();
        assert_eq!(shown, [("B", Some("3")), ("C", Some("4")), ("OLD", None)]);
        assert!(difference(&wanted, &wanted, &BTreeSet::new()).is_empty());
    }

    #[test]
    fn marks_are_read_as_they_were_written() {
        let environment = EnvironmentId {
            team: "moria".parse().unwrap(),
            project: "tp2".parse().unwrap(),
            environment: "test".parse().unwrap(),
        };
        let workload: Name = "api".parse().unwrap();
        let version: Version = "1.2.0".parse().unwrap();
        let rollout = RolledOut {
            fingerprint: fingerprint('a'),
            exposure: Exposure::default(),
            container: workload.clone(),
            image: Digest::of(b"image"),
            source: Digest::of(b"source"),
            has_entry_point: true,
            variables: names(&["LEVEL"]),
            values: "00".to_owned(),
            secrets: Places::from([("TOKEN".to_owned(), vec![(0, 4)])]),
        };
        let database = Provided {
            id: ResourceId("postgres.default#db".to_owned()),
            kind: ProvidedKind::Postgres {
                attachment: "ESTIBA_DB_DB_1234".to_owned(),
            },
            fingerprint: fingerprint('b'),
        };
        let mut all = owned_by(&environment, &workload, Origin::Created);
        all.extend(rolled_out(&version, &rollout));
        all.extend(migrated(&[fingerprint('c')], &fingerprint('d')));
        let provided = provided(std::slice::from_ref(&database));
        all.extend(
            provided
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let marks = Marks::read(&all);
        assert_eq!(marks.owner.as_ref().unwrap().environment, "moria/tp2/test");
        assert_eq!(marks.owner.as_ref().unwrap().workload, workload);
        assert!(marks.is_created);
        assert_eq!(marks.version, Some(version));
        assert_eq!(marks.rollout, Some(rollout));
        assert_eq!(marks.migrations, [fingerprint('c'), fingerprint('d')]);
        assert_eq!(
            marks.attachments().collect::<Vec<_>>(),
            ["ESTIBA_DB_DB_1234"]
        );
        assert_eq!(marks.resources, [database]);
        assert_eq!(
            Marks::read(&vars(&[("ESTIBA_ROLLOUT", "{")])),
            Marks::default()
        );
    }

    #[test]
    fn a_changed_value_changes_the_hash_and_a_strangers_does_not() {
        let ours = names(&["A"]);
        let before = vars(&[("A", "1"), ("X", "1"), ("ESTIBA_DB_DB_1234_URL", "u1")]);
        let mut other = before.clone();
        other.insert("X".to_owned(), SecretString::new("2"));
        assert_eq!(hash(&before, &ours), hash(&other, &ours));
        for name in ["A", "ESTIBA_DB_DB_1234_URL"] {
            let mut changed = before.clone();
            changed.insert(name.to_owned(), SecretString::new("9"));
            assert_ne!(hash(&before, &ours), hash(&changed, &ours), "{name}");
        }
    }

    #[test]
    fn the_attachments_of_two_databases_differ() {
        let id = |text: &str| ResourceId(text.to_owned());
        let (one, other) = (
            attachment_of(&id("postgres.default#api.db")),
            attachment_of(&id("postgres.default#bot.db")),
        );
        assert_ne!(one, other);
        assert!(is_database(&variable_of(&one)), "{one}");
        assert!(one.starts_with("ESTIBA_DB_DB_"), "{one}");
    }
}
