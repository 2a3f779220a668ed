//! The command `raskt`.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::demo::Demo;

mod demo;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Parallel computing with task graphs.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(Demo),
}

fn main() -> ExitCode {
    let Cli { command: Command::Demo(demo) } = Cli::parse();
    match demo.run(&mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "this is where a command says what went wrong")]
            {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
