//! A cluster: its connection, its version, and objects of any kind.

use std::future::Future;
use std::time::Duration;

use estiba_model::{Message, message};
use estiba_target::TargetError;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, ObjectMeta, PartialObjectMeta, Patch, PatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::connection::client;
use super::error::{failed, is_transient};
use crate::Settings;
use crate::manifests::{Labels, Manifest, ServerVersion, label};

/// Who owns the fields that are applied.
pub(super) const MANAGER: &str = "estiba";
/// How long a server that does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(45);
/// The same for the first request: the address may simply be wrong.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);
/// One request may take so long, a program that fetches credentials included: a
/// server that hangs must not hang Estiba.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Waiting between two attempts: doubled each time, from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Waiting for things to be gone looks this often.
pub(super) const INTERVAL: Duration = Duration::from_millis(300);

/// Kinds that Estiba has rights to only where the settings need them: who may not
/// see them has made none.
const OPTIONAL: &[&str] = &["Middleware", "Route", "ResourceQuota", "LimitRange"];

/// A cluster that answers.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) version: ServerVersion,
}

/// A kind of object: `apiVersion` and `kind`.
pub(super) type Kind<'a> = (&'a str, &'a str);

impl Cluster {
    pub(super) async fn connect(settings: &Settings) -> Result<Self, TargetError> {
        let config = config(settings).await.map_err(TargetError::new)?;
        let client = client(config).map_err(|error| failed("kubeconfig", &error))?;
        let version =
            persist_for(FIRST_PATIENCE, "/version", || client.apiserver_version()).await?;
        // Some providers say `27+`; what somebody built says nothing, and is taken
        // for the oldest.
        let digits: String = version
            .minor
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        Ok(Self {
            client,
            version: digits.parse().map_or(ServerVersion::OLDEST, ServerVersion),
        })
    }

    /// Objects of a kind in a namespace, or of the whole cluster.
    pub(super) fn objects(
        &self,
        (api_version, kind): Kind<'_>,
        namespace: Option<&str>,
    ) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }

    fn of(&self, manifest: &Manifest) -> Api<DynamicObject> {
        let kind = (manifest.api_version(), manifest.kind());
        self.objects(kind, manifest.namespace())
    }

    /// Makes an object as it should be, and takes back fields that others changed.
    /// What others added stays, unless ours can't be together with it. An object of
    /// that name that `owner` does not select is somebody else's.
    pub(super) async fn apply(
        &self,
        manifest: &Manifest,
        owner: &Labels,
    ) -> Result<DynamicObject, TargetError> {
        let api = self.of(manifest);
        let what = format!("{} {}", manifest.kind(), manifest.name());
        let existing = persist(&what, || api.get_metadata_opt(manifest.name())).await?;
        let is_there = existing.is_some();
        if let Some(existing) = existing.filter(|existing| !is_ours(&existing.metadata, owner)) {
            return Err(TargetError::new(not_ours(&what, &existing.metadata)));
        }
        let params = PatchParams::apply(MANAGER).force();
        let patch = Patch::Apply(manifest.value());
        persist(&what, || async {
            match api.patch(manifest.name(), &params, &patch).await {
                Err(kube::Error::Api(status)) if status.code == 422 && is_there => {
                    match drop_additions(&api, manifest).await {
                        Ok(()) => api.patch(manifest.name(), &params, &patch).await,
                        Err(_) => Err(kube::Error::Api(status)),
                    }
                }
                applied => applied,
            }
        })
        .await
    }

    /// The metadata of all objects of a kind that have these labels. There are none
    /// of a kind that the cluster does not know, or that [`OPTIONAL`] lets be hidden.
    pub(super) async fn list(
        &self,
        kind: Kind<'_>,
        namespace: &str,
        labels: &Labels,
    ) -> Result<Vec<PartialObjectMeta<DynamicObject>>, TargetError> {
        let api = self.objects(kind, Some(namespace));
        let params = selecting(labels);
        let listed = persist(kind.1, || async {
            match api.list_metadata(&params).await {
                Err(kube::Error::Api(status))
                    if status.code == 404 || status.code == 403 && OPTIONAL.contains(&kind.1) =>
                {
                    Ok(Vec::new())
                }
                listed => listed.map(|listed| listed.items),
            }
        });
        listed.await
    }

    /// Removes an object. One that is gone already is no error.
    pub(super) async fn delete(
        &self,
        kind: Kind<'_>,
        namespace: Option<&str>,
        name: &str,
        params: &DeleteParams,
    ) -> Result<(), TargetError> {
        let api = self.objects(kind, namespace);
        let what = format!("{} {name}", kind.1);
        persist(&what, || async {
            match api.delete(name, params).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                deleted => deleted.map(|_| ()),
            }
        })
        .await
    }
}

/// Makes the specification of an object ours alone, as a strategic merge patch says it
/// (<https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md>).
async fn drop_additions(api: &Api<DynamicObject>, manifest: &Manifest) -> Result<(), kube::Error> {
    let mut ours = json!({ "spec": manifest.value()["spec"] });
    ours["spec"]["$patch"] = "replace".into();
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Strategic(&ours);
    api.patch(manifest.name(), &params, &patch).await.map(drop)
}

/// Does what `attempt` does; again where the server is not to be heard, with
/// growing pauses and for a bounded time.
pub(super) async fn persist<T, F>(what: &str, attempt: impl FnMut() -> F) -> Result<T, TargetError>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    persist_for(PATIENCE, what, attempt).await
}

async fn persist_for<T, F>(
    patience: Duration,
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, TargetError>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        match within_limit(attempt()).await {
            Ok(done) => return Ok(done),
            Err(error) if is_transient(&error) && Instant::now() + pause < deadline => {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(failed(what, &error)),
        }
    }
}

/// One request, or that it took too long.
pub(super) async fn within_limit<T>(
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, kube::Error> {
    let seconds = REQUEST_LIMIT.as_secs();
    timeout(REQUEST_LIMIT, request).await.unwrap_or_else(|_| {
        Err(kube::Error::Service(
            format!("no answer in {seconds} s").into(),
        ))
    })
}

/// The parameters that list what has these labels.
pub(super) fn selecting(labels: &Labels) -> ListParams {
    let selector: Vec<_> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    ListParams::default().labels(&selector.join(","))
}

fn is_ours(metadata: &ObjectMeta, owner: &Labels) -> bool {
    let labels = metadata.labels.as_ref();
    owner
        .iter()
        .all(|(key, value)| labels.is_some_and(|labels| labels.get(key) == Some(value)))
}

fn not_ours(what: &str, metadata: &ObjectMeta) -> Message {
    let of = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    match (
        of(label::MANAGED_BY).map(String::as_str),
        of(label::PROJECT),
        of(label::ENVIRONMENT),
    ) {
        (Some(MANAGER), Some(project), Some(environment)) => message!(
            "{what} in namespace {namespace} belongs to environment {environment} of project {project}: rename the workload, or give the projects namespaces of their own (`namespace` of the target)",
            "{what} del namespace {namespace} pertenece al ambiente {environment} del proyecto {project}: cambie el nombre del componente, o dé a los proyectos namespaces propios (`namespace` de la plataforma)"
        ),
        _ => message!(
            "there is a {what} in namespace {namespace} that Estiba did not make, and leaves alone: remove it, or rename the workload",
            "hay un {what} en el namespace {namespace} que no creó Estiba, y no lo toca: quítelo, o cambie el nombre del componente"
        ),
    }
}

async fn config(settings: &Settings) -> Result<Config, Message> {
    let options = KubeConfigOptions {
        context: settings.context.clone(),
        ..KubeConfigOptions::default()
    };
    let unusable = |cause: &dyn std::error::Error| {
        let cause = super::error::causes(cause);
        message!(
            "there is no usable kubeconfig ({cause}): set KUBECONFIG, or `kubeconfig` and `context` of the target",
            "no hay un kubeconfig utilizable ({cause}): defina KUBECONFIG, o `kubeconfig` y `context` de la plataforma"
        )
    };
    match &settings.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(|error| unusable(&error))
        }
        None if settings.context.is_some() => {
            let config = Config::from_kubeconfig(&options).await;
            config.map_err(|error| unusable(&error))
        }
        None => Config::infer().await.map_err(|error| unusable(&error)),
    }
}
