//! A login to PostgreSQL.

use std::net::IpAddr;
use std::str::FromStr;

use estiba_model::SecretString;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::network::{broken, connect};
use crate::{Fault, Stage, tls};

/// What a client that wants TLS says first
/// (<https://www.postgresql.org/docs/current/protocol-message-formats.html>, SSLRequest).
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The server of a URL, and who one is to it.
pub(crate) struct Server {
    options: PgConnectOptions,
    ca: Option<String>,
}

impl Server {
    pub(crate) fn of(url: &SecretString, ca: Option<&str>) -> Result<Self, Fault> {
        let mut options = PgConnectOptions::from_str(url.expose()).map_err(|_| Fault::BadUrl)?;
        if let Some(ca) = ca {
            options = options.ssl_root_cert_from_pem(ca.as_bytes().to_vec());
        }
        Ok(Self {
            options: options.disable_statement_logging(),
            ca: ca.map(str::to_owned),
        })
    }

    /// Its host and port; for a socket of this machine, its folder and no port.
    pub(crate) fn address(&self) -> (String, u16) {
        match self.options.get_socket() {
            Some(folder) => (folder.display().to_string(), 0),
            None => (self.options.get_host().to_owned(), self.options.get_port()),
        }
    }

    pub(crate) fn is_by_socket(&self) -> bool {
        self.options.get_socket().is_some()
    }

    /// Whether the URL asks for TLS.
    fn wants_tls(&self) -> bool {
        !matches!(
            self.options.get_ssl_mode(),
            PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer
        )
    }

    /// Whether the URL asks for a look at the certificate.
    fn verifies(&self) -> bool {
        let mode = self.options.get_ssl_mode();
        matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull)
    }

    /// Whether it speaks TLS as the URL wants it to; and a certificate that
    /// expires soon.
    pub(crate) async fn tls(
        &self,
        addresses: &[IpAddr],
    ) -> (Result<Option<Stage>, Fault>, Option<Fault>) {
        if !self.wants_tls() {
            return (Ok(None), None);
        }
        let (host, port) = self.address();
        let asked = async {
            let mut stream = connect(addresses, port).await?;
            let failed = |error| broken(Stage::Tls, error);
            stream.write_all(&TLS_REQUEST).await.map_err(failed)?;
            match stream.read_u8().await.map_err(failed)? {
                b'S' => Ok(stream),
                _ => Err(Fault::NoTls),
            }
        };
        let stream = match asked.await {
            Ok(stream) => stream,
            Err(fault) => return (Err(fault), None),
        };
        if !self.verifies() {
            return (Ok(Some(Stage::Tls)), None);
        }
        let (outcome, soon) = tls::handshake(stream, &host, self.ca.as_deref()).await;
        match outcome {
            // That mode does not look at the name.
            Err(Fault::WrongName { .. })
                if matches!(self.options.get_ssl_mode(), PgSslMode::VerifyCa) =>
            {
                (Ok(Some(Stage::Tls)), soon)
            }
            outcome => (outcome.map(|_| Some(Stage::Tls)), soon),
        }
    }

    /// Logs in and out again.
    pub(crate) async fn log_in(&self) -> Result<(), Fault> {
        let connection = self.options.connect().await;
        let connection = connection.map_err(|error| self.refused(&error))?;
        // It is let in; how it leaves does not matter.
        let _ = connection.close().await;
        Ok(())
    }

    /// What a refusal means.
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn refused(&self, error: &sqlx::Error) -> Fault {
        let database = match error {
            sqlx::Error::Database(database) => database,
            sqlx::Error::Tls(why) => {
                return Fault::Tls {
                    why: why.to_string(),
                };
            }
            sqlx::Error::Io(error) => return broken(Stage::Login, error),
            other => {
                return Fault::Database {
                    why: other.to_string(),
                };
            }
        };
        let why = database.message().to_owned();
        match database.code().as_deref() {
            Some("28P01") => Fault::WrongPassword {
                user: self.options.get_username().to_owned(),
            },
            // The server ends its sentence with how one came.
            Some("28000") => Fault::NotAdmitted {
                without_tls: why.contains("no encryption") || why.contains("SSL off"),
                why,
            },
            Some("3D000") => Fault::NoDatabase {
                database: self.options.get_database().unwrap_or_default().to_owned(),
            },
            _ => Fault::Database { why },
        }
    }
}
