//! The mails that came, as many as there is room for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use estiba_model::{Attachment, Mail, MailContent};
use jiff::Timestamp;
use mail_parser::{Message, MessageParser, MimeHeaders};

/// How many mails are kept; the oldest go first.
pub const MOST_MAILS: usize = 1000;

/// How many bytes all of them may have; the oldest go first.
pub const MOST_BYTES: u64 = 48 << 20;

/// A mail as it came over SMTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Who sent it.
    pub from: String,
    /// Who would get it.
    pub to: Vec<String>,
    /// What was sent.
    pub content: Vec<u8>,
}

/// What is kept. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    last_id: u64,
    bytes: u64,
    mails: VecDeque<(Mail, Arc<[u8]>)>,
}

impl Kept {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a mail, and gives its number.
    pub fn add(&self, envelope: Envelope) -> u64 {
        let Envelope { from, to, content } = envelope;
        let subject = subject(&content);
        let size_bytes = content.len() as u64;
        let mut inner = self.inner();
        inner.last_id += 1;
        let mail = Mail {
            id: inner.last_id,
            received_at: Timestamp::now(),
            from,
            to,
            subject,
            size_bytes,
        };
        inner.bytes += size_bytes;
        inner.mails.push_back((mail, content.into()));
        while inner.mails.len() > MOST_MAILS || inner.bytes > MOST_BYTES {
            let Some((oldest, _)) = inner.mails.pop_front() else {
                break;
            };
            inner.bytes -= oldest.size_bytes;
        }
        inner.last_id
    }

    /// What is there, the oldest first.
    pub fn list(&self) -> Vec<Mail> {
        let inner = self.inner();
        inner.mails.iter().map(|(mail, _)| mail.clone()).collect()
    }

    /// A mail as it came.
    pub fn raw(&self, id: u64) -> Option<(Mail, Arc<[u8]>)> {
        let inner = self.inner();
        let mut mails = inner.mails.iter();
        mails.find(|(mail, _)| mail.id == id).cloned()
    }

    /// A mail with what is in it.
    pub fn content(&self, id: u64) -> Option<MailContent> {
        let (mail, raw) = self.raw(id)?;
        let parsed = MessageParser::default().parse(&*raw);
        Some(match parsed {
            Some(parsed) => read(mail, &parsed),
            None => MailContent {
                text: Some(String::from_utf8_lossy(&raw).into_owned()),
                mail,
                html: None,
                attachments: Vec::new(),
            },
        })
    }

    /// Forgets all. Numbers go on.
    pub fn clear(&self) {
        let mut inner = self.inner();
        inner.mails.clear();
        inner.bytes = 0;
    }
}

fn subject(content: &[u8]) -> String {
    let parsed = MessageParser::default().parse_headers(content);
    let subject = parsed
        .as_ref()
        .and_then(Message::subject)
        .unwrap_or_default();
    subject.to_owned()
}

fn read(mail: Mail, parsed: &Message<'_>) -> MailContent {
    // The parser makes one of the two of the other; only what was sent is told.
    let text = (0..parsed.text_body.len())
        .filter(|at| parsed.text_part(*at as u32).is_some_and(is_plain))
        .find_map(|at| parsed.body_text(at));
    let html = (0..parsed.html_body.len())
        .filter(|at| {
            parsed
                .html_part(*at as u32)
                .is_some_and(|part| part.is_text_html())
        })
        .find_map(|at| parsed.body_html(at));
    let attachments = parsed.attachments().map(|part| {
        let kind = part.content_type();
        let media_type = kind.map(|kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()),
            None => kind.ctype().to_owned(),
        });
        Attachment {
            name: part.attachment_name().map(str::to_owned),
            media_type: media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            size_bytes: part.contents().len() as u64,
        }
    });
    MailContent {
        text: text.map(|text| text.into_owned()),
        html: html.map(|html| html.into_owned()),
        attachments: attachments.collect(),
        mail,
    }
}

fn is_plain(part: &mail_parser::MessagePart<'_>) -> bool {
    part.is_text() && !part.is_text_html()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(content: &[u8]) -> Envelope {
        Envelope {
            from: "app@example.edu".to_owned(),
            to: vec!["ana@example.edu".to_owned()],
            content: content.to_vec(),
        }
    }

    const BOTH: &str = "From: App <app@example.edu>\r\nTo: ana@example.edu\r\n\
        Subject: =?utf-8?q?Contrase=C3=B1a?=\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n\
        Content-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        S=C3=AD\r\n--inner\r\nContent-Type: text/html\r\n\r\n<p>S&iacute;</p>\r\n--inner--\r\n\
        --outer\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--outer--\r\n";

    #[test]
    fn a_mail_is_told_with_its_parts() {
        let kept = Kept::default();
        let id = kept.add(envelope(BOTH.as_bytes()));
        assert_eq!(kept.list()[0].subject, "Contraseña");
        let content = kept.content(id).unwrap();
        assert_eq!(content.text.as_deref().map(str::trim), Some("Sí"));
        assert_eq!(
            content.html.as_deref().map(str::trim),
            Some("<p>S&iacute;</p>")
        );
        let attachment = &content.attachments[0];
        assert_eq!(attachment.name.as_deref(), Some("a.pdf"));
        assert_eq!(attachment.media_type, "application/pdf");
        assert_eq!(attachment.size_bytes, 4);
    }

    #[test]
    fn only_what_was_sent_is_told() {
        let kept = Kept::default();
        let plain = kept.add(envelope(b"Subject: a\r\n\r\nonly text\r\n"));
        let plain = kept.content(plain).unwrap();
        assert_eq!(plain.text.as_deref().map(str::trim), Some("only text"));
        assert_eq!(plain.html, None);
        let html = b"Subject: b\r\nContent-Type: text/html\r\n\r\n<b>only</b>\r\n";
        let html = kept.add(envelope(html));
        let html = kept.content(html).unwrap();
        assert_eq!(html.text, None);
        assert_eq!(html.html.as_deref().map(str::trim), Some("<b>only</b>"));
    }

    #[test]
    fn what_is_no_message_is_kept_all_the_same() {
        let kept = Kept::default();
        for junk in [&b""[..], b"\r\n", b"\xff\xfe\x00", b"no header at all"] {
            let id = kept.add(envelope(junk));
            assert!(kept.content(id).is_some());
            assert_eq!(&*kept.raw(id).unwrap().1, junk);
        }
    }

    #[test]
    fn the_oldest_go_where_there_are_too_many() {
        let kept = Kept::default();
        for _ in 0..MOST_MAILS + 3 {
            kept.add(envelope(b"x"));
        }
        let list = kept.list();
        assert_eq!((list.len(), list[0].id), (MOST_MAILS, 4));
        kept.clear();
        assert_eq!(kept.list(), []);
        assert_eq!(kept.add(envelope(b"x")), MOST_MAILS as u64 + 4);
    }

    #[test]
    fn the_oldest_go_where_they_are_too_big() {
        let kept = Kept::default();
        let big = vec![b'x'; 10 << 20];
        for _ in 0..6 {
            kept.add(envelope(&big));
        }
        let ids: Vec<u64> = kept.list().iter().map(|mail| mail.id).collect();
        assert_eq!(ids, [3, 4, 5, 6]);
    }
}
