//! `.dockerignore`, whose rules are not those of Git: patterns are anchored at
//! the context, and the last one that matches a path or a parent of it decides
//! (<https://docs.docker.com/build/concepts/context/#dockerignore-files>).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use estiba_model::message;
use globset::{GlobBuilder, GlobMatcher};

use crate::ImageError;
use crate::error::At;

#[derive(Debug, Clone, Default)]
pub(super) struct DockerIgnore {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    matcher: GlobMatcher,
    keeps: bool,
}

impl DockerIgnore {
    /// The one that goes with the Dockerfile, or else the context's.
    pub(super) fn load(context: &Path, dockerfile: &Path) -> Result<Self, ImageError> {
        let mut beside = dockerfile.as_os_str().to_owned();
        beside.push(".dockerignore");
        for path in [PathBuf::from(beside), context.join(".dockerignore")] {
            match fs::read_to_string(&path) {
                Ok(text) => return Self::parse(&text, &path),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e).at(path),
            }
        }
        Ok(Self::default())
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ImageError> {
        let mut rules = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (keeps, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let parts: Vec<_> = pattern
                .split('/')
                .filter(|part| !matches!(*part, "" | "."))
                .collect();
            let pattern = parts.join("/");
            let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
            let glob = glob.map_err(|error| {
                let origin = path.display().to_string();
                let reason = message!(
                    "the pattern \"{line}\" can't be read: {error}",
                    "no se entiende el patrón «{line}»: {error}"
                );
                ImageError::malformed(origin, reason)
            })?;
            rules.push(Rule {
                matcher: glob.compile_matcher(),
                keeps,
            });
        }
        Ok(Self { rules })
    }

    /// Whether the path, relative to the context, is left out.
    pub(super) fn ignores(&self, path: &Path) -> bool {
        let parents = |rule: &Rule| {
            path.ancestors()
                .filter(|path| !path.as_os_str().is_empty())
                .any(|path| rule.matcher.is_match(path))
        };
        self.rules
            .iter()
            .rfind(|rule| parents(rule))
            .is_some_and(|rule| !rule.keeps)
    }

    /// Whether nothing below the path can be let in, so that it need not be
    /// looked at.
    pub(super) fn prunes(&self, path: &Path) -> bool {
        !self.rules.iter().any(|rule| rule.keeps) && self.ignores(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, path: &str) -> bool {
        DockerIgnore::parse(rules, Path::new(".dockerignore"))
            .unwrap()
            .ignores(Path::new(path))
    }

    #[test]
    fn patterns_are_anchored_and_cover_what_is_below() {
        assert!(ignored("target", "target/debug/x"));
        assert!(!ignored("target", "crates/target/x"));
        assert!(ignored("**/target", "crates/target/x"));
        assert!(ignored("/a/", "a"));
        assert!(ignored("*.md", "README.md"));
        assert!(!ignored("*.md", "docs/README.md"));
        assert!(!ignored("# a\n\n", "# a"));
    }

    #[test]
    fn the_last_rule_that_matches_decides() {
        assert!(ignored("*\n!src", "other/file"));
        assert!(!ignored("*\n!src", "src/main.rs"));
        assert!(ignored("*\n!src\nsrc/secret", "src/secret/key"));
        assert!(ignored("!a/b\na", "a/b"));
    }
}
