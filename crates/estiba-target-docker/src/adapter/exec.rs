//! Commands in running instances.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use estiba_host::HostError;
use estiba_model::message;
use estiba_target::{ExecIo, ExecRequest};
use futures::stream;
use tokio::sync::mpsc;

use super::DockerTarget;
use crate::exec::{self, Input, Streams};
use crate::instance::{Instance, Member};

/// Pieces of standard input on their way.
const IN_FLIGHT: usize = 4;
const PIECE_BYTES: usize = 16 << 10;

impl DockerTarget {
    pub(super) async fn exec_in(
        &self,
        request: &ExecRequest,
        io: ExecIo,
    ) -> Result<i32, HostError> {
        let (environment, instance) = (&request.environment, &request.instance);
        let found = Instance::find(&self.engine, environment, instance).await?;
        if !found.own().any(Member::is_running) {
            let instance = instance.clone();
            return Err(HostError::NoInstance { instance });
        }
        let member = match &request.container {
            Some(name) => found
                .members
                .iter()
                .find(|one| one.labels.container == *name),
            None => found.owner(),
        };
        let Some(member) = member else {
            let names = found
                .members
                .iter()
                .map(|one| one.labels.container.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(HostError::Told(message!(
                "{instance} has no such container; it has: {names}",
                "{instance} no tiene ese contenedor; tiene: {names}"
            )));
        };
        let stdout = tokio::fs::File::from_std(io.stdout.into());
        let stderr = tokio::fs::File::from_std(io.stderr.into());
        let streams = Streams {
            stdin: Some(input(io.stdin)?),
            stdout: Some(Box::new(stdout)),
            stderr: Some(Box::new(stderr)),
        };
        exec::run(&self.engine, &member.id, &request.command, streams).await
    }
}

/// Reads in a thread that nobody waits for: at a terminal it may never end.
fn input(stdin: OwnedFd) -> Result<Input, HostError> {
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let read = move || {
        let mut file = File::from(stdin);
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(length) = file.read(&mut piece) {
            if length == 0 || sender.blocking_send(Ok(piece[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .spawn(read)
        .map_err(HostError::system("a thread"))?;
    Ok(Box::pin(stream::unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    })))
}
