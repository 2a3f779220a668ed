//! The scheduler and the shell around it.

use std::collections::BTreeMap;

use raskt_scheduler::view::Books;
use raskt_scheduler::{Actions, Config, Event, Micros, Scheduler};
use raskt_wire::{ClientId, FromWorker, WorkerId};

use crate::sim::net::{Conn, End};
use crate::sim::plan::Plan;
use crate::sim::world::{Down, Up, What, World};

/// When the scheduler's clock begins: some day.
pub(crate) const EPOCH_US: u64 = 1_700_000_000_000_000;

/// The scheduler, and who is connected to it.
pub(crate) struct Control {
    pub(crate) scheduler: Scheduler,
    out: Actions,
    workers: BTreeMap<WorkerId, Conn>,
    clients: BTreeMap<ClientId, Conn>,
    /// The other way round: as whom the scheduler knows a connection.
    known: BTreeMap<Conn, Known>,
    next_worker: u32,
    next_client: u32,
    flush_is_due: bool,
    tick_at: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    Worker(WorkerId),
    Client(ClientId),
}

impl Control {
    pub(crate) fn new(plan: &Plan) -> Control {
        let config = Config {
            worker_ttl_us: plan.worker_ttl_us,
            stealing: plan.stealing,
            story_lines: 100,
            spans: 100,
            ..Config::default()
        };
        Control {
            scheduler: Scheduler::new(config, "sim".into(), Micros(EPOCH_US)),
            out: Actions::default(),
            workers: BTreeMap::new(),
            clients: BTreeMap::new(),
            known: BTreeMap::new(),
            next_worker: 0,
            next_client: 0,
            flush_is_due: false,
            tick_at: None,
        }
    }
}

impl World {
    pub(crate) fn on_up(&mut self, conn: Conn, message: Up) {
        if !self.net.is_open(conn) {
            return;
        }
        self.trace.note(self.now, format_args!("{:?} > {message:?}", self.net.end(conn)));
        match message {
            Up::WorkerHello(hello) => {
                let id = WorkerId(self.control.next_worker);
                self.control.next_worker += 1;
                self.control.workers.insert(id, conn);
                self.control.known.insert(conn, Known::Worker(id));
                self.send_down(conn, Down::WorkerWelcome(id));
                self.tell_scheduler(Event::WorkerJoined(id, hello));
            }
            Up::ClientHello(hello) => {
                let id = ClientId(self.control.next_client);
                self.control.next_client += 1;
                self.control.clients.insert(id, conn);
                self.control.known.insert(conn, Known::Client(id));
                self.send_down(conn, Down::ClientWelcome);
                self.tell_scheduler(Event::ClientJoined(id, hello));
            }
            Up::Worker(message) => {
                if let Some(Known::Worker(id)) = self.control.known.get(&conn) {
                    self.tell_scheduler(Event::FromWorker(*id, message));
                }
            }
            Up::Client(message) => {
                if let Some(Known::Client(id)) = self.control.known.get(&conn) {
                    self.tell_scheduler(Event::FromClient(*id, message));
                }
            }
        }
    }

    pub(crate) fn on_late(&mut self, worker: WorkerId, message: FromWorker) {
        self.trace.note(self.now, format_args!("{worker:?} again > {message:?}"));
        self.tell_scheduler(Event::FromWorker(worker, message));
    }

    pub(crate) fn on_lost_above(&mut self, conn: Conn) {
        self.shut(conn);
        let Some(known) = self.control.known.remove(&conn) else { return };
        self.trace.note(self.now, format_args!("the scheduler loses {known:?}"));
        match known {
            Known::Worker(id) => {
                self.control.workers.remove(&id);
                self.losses += 1;
                self.tell_scheduler(Event::WorkerLeft(id, "the connection broke".into()));
            }
            Known::Client(id) => {
                self.control.clients.remove(&id);
                self.tell_scheduler(Event::ClientLeft(id));
            }
        }
    }

    fn tell_scheduler(&mut self, event: Event) {
        let now = Micros(EPOCH_US + self.now);
        self.control.scheduler.handle(now, event, &mut self.control.out);
        self.control.scheduler.sanity_check();
        self.do_scheduler_actions();
        if !self.control.flush_is_due {
            self.control.flush_is_due = true;
            // Events of the next moment are one batch.
            let batch = self.rng.spread(1, 2_000) - 1;
            self.after(batch, What::FlushScheduler);
        }
        self.arm_scheduler();
    }

    pub(crate) fn flush_scheduler(&mut self) {
        self.control.flush_is_due = false;
        let now = Micros(EPOCH_US + self.now);
        self.control.scheduler.flush(now, &mut self.control.out);
        self.control.scheduler.sanity_check();
        self.do_scheduler_actions();
        self.arm_scheduler();
    }

    pub(crate) fn tick_scheduler(&mut self) {
        if self.control.tick_at != Some(self.now) {
            return;
        }
        self.control.tick_at = None;
        let now = Micros(EPOCH_US + self.now);
        self.control.scheduler.tick(now, &mut self.control.out);
        self.control.scheduler.sanity_check();
        self.do_scheduler_actions();
        self.arm_scheduler();
    }

    fn arm_scheduler(&mut self) {
        let due = self.control.scheduler.next_deadline();
        let due = due.map(|at| at.0.saturating_sub(EPOCH_US).max(self.now));
        if due != self.control.tick_at {
            self.control.tick_at = due;
            if let Some(at) = due {
                self.at(at, What::TickScheduler);
            }
        }
    }

    fn do_scheduler_actions(&mut self) {
        if self.control.out.is_empty() {
            return;
        }
        let out = std::mem::take(&mut self.control.out);
        for (id, message) in out.to_clients {
            if let Some(conn) = self.control.clients.get(&id) {
                self.send_down(*conn, Down::Client(message));
            }
        }
        for (id, message) in out.to_workers {
            if let Some(conn) = self.control.workers.get(&id) {
                self.send_down(*conn, Down::Worker(message));
            }
        }
        for (id, reason) in out.drop_workers {
            self.trace.note(self.now, format_args!("the scheduler drops {id:?}: {reason}"));
            if let Some(conn) = self.control.workers.get(&id).copied() {
                self.losses += 1;
                self.close_from_above(conn);
            }
        }
        for id in out.restart_workers {
            let conn = self.control.workers.get(&id).copied();
            if let Some((conn, End::Worker { process, life })) =
                conn.map(|conn| (conn, self.net.end(conn)))
            {
                self.losses += 1;
                self.trace.note(self.now, format_args!("{id:?} is to be restarted"));
                if self.processes[process].life == life {
                    self.crash(process);
                }
                self.cut_line(conn);
            }
        }
        assert_eq!(out.shutdown, None, "nobody asked the scheduler to end");
    }

    /// Is there nothing on its books?
    pub(crate) fn scheduler_is_empty(&self) -> bool {
        self.control.scheduler.view().books() == Books::default()
    }

    /// What is, for a message.
    pub(crate) fn scheduler_leftovers(&self) -> String {
        let view = self.control.scheduler.view();
        let items = self.code.items.iter();
        let tasks: Vec<_> = items
            .filter_map(|item| {
                let place = view.location(&item.key).map(|location| location.holders);
                Some((&item.key, view.state(&item.key)?, view.processing_on(&item.key), place))
            })
            .collect();
        format!(
            "scheduler: {:?}
tasks {tasks:?}",
            view.books()
        )
    }
}
