//! One SMTP session (<https://www.rfc-editor.org/rfc/rfc5321>): what is answered to each
//! line. No I/O.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN, Error, Request};
use subtle::ConstantTimeEq;

use crate::kept::Envelope;

/// How large a mail may be.
pub const MOST_MAIL_BYTES: usize = 10 << 20;

/// How many people one mail may go to. A hundred have to be taken
/// (<https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.8>).
const MOST_RECIPIENTS: usize = 500;

/// Wrong passwords and commands before the connection is ended.
const MOST_MISTAKES: u32 = 10;

/// Who may send.
#[derive(Debug, Clone)]
pub struct Login {
    /// Their name.
    pub username: String,
    /// Their password.
    pub password: String,
}

/// What comes of a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// This is answered.
    Say(String),
    /// This is answered, and then the mail follows.
    Data(String),
    /// This is answered, and then the connection ends.
    Close(String),
}

/// How far a session is.
#[derive(Debug)]
pub struct Session {
    login: Login,
    step: Step,
    greeted: bool,
    known: bool,
    mistakes: u32,
    from: Option<String>,
    to: Vec<String>,
}

#[derive(Debug)]
enum Step {
    Commands,
    Plain,
    LoginName,
    LoginPassword(String),
}

impl Session {
    /// One that has just begun.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            step: Step::Commands,
            greeted: false,
            known: false,
            mistakes: 0,
            from: None,
            to: Vec::new(),
        }
    }

    /// What is said first.
    pub fn greeting() -> String {
        "220 estiba-mail ESMTP takes mail and delivers none\r\n".to_owned()
    }

    /// What comes of a line, which ends with a line feed.
    pub fn line(&mut self, line: &[u8]) -> Reply {
        match std::mem::replace(&mut self.step, Step::Commands) {
            Step::Commands => self.command(line),
            Step::Plain => self.plain(line),
            Step::LoginName => match decoded(line) {
                Some(name) => {
                    self.step = Step::LoginPassword(name);
                    say("334 UGFzc3dvcmQ6")
                }
                None => self.mistake("501 5.5.2 that is not base64"),
            },
            Step::LoginPassword(name) => match decoded(line) {
                Some(password) => self.checked(&name, &password),
                None => self.mistake("501 5.5.2 that is not base64"),
            },
        }
    }

    fn command(&mut self, line: &[u8]) -> Reply {
        match Request::parse(&mut line.iter()) {
            Ok(Request::Ehlo { .. }) => {
                self.greeted = true;
                self.reset();
                Reply::Say(format!(
                    "250-estiba-mail\r\n250-SIZE {MOST_MAIL_BYTES}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN\r\n"
                ))
            }
            Ok(Request::Helo { .. }) => {
                self.greeted = true;
                self.reset();
                say("250 estiba-mail")
            }
            Ok(Request::Quit) => Reply::Close("221 2.0.0 bye\r\n".to_owned()),
            Ok(Request::Noop { .. }) => say("250 2.0.0 ok"),
            Ok(Request::Rset) => {
                self.reset();
                say("250 2.0.0 ok")
            }
            Ok(Request::Vrfy { .. }) => say("252 2.1.5 nobody is looked up here"),
            Ok(Request::Auth {
                mechanism,
                initial_response,
            }) => self.auth(mechanism, initial_response.as_bytes()),
            Ok(Request::Mail { .. } | Request::Rcpt { .. } | Request::Data) if !self.greeted => {
                self.mistake("503 5.5.1 say EHLO first")
            }
            Ok(Request::Mail { .. } | Request::Rcpt { .. } | Request::Data) if !self.known => self
                .mistake(
                    "530 5.7.0 log in first, with the outputs username and password of the resource",
                ),
            Ok(Request::Mail { from }) if from.size > MOST_MAIL_BYTES => say(TOO_BIG),
            Ok(Request::Mail { from }) => {
                self.reset();
                self.from = Some(from.address.into_owned());
                say("250 2.1.0 ok")
            }
            Ok(Request::Rcpt { to }) => self.recipient(to.address.into_owned()),
            Ok(Request::Data) if self.to.is_empty() => {
                self.mistake("503 5.5.1 say MAIL FROM and RCPT TO first")
            }
            Ok(Request::Data) => Reply::Data("354 end with a dot alone on a line\r\n".to_owned()),
            Ok(_) => self.mistake("502 5.5.1 this is not known here"),
            Err(Error::SyntaxError { syntax }) => {
                self.mistake(&format!("501 5.5.4 the syntax is {syntax}"))
            }
            Err(Error::InvalidParameter { param }) => {
                self.mistake(&format!("501 5.5.4 {param} has a value that it can't have"))
            }
            Err(Error::UnsupportedParameter { .. }) => {
                self.mistake("555 5.5.4 it has a parameter that is not known here")
            }
            Err(Error::InvalidSenderAddress) => {
                self.mistake("501 5.1.7 the address of the sender is none")
            }
            Err(Error::InvalidRecipientAddress) => {
                self.mistake("501 5.1.3 the address of the recipient is none")
            }
            Err(_) => self.mistake("500 5.5.2 this is no command"),
        }
    }

    fn recipient(&mut self, address: String) -> Reply {
        if self.from.is_none() {
            return self.mistake("503 5.5.1 say MAIL FROM first");
        }
        if self.to.len() == MOST_RECIPIENTS {
            return say("452 4.5.3 too many recipients");
        }
        self.to.push(address);
        say("250 2.1.5 ok")
    }

    fn auth(&mut self, mechanism: u64, initial: &[u8]) -> Reply {
        if self.known || !self.greeted {
            return self.mistake("503 5.5.1 not now");
        }
        match (mechanism, initial.is_empty()) {
            (AUTH_PLAIN, true) => {
                self.step = Step::Plain;
                say("334 ")
            }
            (AUTH_PLAIN, false) => self.plain(initial),
            (AUTH_LOGIN, true) => {
                self.step = Step::LoginName;
                say("334 VXNlcm5hbWU6")
            }
            (AUTH_LOGIN, false) => {
                self.step = Step::LoginName;
                self.line(initial)
            }
            _ => self.mistake("504 5.5.4 PLAIN and LOGIN are known here"),
        }
    }

    /// <https://www.rfc-editor.org/rfc/rfc4616#section-2>
    fn plain(&mut self, response: &[u8]) -> Reply {
        let text = decoded(response).unwrap_or_default();
        let mut parts = text.split('\0').skip(1);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(password), None) => self.checked(name, password),
            _ => self.mistake("501 5.5.2 that is no answer to AUTH PLAIN"),
        }
    }

    fn checked(&mut self, name: &str, password: &str) -> Reply {
        let Login {
            username,
            password: right,
        } = &self.login;
        let is_right = name == username && bool::from(password.as_bytes().ct_eq(right.as_bytes()));
        if is_right {
            self.known = true;
            return say("235 2.7.0 welcome");
        }
        self.mistake("535 5.7.8 the user or the password is wrong")
    }

    fn mistake(&mut self, answer: &str) -> Reply {
        self.mistakes += 1;
        if self.mistakes == MOST_MISTAKES {
            return Reply::Close("421 4.7.0 too many mistakes\r\n".to_owned());
        }
        say(answer)
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    /// The mail whose content came; the next may follow.
    pub fn take(&mut self, content: Vec<u8>) -> Envelope {
        Envelope {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            content,
        }
    }

    /// What is said of a mail that is too big; the next may follow.
    pub fn too_big(&mut self) -> String {
        self.reset();
        format!("{TOO_BIG}\r\n")
    }
}

const TOO_BIG: &str = "552 5.3.4 the mail is larger than 10 MiB";

fn say(line: &str) -> Reply {
    Reply::Say(format!("{line}\r\n"))
}

fn decoded(line: &[u8]) -> Option<String> {
    let bytes = STANDARD.decode(line.trim_ascii()).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new(Login {
            username: "app".to_owned(),
            password: "s3cret".to_owned(),
        })
    }

    /// The codes that are answered to lines.
    fn codes(lines: &[&str]) -> String {
        let mut session = session();
        let answers = lines.iter().map(|line| {
            let (mark, text) = match session.line(format!("{line}\r\n").as_bytes()) {
                Reply::Say(text) => ("", text),
                Reply::Data(text) => ("data ", text),
                Reply::Close(text) => ("close ", text),
            };
            assert!(text.ends_with("\r\n"), "{text:?}");
            format!("{mark}{}", &text[..3])
        });
        answers.collect::<Vec<_>>().join(" ")
    }

    fn plain(name: &str, password: &str) -> String {
        let answer = STANDARD.encode(format!("\0{name}\0{password}"));
        format!("AUTH PLAIN {answer}")
    }

    #[test]
    fn a_mail_is_sent() {
        let login = plain("app", "s3cret");
        let lines = [
            "EHLO here",
            &login,
            "MAIL FROM:<app@example.edu> SIZE=100 BODY=8BITMIME",
            "RCPT TO:<ana@example.edu>",
            "RCPT TO:<beto@example.edu>",
            "DATA",
        ];
        assert_eq!(codes(&lines), "250 235 250 250 250 data 354");
    }

    #[test]
    fn people_log_in_in_three_ways() {
        let name = STANDARD.encode("app");
        let password = STANDARD.encode("s3cret");
        let both = STANDARD.encode("\0app\0s3cret");
        assert_eq!(
            codes(&["EHLO a", "AUTH LOGIN", &name, &password]),
            "250 334 334 235"
        );
        let login = format!("AUTH LOGIN {name}");
        assert_eq!(codes(&["EHLO a", &login, &password]), "250 334 235");
        assert_eq!(codes(&["EHLO a", "AUTH PLAIN", &both]), "250 334 235");
    }

    #[test]
    fn nobody_sends_without_a_login() {
        let wrong = plain("app", "other");
        let other = plain("root", "s3cret");
        let lines = [
            "EHLO a",
            "MAIL FROM:<a@b.c>",
            &wrong,
            &other,
            "MAIL FROM:<a@b.c>",
        ];
        assert_eq!(codes(&lines), "250 530 535 535 530");
        assert_eq!(codes(&["EHLO a", "AUTH LOGIN", "*"]), "250 334 501");
        assert_eq!(codes(&["EHLO a", "AUTH CRAM-MD5"]), "250 504");
    }

    #[test]
    fn commands_come_in_their_order() {
        let login = plain("app", "s3cret");
        let lines = [
            "MAIL FROM:<a@b.c>",
            "EHLO a",
            &login,
            "RCPT TO:<a@b.c>",
            "DATA",
            "MAIL FROM:<a@b.c> SIZE=99999999",
            "DATA",
            "NONSENSE",
            "QUIT",
        ];
        assert_eq!(codes(&lines), "503 250 235 503 503 552 503 500 close 221");
    }

    #[test]
    fn who_only_makes_mistakes_is_shown_out() {
        let lines = ["NONSENSE"; 10];
        assert!(codes(&lines).ends_with("500 close 421"));
    }

    #[test]
    fn one_mail_goes_to_so_many() {
        let mut session = session();
        session.known = true;
        session.line(b"EHLO a\r\n");
        session.line(b"MAIL FROM:<a@b.c>\r\n");
        for _ in 0..MOST_RECIPIENTS {
            assert_eq!(session.line(b"RCPT TO:<a@b.c>\r\n"), say("250 2.1.5 ok"));
        }
        assert_eq!(
            session.line(b"RCPT TO:<a@b.c>\r\n"),
            say("452 4.5.3 too many recipients")
        );
    }
}
