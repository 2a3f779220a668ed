//! `raskt info`.

use std::io::Write;
use std::time::Duration;

use raskt_cluster::{Client, ConnectOptions};
use raskt_wire::{Answer, ClusterInfo, Question, RequestError, WorkerInfo, WorkerStatus};

use super::CommandError;
use super::quantity::{duration, readable_bytes};
use super::security::Target;

/// Options of what looks at a cluster.
#[derive(clap::Args)]
pub struct Info {
    #[command(flatten)]
    target: Target,
    /// How long to wait for a scheduler that does not answer
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    timeout: Duration,
    /// All that the scheduler knows, as JSON
    #[arg(long)]
    dump: bool,
}

impl Info {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), CommandError> {
        let (address, security) = self.target.resolve()?;
        let name = "raskt info".to_string();
        let timeout = self.timeout;
        let options = ConnectOptions { name, timeout, security, ..ConnectOptions::default() };
        let client = Client::connect(&address, options)?;
        if self.dump {
            return match ask(&client, Question::Dump, self.timeout)? {
                Answer::Text(text) => Ok(writeln!(out, "{text}")?),
                Answer::Bytes(bytes) => Ok(out.write_all(&bytes)?),
                _ => Err(unexpected()),
            };
        }
        match ask(&client, Question::Cluster, self.timeout)? {
            Answer::Cluster(cluster) => write_cluster(&cluster, out),
            _ => Err(unexpected()),
        }
    }
}

fn ask(client: &Client, question: Question, timeout: Duration) -> Result<Answer, CommandError> {
    let reply = client.request(question);
    reply.wait(Some(timeout));
    let late = || RequestError::Timeout(format!("it took longer than {timeout:?}"));
    Ok(reply.get().unwrap_or_else(|| Err(late()))?)
}

fn unexpected() -> CommandError {
    RequestError::Invalid("it answered something else".to_string()).into()
}

fn write_cluster(cluster: &ClusterInfo, out: &mut dyn Write) -> Result<(), CommandError> {
    writeln!(out, "scheduler  {}", cluster.address)?;
    writeln!(out, "id         {}", cluster.id)?;
    if !cluster.dashboard.is_empty() {
        writeln!(out, "dashboard  {}", cluster.dashboard)?;
    }
    let threads: u32 = cluster.workers.iter().map(|worker| worker.hello.nthreads).sum();
    let memory: u64 = cluster.workers.iter().map(|worker| worker.hello.memory_limit).sum();
    writeln!(out, "workers    {}", cluster.workers.len())?;
    writeln!(out, "threads    {threads}")?;
    writeln!(out, "memory     {}", limit(memory))?;
    let tasks = cluster.tasks.iter().filter(|(_, count)| *count > 0);
    let tasks: Vec<String> = tasks.map(|(state, count)| format!("{count} {state}")).collect();
    let tasks = if tasks.is_empty() { "none".to_string() } else { tasks.join(", ") };
    writeln!(out, "tasks      {tasks}")?;
    if cluster.workers.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let heading =
        ["worker", "name", "status", "threads", "memory", "limit", "results", "tasks", "resources"];
    let heading = heading.map(str::to_string);
    let rows: Vec<_> = cluster.workers.iter().map(row).collect();
    write_table(std::iter::once(heading).chain(rows).collect(), out)
}

fn row(worker: &WorkerInfo) -> [String; 9] {
    let hello = &worker.hello;
    let name = if hello.name == hello.address { "-" } else { &*hello.name };
    let status = match worker.status {
        WorkerStatus::Running => "running",
        WorkerStatus::Paused => "paused",
        WorkerStatus::Retiring => "retiring",
    };
    let resources = hello.resources.iter().map(|(name, amount)| format!("{name}={amount}"));
    let resources = resources.collect::<Vec<_>>().join(" ");
    [
        hello.address.to_string(),
        name.to_string(),
        status.to_string(),
        hello.nthreads.to_string(),
        readable_bytes(worker.metrics.process_bytes),
        limit(hello.memory_limit),
        format!("{} ({})", worker.results.0, readable_bytes(worker.results.1)),
        worker.processing.to_string(),
        resources,
    ]
}

fn limit(bytes: u64) -> String {
    if bytes == 0 { "no limit".to_string() } else { readable_bytes(bytes) }
}

/// Writes rows with columns below each other.
fn write_table<const N: usize>(
    rows: Vec<[String; N]>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
