//! The address of a database, as Heroku gives it: `postgres://user:password@host:5432/name`.

use estiba_model::SecretString;
use estiba_target::Outputs;
use percent_encoding::percent_decode_str;

/// What a `postgres` resource gives, from its address.
pub(crate) fn outputs(url: &SecretString) -> Option<Outputs> {
    let url = reqwest::Url::parse(url.expose()).ok()?;
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().ok()?;
        (!text.is_empty()).then(|| text.into_owned())
    };
    let name = decoded(url.path().trim_start_matches('/'))?;
    let outputs = [
        ("host", url.host_str()?.to_owned()),
        ("port", url.port().unwrap_or(5432).to_string()),
        ("database", name.clone()),
        ("name", name),
        ("username", decoded(url.username())?),
        ("password", decoded(url.password()?)?),
    ];
    let outputs = outputs.map(|(key, value)| (key.to_owned(), SecretString::new(value)));
    Some(outputs.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_all_that_a_workload_needs() {
        let url = SecretString::new("postgres://u1:p%40ss%2Fw@ec2-1.compute.amazonaws.com:5433/d9");
        let outputs = outputs(&url).unwrap();
        for (key, value) in [
            ("host", "ec2-1.compute.amazonaws.com"),
            ("port", "5433"),
            ("name", "d9"),
            ("database", "d9"),
            ("username", "u1"),
            ("password", "p@ss/w"),
        ] {
            assert_eq!(outputs[key].expose(), value, "{key}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_database_gives_nothing() {
        for url in [
            "",
            "postgres://host/name",
            "postgres://u:p@host",
            "host:5432",
        ] {
            assert!(outputs(&SecretString::new(url)).is_none(), "{url}");
        }
    }
}
