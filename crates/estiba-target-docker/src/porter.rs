//! Volumes given to the users of containers, through a container that never runs.

use std::path::{Component, Path};

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptions, DownloadFromContainerOptions, UploadToContainerOptions,
};
use bytes::Bytes;
use estiba_host::HostError;
use estiba_host::account::User;
use estiba_model::{EnvironmentId, message};
use estiba_target::VolumeSpec;
use futures::StreamExt;
use tar::{EntryType, Header};

use crate::engine::Engine;
use crate::labels::{self, Role};

/// Where a volume is in the container that carries files into it.
const VOLUME: &str = "/volume";
const HEADER_BYTES: usize = 512;
/// The modes of a folder that is one user's, and of one that is everybody's.
const OWN_MODE: u32 = 0o755;
const OPEN_MODE: u32 = 0o777;

/// Gives a volume, and the folder in it that is mounted, to the user of a
/// container, unless somebody else's work is in it.
pub(crate) async fn give_volume(
    engine: &Engine,
    environment: &EnvironmentId,
    image: &str,
    volume: &VolumeSpec,
    user: User,
) -> Result<(), HostError> {
    let porter = make(engine, environment, image, &volume.source).await?;
    let given = carry(engine, &porter, volume, user).await;
    engine.remove(&porter).await?;
    given
}

/// Opens a new volume to whatever user.
pub(crate) async fn open_volume(
    engine: &Engine,
    environment: &EnvironmentId,
    image: &str,
    volume: &str,
) -> Result<(), HostError> {
    let porter = make(engine, environment, image, volume).await?;
    let mut archive = tar::Builder::new(Vec::new());
    let folder = format!("{}/", VOLUME.trim_start_matches('/'));
    let opened = match append_folder(&mut archive, &folder, User::default(), OPEN_MODE) {
        Ok(()) => upload(engine, &porter, "/", archive).await,
        Err(error) => Err(error),
    };
    engine.remove(&porter).await?;
    opened
}

/// A container with a volume, which never runs.
async fn make(
    engine: &Engine,
    environment: &EnvironmentId,
    image: &str,
    volume: &str,
) -> Result<String, HostError> {
    let mount = Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(VOLUME.to_owned()),
        ..Mount::default()
    };
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        // It never runs; an image with no command of its own would be refused.
        entrypoint: Some(vec!["/".to_owned()]),
        labels: Some(labels::of(environment, Role::Porter)),
        host_config: Some(HostConfig {
            mounts: Some(vec![mount]),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let api = engine.api().await?;
    let made = api.create_container(None::<CreateContainerOptions>, body);
    Ok(made.await.map_err(|error| engine.failed(error))?.id)
}

async fn carry(
    engine: &Engine,
    porter: &str,
    volume: &VolumeSpec,
    user: User,
) -> Result<(), HostError> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folders = Vec::new();
    if owner_of(engine, porter).await? == Some(0) {
        folders.push(String::new());
    }
    folders.extend(folders_of(volume)?);
    for folder in folders {
        // From above: an engine leaves the folder that it unpacks into as it is.
        let folder = format!("{}/{folder}", VOLUME.trim_start_matches('/'));
        append_folder(&mut archive, &folder, user, OWN_MODE)?;
    }
    upload(engine, porter, "/", archive).await
}

fn append_folder(
    archive: &mut tar::Builder<Vec<u8>>,
    folder: &str,
    user: User,
    mode: u32,
) -> Result<(), HostError> {
    let mut header = entry(user, mode, EntryType::Directory);
    header.set_size(0);
    archive
        .append_data(&mut header, folder, std::io::empty())
        .map_err(HostError::system("an archive of folders"))
}

/// The folders to be made in a volume, outermost first.
fn folders_of(volume: &VolumeSpec) -> Result<Vec<String>, HostError> {
    let mut folders: Vec<String> = Vec::new();
    for part in Path::new(volume.path.as_deref().unwrap_or_default()).components() {
        match part {
            Component::Normal(name) => {
                let above = folders.last().map_or("", String::as_str);
                folders.push(format!("{above}{}/", name.to_string_lossy()));
            }
            Component::CurDir | Component::RootDir => {}
            _ => {
                let path = volume.path.clone().unwrap_or_default();
                return Err(HostError::Told(message!(
                    "the path \"{path}\" leads out of its volume",
                    "la ruta «{path}» sale de su volumen"
                )));
            }
        }
    }
    Ok(folders)
}

/// The path of a mounted folder in its volume; none for the whole volume.
pub(crate) fn folder(volume: &VolumeSpec) -> Result<Option<String>, HostError> {
    let innermost = folders_of(volume)?.pop();
    Ok(innermost.map(|folder| folder.trim_end_matches('/').to_owned()))
}

/// Whose a volume is, from the first header of its archive.
async fn owner_of(engine: &Engine, porter: &str) -> Result<Option<u64>, HostError> {
    let options = DownloadFromContainerOptions {
        path: VOLUME.to_owned(),
    };
    let api = engine.api().await?;
    let mut archive = Box::pin(api.download_from_container(porter, Some(options)));
    let mut start = Vec::new();
    while start.len() < HEADER_BYTES
        && let Some(piece) = archive.next().await
    {
        start.extend_from_slice(&piece.map_err(|error| engine.failed(error))?);
    }
    let header = start.get(..HEADER_BYTES).map(Header::from_byte_slice);
    Ok(header.and_then(|header| header.uid().ok()))
}

fn entry(user: User, mode: u32, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(user.uid.into());
    header.set_gid(user.gid.into());
    header
}

async fn upload(
    engine: &Engine,
    container: &str,
    path: &str,
    archive: tar::Builder<Vec<u8>>,
) -> Result<(), HostError> {
    let bytes = archive
        .into_inner()
        .map_err(HostError::system("an archive"))?;
    let options = UploadToContainerOptions {
        path: path.to_owned(),
        ..UploadToContainerOptions::default()
    };
    let body = bollard::body_full(Bytes::from(bytes));
    let api = engine.api().await?;
    let uploaded = api.upload_to_container(container, Some(options), body);
    uploaded.await.map_err(|error| engine.failed(error))
}
