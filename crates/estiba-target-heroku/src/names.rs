//! The names of apps, which are of all people on Heroku together.

use estiba_model::{EnvironmentId, Message, Name, message};

/// The pattern where the settings have none.
pub(crate) const PATTERN: &str = "{team}-{workload}-{environment}";
const WORKLOAD: &str = "{workload}";
const LONGEST: usize = 30;

/// The name of a workload's app.
///
/// # Errors
/// When Heroku would not take it.
pub(crate) fn app(
    pattern: &str,
    environment: &EnvironmentId,
    workload: &Name,
) -> Result<String, Message> {
    let name = filled(pattern, environment).replace(WORKLOAD, workload.as_str());
    let edge = |byte: Option<&u8>, digits: bool| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || (digits && byte.is_ascii_digit()))
    };
    let bytes = name.as_bytes();
    let length = bytes.len();
    let is_fine = (3..=LONGEST).contains(&length)
        && edge(bytes.first(), false)
        && edge(bytes.last(), true)
        && bytes
            .iter()
            .all(|byte| edge(Some(byte), true) || *byte == b'-');
    if is_fine {
        return Ok(name);
    }
    Err(message!(
        "\"{name}\" ({length} characters) can't be the name of an app on Heroku: 3 to {LONGEST} lower-case letters, digits and hyphens, a letter first; write a shorter pattern in `app` of the target",
        "«{name}» ({length} caracteres) no puede ser el nombre de una aplicación en Heroku: de 3 a {LONGEST} letras minúsculas, dígitos y guiones, primero una letra; escriba un patrón más corto en `app` de la plataforma"
    ))
}

/// Whether an app may be one of the environment, by its name alone.
pub(crate) fn may_be_of(pattern: &str, environment: &EnvironmentId, app: &str) -> bool {
    let pattern = filled(pattern, environment);
    let Some((before, after)) = pattern.split_once(WORKLOAD) else {
        return pattern == app;
    };
    let after = after.rsplit(WORKLOAD).next().unwrap_or(after);
    app.len() > before.len() + after.len() && app.starts_with(before) && app.ends_with(after)
}

/// The only app of the environment, where the pattern has room for no other.
pub(crate) fn only(pattern: &str, environment: &EnvironmentId) -> Option<String> {
    (!pattern.contains(WORKLOAD)).then(|| filled(pattern, environment))
}

fn filled(pattern: &str, environment: &EnvironmentId) -> String {
    pattern
        .replace("{team}", environment.team.as_str())
        .replace("{project}", environment.project.as_str())
        .replace("{environment}", environment.environment.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> EnvironmentId {
        EnvironmentId {
            team: "moria".parse().unwrap(),
            project: "tp2".parse().unwrap(),
            environment: "test".parse().unwrap(),
        }
    }

    fn named(pattern: &str, workload: &str) -> Option<String> {
        app(pattern, &environment(), &workload.parse().unwrap()).ok()
    }

    #[test]
    fn a_pattern_becomes_a_name_that_heroku_takes() {
        for (pattern, workload, name) in [
            (PATTERN, "api", Some("moria-api-test")),
            (
                "{team}-{project}-{environment}",
                "api",
                Some("moria-tp2-test"),
            ),
            ("x{workload}", "yz", Some("xyz")),
            ("{workload}", "2fast", None),
            ("{team}_{workload}", "api", None),
            (
                "{team}-{project}-{workload}-{environment}",
                "a-rather-long",
                Some("moria-tp2-a-rather-long-test"),
            ),
            (
                "{team}-{project}-{workload}-{environment}",
                "a-name-that-is-longer",
                None,
            ),
        ] {
            assert_eq!(named(pattern, workload).as_deref(), name, "{pattern}");
        }
    }

    #[test]
    fn apps_of_the_environment_are_known_by_their_names() {
        let is_of = |pattern, app| may_be_of(pattern, &environment(), app);
        assert!(is_of(PATTERN, "moria-api-test"));
        assert!(is_of(PATTERN, "moria-my-api-test"));
        assert!(!is_of(PATTERN, "moria-api-prod"));
        assert!(!is_of(PATTERN, "moria--test"));
        assert!(!is_of(PATTERN, "rohan-api-test"));
        assert!(is_of("{team}-{environment}", "moria-test"));
        assert!(!is_of("{team}-{environment}", "moria-test2"));
        assert_eq!(
            only("{team}-{environment}", &environment()).as_deref(),
            Some("moria-test")
        );
        assert_eq!(only(PATTERN, &environment()), None);
    }
}
