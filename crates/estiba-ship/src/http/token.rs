//! Whether a request may post lines.

use base64::Engine as _;
use estiba_model::SecretString;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The token is that of `Bearer`, `ApiKey` or `Token`, or the password (or, without
/// one, the user) of `Basic`, as clients make of `https://:TOKEN@HOST`.
pub(super) fn is_given(token: &SecretString, headers: &HeaderMap) -> bool {
    let Some(header) = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let Some((scheme, given)) = header.split_once(' ') else {
        return false;
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        let is_scheme = ["bearer", "apikey", "token"]
            .iter()
            .any(|name| scheme.eq_ignore_ascii_case(name));
        return is_scheme && same(token, given.trim().as_bytes());
    }
    let Ok(pair) = base64::engine::general_purpose::STANDARD.decode(given.trim()) else {
        return false;
    };
    let at = pair
        .iter()
        .position(|byte| *byte == b':')
        .unwrap_or(pair.len());
    let password = pair.get(at + 1..).filter(|password| !password.is_empty());
    same(token, password.unwrap_or(&pair[..at]))
}

/// Takes as long whatever is given, so that a token can't be found out by time.
fn same(token: &SecretString, given: &[u8]) -> bool {
    let token = token.expose().as_bytes();
    let differences = token
        .iter()
        .zip(given)
        .fold(0, |differences, (a, b)| differences | (a ^ b));
    token.len() == given.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_give_a_token() {
        let token = SecretString::new("s3cret");
        let basic = |pair: &str| {
            format!(
                "Basic {}",
                base64::engine::general_purpose::STANDARD.encode(pair)
            )
        };
        for (header, yes) in [
            ("Bearer s3cret".to_owned(), true),
            ("apikey s3cret".to_owned(), true),
            (basic(":s3cret"), true),
            (basic("any:s3cret"), true),
            (basic("s3cret:"), true),
            (basic("s3cret"), true),
            (basic("s3cret:other"), false),
            ("Bearer s3cre".to_owned(), false),
            ("Bearer s3cretx".to_owned(), false),
            ("Digest s3cret".to_owned(), false),
            ("s3cret".to_owned(), false),
            ("Basic %".to_owned(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            assert_eq!(is_given(&token, &headers), yes, "{header}");
        }
        assert!(!is_given(&token, &HeaderMap::new()));
    }
}
