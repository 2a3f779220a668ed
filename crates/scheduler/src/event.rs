//! What the scheduler hears ([`Event`]), and what it wants done ([`Actions`]).

use std::sync::Arc;

use raskt_wire::{
    ClientHello, ClientId, FromClient, FromWorker, ToClient, ToWorker, WorkerHello, WorkerId,
};

/// A point in time: microseconds since 1970, never less than one that was given before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

impl Micros {
    /// So many microseconds later.
    pub fn after(self, us: u64) -> Micros {
        Micros(self.0.saturating_add(us))
    }

    /// How many microseconds it is since `earlier`.
    pub fn since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Something that happened to the scheduler. Whoever calls it counts the ids of clients and
/// workers upwards.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client is there.
    ClientJoined(ClientId, ClientHello),
    /// A client is gone.
    ClientLeft(ClientId),
    /// A client says something.
    FromClient(ClientId, FromClient),
    /// A worker is there.
    WorkerJoined(WorkerId, WorkerHello),
    /// A worker is gone, and how it ended, as far as is known.
    WorkerLeft(WorkerId, Arc<str>),
    /// A worker says something.
    FromWorker(WorkerId, FromWorker),
}

/// What is to be done. For each destination, in this order.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    /// Messages for clients.
    pub to_clients: Vec<(ClientId, ToClient)>,
    /// Messages for workers.
    pub to_workers: Vec<(WorkerId, ToWorker)>,
    /// Connections to workers that are to be closed after their messages were sent, and why.
    pub drop_workers: Vec<(WorkerId, Arc<str>)>,
    /// Workers whose nannies are to be asked to start them anew.
    pub restart_workers: Vec<WorkerId>,
    /// The scheduler ends, and why.
    pub shutdown: Option<Arc<str>>,
}

impl Actions {
    /// Is there nothing to be done?
    pub fn is_empty(&self) -> bool {
        let Actions { to_clients, to_workers, drop_workers, restart_workers, shutdown } = self;
        to_clients.is_empty()
            && to_workers.is_empty()
            && drop_workers.is_empty()
            && restart_workers.is_empty()
            && shutdown.is_none()
    }
}
