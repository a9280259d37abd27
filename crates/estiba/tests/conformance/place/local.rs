//! The `local` target: containers that Estiba runs itself, below its state folder.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::{fs, thread, time};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use super::{Foreign, Place};
use crate::behaviour::Need;
use crate::bench::Kit;
use crate::support::Project;

pub struct Local;

impl Place for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn missing(&self) -> Option<String> {
        None
    }

    fn lacking(&self) -> Vec<Need> {
        let mut lacking = vec![Need::Udp, Need::Shared];
        if !limits_hold() {
            lacking.push(Need::Limits);
        }
        lacking
    }

    fn target(&self, _: &Kit) -> Value {
        json!({ "kind": "local" })
    }

    fn kill(&self, project: &Kit, environment: &str, instance: &str) {
        let folder = folder(project, environment);
        end(&folder
            .join("instances")
            .join(instance)
            .display()
            .to_string());
    }

    fn meddle(&self, project: &Kit, _: &str, _: &str) {
        // Nothing routes to the instances any more.
        end(&project.state().join("local/edge").display().to_string());
    }

    fn plant(&self, project: &Kit, environment: &str) -> Box<dyn Foreign> {
        let file = project.state().join("local/environments").join("notes.txt");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, environment).unwrap();
        let process = Command::new("sleep").arg("600").spawn().unwrap();
        Box::new(Planted { file, process })
    }

    fn inspect(&self, project: &Kit) -> String {
        // Whoever may see processes sees their arguments.
        let state = project.state().display().to_string();
        let lines = processes().into_iter().map(|(_, line)| line);
        let lines: Vec<_> = lines.filter(|line| line.contains(&state)).collect();
        assert!(!lines.is_empty(), "nothing of {state} runs");
        lines.join("\n")
    }
}

/// Whether this user may limit memory and CPU, as `doctor` finds.
fn limits_hold() -> bool {
    let found = Project::new().run(&["doctor", "--json"]).json();
    let mut found = found.as_array().unwrap().iter();
    found.any(|check| check["name"] == "limits" && check["ok"] == true)
}

/// Where the local target keeps an environment.
fn folder(project: &Kit, environment: &str) -> PathBuf {
    let all = project.state().join("local/environments");
    all.join(&project.team)
        .join(&project.name)
        .join(environment)
}

/// `kill -9` to the processes that have an argument.
fn end(argument: &str) {
    let found: Vec<_> = processes()
        .into_iter()
        .filter(|(_, line)| line.split('\0').any(|word| word == argument))
        .collect();
    assert!(!found.is_empty(), "nothing runs for {argument}");
    for (pid, _) in found {
        let _ = kill_process(pid, Signal::KILL);
        while test_kill_process(pid).is_ok() && !is_zombie(pid) {
            thread::sleep(time::Duration::from_millis(10));
        }
    }
}

fn is_zombie(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
    status.is_ok_and(|status| status.contains("State:\tZ"))
}

/// All processes with their command lines.
fn processes() -> Vec<(Pid, String)> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            Some((Pid::from_raw(pid)?, line))
        })
        .collect()
}

/// A file among Estiba's, and a process of the same user.
struct Planted {
    file: PathBuf,
    process: Child,
}

impl Foreign for Planted {
    fn assert_untouched(&mut self) {
        assert!(self.file.is_file());
        assert!(self.process.try_wait().unwrap().is_none());
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
