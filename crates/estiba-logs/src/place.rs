//! The address of a cluster, and the name of an index there, as people write them.

use estiba_model::{Message, message};

/// The longest name of an index, in bytes
/// (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create>).
const LONGEST_INDEX_BYTES: usize = 255;

/// What is wrong with the address of a cluster, and what to write instead.
///
/// # Errors
/// If it is none, or has a login or a question in it.
pub fn check_cluster(address: &str) -> Result<(), (Message, Message)> {
    let hint = || {
        message!(
            "write https://HOST:9200, with a path where the cluster is below one",
            "escriba https://HOST:9200, con una ruta si el clúster está bajo una"
        )
    };
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if host.is_some_and(|host| host.contains('@')) {
        // The address is not repeated: it has a password in it.
        return Err((
            message!(
                "the cluster's address has a login in it, which would be read by everybody",
                "la dirección del clúster tiene un usuario o una clave, que todos leerían"
            ),
            message!(
                "write the address without it, and name a secret: `token: LOG_TOKEN`, or `user: NAME` and `password: LOG_PASSWORD`",
                "escriba la dirección sin ellos, y nombre un secreto: `token: LOG_TOKEN`, o `user: NOMBRE` y `password: LOG_PASSWORD`"
            ),
        ));
    }
    let is_plain = !address.contains(['?', '#', ' ', '\\']);
    if host.is_some_and(|host| !host.is_empty() && !host.starts_with(':')) && is_plain {
        return Ok(());
    }
    Err((
        message!(
            "\"{address}\" is no address of a cluster",
            "«{address}» no es la dirección de un clúster"
        ),
        hint(),
    ))
}

/// Whether an index may have this name
/// (<https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create>).
#[must_use]
pub fn is_index(name: &str) -> bool {
    let letter = |letter: char| {
        !letter.is_uppercase()
            && !letter.is_whitespace()
            && !letter.is_control()
            && !r#"\/*?"<>|,#:%"#.contains(letter)
    };
    !name.is_empty()
        && name.len() <= LONGEST_INDEX_BYTES
        && !name.starts_with(['-', '_', '+', '.'])
        && name.chars().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for address in [
            "https://elastic.example.edu",
            "http://127.0.0.1:9200",
            "https://h/api/v1/_elastic/",
            "http://[::1]:9200",
        ] {
            assert_eq!(check_cluster(address), Ok(()), "{address}");
        }
        for address in [
            "",
            "elastic:9200",
            "https://",
            "https://:9200",
            "ftp://h",
            "https://h?x=1",
            "https://h x",
        ] {
            assert!(check_cluster(address).is_err(), "{address}");
        }
    }

    #[test]
    fn a_login_is_refused_and_not_repeated() {
        let (message, hint) = check_cluster("https://elastic:hunter2@h:9200").unwrap_err();
        assert!(!format!("{message:?}{hint:?}").contains("hunter2"));
        assert!(check_cluster("https://h/a@b").is_ok());
    }

    #[test]
    fn names_of_indices() {
        for name in ["logs", "estiba-logs", "logs.2026", "a_b+c"] {
            assert!(is_index(name), "{name}");
        }
        for name in [
            "", "Logs", "-a", "_all", "..", "a*", "a/b", "a b", "a,b", "a:b", "a%b",
        ] {
            assert!(!is_index(name), "{name}");
        }
        assert!(!is_index(&"a".repeat(256)));
    }
}
