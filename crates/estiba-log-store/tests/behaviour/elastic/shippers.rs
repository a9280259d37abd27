//! Debian's own shippers, with their ordinary configuration for Elasticsearch.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use estiba_log_store::Scope;

use super::Endpoint;
use crate::world::find;

const LINES: usize = 500;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn there(root: &Path, program: &str, module: &str) -> bool {
    let there = root.join(program).exists() && root.join(module).exists();
    if !there {
        eprintln!("skipped: {program} with {module} is not installed");
    }
    there
}

fn start(command: &mut Command) -> Running {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

fn write_lines(path: &Path) {
    let lines: String = (0..LINES)
        .map(|number| format!("line number {number} \"quoted\" \\ é\n"))
        .collect();
    fs::write(path, lines).unwrap();
}

async fn all_arrive(endpoint: &Endpoint) {
    let started = Instant::now();
    loop {
        let found = find(&endpoint.store, &Scope::team("moria"), "\"line number\"").await;
        if found.hits.len() >= LINES {
            let mut texts: Vec<_> = found
                .hits
                .iter()
                .map(|hit| hit.record.text.trim().to_owned())
                .collect();
            texts.sort();
            texts.dedup();
            assert_eq!(texts.len(), LINES);
            assert!(
                texts
                    .iter()
                    .any(|text| text == "line number 7 \"quoted\" \\ é"),
                "{texts:?}"
            );
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{} of {LINES} lines came",
            found.hits.len()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rsyslog() {
    let root = Path::new("/");
    let module = "usr/lib/x86_64-linux-gnu/rsyslog/omelasticsearch.so";
    if !there(root, "usr/sbin/rsyslogd", module) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(&folder.path().join("store")).await;
    let address = endpoint.listen().await;
    let work = folder.path().display();
    write_lines(&folder.path().join("in.log"));
    let configuration = format!(
        r#"
global(workDirectory="{work}")
module(load="imfile" mode="inotify")
module(load="omelasticsearch")
template(name="document" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="syslogtag" name="syslogtag" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
input(type="imfile" file="{work}/in.log" tag="bot" readTimeout="1")
action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" uid="estiba" pwd="moria"
  template="document" searchIndex="logs" searchType="" bulkmode="on" queue.type="LinkedList"
  action.resumeRetryCount="-1" errorFile="{work}/errors")
"#,
        port = address.port()
    );
    let path = folder.path().join("rsyslog.conf");
    fs::write(&path, configuration).unwrap();
    let pid = folder.path().join("pid");
    let mut rsyslog = Command::new("/usr/sbin/rsyslogd");
    let _running = start(rsyslog.arg("-n").arg("-f").arg(&path).arg("-i").arg(&pid));
    all_arrive(&endpoint).await;
    let found = find(
        &endpoint.store,
        &Scope::team("moria"),
        "workload:bot level:info",
    )
    .await;
    assert_eq!(found.hits.len(), LINES);
    let errors = fs::read_to_string(folder.path().join("errors")).unwrap_or_default();
    assert_eq!(errors, "");
}

/// Debian has it conflict with rsyslog: `ESTIBA_TEST_SYSLOG_NG` names a folder into
/// which its packages were unpacked with `dpkg -x`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syslog_ng() {
    let unpacked = std::env::var_os("ESTIBA_TEST_SYSLOG_NG");
    let root = unpacked.map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let module = "usr/lib/syslog-ng/3.38/libhttp.so";
    if !there(&root, "usr/sbin/syslog-ng", module) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(&folder.path().join("store")).await;
    let address = endpoint.listen().await;
    let work = folder.path().display();
    write_lines(&folder.path().join("in.log"));
    let includes = root.join("usr/share/syslog-ng/include");
    let configuration = format!(
        r#"@version: 3.38
@define include-path "{includes}"
@include "scl/elasticsearch/*.conf"
source s {{ file("{work}/in.log" flags(no-parse) follow-freq(1) program-override("bot")); }};
destination d {{
  elasticsearch-http(url("http://{address}/_bulk") index("logs") type("")
    user("estiba") password("moria") batch-timeout(200));
}};
log {{ source(s); destination(d); }};
"#,
        includes = includes.display()
    );
    let path = folder.path().join("syslog-ng.conf");
    fs::write(&path, configuration).unwrap();
    let libraries = root.join("usr/lib/syslog-ng");
    let mut syslog_ng = Command::new(root.join("usr/sbin/syslog-ng"));
    syslog_ng
        .args(["--foreground", "--no-caps", "-f"])
        .arg(&path)
        .arg("--module-path")
        .arg(libraries.join("3.38"))
        .env(
            "LD_LIBRARY_PATH",
            format!(
                "{}:{}",
                libraries.display(),
                root.join("usr/lib/x86_64-linux-gnu").display()
            ),
        );
    for (option, name) in [("-R", "persist"), ("-p", "pid"), ("-c", "control")] {
        syslog_ng.arg(option).arg(folder.path().join(name));
    }
    let _running = start(&mut syslog_ng);
    all_arrive(&endpoint).await;
    let found = find(&endpoint.store, &Scope::team("moria"), "workload:bot").await;
    assert_eq!(found.hits.len(), LINES);
}
