//! `estiba mail`: what workloads of an environment sent to nobody.

use std::io::Write;
use std::path::Path;

use estiba_model::{MailContent, Name, message};
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::Table;

/// What is wanted of the mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All in a list.
    List,
    /// One, read.
    Show(u64),
    /// One as it came.
    Raw(u64),
    /// That they are forgotten.
    Clear,
}

/// Shows what an environment's sink took, or forgets it.
pub async fn mail(
    context: &Context,
    environment: Option<Name>,
    wanted: Wanted,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let backend = context.backend().await?;
    let output = &context.output;
    match wanted {
        Wanted::List => {
            let mails = backend.mails(&project, &environment).await?;
            output.json(&mails);
            if mails.is_empty() {
                output.line(&message!(
                    "nobody has sent mail in {environment} yet",
                    "todavía nadie envió correo en {environment}"
                ));
                return Ok(());
            }
            let headings = [
                message!("id", "id"),
                message!("came", "llegó"),
                message!("from", "de"),
                message!("to", "para"),
                message!("subject", "asunto"),
            ];
            let mut table = Table::new(headings.each_ref().map(|one| one.text(output.lang)));
            for mail in mails {
                let came = mail.received_at.strftime("%Y-%m-%d %H:%M:%S").to_string();
                let id = mail.id.to_string();
                let texts = [mail.from, mail.to.join(", "), mail.subject];
                let [from, to, subject] = texts.map(|text| on_a_terminal(&text, ""));
                table.row([id, came, from, to, subject]);
            }
            output.text(&table.to_string());
        }
        Wanted::Show(id) => {
            let content = backend.mail(&project, &environment, id).await?;
            output.json(&content);
            show(context, &content);
        }
        Wanted::Raw(id) => {
            let content = backend.raw_mail(&project, &environment, id).await?;
            let written = std::io::stdout().write_all(&content);
            written.map_err(|error| Failure::file(Path::new("stdout"), &error))?;
        }
        Wanted::Clear => {
            backend.clear_mails(&project, &environment).await?;
            output.json(&json!({ "environment": environment, "cleared": true }));
            output.line(&message!(
                "the mails of {environment} are forgotten",
                "se olvidaron los correos de {environment}"
            ));
        }
    }
    Ok(())
}

fn show(context: &Context, content: &MailContent) {
    let output = &context.output;
    let mail = &content.mail;
    let texts = [mail.from.clone(), mail.to.join(", "), mail.subject.clone()];
    let [from, to, subject] = texts.map(|text| on_a_terminal(&text, ""));
    let came = mail.received_at;
    output.line(&message!(
        "from: {from}\nto: {to}\ncame: {came}\nsubject: {subject}",
        "de: {from}\npara: {to}\nllegó: {came}\nasunto: {subject}"
    ));
    for attachment in &content.attachments {
        let name = on_a_terminal(attachment.name.as_deref().unwrap_or("-"), "");
        let kind = on_a_terminal(&attachment.media_type, "");
        let bytes = attachment.size_bytes;
        output.line(&message!(
            "attached: {name} ({kind}, {bytes} bytes)",
            "adjunto: {name} ({kind}, {bytes} bytes)"
        ));
    }
    let text = content.text.as_deref().or(content.html.as_deref());
    let text = on_a_terminal(text.unwrap_or_default(), "\n\t");
    output.text(&format!("\n{}", text.trim_end()));
}

/// A text of somebody else's without what a terminal would obey, but for `harmless`.
fn on_a_terminal(text: &str, harmless: &str) -> String {
    let seen = text
        .chars()
        .filter(|c| !c.is_control() || harmless.contains(*c));
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_commands_no_terminal() {
        let text = "\u{1b}]0;title\u{7}Hola,\r\n\tAna\u{9b}31m";
        assert_eq!(on_a_terminal(text, "\n\t"), "]0;titleHola,\n\tAna31m");
        assert_eq!(on_a_terminal(text, ""), "]0;titleHola,Ana31m");
    }
}
