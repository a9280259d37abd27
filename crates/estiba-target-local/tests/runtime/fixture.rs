//! An image made of this machine's own programs, and containers of it.

use std::fs::{self, File, Permissions};
use std::io::{Read, Seek};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use estiba_target_local::runtime::{
    self, ContainerId, ContainerSpec, Env, ExecOutcome, ExecSpec, LaunchError, Limits,
    RunningContainer, User,
};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

/// More than any command of the tests takes.
const LIMIT: Duration = Duration::from_secs(60);
/// Where another user finds the helper; see `everything_without_root`.
pub const HELPER_VARIABLE: &str = "ESTIBA_TEST_HELPER";

const PROGRAMS: [&str; 14] = [
    "sh", "cat", "id", "ls", "sleep", "mount", "unshare", "touch", "hostname", "stat", "kill",
    "head", "tail", "mkdir",
];

pub fn helper() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_estiba-runtime-helper").into();
    std::env::var_os(HELPER_VARIABLE).map_or_else(built, PathBuf::from)
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Two layers: the lower has the programs, the upper `/etc` and a link.
fn layers() -> &'static [PathBuf] {
    static LAYERS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    LAYERS.get_or_init(|| {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let place = std::env::var_os("TMPDIR").map_or(target, PathBuf::from);
        let image = place.join("runtime-image");
        let layers = || ["low", "high"].map(|layer| image.join(layer)).to_vec();
        if image.exists() {
            return layers();
        }
        let base = tempfile::tempdir_in(place).unwrap().keep();
        let (low, high) = (base.join("low"), base.join("high"));
        for directory in [low.join("bin"), low.join("var"), high.join("etc")] {
            fs::create_dir_all(directory).unwrap();
        }
        for program in PROGRAMS {
            let found = Command::new("which").arg(program).output().unwrap().stdout;
            let found = PathBuf::from(String::from_utf8(found).unwrap().trim());
            fs::copy(&found, low.join("bin").join(program)).unwrap();
            let libraries = Command::new("ldd").arg(&found).output().unwrap().stdout;
            let libraries = String::from_utf8(libraries).unwrap();
            for library in libraries
                .split_whitespace()
                .filter(|word| word.starts_with('/'))
            {
                let target = low.join(library.trim_start_matches('/'));
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::copy(library, target).unwrap();
            }
        }
        std::os::unix::fs::symlink("/run", low.join("var/run")).unwrap();
        fs::write(high.join("etc/estiba-release"), "upper layer\n").unwrap();
        for directory in [&base, &low, &high] {
            fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
        }
        // Another run of the tests may have been first.
        if fs::rename(&base, &image).is_err() {
            fs::remove_dir_all(&base).unwrap();
        }
        layers()
    })
}

/// A container being described, started and cleaned up.
pub struct Case {
    pub spec: ContainerSpec,
    /// Where everything of the container is, to search it.
    pub directory: tempfile::TempDir,
    output: File,
}

pub struct Started {
    pub case: Case,
    pub running: RunningContainer,
}

impl Case {
    pub fn new(args: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Containers are to become children of this process.
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let spec = ContainerSpec {
            id: ContainerId {
                id: format!("test-{}-{number}", std::process::id()),
                state_root: directory.path().join("state"),
                bundle: directory.path().join("bundle"),
            },
            layers: layers().to_vec(),
            args: args.iter().map(ToString::to_string).collect(),
            env: Env::default(),
            cwd: "/".into(),
            user: User::default(),
            hostname: "a-container".to_owned(),
            read_only_root: true,
            mounts: Vec::new(),
            tmpfs: Vec::new(),
            limits: Limits::default(),
        };
        let output = tempfile::tempfile().unwrap();
        Self {
            spec,
            directory,
            output,
        }
    }

    pub fn script(script: &str) -> Self {
        Self::new(&["sh", "-c", script])
    }

    pub fn start(self) -> Started {
        let id = self.spec.id.id.clone();
        self.try_start()
            .unwrap_or_else(|error| panic!("{id}: {error}: {}", error.message().es))
    }

    pub fn try_start(self) -> Result<Started, LaunchError> {
        let end = || OwnedFd::from(self.output.try_clone().unwrap());
        let running = runtime::launch(&helper(), &self.spec, end(), end())?;
        Ok(Started {
            case: self,
            running,
        })
    }

    /// Runs to the end and tells what was printed.
    pub fn output(self) -> String {
        let mut started = self.start();
        let status = started.wait();
        let printed = started.printed();
        assert_eq!(
            status,
            WaitStatus::Exited(Pid::from_raw(started.running.pid), 0),
            "{printed}"
        );
        printed
    }
}

impl Started {
    pub fn wait(&self) -> WaitStatus {
        waitpid(Pid::from_raw(self.running.pid), None).unwrap()
    }

    pub fn printed(&mut self) -> String {
        let mut text = String::new();
        self.case.output.rewind().unwrap();
        self.case.output.read_to_string(&mut text).unwrap();
        text
    }

    /// Runs a command in the container: how it ended, and what it printed.
    pub fn exec(&self, script: &str, env: &[(&str, &str)]) -> (ExecOutcome, String) {
        let mut output = tempfile::tempfile().unwrap();
        let end = || Stdio::from(output.try_clone().unwrap());
        let spec = ExecSpec {
            id: self.case.spec.id.clone(),
            args: ["sh", "-c", script].map(str::to_owned).to_vec(),
            env: Env(env
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_string()))
                .collect()),
            cwd: None,
            limit: Some(LIMIT),
        };
        let outcome = runtime::exec(&helper(), &spec, [Stdio::null(), end(), end()]);
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
        let mut text = String::new();
        output.rewind().unwrap();
        output.read_to_string(&mut text).unwrap();
        (outcome, text)
    }

    pub fn kill(&self) -> WaitStatus {
        runtime::signal(self.running.pid, runtime::Signal::SIGKILL).unwrap();
        self.wait()
    }
}

/// A container that a test did not end itself ends with it.
impl Drop for Started {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.running.pid);
        if waitpid(pid, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
            self.kill();
        }
        runtime::delete(&self.case.spec.id).unwrap();
    }
}

/// Whether any file below `directory` holds `text`.
pub fn holds(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            holds(&path, text)
        } else {
            metadata.is_file()
                && fs::read(&path)
                    .unwrap()
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
        }
    })
}
