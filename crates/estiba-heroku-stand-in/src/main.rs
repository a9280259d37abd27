//! Starts a stand-in of Heroku by hand.

use std::io::Read;

use anyhow::Result;
use clap::Parser;
use estiba_heroku_stand_in::{Options, StandIn, Urls};

/// A stand-in of Heroku, until its standard input ends.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port of the API on loopback; 0 is any.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The key that opens it.
    #[arg(
        long,
        env = "HEROKU_API_KEY",
        default_value = "stand-in-key",
        hide_env_values = true
    )]
    key: String,
    /// Give each app a port instead of a host name, where containers reach it too.
    #[arg(long)]
    ports: bool,
    /// Let one-off dynos be attached to over TLS, as the command of Heroku does.
    #[arg(long)]
    tls: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let stand_in = StandIn::start(Options {
        port: arguments.port,
        key: arguments.key,
        urls: if arguments.ports {
            Urls::Ports
        } else {
            Urls::Names
        },
        tls: arguments.tls,
        ..Options::default()
    })?;
    println!("api: {}", stand_in.api());
    println!("registry: {}", stand_in.registry());
    println!("router: {}", stand_in.router());
    if let Some(certificate) = stand_in.certificate() {
        println!("{certificate}");
    }
    std::io::stdin().read_to_end(&mut Vec::new())?;
    for violation in stand_in.violations() {
        eprintln!("not as Heroku's schema has it: {violation}");
    }
    Ok(())
}
