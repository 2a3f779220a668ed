//! The command `raskt`.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use raskt::command;

use crate::demo::Demo;

mod demo;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Parallel and distributed computing with task graphs.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(Demo),
    #[command(flatten)]
    Cluster(command::Command),
}

fn main() -> ExitCode {
    let mut out = io::stdout();
    match Cli::parse().command {
        Command::Demo(demo) => match demo.run(&mut out) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                #[expect(clippy::print_stderr, reason = "here a command says what went wrong")]
                {
                    eprintln!("error: {error}");
                }
                ExitCode::FAILURE
            }
        },
        Command::Cluster(command) => {
            command::report(command.run(&command::own_command(&[]), &mut out)).into()
        }
    }
}
