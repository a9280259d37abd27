//! The help of the command line in Spanish, and its errors of usage.
//!
//! The English help is written beside each command; a test sees to it that
//! nothing lacks its translation here.

mod arguments;
mod commands;
mod usage;
mod words;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

use arguments::ARGUMENTS;
use commands::COMMANDS;
use words::{HELP_NOTES, VALUE_NAMES};

pub use usage::usage_in_spanish;

/// Below all other options, as in English.
const LAST: usize = 999;

/// The same command line with its help in Spanish.
pub fn in_spanish(command: Command) -> Command {
    let mut command = translate(command, "").disable_version_flag(true).arg(
        Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::Version)
            .help_heading("Opciones")
            .help("Mostrar la versión"),
    );
    // Only a command line that is built has its own help commands and its usages.
    command.build();
    finish(command)
}

fn translate(command: Command, path: &str) -> Command {
    let mut positions = 0..;
    let mut command = command
        .subcommand_help_heading("Comandos")
        .subcommand_value_name("COMANDO")
        .disable_help_flag(true)
        .mut_args(|arg| {
            let arg = argument(arg, path);
            // Under a heading of its own, what has a position is sorted by its name.
            match arg.is_positional() {
                true => arg.display_order(positions.next().unwrap_or_default()),
                false => arg,
            }
        })
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help_heading("Opciones")
                .help("Mostrar la ayuda (un resumen con «-h»)")
                .display_order(LAST),
        );
    if let Some(about) = find(COMMANDS, path) {
        command = command.about(about).long_about(about);
    }
    if let Some(notes) = command.get_after_help().map(ToString::to_string) {
        command = command.after_help(in_words(notes));
    }
    let usage = *command.get_styles().get_usage();
    let heading = format!("{}Uso:{}", usage.render(), usage.render_reset());
    command = command.help_template(format!(
        "{{about-with-newline}}\n{heading} {{usage}}\n\n{{all-args}}{{after-help}}"
    ));
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        let sub_path = format!("{path} {name}").trim().to_owned();
        command = command.mut_subcommand(name, |sub| translate(sub, &sub_path));
    }
    command
}

fn argument(arg: Arg, path: &str) -> Arg {
    let own = format!("{path} {}", arg.get_id());
    let help = find(ARGUMENTS, &own)
        .or_else(|| find(ARGUMENTS, arg.get_id().as_str()))
        .map(ToOwned::to_owned)
        .or_else(|| arg.get_help().map(ToString::to_string))
        .unwrap_or_default();
    let heading = if arg.is_positional() {
        "Argumentos"
    } else {
        "Opciones"
    };
    let arg = arg.help_heading(heading);
    if arg.get_action().takes_values() {
        with_value(arg, help)
    } else {
        arg.help(help)
    }
}

/// Says in Spanish what clap adds by itself to the help of what has a value.
fn with_value(arg: Arg, mut help: String) -> Arg {
    let possible = arg.get_possible_values();
    let possible: Vec<&str> = possible.iter().map(PossibleValue::get_name).collect();
    let defaults = arg.get_default_values().iter();
    let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
    for (label, values) in [
        ("valores", possible.join(", ")),
        ("por omisión", defaults.join(" ")),
    ] {
        if !values.is_empty() {
            help += &format!(" [{label}: {values}]");
        }
    }
    let names = arg.get_value_names().into_iter().flatten();
    let names: Vec<&'static str> = names.filter_map(|name| find(VALUE_NAMES, name)).collect();
    let arg = arg
        .help(help)
        .hide_possible_values(true)
        .hide_default_value(true);
    if names.is_empty() {
        arg
    } else {
        arg.value_names(names)
    }
}

fn in_words(notes: String) -> String {
    HELP_NOTES.iter().fold(notes, |notes, (english, spanish)| {
        notes.replace(english, spanish)
    })
}

/// What of a command line is in English until it is built.
fn finish(command: Command) -> Command {
    let mut command = command.mut_subcommands(finish);
    if command.get_name() == "help" {
        command = command.about("Mostrar esta ayuda, o la de los comandos que se nombren");
    }
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let usage = usage.replace("[OPTIONS]", "[OPCIONES]");
    command.override_usage(usage)
}

fn find(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    fn untranslated(english: &Command, spanish: &Command, path: &str, found: &mut Vec<String>) {
        if english.get_about().is_some() && english.get_about() == spanish.get_about() {
            found.push(path.to_owned());
        }
        let notes = spanish.get_after_help().map(ToString::to_string);
        for line in notes.iter().flat_map(|notes| notes.lines()) {
            let is_example = line.starts_with("  ") || line.starts_with("Ejemplo");
            let translated = HELP_NOTES.iter().any(|(_, spanish)| *spanish == line);
            if !is_example && !translated {
                found.push(format!("{path}: {line}"));
            }
        }
        for arg in english.get_arguments() {
            let other = spanish
                .get_arguments()
                .find(|other| other.get_id() == arg.get_id());
            let help = |arg: &Arg| arg.get_help().map(ToString::to_string);
            let same = help(arg).is_some_and(|english| {
                other
                    .and_then(help)
                    .is_none_or(|it| it.starts_with(&english))
            });
            if same {
                found.push(format!("{path} {}", arg.get_id()));
            }
            let names = arg.get_value_names().into_iter().flatten();
            let known = |name: &str| ["ID", "N", "URL"].contains(&name);
            for name in names.filter(|name| !known(name)) {
                if arg.get_action().takes_values() && find(VALUE_NAMES, name).is_none() {
                    found.push(format!("{path} <{name}>"));
                }
            }
        }
        for sub in english.get_subcommands() {
            let name = sub.get_name();
            match spanish.find_subcommand(name) {
                Some(other) => untranslated(sub, other, &format!("{path} {name}"), found),
                None => found.push(format!("{path} {name}")),
            }
        }
    }

    #[test]
    fn every_command_and_argument_has_spanish_help() {
        let mut found = Vec::new();
        let english = Cli::command();
        untranslated(&english, &in_spanish(Cli::command()), "", &mut found);
        assert!(found.is_empty(), "no Spanish for: {found:?}");
    }

    #[test]
    fn a_help_has_no_word_of_clap_in_english() {
        let mut command = in_spanish(Cli::command());
        for path in [
            &["estiba"][..],
            &["estiba", "logs"],
            &["estiba", "token", "create"],
        ] {
            let mut args = path.to_vec();
            args.push("--help");
            let help = command
                .try_get_matches_from_mut(args)
                .unwrap_err()
                .to_string();
            for english in [
                "Usage",
                "Options",
                "OPTIONS",
                "Arguments",
                "Print",
                "default",
                "Example",
                "values",
            ] {
                assert!(!help.contains(english), "{english}: {help}");
            }
            assert!(help.contains("\nUso: estiba"), "{help}");
            let of = |what: &str| help.find(&format!("\n  [{what}]"));
            assert!(of("COMPONENTE") <= of("CONSULTA"), "{help}");
        }
    }

    #[test]
    fn the_command_line_is_sound_in_both_languages() {
        Cli::command().debug_assert();
        in_spanish(Cli::command()).debug_assert();
    }
}
