//! The production scheduler as a [`Policy`].

use raskt_scheduler::{Actions, Config, Event, Micros, Scheduler};
use raskt_wire::{ClientHello, ClientId, FromClient, FromWorker, ToWorker, WorkerHello, WorkerId};

use super::graphs::Graph;
use super::machine::{Cluster, Policy};

/// The scheduler with its usual options, which knows how fast links are, and one client.
pub struct Ours {
    scheduler: Scheduler,
    out: Actions,
}

impl Ours {
    /// With all workers there and the graph submitted.
    pub fn new(cluster: Cluster, graph: &Graph) -> Ours {
        Ours::with(cluster, graph, Config::default())
    }

    /// The same with other options, to see what they are worth.
    pub fn with(cluster: Cluster, graph: &Graph, config: Config) -> Ours {
        let bandwidth = cluster.bandwidth;
        let config = Config { bandwidth, story_lines: 100, spans: 100, ..config };
        let mut scheduler = Scheduler::new(config, "quality".into(), Micros(0));
        let mut out = Actions::default();
        for number in 0..cluster.workers {
            let hello = WorkerHello {
                address: format!("sim://{number}").into(),
                name: "".into(),
                host: format!("host-{number}").into(),
                nthreads: cluster.threads,
                memory_limit: 0,
                resources: Vec::new(),
                nanny: "".into(),
                pid: number,
                local_directory: "".into(),
                dashboard: "".into(),
                versions: Vec::new(),
            };
            scheduler.handle(Micros(0), Event::WorkerJoined(WorkerId(number), hello), &mut out);
        }
        let hello = ClientHello { name: "client".into(), versions: Vec::new() };
        scheduler.handle(Micros(0), Event::ClientJoined(ClientId(0), hello), &mut out);
        let submit = FromClient::Submit(Box::new(graph.submission()));
        scheduler.handle(Micros(0), Event::FromClient(ClientId(0), submit), &mut out);
        Ours { scheduler, out }
    }
}

impl Policy for Ours {
    fn report(&mut self, now_us: u64, from: WorkerId, message: FromWorker) {
        self.scheduler.handle(Micros(now_us), Event::FromWorker(from, message), &mut self.out);
    }

    fn flush(&mut self, now_us: u64, out: &mut Vec<(WorkerId, ToWorker)>) {
        if self.deadline_us().is_some_and(|due| due <= now_us) {
            self.scheduler.tick(Micros(now_us), &mut self.out);
        } else {
            self.scheduler.flush(Micros(now_us), &mut self.out);
        }
        out.append(&mut self.out.to_workers);
        self.out.to_clients.clear();
    }

    fn deadline_us(&self) -> Option<u64> {
        self.scheduler.next_deadline().map(|due| due.0)
    }
}
