//! The behaviours, by theme.

mod apart;
mod data;
mod deploying;
mod diagnosing;
mod failing;
mod file_logs;
mod isolation;
mod killed;
mod logs_exec;
mod mail;
mod network;
mod recovering;
mod releases;
mod resetting;
mod stopping;
mod values;
mod verifying;

use crate::behaviour::{Behaviour, Need};
use crate::bench::Kit;
use crate::score::with_variable;
use crate::support::SECRET;

pub use isolation::not_root;
pub use logs_exec::{newest_lines_in_order, since_gives_a_second};
pub use stopping::restarts_uncounted;
pub use values::instance_is_a_dyno;

/// A theme in English and Spanish, and its behaviours.
type Theme = ([&'static str; 2], &'static [Behaviour]);

/// All themes in the order of the docs; the slowest behaviour comes first.
pub const THEMES: &[Theme] = &[
    (["Failing", "Fallar"], failing::ALL),
    (["Deploying", "Desplegar"], deploying::ALL),
    (["Verifying", "Verificar"], verifying::ALL),
    (["Releases", "Versiones"], releases::ALL),
    (
        ["Starting and stopping", "Iniciar y detener"],
        stopping::ALL,
    ),
    (["Apart", "Por separado"], apart::ALL),
    (["Killed in the middle", "Interrumpir a mitad"], killed::ALL),
    (["Recovering", "Recuperarse"], recovering::ALL),
    (["Values and files", "Valores y archivos"], values::ALL),
    (["Data", "Datos"], data::ALL),
    (["Resetting", "Vaciar"], resetting::ALL),
    (["Mail", "Correo"], mail::ALL),
    (["Network", "Red"], network::ALL),
    (
        ["Isolation and limits", "Aislamiento y límites"],
        isolation::ALL,
    ),
    (["Logs and exec", "Logs y exec"], logs_exec::ALL),
    (["Logs in files", "Logs en archivos"], file_logs::ALL),
    (["Telling", "Informar"], diagnosing::ALL),
];

/// All behaviours.
pub fn all() -> impl Iterator<Item = &'static Behaviour> {
    THEMES.iter().flat_map(|(_, behaviours)| *behaviours)
}

/// The project that behaviours look at without changing it: an API with a
/// volume, values and files, where there are such.
pub fn shown(kit: Kit) -> Kit {
    let mut api = kit.web("api");
    values::fill(&mut api, kit.place.has(Need::Files));
    kit.workload(&with_variable(api, "TOKEN", "${resources.env.TOKEN}"));
    kit.secret("TOKEN", SECRET, "test");
    kit.secret("TOKEN", SECRET, "prod");
    kit.set("GREETING", values::UNICODE, "test");
    kit.up("1.0.0");
    kit
}
