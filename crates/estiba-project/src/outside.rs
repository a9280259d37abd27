//! Services outside, as `estiba.yaml` has them: for the whole project, and what is
//! different in an environment.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Given, Name, OutsideService, WsdlWanted};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::file::name;

/// A service that is not the project's own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Outside")]
pub(crate) struct OutsideFile {
    /// Where it is: an `https`, `http` or `postgres` URL, or `tcp://host:port` or
    /// `tls://host:port` for any other.
    #[schemars(schema_with = "url")]
    url: Option<String>,
    /// The secret with that URL, where it has a password.
    #[schemars(schema_with = "text")]
    url_from: Option<String>,
    /// The HTTP status that it answers with; any of 200 to 299 where none is named.
    #[schemars(schema_with = "status")]
    expect: Option<u16>,
    /// That the URL answers with a WSDL: `true`, or the operation that it must have.
    #[schemars(schema_with = "wsdl")]
    wsdl: Option<WsdlFile>,
    /// Who runs it, and has to be asked where it can't be reached.
    #[schemars(schema_with = "text")]
    owner: Option<String>,
    /// The workloads that use it; all where none is named.
    #[schemars(schema_with = "workloads")]
    by: Option<BTreeSet<Name>>,
    /// The user that it is asked as, by HTTP's basic authentication.
    #[schemars(schema_with = "text")]
    user: Option<String>,
    /// The secret with that user's password.
    #[schemars(schema_with = "text")]
    password_from: Option<String>,
    /// The secret with a token that it is asked with.
    #[schemars(schema_with = "text")]
    token_from: Option<String>,
    /// A file with certificates to trust besides the usual ones (PEM), relative to
    /// this file.
    #[schemars(schema_with = "text")]
    ca: Option<String>,
}

/// `true`, or an operation.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum WsdlFile {
    Whether(bool),
    Operation(String),
}

/// The services that an environment uses: the project's, each key as the environment
/// has it where it does, and the environment's own.
pub(crate) fn of_environment(
    project: &BTreeMap<Name, OutsideFile>,
    environment: &BTreeMap<Name, OutsideFile>,
) -> BTreeMap<Name, OutsideService> {
    let names: BTreeSet<&Name> = project.keys().chain(environment.keys()).collect();
    let nothing = OutsideFile::default();
    let service = |name: &Name| {
        let of_project = project.get(name).unwrap_or(&nothing);
        merged(of_project, environment.get(name).unwrap_or(&nothing))
    };
    names
        .into_iter()
        .map(|name| (name.clone(), service(name)))
        .collect()
}

fn merged(project: &OutsideFile, environment: &OutsideFile) -> OutsideService {
    let either = |key: fn(&OutsideFile) -> &Option<String>| {
        key(environment).clone().or_else(|| key(project).clone())
    };
    let wsdl = environment.wsdl.as_ref().or(project.wsdl.as_ref());
    OutsideService {
        url: match given(environment) {
            Given::Nowhere => given(project),
            given => given,
        },
        expect: environment.expect.or(project.expect),
        wsdl: wsdl.and_then(|wsdl| match wsdl {
            WsdlFile::Whether(true) => Some(WsdlWanted::Any),
            WsdlFile::Whether(false) => None,
            WsdlFile::Operation(name) => Some(WsdlWanted::Operation(name.clone())),
        }),
        owner: either(|file| &file.owner),
        by: environment
            .by
            .clone()
            .or(project.by.clone())
            .unwrap_or_default(),
        user: either(|file| &file.user),
        password_from: either(|file| &file.password_from),
        token_from: either(|file| &file.token_from),
        ca: either(|file| &file.ca),
        ca_text: None,
    }
}

fn given(file: &OutsideFile) -> Given {
    match (&file.url, &file.url_from) {
        (_, Some(secret)) => Given::Secret(secret.clone()),
        (Some(url), None) => Given::Here(url.clone()),
        (None, None) => Given::Nowhere,
    }
}

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1 })
}

fn url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "examples": ["https://soap.example.edu/billing?wsdl", "tcp://smtp.example.edu:587"],
    })
}

fn status(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 100, "maximum": 599 })
}

fn wsdl(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["boolean", "string"], "minLength": 1 })
}

fn workloads(generator: &mut SchemaGenerator) -> Schema {
    let name = name(generator);
    json_schema!({ "type": "array", "minItems": 1, "items": name })
}
