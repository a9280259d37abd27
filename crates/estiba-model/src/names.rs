//! Names that are valid wherever Estiba takes them: files, hosts, labels, tags.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Message, message};

/// A text that is not a valid name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(Message);

impl NameError {
    /// What is wrong, for people.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = $pattern)]
        pub struct $name(#[schemars(regex(pattern = $pattern))] String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::check(text).map_err(NameError)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::check(&text).map_err(NameError)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_type! {
    /// The name of a team, project, environment, target, workload, container,
    /// port or resource: Score's own rule, `^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$`.
    Name, "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$"
}

text_type! {
    /// A release's version. Also a valid OCI tag
    /// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>).
    Version, "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$"
}

text_type! {
    /// A SHA-256 content address, `sha256:` and 64 hexadecimal digits
    /// (<https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests>).
    Digest, "^sha256:[a-f0-9]{64}$"
}

text_type! {
    /// A keyed hash of everything that makes an instance what it is. Equal
    /// fingerprints mean that there is nothing to change.
    Fingerprint, "^[a-f0-9]{16,64}$"
}

text_type! {
    /// One running copy of a workload: `{workload}-{fingerprint}-{ordinal}`.
    InstanceName, "^[a-z0-9][a-z0-9-]{0,90}[a-z0-9]$"
}

impl Name {
    fn check(text: &str) -> Result<(), Message> {
        let bytes = text.as_bytes();
        let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let valid = (2..=63).contains(&bytes.len())
            && bytes.iter().all(|b| edge(b) || *b == b'-')
            && bytes.first().is_some_and(edge)
            && bytes.last().is_some_and(edge);
        if valid {
            return Ok(());
        }
        Err(message!(
            "\"{text}\" is not a valid name: use 2 to 63 lower-case letters, digits and hyphens, with no hyphen at either end",
            "«{text}» no es un nombre válido: use de 2 a 63 letras minúsculas, dígitos y guiones, sin guion en los extremos"
        ))
    }
}

/// Whether a text can be the name of a variable: of a value or a secret, too
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap03.html#tag_03_216>).
#[must_use]
pub fn is_variable_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let mut bytes = text.bytes();
    bytes.next().is_some_and(is_letter) && bytes.all(|b| is_letter(b) || b.is_ascii_digit())
}

impl Version {
    fn check(text: &str) -> Result<(), Message> {
        let mut bytes = text.bytes();
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let valid = text.len() <= 128
            && bytes.next().is_some_and(word)
            && bytes.all(|b| word(b) || b == b'.' || b == b'-');
        if valid {
            return Ok(());
        }
        Err(message!(
            "\"{text}\" is not a valid version: use up to 128 letters, digits, '_', '.' and '-', beginning with a letter, digit or '_'",
            "«{text}» no es una versión válida: use hasta 128 letras, dígitos, '_', '.' y '-', comenzando con una letra, un dígito o '_'"
        ))
    }
}

impl Digest {
    /// The digest of `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(format!(
            "sha256:{}",
            hex::encode(sha2::Sha256::digest(content))
        ))
    }

    /// The 64 hexadecimal digits without the algorithm.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }

    fn check(text: &str) -> Result<(), Message> {
        match text.strip_prefix("sha256:") {
            Some(hex) if hex.len() == 64 && is_lower_hex(hex) => Ok(()),
            _ => Err(message!(
                "\"{text}\" is not a digest: \"sha256:\" and 64 hexadecimal digits",
                "«{text}» no es un digest: «sha256:» y 64 dígitos hexadecimales"
            )),
        }
    }
}

impl Fingerprint {
    /// A fingerprint from the bytes of a hash, of which 32 at most are kept.
    ///
    /// # Panics
    /// With fewer than 8 bytes, which no hash has.
    #[must_use]
    pub fn from_hash(hash: &[u8]) -> Self {
        assert!(hash.len() >= 8, "a hash has at least 8 bytes");
        Self(hex::encode(&hash[..hash.len().min(32)]))
    }

    /// The first eight digits, for names and for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..8]
    }

    fn check(text: &str) -> Result<(), Message> {
        if (16..=64).contains(&text.len()) && is_lower_hex(text) {
            return Ok(());
        }
        Err(message!(
            "\"{text}\" is not a fingerprint: 16 to 64 hexadecimal digits",
            "«{text}» no es una huella: de 16 a 64 dígitos hexadecimales"
        ))
    }
}

impl InstanceName {
    /// The name of the copy number `ordinal` of a workload with this fingerprint.
    #[must_use]
    pub fn of(workload: &Name, fingerprint: &Fingerprint, ordinal: u32) -> Self {
        Self(format!("{workload}-{}-{ordinal}", fingerprint.short()))
    }

    fn check(text: &str) -> Result<(), Message> {
        let edge = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let valid = (2..=92).contains(&bytes.len())
            && bytes.iter().all(|b| edge(b) || *b == b'-')
            && bytes.first().is_some_and(edge)
            && bytes.last().is_some_and(edge);
        if valid {
            return Ok(());
        }
        Err(message!(
            "\"{text}\" is not the name of an instance",
            "«{text}» no es el nombre de una instancia"
        ))
    }
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A project of a team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct ProjectId {
    /// Who owns it.
    pub team: Name,
    /// Its name, unique in the team.
    pub project: Name,
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.team, self.project)
    }
}

/// An environment of a project: where it runs, apart from every other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentId {
    /// Who owns it.
    pub team: Name,
    /// The project.
    pub project: Name,
    /// The environment's name, unique in the project.
    pub environment: Name,
}

impl EnvironmentId {
    /// The environment `environment` of `project`.
    #[must_use]
    pub fn new(project: &ProjectId, environment: &Name) -> Self {
        Self {
            team: project.team.clone(),
            project: project.project.clone(),
            environment: environment.clone(),
        }
    }

    /// The project that it belongs to.
    #[must_use]
    pub fn project_id(&self) -> ProjectId {
        ProjectId {
            team: self.team.clone(),
            project: self.project.clone(),
        }
    }
}

impl fmt::Display for EnvironmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.team, self.project, self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_score() {
        for valid in ["a1", "api", "my-api", "0x", &"a".repeat(63)] {
            assert!(valid.parse::<Name>().is_ok(), "{valid}");
        }
        for invalid in ["", "a", "-a", "a-", "Api", "a_b", "ñu", &"a".repeat(64)] {
            assert!(invalid.parse::<Name>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn versions_are_valid_tags() {
        for valid in ["1.2.3", "v1", "_x", "3f2a1b0c-dirty.12ab"] {
            assert!(valid.parse::<Version>().is_ok(), "{valid}");
        }
        for invalid in ["", ".1", "-1", "1+2", "a b", &"1".repeat(129)] {
            assert!(invalid.parse::<Version>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn an_instance_name_is_derived() {
        let fingerprint = Fingerprint::from_hash(&[0xab; 32]);
        let workload: Name = "api".parse().unwrap();
        let name = InstanceName::of(&workload, &fingerprint, 1);
        assert_eq!(name.as_str(), "api-abababab-1");
        assert!(name.as_str().parse::<InstanceName>().is_ok());
    }

    #[test]
    fn a_bad_name_is_refused_when_read() {
        assert!(serde_json::from_str::<Name>("\"Not Valid\"").is_err());
    }

    #[test]
    fn variables_have_names_that_shells_take() {
        for (text, is) in [
            ("TOKEN", true),
            ("_x1", true),
            ("1ST", false),
            ("A-B", false),
            ("export X", false),
            ("", false),
        ] {
            assert_eq!(is_variable_name(text), is, "{text}");
        }
    }
}
