//! One side that fails, before the deployment or in its midst.

use crate::gate::Gate;

use super::{Crossed, Faults, Kind, NONE};

pub fn either_side_that_fails_leaves_both_as_they_were_on_this_machine() {
    failing("failing", Kind::Local, Kind::Docker);
}

pub fn either_side_that_fails_leaves_both_as_they_were_with_a_cluster() {
    failing("failing-k8s", Kind::Kubernetes, Kind::Docker);
}

pub fn either_side_that_fails_leaves_both_as_they_were_with_a_cluster_and_heroku() {
    failing("heroku", Kind::Kubernetes, Kind::Heroku);
}

fn failing(story: &str, bot: Kind, api: Kind) {
    let Some(crossed) = Crossed::new(story, [bot, api]) else {
        return;
    };
    crossed.place(bot, api, &NONE);
    crossed.up("1.0.0").ok();
    let before = crossed.assert_runs("1.0.0");
    let unhealthy = Faults {
        behaviour: "crash",
        ..NONE
    };
    let migration = Faults {
        migration: &["migrate", "badly"],
        ..NONE
    };
    // A program that ends at once.
    let crash = Faults {
        bot: &["migrate", "badly"],
        ..NONE
    };
    for (version, faults) in [("1.1.0", unhealthy), ("1.2.0", migration), ("1.3.0", crash)] {
        crossed.place(bot, api, &faults);
        let failed = crossed.up(version);
        assert_eq!(failed.code, 1, "{version}: {}", failed.out);
        assert!(
            failed.err.contains("1.0.0 runs as before"),
            "{}",
            failed.err
        );
        let after = crossed.assert_runs("1.0.0");
        assert_eq!(after, before, "{version}");
    }
    crossed.place(bot, api, &NONE);
    for (kind, gate) in &crossed.gates {
        // Before the deployment, and in the midst of it.
        gate.shut();
        let failed = crossed.up("2.0.0");
        assert_eq!(failed.code, 1, "{}", failed.out);
        let name = format!("target {} can't be asked", kind.name());
        assert!(failed.err.contains(&name), "{}", failed.err);
        gate.open();
        assert_eq!(crossed.assert_runs("1.0.0"), before);
        goes_away_half_way(&crossed, *kind, gate);
        assert_eq!(crossed.assert_runs("1.0.0"), before);
    }
    crossed.up("2.0.0").ok();
    crossed.assert_runs("2.0.0");
}

/// A target that does not answer any more when the bot is to start, or when the
/// old API is to end, and the new one serves by then; Heroku, when it is to begin.
fn goes_away_half_way(crossed: &Crossed, kind: Kind, gate: &Gate) {
    let failed = crossed
        .project
        .watch(&["up", "--version", "2.0.0"], |event| {
            let step = &event["step"];
            let of_bot = step["workload"] == "bot" && step["step"] != "fetch";
            let of_app = kind == Kind::Heroku && step["step"] == "roll-out";
            let is_late = of_bot || of_app || step["step"] == "stop";
            if event["event"] == "step-started" && step["target"] == kind.name() && is_late {
                gate.shut();
            }
        });
    gate.open();
    let (code, out) = failed;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("estiba resume --env test"), "{out}");
    let resumed = crossed.project.run(&["resume"]);
    let as_before = resumed.err.contains("1.0.0 runs as before");
    assert!(as_before, "{}", resumed.err);
}
