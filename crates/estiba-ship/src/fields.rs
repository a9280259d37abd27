//! Who wrote a line: the members that are added to every document.

use std::path::Path;

use crate::document::quote;

/// Members for every document of a source, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    /// `"team":"moria","project":"tp2",`
    json: Vec<u8>,
    names: Vec<Box<str>>,
}

impl Fields {
    /// Adds a member, unless one of that name is there.
    pub fn add(&mut self, name: &str, value: &str) {
        if self.names.iter().any(|known| **known == *name) {
            return;
        }
        quote(name, &mut self.json);
        self.json.push(b':');
        quote(value, &mut self.json);
        self.json.push(b',');
        self.names.push(name.into());
    }

    /// The members as JSON, each with a comma behind.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// These, and what the path of a container's log says of it.
    #[must_use]
    pub fn of_path(&self, path: &Path) -> Self {
        let mut fields = self.clone();
        if let Some(container) = Container::of(path) {
            fields.add("instance", container.pod);
            fields.add("container", container.name);
            fields.add("namespace", container.namespace);
        }
        fields
    }
}

/// What Kubernetes says of a container by the path of its log.
#[derive(Debug, PartialEq, Eq)]
struct Container<'a> {
    namespace: &'a str,
    pod: &'a str,
    name: &'a str,
}

impl<'a> Container<'a> {
    /// `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log` or
    /// `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log`.
    fn of(path: &'a Path) -> Option<Self> {
        let mut parts = path.iter().rev().map(|part| part.to_str());
        let (file, above, folder) = (parts.next()??, parts.next()??, parts.next()??);
        if above == "containers" {
            let (pod, rest) = file.strip_suffix(".log")?.split_once('_')?;
            let (namespace, rest) = rest.split_once('_')?;
            let (name, _id) = rest.rsplit_once('-')?;
            return Some(Self {
                namespace,
                pod,
                name,
            });
        }
        if parts.next()?? != "pods" {
            return None;
        }
        let (namespace, rest) = folder.split_once('_')?;
        let (pod, _uid) = rest.rsplit_once('_')?;
        Some(Self {
            namespace,
            pod,
            name: above,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_kubernetes() {
        let container = Container {
            namespace: "moria-test",
            pod: "api-7d9c-x2",
            name: "main",
        };
        for path in [
            "/var/log/pods/moria-test_api-7d9c-x2_0a1b-2c/main/0.log",
            "/var/log/containers/api-7d9c-x2_moria-test_main-0123456789abcdef.log",
        ] {
            assert_eq!(
                Container::of(Path::new(path)).as_ref(),
                Some(&container),
                "{path}"
            );
        }
        for path in [
            "/data/logs/app.log",
            "/var/log/pods/x/y/0.log",
            "/var/log/containers/x.log",
            "x",
        ] {
            assert_eq!(Container::of(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn what_is_said_first_stays() {
        let mut fields = Fields::default();
        fields.add("instance", "a\"b");
        let fields = fields.of_path(Path::new("/var/log/pods/n_p_u/c/0.log"));
        assert_eq!(
            std::str::from_utf8(fields.json()).unwrap(),
            r#""instance":"a\"b","container":"c","namespace":"n","#
        );
    }
}
