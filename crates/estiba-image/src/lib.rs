//! OCI images: a content store on disk, a packer that needs no tool, and Dockerfile builds.
