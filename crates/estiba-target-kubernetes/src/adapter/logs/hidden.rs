//! What a workload's secrets say must not be shown.

use estiba_model::{SecretString, message};
use estiba_target::TargetError;
use k8s_openapi::api::core::v1::Secret;

use crate::manifests::REDACTED_KEY;

/// The texts that must not be shown. One list that can't be read is an error: what it
/// holds would be shown.
pub(super) fn hidden(secrets: &[Secret]) -> Result<Vec<SecretString>, TargetError> {
    let mut texts = Vec::new();
    for secret in secrets {
        let Some(list) = secret.data.as_ref().and_then(|data| data.get(REDACTED_KEY)) else {
            continue;
        };
        let list: Vec<SecretString> = serde_json::from_slice(&list.0).map_err(|_| {
            let name = secret.metadata.name.as_deref().unwrap_or_default();
            TargetError::new(message!(
                "the log is not shown: Secret {name} does not say what to hide in it (`{REDACTED_KEY}`); deploy the workload again",
                "no se muestra el log: el Secret {name} no dice qué ocultar en él (`{REDACTED_KEY}`); despliegue de nuevo el componente"
            ))
        })?;
        texts.extend(list);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use estiba_target::Redactor;
    use k8s_openapi::ByteString;
    use kube::api::ObjectMeta;

    use super::*;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let data = data
            .iter()
            .map(|(key, text)| ((*key).to_owned(), bytes(text)));
        Secret {
            metadata: ObjectMeta {
                name: Some("api-values".to_owned()),
                ..ObjectMeta::default()
            },
            data: Some(data.collect()),
            ..Secret::default()
        }
    }

    #[test]
    fn what_is_to_be_hidden_is_of_all_secrets() {
        let secrets = [
            secret(&[(REDACTED_KEY, r#"["speak friend"]"#), ("other", "x")]),
            secret(&[("other", "x")]),
            secret(&[(REDACTED_KEY, r#"["mellon"]"#)]),
            Secret::default(),
        ];
        let redactor = Redactor::new(&hidden(&secrets).unwrap());
        let shown = redactor.redact("speak friend: mellon");
        assert!(!shown.contains("friend") && !shown.contains("mellon"));
    }

    #[test]
    fn what_does_not_say_what_to_hide_is_an_error() {
        let secrets = [secret(&[(REDACTED_KEY, "speak friend")])];
        let error = hidden(&secrets).unwrap_err().to_string();
        assert!(error.contains("Secret api-values"), "{error}");
        assert!(!error.contains("friend"), "{error}");
    }
}
