//! A target that never answers again.

use super::{Crossed, Kind, NONE};

pub fn a_target_that_is_gone_for_good_does_not_hold_its_environment() {
    let Some(crossed) = Crossed::new("gone", [Kind::Local, Kind::Docker]) else {
        return;
    };
    gone(&crossed, Kind::Docker, Kind::Local);
}

pub fn a_cluster_that_is_gone_for_good_does_not_hold_its_environment() {
    let Some(crossed) = Crossed::new("gone-k8s", [Kind::Kubernetes, Kind::Docker]) else {
        return;
    };
    gone(&crossed, Kind::Kubernetes, Kind::Docker);
}

fn gone(crossed: &Crossed, lost: Kind, kept: Kind) {
    let (name, project) = (lost.name(), &crossed.project);
    crossed.place(lost, kept, &NONE);
    crossed.up("1.0.0").ok();
    crossed.gate(lost).shut();
    crossed.place(kept, kept, &NONE);
    let held = crossed.up("1.1.0");
    assert_eq!(held.code, 1, "{}", held.out);
    let way = format!("--without {name}");
    assert!(held.err.contains(&way), "{}", held.err);

    let up = ["up", "--version", "1.1.0", "--without"];
    let wrong = project.run(&[up.as_slice(), &[kept.name()]].concat());
    assert_eq!(wrong.code, 1, "{}", wrong.out);
    project.run(&[up.as_slice(), &[name]].concat()).ok();
    assert_eq!(crossed.homes("bot"), [kept.name()]);
    let status = project.status("test");
    let problems = status["problems"].to_string();
    assert!(problems.contains(name), "{status}");
    // From now on it holds nothing, and is not forgotten.
    let next = project.run(&["up", "--version", "1.2.0"]).ok();
    assert!(next.err.contains(name), "{}", next.err);

    crossed.gate(lost).open();
    project.run(&["up", "--version", "1.2.0"]).ok();
    crossed.assert_runs("1.2.0");
    let status = project.status("test");
    assert_eq!(status["problems"].as_array().unwrap().len(), 0, "{status}");
    let again = project.run(&["up", "--version", "1.2.0"]).ok();
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
}
