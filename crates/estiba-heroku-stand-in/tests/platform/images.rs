//! Images for tests, built on this machine, and small: each stand-in is pushed them.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::bench::output;

/// What they are built from, which has a shell and Perl.
pub const BASE: &str = "debian:bookworm-slim";
/// A shell, Perl and what both need, of that.
const SMALL: &str = r"FROM debian:bookworm-slim AS debian
RUN mkdir /small && cp --dereference --recursive --parents \
    $(ldd /bin/sh /bin/cat /usr/bin/perl | grep -o '/lib[^ ]*' | sort -u) \
    /bin/sh /bin/cat /usr/bin/perl /usr/lib/*/perl-base /small
FROM scratch
COPY --from=debian /small /
ENV PATH=/bin:/usr/bin
COPY server.pl /server.pl
";

#[derive(Debug, Clone, Copy)]
pub enum Made {
    First,
    /// It has an entrypoint.
    Second,
    /// It has nothing else.
    Wordless,
    /// Says whom it migrates for, and ends as the config var `RELEASE_CODE` says.
    Phase,
}

impl Made {
    fn words(self) -> &'static str {
        match self {
            Self::First => "CMD [\"perl\", \"/server.pl\", \"first\"]",
            Self::Second => "ENTRYPOINT [\"perl\", \"/server.pl\"]\nCMD [\"second\"]",
            Self::Wordless => "ENTRYPOINT [\"perl\", \"/server.pl\"]\nCMD []",
            Self::Phase => "CMD echo migrating for $GREETING; exit ${RELEASE_CODE:-0}",
        }
    }

    fn name(self) -> String {
        format!("estiba-heroku-stand-in-test:{self:?}").to_lowercase()
    }

    /// Its name in the engine.
    pub fn built(self) -> String {
        static BUILT: OnceLock<()> = OnceLock::new();
        let all = [Self::First, Self::Second, Self::Wordless, Self::Phase];
        BUILT.get_or_init(|| all.into_iter().for_each(Self::build));
        self.name()
    }

    fn build(self) {
        let folder = tempfile::tempdir().unwrap();
        let dockerfile = format!("{SMALL}{}\n", self.words());
        fs::write(folder.path().join("server.pl"), include_str!("server.pl")).unwrap();
        fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
        let mut build = Command::new("docker");
        build
            .args(["build", "--quiet", "--tag", &self.name()])
            .arg(folder.path());
        output(build.stdin(Stdio::null()));
    }
}
