//! The services outside that an environment uses, with the values of its secrets.

use std::collections::BTreeSet;

use estiba_model::{
    Environment, Given, Message, Name, OutsideService, Project, SecretString, WsdlWanted, message,
};
use estiba_preflight::{Compared, Found, Inside, Login, Service, Wsdl};

use crate::error::EngineError;
use crate::inputs::{Inputs, Overrides};
use crate::release::placeholder_version;

/// The Score type of databases, and the setting with a server's URL.
const POSTGRES: &str = "postgres";
const URL_FROM: &str = "url-from";

/// A service outside, ready to be tried.
pub(super) struct Declared {
    /// What the project calls it.
    pub(super) name: String,
    owner: Option<String>,
    secret: Option<String>,
    /// The targets whose workloads use it.
    pub(super) on: BTreeSet<Name>,
    pub(super) service: Service,
}

impl Declared {
    pub(super) fn compared(
        &self,
        target: Option<&Name>,
        inside: Option<Inside>,
        here: Option<Found>,
    ) -> Compared {
        Compared {
            service: self.name.clone(),
            owner: self.owner.clone(),
            secret: self.secret.clone(),
            target: target.cloned(),
            inside,
            here,
        }
    }
}

/// All services that an environment uses: those that it declares, and the PostgreSQL
/// server that it is given.
pub(super) fn all(
    project: &Project,
    name: &Name,
    overrides: Overrides,
) -> Result<Vec<Declared>, EngineError> {
    let gathered = Inputs::gather(project, name, placeholder_version()?, overrides);
    let inputs = gathered.ok_or_else(|| EngineError::Refused(Vec::new()))?;
    let environment = &project.environments[name];
    let values = Values {
        inputs: &inputs,
        environment: name,
    };
    let outside = environment.outside.iter();
    let declared = outside.map(|(name, service)| values.declared(environment, name, service));
    let given = environment.resources.get(POSTGRES);
    let given = given.and_then(|settings| settings.get(URL_FROM)?.as_str());
    let given = given.map(|secret| values.given(project, environment, secret));
    let mut all = Vec::new();
    let mut problems = Vec::new();
    for one in declared.chain(given) {
        match one {
            Ok(one) => all.push(one),
            Err(missing) => problems.extend(missing),
        }
    }
    match problems.is_empty() {
        true => Ok(all),
        false => Err(EngineError::Refused(problems)),
    }
}

struct Values<'v> {
    inputs: &'v Inputs,
    environment: &'v Name,
}

impl Values<'_> {
    fn declared(
        &self,
        environment: &Environment,
        name: &Name,
        service: &OutsideService,
    ) -> Result<Declared, Vec<Message>> {
        let mut problems = Vec::new();
        let mut value = |secret: &str| match self.value(name.as_str(), secret) {
            Ok(value) => value,
            Err(problem) => {
                problems.push(problem);
                SecretString::default()
            }
        };
        let url = match &service.url {
            Given::Here(url) => SecretString::new(url),
            Given::Secret(secret) => value(secret),
            // A project without one was refused when it was read.
            Given::Nowhere => SecretString::default(),
        };
        let user = service.user.clone().zip(service.password_from.as_deref());
        let login = match (user, &service.token_from) {
            (Some((user, secret)), _) => Some(Login::Basic {
                user,
                password: value(secret),
            }),
            (None, Some(secret)) => Some(Login::Bearer(value(secret))),
            (None, None) => None,
        };
        if let (Some(file), None) = (&service.ca, &service.ca_text) {
            problems.push(message!(
                "{name} is trusted by {file}, which can't be read",
                "en {name} se confía por {file}, que no se puede leer"
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let used = environment.placement.iter();
        let used = used.filter(|(w, _)| service.by.is_empty() || service.by.contains(*w));
        Ok(Declared {
            name: name.to_string(),
            owner: service.owner.clone(),
            secret: service.secrets().next().map(str::to_owned),
            on: used.map(|(_, target)| target.clone()).collect(),
            service: Service {
                url,
                expect: service.expect,
                wsdl: service.wsdl.as_ref().map(|wsdl| match wsdl {
                    WsdlWanted::Any => Wsdl::Any,
                    WsdlWanted::Operation(name) => Wsdl::Operation(name.clone()),
                }),
                login,
                ca: service.ca_text.clone(),
            },
        })
    }

    /// The PostgreSQL server in which databases are provided.
    fn given(
        &self,
        project: &Project,
        environment: &Environment,
        secret: &str,
    ) -> Result<Declared, Vec<Message>> {
        let uses_it = |workload: &Name| {
            let workload = project.workloads.get(workload);
            let resources = workload.map(|one| one.workload.resources.values());
            resources.into_iter().flatten().any(|r| r.kind == POSTGRES)
        };
        let used = environment.placement.iter().filter(|(w, _)| uses_it(w));
        let name = format!("resources.{POSTGRES}");
        let url = self.value(&name, secret).map_err(|problem| vec![problem])?;
        Ok(Declared {
            name,
            owner: None,
            secret: Some(secret.to_owned()),
            on: used.map(|(_, target)| target.clone()).collect(),
            service: Service {
                url,
                expect: None,
                wsdl: None,
                login: None,
                ca: None,
            },
        })
    }

    fn value(&self, service: &str, secret: &str) -> Result<SecretString, Message> {
        let environment = self.environment;
        self.inputs.value(secret).ok_or_else(|| {
            message!(
                "{service} is tried with {secret}, which has no value in {environment}: `estiba secret set {secret} --env {environment}`",
                "{service} se prueba con {secret}, que no tiene valor en {environment}: `estiba secret set {secret} --env {environment}`"
            )
        })
    }
}
