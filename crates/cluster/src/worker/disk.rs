//! The thread of a worker that moves values to disk and back, and drops them: [`Disk`].
//!
//! Each of these may take long, or need an interpreter, and the loop must not wait for it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};

use raskt_wire::TaskUid;
use raskt_worker::Event;

use super::link::{Garbage, WorkerLink};
use super::store::Held;
use crate::scheduler::spawn;

/// Gives orders to the thread, which ends with this.
pub(crate) struct Disk(Sender<Order>);

enum Order {
    Spill(TaskUid),
    Load(TaskUid),
    Discard(Garbage),
}

impl Disk {
    pub(crate) fn start(link: Weak<WorkerLink>) -> Disk {
        let (sender, orders) = channel();
        spawn("raskt-disk", move || work(&link, &orders));
        Disk(sender)
    }

    pub(crate) fn spill(&self, uid: TaskUid) {
        self.give(Order::Spill(uid));
    }

    pub(crate) fn load(&self, uid: TaskUid) {
        self.give(Order::Load(uid));
    }

    /// Drops values and blobs. What came over the network is only bytes, and is dropped here
    /// and now.
    pub(crate) fn discard(&self, mut garbage: Garbage) {
        garbage.values.retain(|held| matches!(held, Held::Value(_)));
        if !garbage.values.is_empty() || !garbage.blobs.is_empty() {
            self.give(Order::Discard(garbage));
        }
    }

    fn give(&self, order: Order) {
        // If the thread is gone, so is the worker.
        let _ = self.0.send(order);
    }
}

fn work(link: &Weak<WorkerLink>, orders: &Receiver<Order>) {
    while let Ok(order) = orders.recv() {
        let Some(link) = link.upgrade() else { return };
        let event = match order {
            Order::Discard(garbage) => {
                garbage.clear(&*link.host);
                None
            }
            Order::Spill(uid) => spill(&link, uid),
            Order::Load(uid) => load(&link, uid),
        };
        if let Some(event) = event {
            link.step(event);
        }
    }
}

fn spill(link: &Arc<WorkerLink>, uid: TaskUid) -> Option<Event> {
    match link.store.spill(uid, &*link.host) {
        Ok(disk_bytes) => Some(Event::Spilled { uid, disk_bytes: disk_bytes? }),
        Err(error) => {
            tracing::warn!(task = ?uid, %error, "cannot spill a result");
            Some(Event::SpillFailed { uid, full: error.is_full() })
        }
    }
}

fn load(link: &Arc<WorkerLink>, uid: TaskUid) -> Option<Event> {
    match link.store.load(uid) {
        Ok(loaded) => loaded.then_some(Event::Loaded { uid }),
        Err(error) => Some(Event::LoadFailed { uid, text: error.to_string().into() }),
    }
}
