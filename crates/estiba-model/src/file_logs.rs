//! Logs that a workload writes to files, and what reads them.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::{Message, Name, Quantities, Workload, message};

/// The annotation that names the files to which a workload writes its logs: globs, with
/// blanks or commas between them.
pub const LOGS_ANNOTATION: &str = "estiba.dev/logs";

/// Folders of the kernel, at the beginning of a path.
const OF_THE_KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Folders in which an image has what its programs need: an empty one in their place
/// would be the end of them.
const OF_THE_IMAGE: [&str; 11] = [
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib64",
    "/run",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local/bin",
];

/// The files to which a workload writes its logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLogs {
    /// Globs of absolute paths, as they are the same in every container.
    pub globs: Vec<String>,
    /// The folders that they begin with, which the containers of an instance share. None
    /// is inside another one.
    pub folders: Vec<String>,
}

impl FileLogs {
    /// What the container is called that reads them, beside those of the workload.
    pub const CONTAINER: &'static str = "logs";

    /// The member of its lines that says which file they are from.
    pub const PATH_FIELD: &'static str = "file";

    /// What that container needs at the least: about twice what it has in use where
    /// nothing is written (`benches/sidecar.sh` measures it).
    pub const REQUESTS: Quantities = Quantities {
        cpu_millis: Some(10),
        memory_bytes: Some(24 << 20),
    };

    /// What it may use at the most: two batches and a window of the longest event, and
    /// as much again.
    pub const LIMITS: Quantities = Quantities {
        cpu_millis: None,
        memory_bytes: Some(64 << 20),
    };

    /// [`CONTAINER`](Self::CONTAINER) as a name.
    ///
    /// # Panics
    /// Never: it is one.
    #[must_use]
    pub fn container() -> Name {
        Self::CONTAINER.parse().expect("a word is a name")
    }

    /// What stands in the file, of a line of that container: with whatever else the line
    /// says, but for what its reader adds. None for a line of its own.
    #[must_use]
    pub fn read_from_file(line: &str) -> Option<String> {
        let mut document: Map<String, Value> = serde_json::from_str(line).ok()?;
        for added in ["@timestamp", "level", Self::PATH_FIELD] {
            document.shift_remove(added);
        }
        let Value::String(text) = document.shift_remove("message")? else {
            return None;
        };
        match document.is_empty() || text.starts_with('{') {
            true => Some(text),
            false => Some(format!("{text} {}", Value::Object(document))),
        }
    }

    /// The folder that `path` is, is in, or is around; none where it has nothing to do
    /// with any.
    #[must_use]
    pub fn overlaps(&self, path: &str) -> Option<&str> {
        let path = path.trim_end_matches('/');
        let meets = |folder: &&String| is_within(path, folder) || is_within(folder, path);
        self.folders.iter().find(meets).map(String::as_str)
    }
}

impl Workload {
    /// The files to which it writes its logs, where it says so.
    #[must_use]
    pub fn file_logs(&self) -> Option<FileLogs> {
        self.annotations.get(LOGS_ANNOTATION)?.parse().ok()
    }
}

impl FromStr for FileLogs {
    type Err = Message;

    fn from_str(text: &str) -> Result<Self, Message> {
        let globs = text.split([' ', '\t', '\n', ',']);
        let globs: Vec<String> = globs
            .filter(|glob| !glob.is_empty())
            .map(str::to_owned)
            .collect();
        if globs.is_empty() {
            return Err(message!("no file is named", "no se nombra ningún archivo"));
        }
        let mut folders = Vec::new();
        for glob in &globs {
            folders.push(folder(glob)?);
        }
        // In this order what is inside a folder comes right after it.
        folders.sort_by(|one, other| one.split('/').cmp(other.split('/')));
        folders.dedup_by(|inner, outer| is_within(inner, outer));
        Ok(Self { globs, folders })
    }
}

/// The folder that a glob begins with.
fn folder(glob: &str) -> Result<String, Message> {
    if !glob.starts_with('/') {
        return Err(message!(
            "\"{glob}\" is not an absolute path",
            "«{glob}» no es una ruta absoluta"
        ));
    }
    let parts: Vec<&str> = glob.split('/').skip(1).collect();
    if glob.contains("${") || parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(message!(
            "\"{glob}\" is not a plain path of files",
            "«{glob}» no es una ruta simple de archivos"
        ));
    }
    let fixed = parts[..parts.len() - 1]
        .iter()
        .take_while(|part| !part.contains(['*', '?', '[']));
    let folder: String = fixed.map(|part| format!("/{part}")).collect();
    if folder.is_empty() {
        return Err(message!(
            "\"{glob}\" has no folder of its own: the first part of the path is a pattern or a file",
            "«{glob}» no tiene una carpeta propia: la primera parte de la ruta es un patrón o un archivo"
        ));
    }
    if OF_THE_KERNEL.iter().any(|own| is_within(&folder, own))
        || OF_THE_IMAGE.contains(&folder.as_str())
    {
        return Err(message!(
            "{folder} is not a folder for logs: what the image or the system has there would be hidden",
            "{folder} no es una carpeta para logs: quedaría oculto lo que la imagen o el sistema tienen ahí"
        ));
    }
    Ok(folder)
}

fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_what_globs_begin_with() {
        for (text, folders) in [
            ("/data/logs/*.log", &["/data/logs"] as &[&str]),
            ("/data/logs/app.log", &["/data/logs"]),
            ("/var/log/app/*/*.log", &["/var/log/app"]),
            ("/data/*/app.log", &["/data"]),
            ("/b/*.log, /a/*.log\n/c/[ab].log", &["/a", "/b", "/c"]),
            ("/data/a/*.log /data/*.log /data/a/b/*", &["/data"]),
            ("/data/log/* /data/logs/*", &["/data/log", "/data/logs"]),
            ("/a/b/* /a-b/* /a/*", &["/a", "/a-b"]),
            ("/usr/share/app/*", &["/usr/share/app"]),
        ] {
            let logs: FileLogs = text.parse().unwrap();
            assert_eq!(logs.folders, folders, "{text}");
        }
    }

    #[test]
    fn what_has_no_folder_of_its_own_is_refused() {
        for text in [
            "",
            " , ",
            "logs/*.log",
            "./logs/*.log",
            "/*.log",
            "/",
            "/app.log",
            "/*/x/y.log",
            "/data/",
            "/data//x",
            "/data/../x/y",
            "/data/${resources.x}/y",
            "/proc/1/*",
            "/sys/kernel/x",
            "/dev/*",
            "/etc/*.log",
            "/usr/*/x.log",
            "/data/logs/*.log /app.log",
        ] {
            assert!(text.parse::<FileLogs>().is_err(), "{text}");
        }
    }

    #[test]
    fn lines_of_files_are_shown_as_they_stand_there() {
        for (line, said) in [
            (
                r#"{"@timestamp":"x","level":"error","message":"a\n b","file":"/l/a"}"#,
                Some("a\n b"),
            ),
            (
                r#"{"message":"refused","status":502,"@timestamp":"x","file":"/l/a"}"#,
                Some(r#"refused {"status":502}"#),
            ),
            (
                r#"{"a":1,"@timestamp":"x","message":"{\"a\":1}","file":"/l/a"}"#,
                Some(r#"{"a":1}"#),
            ),
            ("cannot read /l/a", None),
            ("{}", None),
        ] {
            assert_eq!(FileLogs::read_from_file(line).as_deref(), said, "{line}");
        }
    }

    #[test]
    fn paths_that_meet() {
        let logs: FileLogs = "/data/logs/*.log".parse().unwrap();
        for path in [
            "/data",
            "/data/",
            "/data/logs",
            "/data/logs/x",
            "/data/logs/",
        ] {
            assert_eq!(logs.overlaps(path), Some("/data/logs"), "{path}");
        }
        for path in ["/data/logs2", "/dat", "/other"] {
            assert_eq!(logs.overlaps(path), None, "{path}");
        }
    }
}
