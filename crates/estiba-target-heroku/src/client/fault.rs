//! How the Platform API fails, which of it may pass, and what to do about the rest.
//! <https://devcenter.heroku.com/articles/platform-api-reference#error-responses>

use std::error::Error;
use std::time::Duration;

use estiba_model::{Message, message};
use estiba_target::TargetError;
use serde::Deserialize;

/// What the API says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// Why the API did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It answers, and says no.
    Refused {
        status: u16,
        refusal: Refusal,
        /// When it wants to be asked again.
        wait: Option<Duration>,
    },
    /// It was not to be reached: nothing was done.
    Unreachable(String),
    /// The connection ended in the midst: it may have been done.
    Lost(String),
    /// What it says is not what it is known to say.
    Odd(String),
}

impl Fault {
    pub(crate) fn of_connection(error: &reqwest::Error) -> Self {
        let text = causes(error);
        if error.is_connect() || error.is_builder() {
            Self::Unreachable(text)
        } else {
            Self::Lost(text)
        }
    }

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { status: 403, refusal, .. } if refusal.id == "forbidden")
    }

    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    /// Whether the name of a new app is somebody's.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Refused { status: 422, refusal, .. } if refusal.message.contains("already taken"))
    }

    /// Whether the same request may well succeed in a moment. One that makes
    /// something is tried again only where it was surely not heard.
    pub(crate) fn may_pass(&self, makes_something: bool) -> bool {
        match self {
            Self::Refused { status, .. } => {
                matches!(status, 429 | 503) || (!makes_something && (500..600).contains(status))
            }
            Self::Unreachable(_) => true,
            Self::Lost(_) => !makes_something,
            Self::Odd(_) => false,
        }
    }

    /// When the API wants to be asked again, where it says so.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Refused { wait, .. } => *wait,
            _ => None,
        }
    }

    /// The failure while something was done with `what`: an app, the account.
    pub(crate) fn at(&self, what: &str) -> TargetError {
        TargetError::new(self.message(what))
    }

    /// What, where, what to do next.
    pub(crate) fn message(&self, what: &str) -> Message {
        match self {
            Self::Refused {
                status,
                refusal,
                wait,
            } => refused(what, *status, refusal, *wait),
            Self::Unreachable(why) => message!(
                "Heroku can't be reached ({why}): check the network, `api` of the target, and https://status.heroku.com",
                "no se puede llegar a Heroku ({why}): revise la red, `api` de la plataforma y https://status.heroku.com"
            ),
            Self::Lost(why) => message!(
                "{what}: the connection to Heroku was cut ({why}): run the same again, which does what is left",
                "{what}: la conexión con Heroku se cortó ({why}): ejecute lo mismo de nuevo, que hace lo que falta"
            ),
            Self::Odd(why) => message!(
                "{what}: Heroku does not answer as this Estiba expects ({why}): check `api` of the target",
                "{what}: Heroku no responde como este Estiba espera ({why}): revise `api` de la plataforma"
            ),
        }
    }
}

fn refused(what: &str, status: u16, refusal: &Refusal, wait: Option<Duration>) -> Message {
    let said = refusal.message.as_str();
    match (status, refusal.id.as_str()) {
        (_, "suspended") => message!(
            "your Heroku account is suspended ({said}): write to Heroku's support; nothing was changed",
            "su cuenta de Heroku está suspendida ({said}): escriba al soporte de Heroku; no se cambió nada"
        ),
        (_, "delinquent" | "delinquency") => message!(
            "your Heroku account has unpaid bills ({said}): pay them at https://dashboard.heroku.com/account/billing",
            "su cuenta de Heroku tiene facturas impagas ({said}): páguelas en https://dashboard.heroku.com/account/billing"
        ),
        (_, "verification_required" | "verification_needed") => message!(
            "{what}: Heroku wants your account verified with a credit card first: https://heroku.com/verify ({said})",
            "{what}: Heroku quiere que antes verifique su cuenta con una tarjeta de crédito: https://heroku.com/verify ({said})"
        ),
        (402, _) => message!(
            "{what}: Heroku wants payment details: https://dashboard.heroku.com/account/billing ({said})",
            "{what}: Heroku pide datos de pago: https://dashboard.heroku.com/account/billing ({said})"
        ),
        (401, _) => message!(
            "Heroku does not know your key, which may have expired: set HEROKU_API_KEY to another one (`heroku authorizations:create`), or run `heroku login`",
            "Heroku no reconoce su clave, que puede haber vencido: defina HEROKU_API_KEY con otra (`heroku authorizations:create`), o ejecute `heroku login`"
        ),
        (403, _) => message!(
            "{what}: Heroku does not let you ({said}): ask the owner to add you as a collaborator, or use another key",
            "{what}: Heroku no se lo permite ({said}): pida a quien sea dueño que lo agregue como colaborador, o use otra clave"
        ),
        (429, _) => {
            let seconds = wait.map_or(60, |wait| wait.as_secs());
            message!(
                "Heroku takes no more requests with your key for now (about 4500 an hour, for all who use it): wait {seconds} s and run the same again",
                "Heroku no acepta más pedidos con su clave por ahora (unos 4500 por hora, de todos los que la usan): espere {seconds} s y ejecute lo mismo de nuevo"
            )
        }
        (500..=599, _) => message!(
            "{what}: Heroku fails itself ({status} {said}): see https://status.heroku.com, and run the same again when it works",
            "{what}: Heroku mismo falla ({status} {said}): vea https://status.heroku.com, y ejecute lo mismo de nuevo cuando funcione"
        ),
        _ => message!(
            "{what}: Heroku refuses: {said} ({status})",
            "{what}: Heroku lo rechaza: {said} ({status})"
        ),
    }
}

fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(status: u16, id: &str, said: &str) -> Fault {
        Fault::Refused {
            status,
            refusal: Refusal {
                id: id.to_owned(),
                message: said.to_owned(),
            },
            wait: None,
        }
    }

    #[test]
    fn what_heroku_says_becomes_advice() {
        for (status, id, advice) in [
            (401, "unauthorized", "HEROKU_API_KEY"),
            (402, "payment_required", "payment details"),
            (402, "delinquent", "unpaid bills"),
            (403, "forbidden", "collaborator"),
            (403, "suspended", "is suspended"),
            (402, "verification_required", "heroku.com/verify"),
            (429, "rate_limit", "4500 an hour"),
            (500, "", "status.heroku.com"),
            (422, "invalid_params", "refuses: said"),
        ] {
            let text = fault(status, id, "said").message("app x");
            assert!(text.en.contains(advice), "{status} {id}: {text}");
            assert_ne!(text.en, text.es);
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert!(fault(429, "", "").may_pass(true));
        assert!(fault(503, "", "").may_pass(true));
        assert!(fault(500, "", "").may_pass(false));
        assert!(!fault(500, "", "").may_pass(true));
        assert!(!fault(422, "", "").may_pass(false));
        assert!(Fault::Lost(String::new()).may_pass(false));
        assert!(!Fault::Lost(String::new()).may_pass(true));
        assert!(fault(422, "invalid_params", "Name x is already taken").is_taken());
    }
}
