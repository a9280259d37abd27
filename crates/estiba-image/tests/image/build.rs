//! From source to an image, with the real tools.
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Scratch, scratch, seen, text};
use estiba_image::{BuildRequest, Built, ImageError, ImageStore, build, source_fingerprint};
use estiba_model::Digest;

fn write(path: impl AsRef<Path>, content: &str) {
    let path = path.as_ref();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A package with one program, in a workspace with one library.
fn package(dir: &Path) -> BuildRequest {
    write(
        dir.join("Cargo.toml"),
        "[workspace]\nmembers = [\"app\", \"lib\"]\nresolver = \"3\"\n",
    );
    write(
        dir.join("app/Cargo.toml"),
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\nlib = { path = \"../lib\" }\n",
    );
    write(
        dir.join("app/src/main.rs"),
        "fn main() { println!(\"{}\", lib::word()); }\n",
    );
    write(dir.join("app/static/index.html"), "<p>hello</p>");
    write(
        dir.join("lib/Cargo.toml"),
        "[package]\nname = \"lib\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    write(
        dir.join("lib/src/lib.rs"),
        "pub fn word() -> &'static str { \"one\" }\n",
    );
    request(&dir.join("app"))
}

fn request(dir: &Path) -> BuildRequest {
    BuildRequest {
        dir: dir.to_owned(),
        workload: "bot".to_owned(),
        container: "main".to_owned(),
        ..BuildRequest::default()
    }
}

async fn run(store: &ImageStore, request: &BuildRequest) -> Result<Built, ImageError> {
    build(store, request, &mut |_| {}).await
}

#[tokio::test]
async fn a_cargo_package_is_built_and_packed_once() {
    let s = scratch();
    let dir = s.dir.path().join("project");
    let mut request = package(&dir);
    request.include = vec!["static".into()];
    let mut lines = Vec::new();
    let first = build(&s.store, &request, &mut |line| lines.push(line.to_owned()))
        .await
        .unwrap();
    assert!(!first.cached && first.notices.is_empty());
    assert!(
        lines.iter().any(|line| line.contains("Compiling app")),
        "{lines:?}"
    );
    let layers = s.store.layers(&first.digest).unwrap();
    assert_eq!(
        text(&layers, "app/static/index.html").unwrap(),
        "<p>hello</p>"
    );
    assert!(seen(&layers, "usr/local/bin/app").is_some());
    assert_eq!(
        s.store.manifest(&first.digest).unwrap().config.workdir,
        "/app"
    );

    // The first build wrote Cargo.lock, which is an input from then on.
    let locked = run(&s.store, &request).await.unwrap();
    assert_eq!(locked.digest, first.digest);
    let again = run(&s.store, &request).await.unwrap();
    assert!(again.cached);
    assert_eq!(again.digest, first.digest);

    write(
        dir.join("lib/src/lib.rs"),
        "pub fn word() -> &'static str { \"two\" }\n",
    );
    let changed = run(&s.store, &request).await.unwrap();
    assert!(!changed.cached);
    assert_ne!(changed.digest, first.digest);

    // What is gone from the store is built again.
    s.store.gc(&[]).unwrap();
    let rebuilt = run(&s.store, &request).await.unwrap();
    assert!(!rebuilt.cached);
    assert_eq!(rebuilt.digest, changed.digest);
}

#[tokio::test]
async fn layers_that_travel_are_compressed_once() {
    let s = scratch();
    let dir = s.dir.path().join("project");
    let mut request = package(&dir);
    request.include = vec!["static".into()];
    let plain = run(&s.store, &request).await.unwrap().digest;
    request.compress = true;
    let compressed = run(&s.store, &request).await.unwrap();
    assert!(!compressed.cached);
    assert!(run(&s.store, &request).await.unwrap().cached);

    // The same content in fewer bytes, where unpacked layers are shared.
    assert_eq!(
        s.store.layers(&compressed.digest).unwrap(),
        s.store.layers(&plain).unwrap()
    );
    let layers = |image: &Digest| s.store.manifest(image).unwrap().layers;
    let size = |image: &Digest| -> u64 { layers(image).iter().map(|one| one.size_bytes).sum() };
    assert!(size(&compressed.digest) < size(&plain) / 2);

    // A layer that stays is not compressed again: the note of it is not written anew.
    let base = layers(&plain)[0].digest.hex().to_owned();
    let note = s.store.root().join("cache/compressed").join(base);
    let written = fs::metadata(&note).unwrap().ino();
    write(dir.join("app/static/index.html"), "<p>other</p>");
    let changed = run(&s.store, &request).await.unwrap();
    assert_ne!(changed.digest, compressed.digest);
    assert_eq!(layers(&changed.digest)[0], layers(&compressed.digest)[0]);
    assert_eq!(fs::metadata(&note).unwrap().ino(), written);

    s.store.gc(std::slice::from_ref(&changed.digest)).unwrap();
    assert!(run(&s.store, &request).await.unwrap().cached);
    assert!(!s.store.is_complete(&plain));
}

#[tokio::test]
async fn a_package_that_does_not_compile_says_what_the_compiler_said() {
    let s = scratch();
    let dir = s.dir.path().join("project");
    let request = package(&dir);
    write(
        dir.join("app/src/main.rs"),
        "fn main() { lib::missing() }\n",
    );
    let error = run(&s.store, &request).await.unwrap_err();
    assert!(matches!(error, ImageError::BuildFailed { .. }), "{error:?}");
    assert!(
        error.to_string().contains("cannot find function `missing`"),
        "{error}"
    );
}

#[tokio::test]
async fn of_several_programs_one_must_be_chosen() {
    let s = scratch();
    let dir = s.dir.path().join("project");
    let mut request = package(&dir);
    write(dir.join("app/src/bin/other.rs"), "fn main() {}\n");
    let error = run(&s.store, &request).await.unwrap_err();
    assert!(error.to_string().contains("app, other"), "{error}");
    request.program = Some("third".to_owned());
    let error = run(&s.store, &request).await.unwrap_err();
    assert!(error.to_string().contains("\"third\""), "{error}");
    request.program = Some("other".to_owned());
    let built = run(&s.store, &request).await.unwrap();
    let image = s.store.manifest(&built.digest).unwrap();
    assert_eq!(image.config.entrypoint, ["/usr/local/bin/other"]);
}

#[tokio::test]
async fn a_program_that_is_already_built_is_packed_as_it_is() {
    let s = scratch();
    let mut request = request(&s.dir.path().join("deploy"));
    write(request.dir.join("page.html"), "<p>hello</p>");
    request.built = Some("../out/tool".into());
    request.include = vec!["page.html".into()];
    let error = run(&s.store, &request).await.unwrap_err();
    assert!(
        matches!(error, ImageError::NoReadyProgram { .. }),
        "{error:?}"
    );

    let program = s.dir.path().join("out/tool");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy("/bin/true", &program).unwrap();
    let first = run(&s.store, &request).await.unwrap();
    assert!(!first.cached);
    let image = s.store.manifest(&first.digest).unwrap();
    assert_eq!(image.config.entrypoint, ["/usr/local/bin/tool"]);
    let layers = s.store.layers(&first.digest).unwrap();
    assert_eq!(text(&layers, "app/page.html").unwrap(), "<p>hello</p>");
    assert!(run(&s.store, &request).await.unwrap().cached);

    fs::copy("/bin/false", &program).unwrap();
    let changed = run(&s.store, &request).await.unwrap();
    assert!(!changed.cached);
    assert_ne!(changed.digest, first.digest);
}

#[tokio::test]
async fn a_directory_with_nothing_to_build_says_so() {
    let s = scratch();
    let error = run(&s.store, &request(s.dir.path())).await.unwrap_err();
    assert!(
        matches!(error, ImageError::NothingToBuild { .. }),
        "{error:?}"
    );
    let named = BuildRequest {
        dockerfile: Some("x.Dockerfile".into()),
        ..request(s.dir.path())
    };
    let error = run(&s.store, &named).await.unwrap_err();
    assert!(
        matches!(error, ImageError::NoDockerfile { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn only_files_of_the_project_are_included() {
    let s = scratch();
    let mut request = package(&s.dir.path().join("project"));
    for path in ["../lib", "/etc/passwd"] {
        request.include = vec![path.into()];
        let error = run(&s.store, &request).await.unwrap_err();
        assert!(matches!(error, ImageError::BadPath { .. }), "{error:?}");
    }
}

const BUILDERS: [&str; 3] = ["docker", "podman", "buildah"];

/// Runs a test of this file again with all programs of the machine, but of the
/// builders only one; for the child itself, says which.
fn with_builders(test: &str, only: Option<&str>) -> bool {
    if std::env::var_os("WITH_BUILDERS").is_some() {
        return true;
    }
    let bin = tempfile::tempdir().unwrap();
    for dir in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
        for program in fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = program.file_name();
            let is_builder = BUILDERS.iter().any(|builder| name == *builder);
            if !is_builder || only.is_some_and(|only| name == only) {
                let _ = std::os::unix::fs::symlink(program.path(), bin.path().join(name));
            }
        }
    }
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("build::{test}"), "--nocapture"])
        .env("PATH", bin.path())
        .env("WITH_BUILDERS", only.unwrap_or("none"))
        .status()
        .unwrap();
    assert!(done.success(), "{test} with {only:?}");
    false
}

fn dockerfile(s: &Scratch) -> BuildRequest {
    let dir = s.dir.path().join("context");
    write(
        dir.join("Dockerfile"),
        "FROM scratch\nCOPY file /data/file\nCOPY sub /data/sub\nUSER 7\nENTRYPOINT [\"/data/file\"]\n",
    );
    write(dir.join("file"), "from a Dockerfile");
    write(dir.join("sub/other"), "other");
    request(&dir)
}

#[tokio::test]
async fn dockerfile_with_docker() {
    if with_builders("dockerfile_with_docker", Some("docker")) {
        builds_a_dockerfile("docker", &["version", "--format", "{{.Server.Version}}"]).await;
    }
}

#[tokio::test]
async fn dockerfile_with_podman() {
    if with_builders("dockerfile_with_podman", Some("podman")) {
        builds_a_dockerfile("podman", &["info"]).await;
    }
}

#[tokio::test]
async fn dockerfile_with_buildah() {
    if with_builders("dockerfile_with_buildah", Some("buildah")) {
        builds_a_dockerfile("buildah", &["info"]).await;
    }
}

async fn builds_a_dockerfile(tool: &str, question: &[&str]) {
    let answers = Command::new(tool).args(question).output();
    if !answers.is_ok_and(|output| output.status.success()) {
        println!("skipped: {tool} does not work on this machine");
        return;
    }
    let s = scratch();
    let mut request = dockerfile(&s);
    // Podman and Buildah share one storage: with equal files, each would build on layers
    // that the other's clean-up removes.
    request.workload = format!("test-{tool}");
    for file in ["file", "sub/other"] {
        write(request.dir.join(file), tool);
    }
    let built = match run(&s.store, &request).await {
        Ok(built) => built,
        // Builders need mounts and user namespaces, which sandboxes forbid.
        Err(ImageError::BuildFailed { last_lines, .. }) if is_forbidden(&last_lines) => {
            println!("skipped: the builder may not run here: {last_lines:?}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let image = s.store.manifest(&built.digest).unwrap();
    assert_eq!(image.config.user, "7");
    assert_eq!(image.config.entrypoint, ["/data/file"]);
    let layers = s.store.layers(&built.digest).unwrap();
    for file in ["data/file", "data/sub/other"] {
        assert_eq!(text(&layers, file).unwrap(), tool);
    }
    assert!(run(&s.store, &request).await.unwrap().cached);

    let changed_text = format!("changed for {tool}");
    write(request.dir.join("sub/other"), &changed_text);
    let changed = run(&s.store, &request).await.unwrap();
    assert!(!changed.cached);
    let layers = s.store.layers(&changed.digest).unwrap();
    assert_eq!(text(&layers, "data/sub/other").unwrap(), changed_text);

    write(
        request.dir.join("Dockerfile"),
        "FROM scratch\nCOPY nothing /\n",
    );
    let error = run(&s.store, &request).await.unwrap_err();
    assert!(matches!(error, ImageError::BuildFailed { .. }), "{error:?}");
    assert!(error.to_string().contains("nothing"), "{error}");

    let filter = format!("reference=estiba/test-{tool}-main");
    let images = Command::new(tool)
        .args(["images", "--quiet", "--filter", &filter])
        .output()
        .unwrap();
    let ids = String::from_utf8(images.stdout).unwrap();
    let removed = Command::new(tool)
        .args(["rmi", "--force"])
        .args(ids.lines())
        .output()
        .unwrap();
    assert!(removed.status.success(), "{removed:?}");
}

fn is_forbidden(lines: &[String]) -> bool {
    lines
        .iter()
        .any(|line| line.contains("not permitted") || line.contains("permission denied"))
}

#[tokio::test]
async fn dockerfile_with_no_tool() {
    if !with_builders("dockerfile_with_no_tool", None) {
        return;
    }
    let s = scratch();
    let request = dockerfile(&s);
    let error = run(&s.store, &request).await.unwrap_err();
    for tool in ["docker (", "podman (", "buildah ("] {
        assert!(error.to_string().contains(tool), "{error}");
    }
    // With a package beside it, that is packed, and the user is told.
    package(&s.dir.path().join("project"));
    let app = s.dir.path().join("project/app");
    write(app.join("Dockerfile"), "FROM scratch\n");
    let built = run(&s.store, &self::request(&app)).await.unwrap();
    assert_eq!(built.notices.len(), 1);
    assert!(
        built.notices[0].es.contains("buildah"),
        "{:?}",
        built.notices
    );
}

#[test]
fn a_fingerprint_sees_what_is_built_and_nothing_else() {
    let s = scratch();
    let dir = s.dir.path().join("project");
    package(&dir);
    let app = dir.join("app");
    write(dir.join(".gitignore"), "*.log\nCargo.lock\n");
    write(dir.join("target/CACHEDIR.TAG"), "");
    let look = || source_fingerprint(&s.store, &app).unwrap();
    let start = look();
    assert_eq!(look(), start);

    write(dir.join("target/release/app"), "result");
    write(dir.join("noise.log"), "noise");
    write(dir.join(".git/HEAD"), "ref");
    assert_eq!(
        look(),
        start,
        "results, ignored files and Git's own are no input"
    );

    let mut seen = vec![start];
    for (name, content) in [
        ("app/src/main.rs", "fn main() {}"),
        ("lib/src/lib.rs", "pub fn word() {}"),
        ("Cargo.lock", "version = 4"),
        (".cargo/config.toml", "[build]"),
        ("rust-toolchain.toml", "[toolchain]"),
    ] {
        write(dir.join(name), content);
        let now = look();
        assert!(!seen.contains(&now), "{name}");
        seen.push(now);
    }
}

#[test]
fn a_change_with_the_same_size_and_time_is_seen() {
    let s = scratch();
    let dir = s.dir.path().join("context");
    write(dir.join("Dockerfile"), "FROM scratch");
    let file = dir.join("file");
    write(&file, "aaaa");
    let time = filetime::FileTime::from_unix_time(1_000_000, 0);
    filetime::set_file_mtime(&file, time).unwrap();
    let before = source_fingerprint(&s.store, &dir).unwrap();
    write(&file, "bbbb");
    filetime::set_file_mtime(&file, time).unwrap();
    assert_ne!(source_fingerprint(&s.store, &dir).unwrap(), before);
}

#[test]
fn a_fingerprint_is_the_same_in_another_place() {
    let s = scratch();
    let prints: Vec<_> = ["a", "b/c"]
        .map(|place| {
            let dir = s.dir.path().join(place);
            package(&dir);
            source_fingerprint(&s.store, &dir.join("app")).unwrap()
        })
        .into();
    assert_eq!(prints[0], prints[1]);
}

#[test]
fn local_packages_out_of_the_workspace_are_inputs() {
    let s = scratch();
    let app = s.dir.path().join("app");
    write(
        app.join("Cargo.toml"),
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\n[target.'cfg(unix)'.dependencies]\nlib = { path = \"../lib\" }\n",
    );
    write(
        s.dir.path().join("lib/Cargo.toml"),
        "[package]\nname = \"lib\"\nversion = \"0.1.0\"\n",
    );
    write(s.dir.path().join("lib/src/lib.rs"), "");
    let before = source_fingerprint(&s.store, &app).unwrap();
    write(s.dir.path().join("lib/src/lib.rs"), "// changed");
    assert_ne!(source_fingerprint(&s.store, &app).unwrap(), before);
}
