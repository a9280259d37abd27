//! This program as an image: for what Estiba itself runs on a target.

use std::path::Path;

use estiba_image::BuildRequest;
use estiba_model::{Digest, Event, Name};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Observer;

impl Engine {
    /// The image of `program`, packed once for whatever it is `called`.
    pub(crate) async fn own_image(
        &self,
        program: &Path,
        called: Name,
        observer: &dyn Observer,
    ) -> Result<Digest, EngineError> {
        let request = BuildRequest {
            dir: program.parent().unwrap_or(Path::new("/")).to_owned(),
            workload: called.to_string(),
            container: called.to_string(),
            built: program.file_name().map(Into::into),
            ..BuildRequest::default()
        };
        let mut on_line = |line: &str| {
            observer.event(Event::Line {
                text: line.to_owned(),
            });
        };
        let built = estiba_image::build(self.images(), &request, &mut on_line).await;
        let built = built.map_err(|source| EngineError::Build {
            workload: called,
            source: Box::new(source),
        })?;
        Ok(built.digest)
    }
}
