//! Whether the key opens what is needed.

use estiba_model::{Message, message};
use estiba_target::HostCheck;

use super::HerokuTarget;
use crate::client::Client;
use crate::client::fault::Fault;
use crate::client::types::{Account, RateLimit};

/// Fewer requests than a few deployments need.
const FEW: u64 = 200;

impl HerokuTarget {
    pub(super) async fn check_account(&self) -> Vec<HostCheck> {
        let client = match self.client().await {
            Ok(client) => client,
            Err(error) => return vec![failing("heroku-key", error.message().clone())],
        };
        let account: Account = match client.get("/account").await {
            Ok(account) => account,
            Err(fault) => return vec![failing("heroku-key", fault.message("account"))],
        };
        let limit: Result<RateLimit, Fault> = client.get("/account/rate-limits").await;
        let left = match limit {
            Ok(limit) => requests(limit.remaining),
            Err(fault) => failing("heroku-requests", fault.message("rate limit")),
        };
        let registry = self.config.settings.registry();
        vec![
            of_account(&account),
            left,
            check_registry(client, registry).await,
        ]
    }
}

fn of_account(account: &Account) -> HostCheck {
    let email = &account.email;
    let problem = if account.suspended_at.is_some() {
        Some(message!(
            "the account is suspended: write to Heroku's support",
            "la cuenta está suspendida: escriba al soporte de Heroku"
        ))
    } else if account.delinquent_at.is_some() {
        Some(message!(
            "the account has unpaid bills: https://dashboard.heroku.com/account/billing",
            "la cuenta tiene facturas impagas: https://dashboard.heroku.com/account/billing"
        ))
    } else if !account.verified {
        Some(message!(
            "the account is not verified, so that it has few apps and no add-ons: https://heroku.com/verify",
            "la cuenta no está verificada, así que tiene pocas aplicaciones y ningún complemento: https://heroku.com/verify"
        ))
    } else {
        None
    };
    HostCheck {
        name: "heroku-key",
        ok: problem.is_none(),
        // A team may pay for what an unverified account uses.
        optional: account.suspended_at.is_none() && account.delinquent_at.is_none(),
        found: message!(
            "the key for Heroku is that of {email}",
            "la clave de Heroku es la de {email}"
        ),
        advice: problem,
    }
}

fn requests(left: u64) -> HostCheck {
    let ok = left >= FEW;
    HostCheck {
        name: "heroku-requests",
        ok,
        optional: true,
        found: message!(
            "{left} requests to Heroku are left for now",
            "por ahora quedan {left} pedidos a Heroku"
        ),
        advice: (!ok).then(|| {
            message!(
                "wait a few minutes before you deploy: about 75 more come each minute, for all who use the key",
                "espere unos minutos antes de desplegar: se agregan unos 75 por minuto, para todos los que usan la clave"
            )
        }),
    }
}

async fn check_registry(client: &Client, registry: &str) -> HostCheck {
    let reached = client.reaches_registry(registry).await;
    let ok = reached.is_ok();
    HostCheck {
        name: "heroku-registry",
        ok,
        optional: false,
        found: match reached {
            Ok(()) => message!(
                "the registry {registry} answers and takes the key",
                "el registro {registry} responde y acepta la clave"
            ),
            Err(why) => message!(
                "the registry {registry} does not answer as it should: {why}",
                "el registro {registry} no responde como debe: {why}"
            ),
        },
        advice: (!ok).then(|| {
            message!(
                "check the network, and `registry` of the target",
                "revise la red, y `registry` de la plataforma"
            )
        }),
    }
}

fn failing(name: &'static str, found: Message) -> HostCheck {
    HostCheck {
        name,
        ok: false,
        optional: false,
        found,
        advice: None,
    }
}
