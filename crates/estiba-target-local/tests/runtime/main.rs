//! Runs real containers, as whoever runs the tests; root does it all again as
//! an unprivileged user.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod fixture;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use estiba_target_local::runtime::{
    self, BindMount, Env, ExecOutcome, Failure, LaunchError, Signal, TmpfsMount, User, host_report,
};
use fixture::{Case, HELPER_VARIABLE, helper, holds, is_root};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

/// User and group "nobody".
const NOBODY: u32 = 65_534;

#[test]
fn the_process_is_unprivileged() {
    let printed = Case::script("id -u; id -g; cat /proc/self/status; echo $$").output();
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[..2], ["65532", "65532"], "{printed}");
    assert_eq!(lines.last(), Some(&"1"), "the program is pid 1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(
            printed.contains(&format!("{set}:\t0000000000000000\n")),
            "{printed}"
        );
    }
    assert!(printed.contains("NoNewPrivs:\t1\n"), "{printed}");
    assert!(printed.contains("Seccomp:\t2\n"), "{printed}");
    if is_root() {
        assert!(printed.contains("Groups:\t65532 \n"), "{printed}");
    }
}

#[test]
fn another_user_may_be_asked_for() {
    for uid in [0, 1000] {
        let mut case = Case::script("id -u; id -g");
        case.spec.user = User { uid, gid: uid };
        assert_eq!(case.output(), format!("{uid}\n{uid}\n"));
    }
}

#[test]
fn privileged_system_calls_are_refused() {
    for attempt in [
        "unshare -U true",
        "unshare -m true",
        "mount -t tmpfs none /tmp",
    ] {
        let mut case = Case::script(&format!("{attempt} 2>&1; echo $?"));
        // Tools refuse to try as anyone else; the kernel is to refuse root too.
        case.spec.user = User { uid: 0, gid: 0 };
        let printed = case.output();
        assert!(!printed.ends_with("0\n"), "{attempt}: {printed}");
        assert!(printed.contains("ermi"), "{attempt}: {printed}");
    }
}

#[test]
fn the_root_is_read_only_and_tmp_is_not() {
    let script = "touch /file /etc/file /bin/file 2>/dev/null && exit 1
        for each in /proc/sys/kernel/hostname /sys/x; do touch $each 2>/dev/null && exit 2; done
        echo kept > /tmp/file && cat /tmp/file /etc/estiba-release";
    assert_eq!(Case::script(script).output(), "kept\nupper layer\n");
}

#[test]
fn a_writable_root_leaves_the_image_as_it_was() {
    let mut case = Case::script("echo mine > /etc/estiba-release; cat /etc/estiba-release");
    case.spec.read_only_root = false;
    case.spec.user = User { uid: 0, gid: 0 };
    assert_eq!(case.output(), "mine\n");
    assert_eq!(
        Case::script("cat /etc/estiba-release").output(),
        "upper layer\n"
    );
}

#[test]
fn mounts_go_where_the_image_says() {
    let host = tempfile::tempdir().unwrap();
    fs::set_permissions(host.path(), Permissions::from_mode(0o777)).unwrap();
    let file = host.path().join("setting");
    fs::write(&file, "from the host\n").unwrap();
    let bind = |source, target: &str, read_only| BindMount {
        source,
        target: target.into(),
        read_only,
    };
    let script = "cat /new/place/setting /var/run/app.conf
        touch /new/place/x 2>/dev/null && exit 1
        echo written > /data/out && touch /scratch/file && ls -d /run/app.conf";
    let mut case = Case::script(script);
    case.spec.mounts = vec![
        bind(host.path().to_owned(), "/new/place", true),
        bind(host.path().to_owned(), "/data", false),
        bind(file, "/var/run/app.conf", true),
    ];
    case.spec.tmpfs = vec![TmpfsMount {
        target: "/scratch".into(),
        size_bytes: 1 << 20,
    }];
    assert_eq!(
        case.output(),
        "from the host\nfrom the host\n/run/app.conf\n"
    );
    assert_eq!(
        fs::read_to_string(host.path().join("out")).unwrap(),
        "written\n"
    );
}

#[test]
fn it_has_its_own_name_and_processes_and_the_hosts_resolver() {
    let mut case = Case::script("hostname; pwd; echo /proc/[0-9]*; cat /etc/resolv.conf");
    case.spec.cwd = "/made/for/it".into();
    let printed = case.output();
    let resolver = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let start = "a-container\n/made/for/it\n/proc/1\n";
    assert!(printed.starts_with(start), "{printed}");
    assert!(printed.ends_with(&resolver), "{printed}");
}

#[test]
fn the_environment_is_in_the_process_and_on_no_disk() {
    let mut case = Case::script("echo $TOKEN $HOME; exec sleep 1000");
    case.spec.env = Env(vec![
        ("TOKEN".to_owned(), "a-very-secret-value".to_owned()),
        ("PATH".to_owned(), "/bin".to_owned()),
    ]);
    assert!(!format!("{:?}", case.spec).contains("secret"));
    let started = case.start();
    assert!(
        holds(started.case.directory.path(), "a-container"),
        "nothing was searched"
    );
    assert!(!holds(started.case.directory.path(), "a-very-secret-value"));
    // A command sees it too, and what it is given besides.
    let (outcome, printed) = started.exec("echo $TOKEN $MORE; exit 3", &[("MORE", "b")]);
    assert_eq!(outcome, ExecOutcome::Exited(3));
    assert_eq!(printed, "a-very-secret-value b\n");
    assert!(!holds(started.case.directory.path(), "a-very-secret-value"));
}

#[test]
fn a_command_has_no_more_rights_than_the_container() {
    let started = Case::script("exec sleep 1000").start();
    let script = "id -u; id -g; cat /proc/self/status; cat /proc/1/cmdline; touch /x 2>&1;
        unshare -U true 2>&1; kill -0 1 && echo may signal; exit 0";
    let (outcome, printed) = started.exec(script, &[]);
    assert_eq!(outcome, ExecOutcome::Exited(0), "{printed}");
    assert!(printed.starts_with("65532\n65532\n"), "{printed}");
    for line in [
        "CapEff:\t0000000000000000\n",
        "CapBnd:\t0000000000000000\n",
        "NoNewPrivs:\t1\n",
        "Seccomp:\t2\n",
    ] {
        assert!(printed.contains(line), "{line} {printed}");
    }
    for part in ["sleep\x001000", "Read-only", "ermi", "may signal"] {
        assert!(printed.contains(part), "{part} {printed}");
    }
    assert_eq!(started.exec("kill -KILL $$", &[]).0, ExecOutcome::Killed(9));
}

#[test]
fn a_command_that_takes_too_long_is_killed() {
    let started = Case::script("exec sleep 1000").start();
    let spec = runtime::ExecSpec {
        id: started.case.spec.id.clone(),
        args: ["sleep", "1000"].map(str::to_owned).to_vec(),
        env: Env::default(),
        cwd: None,
        limit: Some(std::time::Duration::from_millis(100)),
    };
    let stdio = std::array::from_fn(|_| std::process::Stdio::null());
    let error = runtime::exec(&helper(), &spec, stdio).unwrap_err();
    assert!(matches!(error, LaunchError::TimedOut { .. }), "{error}");
    // Left are the program and the one that looks.
    let (_, printed) = started.exec("ls -d /proc/[0-9]*", &[]);
    assert_eq!(printed.lines().count(), 2, "{printed}");
}

#[test]
fn signals_reach_the_program_and_its_pid_is_the_hosts() {
    let mut started =
        Case::script("trap 'echo stopping; exit 7' TERM; echo up; while :; do sleep 0.05; done")
            .start();
    // The helper has ended by now, and the container runs on.
    let pid = started.running.pid;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let inside = status
        .lines()
        .find(|line| line.starts_with("NSpid:"))
        .unwrap();
    assert_eq!(inside, format!("NSpid:\t{pid}\t1"));
    let parent = format!("PPid:\t{}", std::process::id());
    assert!(status.lines().any(|line| line == parent), "{status}");
    while !started.printed().contains("up") {
        std::thread::yield_now();
    }
    runtime::signal(pid, Signal::SIGTERM).unwrap();
    assert_eq!(started.wait(), WaitStatus::Exited(Pid::from_raw(pid), 7));
    assert_eq!(started.printed(), "up\nstopping\n");
    runtime::signal(pid, Signal::SIGTERM).unwrap();
}

#[test]
fn what_cannot_run_is_told_and_leaves_no_process() {
    let failure = |case: Case| match case.try_start() {
        Err(LaunchError::Failed { failure, .. }) => failure,
        other => panic!("{:?}", other.map(|started| started.running.pid)),
    };
    let missing = failure(Case::new(&["/bin/nothing"]));
    assert_eq!(
        missing,
        Failure::ProgramNotFound {
            program: "/bin/nothing".to_owned()
        }
    );
    let missing = failure(Case::new(&["nothing"]));
    assert_eq!(
        missing,
        Failure::ProgramNotFound {
            program: "nothing".to_owned()
        }
    );
    let not_a_program = failure(Case::new(&["/etc/estiba-release"]));
    assert!(
        matches!(not_a_program, Failure::ProgramNotRunnable { .. }),
        "{not_a_program}"
    );
    assert!(matches!(failure(Case::new(&[])), Failure::Invalid(_)));

    // Executable, yet no program: only `execve` itself finds that out.
    let layer = tempfile::tempdir().unwrap();
    let file = layer.path().join("garbage");
    fs::write(&file, "\x7fnonsense").unwrap();
    for path in [layer.path(), &file] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    let mut case = Case::new(&["/garbage"]);
    case.spec.layers.push(layer.path().to_owned());
    let garbage = failure(case);
    assert!(
        matches!(garbage, Failure::ProgramNotRunnable { .. }),
        "{garbage}"
    );

    let mut case = Case::script("true");
    case.spec.id.id = "../x".to_owned();
    assert!(matches!(failure(case), Failure::Runtime(_)));
}

#[test]
fn limits_are_enforced_or_said_not_to_be() {
    let mut hog = Case::script("head -c 200000000 /dev/zero | tail > /dev/null");
    hog.spec.limits.memory_bytes = Some(32 << 20);
    let started = hog.start();
    started.wait();
    let kills = runtime::memory_kills(&started.case.spec.id);
    let said = started
        .running
        .warnings
        .iter()
        .any(|warning| warning.en.contains("memory"));
    if host_report(&helper()).unwrap().memory_limit {
        assert!(kills.is_some_and(|kills| kills > 0) && !said);
    } else {
        eprintln!("memory limit skipped: no cgroup for this user");
        assert!(kills.is_none() && said);
    }

    let mut many = Case::script("for each in 1 2 3 4 5 6 7 8 9; do sleep 1 & done 2>&1; wait");
    many.spec.limits.pids = Some(5);
    let mut started = many.start();
    let status = started.wait();
    let refused = started.printed().contains("fork");
    if host_report(&helper()).unwrap().pids_limit {
        assert!(refused, "{status:?}");
    } else {
        eprintln!("pids limit skipped: no cgroup for this user");
        assert!(!started.running.warnings.is_empty() && !refused);
    }
}

#[test]
fn deleting_leaves_nothing_and_may_be_done_again() {
    let started = Case::script("exec sleep 1000").start();
    let id = started.case.spec.id.clone();
    started.kill();
    runtime::delete(&id).unwrap();
    runtime::delete(&id).unwrap();
    assert!(!id.bundle.exists() && !id.state_root.join(&id.id).exists());
    for controller in ["memory", "pids", "cpu", "unified", "."] {
        let cgroup = format!("/sys/fs/cgroup/{controller}/estiba/{}", id.id);
        assert!(!fs::exists(&cgroup).unwrap(), "{cgroup}");
    }
    let gone = runtime::ExecSpec {
        id,
        args: vec!["true".to_owned()],
        env: Env::default(),
        cwd: None,
        limit: None,
    };
    let stdio = std::array::from_fn(|_| std::process::Stdio::null());
    let error = runtime::exec(&helper(), &gone, stdio).unwrap_err();
    assert!(
        matches!(
            error,
            LaunchError::Failed {
                failure: Failure::NotRunning { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn the_host_report_says_what_runs() {
    let report = host_report(&helper()).unwrap();
    assert_eq!(report.rootless, !is_root());
    assert!(report.containers, "{report:?}");
    assert!(report.overlay && report.users, "{report:?}");
    assert_eq!(
        report.remarks.is_empty(),
        report.memory_limit && report.pids_limit && report.cpu_limit
    );
}

/// Every other test again, as a user who may do nothing special.
#[test]
fn everything_without_root() {
    if !is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let copy = |from: std::path::PathBuf, name| {
        let to = directory.path().join(name);
        fs::copy(from, &to).unwrap();
        to
    };
    let tests = copy(std::env::current_exe().unwrap(), "tests");
    let helper = copy(helper(), "helper");
    let output = Command::new(tests)
        .env(HELPER_VARIABLE, helper)
        .env("TMPDIR", directory.path())
        .current_dir(directory.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
