//! This program as an image, to play a role in a container of an environment.

use std::path::Path;

use estiba_image::BuildRequest;
use estiba_model::{Digest, Event, Name};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Observer;

impl Engine {
    /// The image of a program, packed once.
    pub(crate) async fn packed(
        &self,
        workload: &Name,
        program: &Path,
        observer: &dyn Observer,
    ) -> Result<Digest, EngineError> {
        let request = BuildRequest {
            dir: program.parent().unwrap_or(Path::new("/")).to_owned(),
            workload: workload.to_string(),
            container: workload.to_string(),
            built: program.file_name().map(Into::into),
            ..BuildRequest::default()
        };
        let mut on_line = |line: &str| {
            observer.event(Event::Line {
                text: line.to_owned(),
            });
        };
        let built = estiba_image::build(&self.images, &request, &mut on_line).await;
        let built = built.map_err(|source| EngineError::Build {
            workload: workload.clone(),
            source: Box::new(source),
        })?;
        Ok(built.digest)
    }
}
