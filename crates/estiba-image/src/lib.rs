//! OCI images: a content store on disk, a packer that needs no tool, and
//! Dockerfile builds.
//!
//! An [`ImageStore`] is an OCI image layout directory. Images come into it by
//! [`build()`], [`ImageStore::pack`], [`ImageStore::import_archive`] or
//! [`registry::pull`], are known by the digest of their manifest, and leave it
//! as directories of files ([`ImageStore::layers`]) that a runtime stacks.

mod archive;
mod attributes;
mod blob;
pub mod build;
mod compress;
mod compression;
mod docker;
mod error;
mod export;
pub mod fingerprint;
mod image;
mod layers;
mod layertar;
mod libraries;
mod merge;
mod pack;
pub mod registry;
mod run;
mod store;
mod transfer;
mod unpack;
mod user;
pub mod version;

pub use build::{BuildRequest, Built, build};
pub use docker::{DockerImage, Program, Words};
pub use error::ImageError;
pub use fingerprint::source_fingerprint;
pub use image::{Image, ImageConfig, Layer};
pub use pack::{PackRequest, PackedFile};
pub use store::{Collected, ImageStore};
