//! A workload that goes from one target to another.

use super::{Crossed, Kind, NONE};

pub fn a_bot_that_moves_is_given_the_address_at_once_on_this_machine() {
    let Some(crossed) = Crossed::new("moving", [Kind::Local, Kind::Docker]) else {
        return;
    };
    moving(&crossed, Kind::Docker, Kind::Local);
    // The other way round, the API is on the machine itself.
    crossed.place(Kind::Docker, Kind::Local, &NONE);
    in_place_at_once(&crossed);
    assert_eq!(crossed.homes("api"), ["local"]);
}

pub fn a_bot_that_moves_is_given_the_address_at_once_with_a_cluster() {
    let Some(crossed) = Crossed::new("moving-k8s", [Kind::Kubernetes, Kind::Docker]) else {
        return;
    };
    moving(&crossed, Kind::Docker, Kind::Kubernetes);
}

/// From where its API is to another target, and back.
fn moving(crossed: &Crossed, home: Kind, away: Kind) {
    for bot in [home, away, home, away] {
        crossed.place(bot, home, &NONE);
        in_place_at_once(crossed);
        assert_eq!(crossed.homes("bot"), [bot.name()]);
    }
}

fn in_place_at_once(crossed: &Crossed) {
    crossed.up("1.0.0").ok();
    crossed.assert_runs("1.0.0");
    let again = crossed.up("1.0.0").ok();
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
}
