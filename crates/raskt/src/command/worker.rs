//! `raskt worker`.

use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use raskt_cluster::nanny::NANNY_VARIABLE;
use raskt_cluster::{
    Address, Nanny, NannyHandle, NannyOptions, Security, WorkerHandle, WorkerOptions, WorkerServer,
};
use tracing::Level;

use super::interface::address_of;
use super::machine::{memory_bytes, processors};
use super::security::Target;
use super::signals::Signals;
use super::{CommandError, PidFile, log, quantity};
use crate::cluster::RustHost;

/// Options of workers.
#[derive(clap::Args)]
pub struct Worker {
    #[command(flatten)]
    target: Target,
    /// How many workers to start, each in a process of its own; auto: as many as go well with
    /// the processors; a negative number: so many less than processors, plus one
    #[arg(long, value_name = "N", default_value = "1", allow_hyphen_values = true)]
    nworkers: String,
    /// How many tasks each runs at once [default: the processors, divided among the workers]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    nthreads: u32,
    /// The memory of each: bytes (2GiB), a share of the machine's (0.5), 0 for no limit, or
    /// auto for a share by its threads
    #[arg(long, value_name = "BYTES", default_value = "auto")]
    memory_limit: String,
    /// What it is called [default: its address]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What tasks may ask for: GPU=2 MEM=10e9
    #[arg(long, value_name = "AMOUNTS", value_parser = quantity::resources)]
    resources: Option<Resources>,
    /// Where to listen for those who want data
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Or the network interface to listen at: eth0
    #[arg(long, value_name = "NAME", conflicts_with_all = ["host", "listen_address"])]
    interface: Option<String>,
    /// The port to listen at [default: any that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    worker_port: u16,
    /// The whole address to listen at
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["host", "worker_port"])]
    listen_address: Option<String>,
    /// The address at which others reach it, if that is another one
    #[arg(long, value_name = "ADDRESS", requires = "listen_address")]
    contact_address: Option<String>,
    /// Run in this process, and do not start again after a crash
    #[arg(long)]
    no_nanny: bool,
    /// The folder for results that do not fit into memory [default: that of the system]
    #[arg(long, value_name = "DIR")]
    local_directory: Option<PathBuf>,
    /// Give up when no scheduler was reached for so long [default: never]
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    death_timeout: Option<Duration>,
    /// End in good order after so long [default: never]
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    lifetime: Option<Duration>,
    /// So much more or less, at random, so that workers do not all end at once
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, requires = "lifetime")]
    lifetime_stagger: Option<Duration>,
    /// Start again when the lifetime is over
    #[arg(long, requires = "lifetime")]
    lifetime_restart: bool,
    /// A file to write the number of the process to
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
}

/// Amounts by name.
type Resources = Vec<(Arc<str>, f64)>;

impl Worker {
    pub(super) fn run(&self, own: &[OsString], out: &mut dyn Write) -> Result<(), CommandError> {
        log::to_stderr(Level::WARN);
        let signals = Signals::hold()?;
        let (scheduler, security) = self.target.resolve()?;
        let workers = number_of_workers(&self.nworkers)?;
        let is_fixed = self.listen_address.is_some() || self.worker_port != 0;
        if workers > 1 && (self.no_nanny || is_fixed) {
            let text = "several workers are processes of their own, with ports of their own: \
                        leave out --no-nanny, --worker-port and --listen-address";
            return Err(CommandError::Usage(text.to_string()));
        }
        let shape = self.shape(workers)?;
        let _pid_file = self.pid_file.as_deref().map(PidFile::write).transpose()?;
        if self.no_nanny {
            self.run_here(shape, (scheduler, security), signals, out)
        } else {
            self.keep_processes(shape, (scheduler, security), (own, workers), signals, out)
        }
    }

    fn shape(&self, workers: u32) -> Result<Shape, CommandError> {
        let nthreads = match self.nthreads {
            0 => (processors() / workers).max(1),
            threads => threads,
        };
        let memory_limit = memory_limit(&self.memory_limit, nthreads)?;
        Ok(Shape { nthreads, memory_limit })
    }

    /// Runs the worker in this process until it ends.
    fn run_here(
        &self,
        shape: Shape,
        (scheduler, security): (Address, Security),
        signals: Signals,
        out: &mut dyn Write,
    ) -> Result<(), CommandError> {
        let nanny = std::env::var_os(NANNY_VARIABLE).unwrap_or_default();
        let nanny = nanny.to_string_lossy().into_owned();
        let is_kept = !nanny.is_empty();
        let mut options = WorkerOptions {
            listen: self.listen(&scheduler)?,
            contact: self.contact_address.as_deref().map(str::parse).transpose()?,
            scheduler,
            security,
            name: self.name.as_deref().unwrap_or_default().into(),
            nanny: nanny.into(),
            versions: vec![("raskt".into(), env!("CARGO_PKG_VERSION").into())],
            death_timeout: self.death_timeout,
            lifetime: self.lifetime.map(|lifetime| self.staggered(lifetime)),
            lifetime_restart: self.lifetime_restart,
            ..WorkerOptions::default()
        };
        if let Some(folder) = &self.local_directory {
            let error = |source| CommandError::File { path: folder.clone(), source };
            std::fs::create_dir_all(folder).map_err(error)?;
            options.local_directory = folder.clone();
        }
        options.config.nthreads = shape.nthreads;
        options.config.memory_limit = shape.memory_limit;
        options.config.resources = self.resources.clone().unwrap_or_default();
        let running: Arc<Mutex<Option<Arc<WorkerHandle>>>> = Arc::default();
        let ended = running.clone();
        signals.on_first(move |reason| match &*ended.lock() {
            Some(worker) => worker.close(reason),
            // It still looks for its scheduler.
            None => std::process::exit(0),
        })?;
        let worker = Arc::new(WorkerServer::start(options, Arc::new(RustHost::default()))?);
        *running.lock() = Some(worker.clone());
        writeln!(out, "Worker at: {}", worker.address())?;
        out.flush()?;
        match worker.wait(None) {
            Some(end) if end.restart && is_kept => {
                Err(CommandError::Restart(end.reason.to_string()))
            }
            Some(end) => Ok(writeln!(out, "Worker ended: {}", end.reason)?),
            None => Ok(()),
        }
    }

    fn listen(&self, scheduler: &Address) -> Result<Option<Address>, CommandError> {
        if let Some(address) = &self.listen_address {
            return Ok(Some(address.parse()?));
        }
        let host = match &self.interface {
            Some(name) => Some(address_of(name)?),
            None => self.host.clone(),
        };
        if host.is_none() && self.worker_port == 0 {
            return Ok(None);
        }
        let otherwise = if scheduler.is_loopback() { "127.0.0.1" } else { "0.0.0.0" };
        Ok(Some(scheduler.at(host.as_deref().unwrap_or(otherwise), self.worker_port)))
    }

    fn staggered(&self, lifetime: Duration) -> Duration {
        let stagger = self.lifetime_stagger.unwrap_or_default();
        // Seeded anew by the system for each process.
        let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        (lifetime + stagger.mul_f64(2.0 * random)).saturating_sub(stagger)
    }

    /// Starts processes that are workers, and starts them again when they crash.
    fn keep_processes(
        &self,
        shape: Shape,
        (scheduler, security): (Address, Security),
        (own, workers): (&[OsString], u32),
        signals: Signals,
        out: &mut dyn Write,
    ) -> Result<(), CommandError> {
        let mut nannies: Vec<NannyHandle> = Vec::with_capacity(workers as usize);
        for number in 0..workers {
            let command = own.iter().cloned().chain(self.arguments(shape, number, workers));
            let options = NannyOptions {
                security: security.clone(),
                memory_limit: shape.memory_limit,
                ..NannyOptions::new(command.collect(), scheduler.clone())
            };
            nannies.push(Nanny::start(options)?);
        }
        let nannies = Arc::new(nannies);
        let kept = nannies.clone();
        signals.on_first(move |reason| kept.iter().for_each(|nanny| nanny.close(reason)))?;
        let mut failed = None;
        for nanny in &*nannies {
            if let Some(ending) = nanny.wait(None) {
                writeln!(out, "Worker process ended: {ending}")?;
                // It said why on its error output.
                if ending.contains("exit code") {
                    failed = Some(ending);
                }
            }
        }
        match failed {
            Some(ending) => Err(CommandError::Ended(format!("a worker failed: {ending}"))),
            None => Ok(()),
        }
    }

    /// The arguments of one of several workers that are processes of their own.
    fn arguments(&self, shape: Shape, number: u32, workers: u32) -> Vec<OsString> {
        let mut all: Vec<OsString> = vec!["worker".into(), "--no-nanny".into()];
        let mut add = |name: &str, value: OsString| all.extend([name.into(), value]);
        add("--nthreads", shape.nthreads.to_string().into());
        add("--memory-limit", shape.memory_limit.to_string().into());
        if let Some(path) = &self.target.scheduler_file {
            add("--scheduler-file", path.into());
        }
        for (name, path) in self.target.trust.arguments() {
            add(name, path.into());
        }
        if let Some(name) = &self.name {
            let suffix = if workers > 1 { format!("-{number}") } else { String::new() };
            add("--name", format!("{name}{suffix}").into());
        }
        if let Some(resources) = self.resources.as_ref().filter(|all| !all.is_empty()) {
            let items = resources.iter().map(|(name, amount)| format!("{name}={amount}"));
            add("--resources", items.collect::<Vec<_>>().join(",").into());
        }
        if self.worker_port != 0 {
            add("--worker-port", self.worker_port.to_string().into());
        }
        let texts = [
            ("--host", &self.host),
            ("--interface", &self.interface),
            ("--listen-address", &self.listen_address),
            ("--contact-address", &self.contact_address),
        ];
        for (name, text) in texts {
            text.iter().for_each(|text| add(name, text.into()));
        }
        if let Some(folder) = &self.local_directory {
            add("--local-directory", folder.into());
        }
        let times = [
            ("--death-timeout", self.death_timeout),
            ("--lifetime", self.lifetime),
            ("--lifetime-stagger", self.lifetime_stagger),
        ];
        for (name, time) in times {
            time.iter().for_each(|time| add(name, time.as_secs_f64().to_string().into()));
        }
        if self.lifetime_restart {
            all.push("--lifetime-restart".into());
        }
        all.extend(self.target.scheduler.iter().map(OsString::from));
        all
    }
}

/// What each worker has.
#[derive(Clone, Copy)]
struct Shape {
    nthreads: u32,
    memory_limit: u64,
}

fn number_of_workers(text: &str) -> Result<u32, CommandError> {
    if text == "auto" {
        return Ok(balanced(processors()));
    }
    let wrong = || {
        let text = format!("--nworkers {text}: write a number of workers, or auto");
        CommandError::Usage(text)
    };
    let number: i64 = text.parse().map_err(|_| wrong())?;
    let number = if number < 0 { i64::from(processors()) + 1 + number } else { number };
    u32::try_from(number).ok().filter(|n| *n > 0).ok_or_else(wrong)
}

/// So many workers that they and the threads of each are about equally many; with few
/// processors, one for each.
fn balanced(processors: u32) -> u32 {
    if processors <= 4 {
        return processors;
    }
    let square = |n: u32| n.checked_mul(n).is_none_or(|square| square >= processors);
    (1..=processors).find(|n| processors.is_multiple_of(*n) && square(*n)).unwrap_or(processors)
}

fn memory_limit(text: &str, nthreads: u32) -> Result<u64, CommandError> {
    let share = |share: f64| (memory_bytes() as f64 * share) as u64;
    if text == "auto" {
        return Ok(share((f64::from(nthreads) / f64::from(processors())).min(1.0)));
    }
    match text.parse::<f64>() {
        Ok(fraction) if fraction > 0.0 && fraction <= 1.0 => Ok(share(fraction)),
        _ => quantity::bytes(text)
            .map_err(|why| CommandError::Usage(format!("--memory-limit: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_and_their_threads_are_about_equally_many() {
        let pairs = [(1, 1), (2, 2), (4, 4), (6, 3), (8, 4), (12, 4), (16, 4), (7, 7), (64, 8)];
        for (processors, workers) in pairs {
            assert_eq!(balanced(processors), workers, "{processors}");
        }
    }

    #[test]
    fn the_number_of_workers_may_count_from_the_processors() {
        assert_eq!(number_of_workers("3").ok(), Some(3));
        assert_eq!(number_of_workers("-1").ok(), Some(processors()));
        assert!(number_of_workers("0").is_err() && number_of_workers("many").is_err());
    }

    #[test]
    fn memory_is_bytes_a_share_or_nothing() {
        assert_eq!(memory_limit("2GiB", 1).ok(), Some(2 << 30));
        assert_eq!(memory_limit("0", 1).ok(), Some(0));
        assert_eq!(memory_limit("0.5", 1).ok(), Some(memory_bytes() / 2));
        assert_eq!(memory_limit("auto", 10_000).ok(), Some(memory_bytes()));
        assert!(memory_limit("lots", 1).is_err());
    }
}
