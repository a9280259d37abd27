//! What the sink took: asked by a command in its instance, the one way that every
//! target has.

use std::fs::File;
use std::io::{PipeReader, Read};

use estiba_mail::Question;
use estiba_model::{MAIL_SINK, Mail, MailContent, Message, Name, Project, message};
use estiba_target::ExecIo;
use serde::de::DeserializeOwned;

use super::sink_name;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::inputs::Inputs;

/// More than all mails that a sink keeps.
const MOST_ANSWER_BYTES: u64 = 64 << 20;

impl Engine {
    /// The mails that an environment's sink took, the oldest first.
    ///
    /// # Errors
    /// When there is no sink, or it can't be asked.
    pub async fn mails(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<Mail>, EngineError> {
        let answer = self.ask_sink(project, environment, Question::List).await?;
        read(&answer)
    }

    /// A mail with what is in it.
    ///
    /// # Errors
    /// When there is no such mail or no sink, or it can't be asked.
    pub async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<MailContent, EngineError> {
        let question = Question::Show(id);
        read(&self.ask_sink(project, environment, question).await?)
    }

    /// A mail as it came.
    ///
    /// # Errors
    /// When there is no such mail or no sink, or it can't be asked.
    pub async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<Vec<u8>, EngineError> {
        self.ask_sink(project, environment, Question::Raw(id)).await
    }

    /// Has an environment's sink forget all mails.
    ///
    /// # Errors
    /// When there is no sink, or it can't be asked.
    pub async fn clear_mails(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<(), EngineError> {
        let question = Question::Clear;
        self.ask_sink(project, environment, question).await?;
        Ok(())
    }

    async fn ask_sink(
        &self,
        project: &Project,
        environment: &Name,
        question: Question,
    ) -> Result<Vec<u8>, EngineError> {
        let id = self.environment(project, environment)?;
        let Some(inputs) = self.last_inputs(&id).await? else {
            return Err(Self::nothing_deployed(environment));
        };
        let Some(sink) = &inputs.mail_sink else {
            return Err(EngineError::refused(no_sink(&inputs)));
        };
        let command = question.command(&sink.program);
        let no_pipe = |error: std::io::Error| {
            EngineError::refused(message!(
                "the sink for mail can't be asked: {error}",
                "no se puede preguntar al sumidero de correo: {error}"
            ))
        };
        let (answer, stdout) = std::io::pipe().map_err(no_pipe)?;
        let (said, stderr) = std::io::pipe().map_err(no_pipe)?;
        let io = ExecIo {
            stdin: File::open("/dev/null").map_err(no_pipe)?.into(),
            stdout: stdout.into(),
            stderr: stderr.into(),
        };
        // They are read while the command writes, and end with it.
        let answer = tokio::task::spawn_blocking(move || all_of(answer));
        let said = tokio::task::spawn_blocking(move || all_of(said));
        let sink = sink_name()?;
        let code = self.exec(project, environment, &sink, None, command, io);
        let code = code.await?;
        let (answer, said) = (answer.await, said.await);
        if code == Question::NOT_THERE {
            return Err(EngineError::Missing(message!(
                "there is no such mail in {environment} (any more): `estiba mail --env {environment}` lists them",
                "no hay (o ya no hay) tal correo en {environment}: `estiba mail --env {environment}` los lista"
            )));
        }
        if code != 0 {
            let said = said.unwrap_or_default();
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            return Err(EngineError::refused(message!(
                "the sink for mail of {environment} does not answer: {said}; `estiba logs {MAIL_SINK} --env {environment}` may tell why",
                "el sumidero de correo de {environment} no responde: {said}; `estiba logs {MAIL_SINK} --env {environment}` quizá diga por qué"
            )));
        }
        answer.map_err(|error| no_pipe(std::io::Error::other(error)))
    }
}

fn all_of(pipe: PipeReader) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was cut short can't be read as JSON, and is told then.
    let _ = pipe.take(MOST_ANSWER_BYTES).read_to_end(&mut bytes);
    bytes
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(answer).map_err(|error| {
        EngineError::refused(message!(
            "the answer of the sink for mail can't be read: {error}",
            "no se puede leer la respuesta del sumidero de correo: {error}"
        ))
    })
}

fn no_sink(inputs: &Inputs) -> Message {
    let environment = &inputs.environment.environment;
    if inputs.has_mail_server() {
        return message!(
            "mail of {environment} goes to the server that estiba.yaml names for it, which delivers it: nothing of it is kept here",
            "el correo de {environment} va al servidor que estiba.yaml indica, que lo entrega: aquí no se guarda nada de él"
        );
    }
    message!(
        "no workload of what runs in {environment} sends mail: give one a resource of `type: smtp`",
        "ningún componente de lo que corre en {environment} envía correo: dé a uno un recurso de `type: smtp`"
    )
}
