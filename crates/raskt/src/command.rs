//! The commands that start and look at the nodes of a cluster, for the command `raskt` and for
//! programs that are their own workers.

mod info;
mod interface;
mod log;
mod machine;
mod quantity;
mod scheduler;
mod security;
mod signals;
mod worker;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use raskt_cluster::address::AddressError;
use raskt_cluster::{BindError, ConnectError, TlsError, WorkerError};
use raskt_wire::RequestError;

/// One of the commands.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Start a scheduler, which clients give tasks to and workers run tasks for
    Scheduler(scheduler::Scheduler),
    /// Start workers, which run the tasks of a scheduler
    Worker(Box<worker::Worker>),
    /// Show a scheduler and its workers
    Info(info::Info),
}

/// Why a command could not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A scheduler cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A scheduler cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A worker cannot start.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The scheduler did not answer as asked.
    #[error("the scheduler did not answer: {0}")]
    Request(#[from] RequestError),
    /// An option makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The result cannot be written.
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A worker process failed, and is not started again.
    #[error("{0}")]
    Ended(String),
    /// The worker has ended, and is to be started again by whoever keeps it.
    #[error("the worker ended, and is to be started again: {0}")]
    Restart(String),
}

impl From<AddressError> for CommandError {
    fn from(error: AddressError) -> CommandError {
        CommandError::Connect(error.into())
    }
}

impl CommandError {
    /// The code that the process is to end with.
    pub fn exit_code(&self) -> u8 {
        match self {
            CommandError::Restart(_) => raskt_cluster::nanny::EXIT_RESTART,
            CommandError::Worker(_) => raskt_cluster::nanny::EXIT_FINAL,
            CommandError::Usage(_) => 2,
            _ => 1,
        }
    }
}

impl Command {
    /// Runs it: a scheduler or a worker until it ends. `own` are the program and the arguments
    /// that lead to these commands; workers are processes that are started so.
    ///
    /// # Errors
    /// Why it could not do what it should.
    pub fn run(&self, own: &[OsString], out: &mut dyn Write) -> Result<(), CommandError> {
        match self {
            Command::Scheduler(scheduler) => scheduler.run(out),
            Command::Worker(worker) => worker.run(own, out),
            Command::Info(info) => info.run(out),
        }
    }
}

/// The commands of a program that is its own worker.
#[derive(Parser)]
#[command(version, about = "The program as a node of a cluster", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Runs the command that the arguments name; the first two are the program and the word that
/// leads to these commands. Gives the code that the process is to end with.
pub fn main(args: &[OsString]) -> u8 {
    let (own, rest) = args.split_at(2.min(args.len()));
    let name = own.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let parsed = Cli::try_parse_from(std::iter::once(name.into()).chain(rest.iter().cloned()));
    match parsed {
        Ok(Cli { command }) => report(command.run(&own_command(&own[1..]), &mut io::stdout())),
        Err(error) => {
            // Also help is such an error. If it cannot be printed, nobody reads it.
            let _ = error.print();
            error.exit_code() as u8
        }
    }
}

/// This program with these arguments.
pub fn own_command(arguments: &[OsString]) -> Vec<OsString> {
    let program = std::env::current_exe().map_or_else(
        // The system does not say: as it was called.
        |_| std::env::args_os().next().unwrap_or_default(),
        PathBuf::into_os_string,
    );
    std::iter::once(program).chain(arguments.iter().cloned()).collect()
}

/// Says what went wrong, if something did. Gives the code that the process is to end with.
pub fn report(result: Result<(), CommandError>) -> u8 {
    let Err(error) = result else { return 0 };
    #[expect(clippy::print_stderr, reason = "this is where a command says what went wrong")]
    {
        eprintln!("error: {error}");
    }
    error.exit_code()
}

/// A file with the number of this process, removed at the end.
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: &Path) -> Result<PidFile, CommandError> {
        let error = |source| CommandError::File { path: path.to_path_buf(), source };
        std::fs::write(path, format!("{}\n", std::process::id())).map_err(error)?;
        Ok(PidFile(path.to_path_buf()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Somebody else may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}
