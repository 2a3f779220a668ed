//! `raskt scheduler`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use raskt_cluster::address::DEFAULT_PORT;
use raskt_cluster::{Address, SchedulerOptions, SchedulerServer};
use tracing::Level;

use super::interface::address_of;
use super::security::Trust;
use super::signals::Signals;
use super::{CommandError, PidFile, log, quantity};

/// Options of a scheduler.
#[derive(clap::Args)]
pub struct Scheduler {
    /// Where to listen: a name or number of this machine; 0.0.0.0 for all
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,
    /// Or the network interface to listen at: eth0
    #[arg(long, value_name = "NAME", conflicts_with = "host")]
    interface: Option<String>,
    /// The port to listen at; 0: any that is free
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// How to speak with others; tls needs certificates
    #[arg(long, value_name = "NAME", value_parser = ["tcp", "tls"], default_value = "tcp")]
    protocol: String,
    #[command(flatten)]
    trust: Trust,
    /// A file to write for clients and workers: it says where the scheduler is, and has the
    /// secret that others show if it listens to other machines without certificates
    #[arg(long, value_name = "FILE")]
    scheduler_file: Option<PathBuf>,
    /// A file to write the number of the process to
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// End after so long without work [default: never]
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    idle_timeout: Option<Duration>,
}

impl Scheduler {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), CommandError> {
        log::to_stderr(Level::INFO);
        let signals = Signals::hold()?;
        let host = match &self.interface {
            Some(name) => address_of(name)?,
            None => self.host.clone(),
        };
        let port = self.port;
        let address = match self.protocol.as_str() {
            "tls" => Address::Tls { host, port },
            _ => Address::Tcp { host, port },
        };
        let mut options = SchedulerOptions {
            addresses: vec![address],
            security: self.trust.security()?,
            scheduler_file: self.scheduler_file.clone(),
            ..SchedulerOptions::default()
        };
        options.config.idle_timeout_us = self.idle_timeout.map(|time| time.as_micros() as u64);
        let scheduler = Arc::new(SchedulerServer::start(options)?);
        let _pid_file = self.pid_file.as_deref().map(PidFile::write).transpose()?;
        writeln!(out, "Scheduler at: {}", scheduler.address())?;
        if let Some(path) = &self.scheduler_file {
            writeln!(out, "Scheduler file: {}", path.display())?;
        }
        out.flush()?;
        let ended = scheduler.clone();
        signals.on_first(move |reason| ended.close(reason))?;
        if let Some(reason) = scheduler.wait(None) {
            writeln!(out, "Scheduler ended: {reason}")?;
        }
        Ok(())
    }
}
