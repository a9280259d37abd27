//! What each command does, a file for each group.

mod accept;
mod access;
mod alert;
mod bot;
mod check;
mod ci;
mod config;
mod course;
mod db;
mod deploy;
mod doctor;
mod down;
mod export;
mod history;
mod import;
mod init;
mod instances;
mod logs;
mod mail;
mod preflight;
mod reset;
mod secret;
mod serve;
mod ship;
mod status;
mod target;
mod up;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::FromArgMatches;
use estiba_api::NewTokenBody;
use estiba_model::{Lang, Scope};

use crate::cli::{self, Cli, Command, Config, Db, Secret, Target, Team, Token};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;

/// Reads the command line, does what it says, and gives the exit code.
pub fn run() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let lang = language_of(&args);
    let cli = match parse(&args, lang) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors to clap: code 0; usage is 2.
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            match cli::usage_in_spanish(&error).filter(|_| lang == Lang::Es) {
                Some(text) => eprintln!("{text}"),
                None => drop(error.print()),
            }
            return ExitCode::from(code);
        }
    };
    let context = Context::new(&cli.global).about(cli.command.environment());
    let output = context.output;
    let runtime = runtime_of(&cli.command).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(cli.command, context)),
        Err(error) => Err(Failure::file(std::path::Path::new("tokio"), &error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            let _ = std::io::stdout().flush();
            ExitCode::from(failure.code())
        }
    }
}

/// A shipper runs beside every instance: one thread takes the least memory.
fn runtime_of(command: &Command) -> tokio::runtime::Builder {
    if matches!(command, Command::Ship(_)) {
        return tokio::runtime::Builder::new_current_thread();
    }
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads.worker_threads(2);
    threads
}

/// The language decides how help and errors read, so it is looked for before
/// parsing.
fn language_of(args: &[OsString]) -> Lang {
    asked_language(args).unwrap_or_else(|| {
        crate::context::language(&cli::Global {
            json: false,
            lang: None,
            project: None,
        })
    })
}

fn parse(args: &[OsString], lang: Lang) -> Result<Cli, clap::Error> {
    let matches = cli::command(lang).try_get_matches_from(args)?;
    Cli::from_arg_matches(&matches)
}

fn asked_language(args: &[OsString]) -> Option<Lang> {
    let words = args.iter().filter_map(|arg| arg.to_str());
    let before_command_of_exec = words.take_while(|word| *word != "--");
    let mut asked = None;
    let mut previous = "";
    for word in before_command_of_exec {
        let value = word.strip_prefix("--lang=");
        asked = match value.or((previous == "--lang").then_some(word)) {
            Some("es") => Some(Lang::Es),
            Some("en") => Some(Lang::En),
            _ => asked,
        };
        previous = word;
    }
    asked.or_else(|| {
        let variable = std::env::var("ESTIBA_LANG").ok()?;
        Some(Lang::from_locale(&variable))
    })
}

async fn dispatch(command: Command, context: Context) -> Result<(), Failure> {
    match command {
        Command::Init { dir } => init::init(&context, &dir),
        Command::Import {
            paths,
            output,
            dry_run,
            force,
        } => {
            let wanted = import::Wanted {
                paths,
                output,
                dry_run,
                force,
            };
            import::import(&context, &wanted).await
        }
        Command::Check { dir, score } => check::check(&context.at(dir), &score),
        Command::Up {
            dir,
            version,
            without,
        } => up::up(&context.at(dir), version, &without.names()).await,
        Command::Preflight { env, here, timeout } => {
            let timeout = std::time::Duration::from_secs(timeout);
            preflight::preflight(&context, env.env, here, timeout).await
        }
        Command::Plan {
            env,
            version,
            without,
        } => deploy::plan(&context, env.env, version, &without.names()).await,
        Command::Deploy {
            env,
            version,
            yes,
            without,
        } => deploy::deploy(&context, env.env, version, &without.names(), yes).await,
        Command::Promote {
            from,
            to,
            version,
            yes,
            without,
        } => deploy::promote(&context, &from, to, version, &without.names(), yes).await,
        Command::Rollback { env, to, without } => {
            deploy::rollback(&context, env.env, to, &without.names()).await
        }
        Command::Release { version } => deploy::keep(&context, version).await,
        Command::Releases => history::releases(&context).await,
        Command::Status => status::status(&context).await,
        Command::History { env, limit, steps } => {
            history::history(&context, env.env, limit, steps).await
        }
        Command::Resume { env } => deploy::resume(&context, env.env).await,
        Command::Logs(asked) => logs::logs(&context, asked).await,
        Command::Alert(asked) => alert::alert(&context, asked).await,
        Command::Exec {
            workload,
            env,
            container,
            command,
        } => instances::exec(&context, &workload, env.env, container, command).await,
        Command::Restart { workloads, env } => {
            instances::restart(&context, &workloads, &env.env).await
        }
        Command::Scale { replicas, env } => instances::scale(&context, &replicas, &env.env).await,
        Command::Accept {
            env,
            timeout,
            command,
        } => {
            let limit = std::time::Duration::from_secs(timeout);
            accept::accept(&context, &env.env, limit, &command).await
        }
        Command::Reset { env, yes } => reset::reset(&context, &env.env, yes).await,
        Command::Mail {
            id,
            env,
            raw,
            clear,
        } => {
            let wanted = match (id, raw, clear) {
                (_, _, true) => mail::Wanted::Clear,
                (Some(id), true, _) => mail::Wanted::Raw(id),
                (Some(id), false, _) => mail::Wanted::Show(id),
                (None, ..) => mail::Wanted::List,
            };
            mail::mail(&context, env.env, wanted).await
        }
        Command::Down { env, yes, without } => {
            down::down(&context, &env.env, &without.names(), yes).await
        }
        Command::Config(config) => match config {
            Config::Get { name, env } => config::get(&context, name, env.env).await,
            Config::Set { values, env } => config::set(&context, &values, &env.env).await,
            Config::Unset { names, env } => config::unset(&context, &names, &env.env).await,
        },
        Command::Secret(secret) => match secret {
            Secret::Set { name, env } => secret::set(&context, &name, &env.env).await,
            Secret::List { env } => secret::list(&context, env.env).await,
            Secret::Key => secret::new_key(&context),
            Secret::Unset { name, env } => secret::unset(&context, &name, &env.env).await,
        },
        Command::Db(db) => match db {
            Db::Backup {
                file,
                env,
                resource,
            } => db::backup(&context, &file, &env.env, resource.as_deref()).await,
            Db::Restore {
                file,
                env,
                resource,
                yes,
            } => db::restore(&context, &file, &env.env, resource.as_deref(), yes).await,
        },
        Command::Export {
            format,
            output,
            env,
            version,
            explain,
            no_images,
        } => {
            let wanted = export::Wanted {
                format,
                output,
                environment: env.env,
                version,
                explain,
                images: !no_images,
            };
            export::export(&context, wanted).await
        }
        Command::Bot(options) => bot::bot(&context, options).await,
        Command::Serve(options) => serve::serve(&context, *options).await,
        Command::Ship(options) => ship::ship(&context, options).await,
        Command::Course(asked) => course::course(&context, asked).await,
        Command::Team(team) => match team {
            Team::List => access::teams(&context).await,
            Team::Add { team } => access::add_team(&context, team).await,
            Team::Members { team } => access::members(&context, &team).await,
            Team::Admit { team, login, role } => {
                access::admit(&context, &team, login, role.into()).await
            }
            Team::Dismiss { team, login } => access::dismiss(&context, &team, &login).await,
            Team::Figures { team, days } => access::figures(&context, &team, days).await,
        },
        Command::Token(token) => match token {
            Token::List => access::tokens(&context).await,
            Token::Create {
                name,
                role,
                team,
                only_project,
                env,
                days,
                login,
                machine,
            } => {
                let scope = Scope {
                    role: role.into(),
                    team,
                    project: only_project,
                    environments: env,
                };
                let new = NewTokenBody {
                    name,
                    scope,
                    days,
                    login,
                    machine,
                };
                access::create_token(&context, new).await
            }
            Token::Revoke { id } => access::revoke_token(&context, &id).await,
        },
        Command::Approve { id: None, .. } => access::approvals(&context).await,
        Command::Approve {
            id: Some(id),
            reject,
        } => access::decide(&context, id, !reject).await,
        Command::Audit { team, limit } => access::audit(&context, team, limit).await,
        Command::ChatCode => access::chat_code(&context).await,
        Command::Ci(ci) => ci::ci(&context, ci).await,
        Command::Doctor => doctor::doctor(&context).await,
        Command::Target(Target::Rbac { target }) => target::rbac(&context, &target),
        Command::Schema => schema(context.output),
        Command::Completion { shell } => {
            let mut command = cli::command(context.output.lang);
            clap_complete::generate(shell, &mut command, "estiba", &mut std::io::stdout());
            Ok(())
        }
    }
}

fn schema(output: Output) -> Result<(), Failure> {
    let schema = estiba_project::schema();
    output.json(&schema);
    match serde_json::to_string_pretty(&schema) {
        Ok(text) => output.text(&text),
        Err(error) => {
            let text = error.to_string();
            return Err(Failure::because(estiba_model::Message::verbatim(text)));
        }
    }
    Ok(())
}
