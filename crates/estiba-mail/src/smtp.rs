//! SMTP connections: bytes to sessions and back, each in its bounds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use smtp_proto::request::receiver::{DataReceiver, DummyDataReceiver};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::kept::Kept;
use crate::session::{Login, MOST_MAIL_BYTES, Reply, Session};

/// Connections at once. One more is told to come again.
const MOST_CONNECTIONS: usize = 64;

/// Mails that come in at once, which bounds the memory that they take; others wait.
const MOST_INCOMING: usize = 4;

/// A line is longer than any that a client may send
/// (<https://www.rfc-editor.org/rfc/rfc4954#section-4>: 12288 with `AUTH`).
const MOST_LINE_BYTES: u64 = 16 << 10;

/// A client that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// How long one mail may take to come in.
const MAIL_LIMIT: Duration = Duration::from_secs(120);

/// How long a connection may last, with all its mails.
const CONNECTION_LIMIT: Duration = Duration::from_secs(600);

/// Takes mail at `listener`, for as long as the process lives.
pub async fn serve(listener: TcpListener, login: Login, kept: Kept) -> io::Result<()> {
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let incoming = Arc::new(Semaphore::new(MOST_INCOMING));
    loop {
        let (stream, _): (TcpStream, SocketAddr) = match listener.accept().await {
            Ok(accepted) => accepted,
            // One that is gone already, or no file left for it.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let place = Arc::clone(&connections).try_acquire_owned();
        let (login, kept, incoming) = (login.clone(), kept.clone(), Arc::clone(&incoming));
        tokio::spawn(async move {
            let mut stream = stream;
            let Ok(_place) = place else {
                let full = "421 4.3.2 too many connections, come again\r\n";
                let _ = timeout(SILENCE, stream.write_all(full.as_bytes())).await;
                return;
            };
            // Whatever is wrong with a connection ends it, and only it.
            let _ = timeout(CONNECTION_LIMIT, talk(stream, login, &kept, &incoming)).await;
        });
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    login: Login,
    kept: &Kept,
    incoming: &Semaphore,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut session = Session::new(login);
    send(&mut stream, &Session::greeting()).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut stream).take(MOST_LINE_BYTES);
        let read = timeout(SILENCE, limited.read_until(b'\n', &mut line)).await??;
        if !line.ends_with(b"\n") {
            if read > 0 {
                send(&mut stream, "500 5.5.2 the line is too long\r\n").await?;
            }
            return Ok(());
        }
        match session.line(&line) {
            Reply::Say(answer) => send(&mut stream, &answer).await?,
            Reply::Close(answer) => return send(&mut stream, &answer).await,
            Reply::Data(answer) => {
                let Ok(_turn) = incoming.acquire().await else {
                    return Ok(());
                };
                send(&mut stream, &answer).await?;
                let answer = match timeout(MAIL_LIMIT, content(&mut stream)).await?? {
                    Some(content) => {
                        let id = kept.add(session.take(content));
                        format!("250 2.0.0 kept as {id}, and delivered to nobody\r\n")
                    }
                    None => session.too_big(),
                };
                send(&mut stream, &answer).await?;
            }
        }
    }
}

/// The mail that follows, to its end; `None` where it was too big.
async fn content(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
) -> io::Result<Option<Vec<u8>>> {
    let (mut receiver, mut content) = (DataReceiver::new(), Vec::new());
    let mut rest: Option<DummyDataReceiver> = None;
    loop {
        let bytes = timeout(SILENCE, stream.fill_buf()).await??;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = bytes.len();
        let mut left = bytes.iter();
        let is_whole = match &mut rest {
            Some(rest) => rest.ingest(&mut left),
            None => receiver.ingest(&mut left, &mut content),
        };
        let used = length - left.len();
        stream.consume(used);
        if is_whole {
            let fits = rest.is_none() && content.len() <= MOST_MAIL_BYTES;
            return Ok(fits.then_some(content));
        }
        if rest.is_none() && content.len() > MOST_MAIL_BYTES {
            rest = Some(DummyDataReceiver::new_data(&receiver));
            content = Vec::new();
        }
    }
}

async fn send(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    answer: &str,
) -> io::Result<()> {
    timeout(SILENCE, stream.get_mut().write_all(answer.as_bytes())).await?
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, BufReader};

    const LOGIN: &str = "AUTH PLAIN AGFwcABzM2NyZXQ=\r\n";

    /// What is answered to all of this, and what was kept.
    async fn heard(sent: &[u8]) -> (String, Kept) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Kept::default();
        let login = Login {
            username: "app".to_owned(),
            password: "s3cret".to_owned(),
        };
        let server = tokio::spawn(serve(listener, login, kept.clone()));
        let stream = TcpStream::connect(address).await.unwrap();
        let (from, mut to) = stream.into_split();
        let sent = sent.to_vec();
        let sending = tokio::spawn(async move {
            // Whoever is shown out is not heard to the end.
            let _ = to.write_all(&sent).await;
            let _ = to.shutdown().await;
            to
        });
        let mut answers = String::new();
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let is_last = line.starts_with("221 ");
            answers += &format!("{line}\n");
            if is_last {
                break;
            }
        }
        drop(sending.await);
        server.abort();
        (answers, kept)
    }

    fn session(body: &str) -> String {
        format!(
            "EHLO a\r\n{LOGIN}MAIL FROM:<app@example.edu>\r\nRCPT TO:<ana@example.edu>\r\nDATA\r\n{body}\r\n.\r\nQUIT\r\n"
        )
    }

    #[tokio::test]
    async fn a_mail_that_comes_in_one_piece_is_kept() {
        let (answers, kept) = heard(session("Subject: hi\r\n\r\n..dot\r\nend").as_bytes()).await;
        assert!(answers.contains("250 2.0.0 kept as 1"), "{answers}");
        let (mail, raw) = kept.raw(1).unwrap();
        assert_eq!(mail.subject, "hi");
        assert_eq!(mail.to, ["ana@example.edu"]);
        assert_eq!(&*raw, b"Subject: hi\r\n\r\n.dot\r\nend\r\n");
    }

    #[tokio::test]
    async fn what_is_too_big_is_refused_and_the_next_is_kept() {
        let big = "x".repeat(998) + "\r\n";
        let big = big.repeat(MOST_MAIL_BYTES / 1000 + 1);
        let first = session(&big).replace("QUIT\r\n", "");
        let second = session("Subject: small\r\n\r\n").replace(LOGIN, "");
        let (answers, kept) = heard((first + &second).as_bytes()).await;
        assert!(answers.contains("552 "), "{answers}");
        assert!(answers.contains("250 2.0.0 kept as 1"), "{answers}");
        assert_eq!(kept.list()[0].subject, "small");
    }

    #[tokio::test]
    async fn a_line_without_an_end_ends_the_connection() {
        let (answers, _) = heard(&vec![b'x'; 64 << 10]).await;
        assert!(
            answers.ends_with("500 5.5.2 the line is too long\n"),
            "{answers}"
        );
    }

    #[tokio::test]
    async fn half_a_mail_is_not_kept() {
        let whole = session("Subject: hi");
        let half = &whole[..whole.find("hi").unwrap()];
        let (answers, kept) = heard(half.as_bytes()).await;
        assert!(answers.contains("354 "), "{answers}");
        assert_eq!(kept.list(), []);
    }

    #[tokio::test]
    async fn one_more_connection_is_told_to_come_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let login = Login {
            username: "app".to_owned(),
            password: "s3cret".to_owned(),
        };
        let server = tokio::spawn(serve(listener, login, Kept::default()));
        let mut open = Vec::new();
        for number in 0..=MOST_CONNECTIONS {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut greeting = String::new();
            stream.read_line(&mut greeting).await.unwrap();
            let code = if number < MOST_CONNECTIONS {
                "220 "
            } else {
                "421 "
            };
            assert!(greeting.starts_with(code), "{number}: {greeting}");
            open.push(stream);
        }
        server.abort();
    }
}
