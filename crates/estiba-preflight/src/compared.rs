//! What was found from inside and from here, and what follows from the two.

use estiba_model::{Message, Name, message};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Fault, Found};

/// A service, tried from inside an environment and from this machine.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Compared {
    /// What the project calls it.
    pub service: String,
    /// Who runs it, where that is said.
    pub owner: Option<String>,
    /// The secret that its URL or its login is from.
    pub secret: Option<String>,
    /// The target on which it was tried; `None` where it was tried from here alone.
    pub target: Option<Name>,
    /// What came of trying it from inside, where that was asked for.
    pub inside: Option<Inside>,
    /// What was found from this machine, where it was tried.
    pub here: Option<Found>,
}

/// What came of trying a service from inside an environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Inside {
    /// What was found.
    Found(Found),
    /// Why it could not be tried there.
    Untried(Message),
}

impl Inside {
    /// What was found, where it was tried.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        match self {
            Self::Found(found) => Some(found),
            Self::Untried(_) => None,
        }
    }

    /// Whether it was tried, and can't be used.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.found().is_some_and(|found| found.failure().is_some())
    }
}

/// Whether a service can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It can.
    Ok,
    /// It can, but not for long.
    Warning,
    /// It can't.
    Failed,
}

impl Compared {
    /// What counts: what was found from inside, else from here.
    #[must_use]
    pub fn found(&self) -> Option<&Found> {
        match &self.inside {
            Some(inside) => inside.found(),
            None => self.here.as_ref(),
        }
    }

    /// Whether it can be used.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.found() {
            None => Verdict::Failed,
            Some(found) if found.failure().is_some() => Verdict::Failed,
            Some(found) if found.faults.is_empty() => Verdict::Ok,
            Some(_) => Verdict::Warning,
        }
    }

    /// Whether it fails from inside alone.
    #[must_use]
    pub fn only_inside(&self) -> bool {
        self.inside.as_ref().is_some_and(Inside::has_failed)
            && self
                .here
                .as_ref()
                .is_some_and(|here| here.failure().is_none())
    }

    /// What is wrong, each with what has to be done about it and by whom.
    #[must_use]
    pub fn troubles(&self) -> Vec<(Message, Option<Message>)> {
        if let Some(Inside::Untried(why)) = &self.inside {
            return vec![(why.clone(), None)];
        }
        let Some(found) = self.found() else {
            return Vec::new();
        };
        let faults = found.faults.iter();
        faults
            .map(|fault| {
                let what = self.placed(fault);
                (what, Some(self.advice(found, fault)))
            })
            .collect()
    }

    /// A fault with the places where it shows.
    fn placed(&self, fault: &Fault) -> Message {
        let what = fault.message();
        let Some(target) = &self.target else {
            return what;
        };
        let (en, es) = (what.en, what.es);
        if self.only_inside() && fault.is_failure() {
            return message!(
                "only from inside ({target}): {en}; from this machine it works",
                "solo desde adentro ({target}): {es}; desde esta máquina funciona"
            );
        }
        let same_here = self.here.as_ref().and_then(Found::failure) == Some(fault);
        if same_here {
            return message!(
                "from inside ({target}) and from this machine: {en}",
                "desde adentro ({target}) y desde esta máquina: {es}"
            );
        }
        match self.here.as_ref().and_then(Found::failure) {
            Some(here) if fault.is_failure() => {
                let here = here.message();
                let (here_en, here_es) = (here.en, here.es);
                message!(
                    "from inside ({target}): {en}; from this machine: {here_en}",
                    "desde adentro ({target}): {es}; desde esta máquina: {here_es}"
                )
            }
            _ => Message { en, es },
        }
    }

    fn owner(&self) -> Message {
        match &self.owner {
            Some(owner) => Message::verbatim(owner),
            None => message!("whoever runs it", "quien lo administra"),
        }
    }

    fn advice(&self, found: &Found, fault: &Fault) -> Message {
        if self.only_inside()
            && let Some(advice) = self.advice_inside(found, fault)
        {
            return advice;
        }
        self.advice_everywhere(found, fault)
    }

    /// What is to be done where this machine has no such trouble.
    fn advice_inside(&self, found: &Found, fault: &Fault) -> Option<Message> {
        let target = self.target.as_ref()?;
        let Message { en, es } = self.owner();
        let (host, port) = (&found.host, found.port);
        if fault.is_of_the_name() {
            return Some(message!(
                "this machine knows the name: the name server of {target} (in a cluster, its DNS) has to be told where to ask about {host}; {en} can say which server knows it",
                "esta máquina conoce el nombre: hay que indicarle al servidor de nombres de {target} (en un cluster, su DNS) dónde preguntar por {host}; {es} puede decir qué servidor lo conoce"
            ));
        }
        if fault.is_of_the_way() && found.is_loopback() {
            return Some(message!(
                "{host} is each container itself, not this machine: give the address at which others reach it",
                "{host} es el propio contenedor, no esta máquina: indique la dirección con la que otros llegan a él"
            ));
        }
        let from = found.from.map(|from| from.to_string());
        let from = from.unwrap_or_else(|| target.to_string());
        if fault.is_of_the_way() {
            let to = addresses(found);
            return Some(message!(
                "a rule on what leaves {target} is in the way (a firewall, or in a cluster a NetworkPolicy of the environment's namespace): {en} has to open TCP from {from} to {to}",
                "una regla sobre lo que sale de {target} lo impide (un firewall o, en un cluster, una NetworkPolicy del namespace del ambiente): {es} tiene que abrir TCP desde {from} hacia {to}"
            ));
        }
        match fault {
            Fault::Status { .. } | Fault::LoginRefused { .. } => Some(message!(
                "it answers others as it should: {en} has to admit {from} (a list of addresses, or a proxy on the way)",
                "a otros les responde bien: {es} tiene que admitir a {from} (una lista de direcciones, o un proxy en el camino)"
            )),
            Fault::NotAdmitted { .. } => Some(message!(
                "{en} has to admit {from} at {host}:{port}: a line of pg_hba.conf",
                "{es} tiene que admitir a {from} en {host}:{port}: una línea de pg_hba.conf"
            )),
            _ => None,
        }
    }

    fn advice_everywhere(&self, found: &Found, fault: &Fault) -> Message {
        let Message { en, es } = self.owner();
        let (host, at) = (&found.host, found.address());
        match fault {
            Fault::BadUrl => message!(
                "correct `url`, or the secret it is from",
                "corrija `url` o el secreto del que viene"
            ),
            Fault::NoSuchName => message!(
                "correct the name {host}, or ask {en} to publish it",
                "corrija el nombre {host}, o pida a {es} que lo publique"
            ),
            Fault::NameServerSilent { .. } => message!(
                "see to the name servers of that place (/etc/resolv.conf)",
                "revise los servidores de nombres de ese lugar (/etc/resolv.conf)"
            ),
            Fault::Refused => message!(
                "nothing listens at {at}, or a firewall refuses for it: ask {en} whether it runs, and at which port",
                "nada escucha en {at}, o un firewall rechaza en su lugar: pregunte a {es} si está en marcha, y en qué puerto"
            ),
            Fault::Unreachable { .. } | Fault::Silent { .. } | Fault::Broken { .. } => message!(
                "ask {en} whether {at} runs and from where it may be used",
                "pregunte a {es} si {at} está en marcha y desde dónde se puede usar"
            ),
            Fault::UnknownIssuer {
                issuer,
                alone: true,
                by_itself: false,
            } => message!(
                "{en} has to send the certificates between \"{issuer}\" and a known authority along; or, if it is an authority of your own, name its certificate as `ca` and add it to the images that use it",
                "{es} tiene que enviar también los certificados entre «{issuer}» y una autoridad conocida; o, si es una autoridad propia, indique su certificado como `ca` y agréguelo a las imágenes que lo usan"
            ),
            Fault::UnknownIssuer { issuer, .. } => message!(
                "get the certificate of \"{issuer}\" from {en}, name it as `ca`, and add it to the images that use the service",
                "pida el certificado de «{issuer}» a {es}, indíquelo como `ca` y agréguelo a las imágenes que usan el servicio"
            ),
            Fault::Expired { .. } | Fault::ExpiresSoon { .. } => {
                message!("{en} has to renew it", "{es} tiene que renovarlo")
            }
            Fault::NotValidYet { .. } => {
                message!("set the clocks right", "ponga en hora los relojes")
            }
            Fault::WrongName { .. } => message!(
                "use one of those names in `url`, or {en} has to get a certificate of {host}",
                "use uno de esos nombres en `url`, o {es} tiene que conseguir un certificado de {host}"
            ),
            Fault::NoAuthorities => message!(
                "install those of this machine: `apt-get install ca-certificates`, or name one as `ca`",
                "instale las de esta máquina: `apt-get install ca-certificates`, o indique una como `ca`"
            ),
            Fault::BadAuthority => message!(
                "it has to begin with -----BEGIN CERTIFICATE-----",
                "tiene que empezar con -----BEGIN CERTIFICATE-----"
            ),
            Fault::Tls { .. } => message!(
                "ask {en} how TLS is meant to work at {at}",
                "pregunte a {es} cómo debe funcionar TLS en {at}"
            ),
            Fault::Status {
                got: 401 | 403 | 407,
                ..
            } => message!(
                "give a login: `user` and `password-from`, or `token-from`; or say `expect` if that is how it should answer",
                "dé un ingreso: `user` y `password-from`, o `token-from`; o diga `expect` si es así como debe responder"
            ),
            Fault::LoginRefused { got: 403 } => message!(
                "ask {en} to admit this login to it, or say `expect` if that is how it should answer",
                "pida a {es} que admita este ingreso, o diga `expect` si es así como debe responder"
            ),
            Fault::LoginRefused { .. } => message!(
                "ask {en} for the right one, and set the secret that has it anew",
                "pida a {es} el correcto, y vuelva a fijar el secreto que lo tiene"
            ),
            Fault::BadToken => message!(
                "set the secret that `token-from` names anew, with the token on one line",
                "vuelva a fijar el secreto que indica `token-from`, con el token en una sola línea"
            ),
            Fault::Status { got: 300..=399, .. } => message!(
                "write the URL to which it sends one, or say `expect` if that is how it should answer",
                "escriba la URL a la que redirige, o diga `expect` si es así como debe responder"
            ),
            Fault::Status { got: 500..=599, .. } => message!(
                "ask {en} what is wrong with it",
                "pregunte a {es} qué le pasa"
            ),
            Fault::Status { got, .. } => message!(
                "correct the path of `url`, or say `expect: {got}` if that is how it should answer",
                "corrija la ruta de `url`, o diga `expect: {got}` si es así como debe responder"
            ),
            Fault::NotXml { .. } | Fault::NotWsdl { .. } => message!(
                "name the URL of the WSDL, which often ends in ?wsdl",
                "indique la URL del WSDL, que suele terminar en ?wsdl"
            ),
            Fault::NoOperation { imports, .. } if !imports.is_empty() => {
                let imports = imports.join(", ");
                message!(
                    "it refers to other documents, which may have it: {imports}",
                    "se refiere a otros documentos, que pueden tenerla: {imports}"
                )
            }
            Fault::NoOperation { .. } => message!(
                "correct `wsdl`, or ask {en} for the version that has it",
                "corrija `wsdl`, o pida a {es} la versión que la tiene"
            ),
            Fault::NoTls => message!(
                "{en} has to turn TLS on, or the URL has to say sslmode=disable",
                "{es} tiene que activar TLS, o la URL tiene que decir sslmode=disable"
            ),
            Fault::WrongPassword { .. } => self.right_password(),
            Fault::NotAdmitted {
                without_tls: true, ..
            } => message!(
                "the server may want TLS: add sslmode=require to the URL; otherwise {en} has to add a line to pg_hba.conf",
                "es posible que el servidor exija TLS: agregue sslmode=require a la URL; si no, {es} tiene que agregar una línea a pg_hba.conf"
            ),
            Fault::NotAdmitted { .. } => message!(
                "{en} has to add a line to pg_hba.conf for this user, database and address",
                "{es} tiene que agregar una línea a pg_hba.conf para este usuario, base y dirección"
            ),
            Fault::NoDatabase { database } => message!(
                "{en} has to create \"{database}\", or the URL has to name another",
                "{es} tiene que crear «{database}», o la URL tiene que nombrar otra"
            ),
            Fault::Database { .. } => message!("ask {en}", "pregunte a {es}"),
        }
    }

    fn right_password(&self) -> Message {
        let Message { en, es } = self.owner();
        match &self.secret {
            Some(secret) => message!(
                "ask {en} for the right one, and set the secret {secret} of the environment anew (`estiba secret set`)",
                "pida a {es} la correcta, y vuelva a fijar el secreto {secret} del ambiente (`estiba secret set`)"
            ),
            None => message!(
                "ask {en} for the right one, keep the URL with it as a secret, and name that as `url-from`",
                "pida a {es} la correcta, guarde la URL con ella como un secreto, e indíquelo como `url-from`"
            ),
        }
    }
}

/// Where a firewall has to let one through.
fn addresses(found: &Found) -> String {
    let at = found.address();
    let other = |address: &&std::net::IpAddr| address.to_string() != found.host;
    let all: Vec<String> = found
        .addresses
        .iter()
        .filter(other)
        .map(ToString::to_string)
        .collect();
    match all.as_slice() {
        [] => at,
        all => format!("{at} ({})", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stage;

    fn found(fault: Option<Fault>) -> Found {
        let mut found = Found::at("billing.example.edu", 443);
        found.addresses = vec!["192.0.2.7".parse().unwrap()];
        found.from = Some("10.244.0.9".parse().unwrap());
        found.faults.extend(fault);
        found
    }

    fn compared(inside: Option<Fault>, here: Option<Fault>) -> Compared {
        Compared {
            service: "billing".to_owned(),
            owner: Some("the networking team".to_owned()),
            secret: None,
            target: Some("aks".parse().unwrap()),
            inside: Some(Inside::Found(found(inside))),
            here: Some(found(here)),
        }
    }

    fn silent() -> Fault {
        Fault::Silent {
            stage: Stage::Tcp,
            after_ms: 10_000,
        }
    }

    fn said(compared: &Compared) -> String {
        let troubles = compared.troubles().into_iter();
        let lines = troubles.flat_map(|(what, todo)| [Some(what), todo]);
        lines.flatten().map(|m| m.en + "\n").collect()
    }

    #[test]
    fn who_has_to_open_what_is_told_where_it_fails_only_from_inside() {
        let only = compared(Some(silent()), None);
        assert!(only.only_inside());
        let said = said(&only);
        assert!(
            said.contains("only from inside (aks): no answer within 10 s (TCP)"),
            "{said}"
        );
        let open = "the networking team has to open TCP from 10.244.0.9 to billing.example.edu:443 (192.0.2.7)";
        assert!(
            said.contains(open) && said.contains("NetworkPolicy"),
            "{said}"
        );
    }

    #[test]
    fn what_fails_from_everywhere_is_no_matter_of_rules_of_the_environment() {
        let both = compared(Some(silent()), Some(silent()));
        let said = said(&both);
        assert!(
            said.contains("from inside (aks) and from this machine"),
            "{said}"
        );
        assert!(!said.contains("NetworkPolicy"), "{said}");
    }

    #[test]
    fn a_name_that_only_this_machine_knows_is_a_matter_of_their_name_server() {
        let name = said(&compared(Some(Fault::NoSuchName), None));
        assert!(name.contains("in a cluster, its DNS"), "{name}");
    }

    #[test]
    fn an_address_of_the_container_itself_is_told() {
        let mut loopback = compared(Some(Fault::Refused), None);
        if let Some(Inside::Found(inside)) = &mut loopback.inside {
            inside.host = "127.0.0.1".to_owned();
            inside.addresses = vec!["127.0.0.1".parse().unwrap()];
        }
        let said = said(&loopback);
        assert!(
            said.contains("127.0.0.1 is each container itself"),
            "{said}"
        );
    }

    #[test]
    fn what_is_to_be_done_about_a_login_has_no_placeholder() {
        let wrong = Fault::WrongPassword {
            user: "app".to_owned(),
        };
        let mut both = compared(Some(wrong.clone()), Some(wrong));
        assert!(said(&both).contains("`url-from`"), "{}", said(&both));
        both.secret = Some("PG_URL".to_owned());
        let text = said(&both);
        assert!(text.contains("the secret PG_URL"), "{text}");
        assert!(!text.contains("ENV") && !text.contains("NAME"), "{text}");
        let refused = Fault::LoginRefused { got: 401 };
        let text = said(&compared(Some(refused.clone()), Some(refused)));
        assert!(text.contains("it refuses the login"), "{text}");
        assert!(!text.contains("give a login"), "{text}");
    }

    #[test]
    fn a_certificate_that_expires_soon_is_a_warning() {
        let soon = Fault::ExpiresSoon {
            subject: "billing.example.edu".to_owned(),
            on: "2027-01-02".to_owned(),
            days: 5,
        };
        assert_eq!(compared(Some(soon), None).verdict(), Verdict::Warning);
        assert_eq!(compared(None, None).verdict(), Verdict::Ok);
        assert_eq!(compared(Some(silent()), None).verdict(), Verdict::Failed);
    }
}
