//! Data that clients bring: tasks without a function.
//!
//! 1. A client asks where data can go (`Place`). From now on the task is there, and held for
//!    that client.
//! 2. The client brings the data to the workers, and says so (`Placed`).
//! 3. When it has also said that it wants the result, before or after that, the hold goes.
//!
//! The hold also goes with the client, so that one that leaves in between leaves nothing.

use std::sync::Arc;

use raskt_wire::{Answer, ClientId, Location, News, PlacedData, RequestError, TaskUid, ToWorker};

use crate::questions::{Asker, Origin};
use crate::scheduler::Scheduler;
use crate::segment::{NONE, TaskState, flag};
use crate::wants::Wanting;

/// Clients bring data; what is known of one and its data.
pub(crate) type Bringing = Vec<Bringer>;

/// One client that brings the data of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bringer {
    client: ClientId,
    /// The want that holds the task.
    pub(crate) hold: u32,
    is_placed: bool,
    was_wanted: bool,
}

impl Scheduler {
    /// Says where data can go, and makes a task for each that is not known.
    pub(crate) fn place_data(
        &mut self,
        from: Origin,
        items: &[(Arc<str>, u64)],
        names: &[Arc<str>],
        broadcast: bool,
    ) -> Result<Answer, RequestError> {
        let (Asker::Client(client), _) = from else {
            let text = "only clients bring data; open a client in the task".to_string();
            return Err(RequestError::Refused(text));
        };
        let mut workers: Vec<u32> = self.named_workers(names)?.into_iter().collect();
        workers.retain(|number| self.workers.running.contains(*number));
        if workers.is_empty() {
            let text = "there is no worker that could take data; start one, or wait for it";
            return Err(RequestError::NotFound(text.to_string()));
        }
        // Those that hold least come first, each as often as it has threads.
        workers.sort_by_key(|number| self.workers.get(*number).map(|worker| worker.nbytes));
        let threads = |number: &u32| self.workers.get(*number).map_or(1, |w| w.threads());
        let turns = workers.iter().flat_map(|n| std::iter::repeat_n(*n, threads(n) as usize));
        let turns: Vec<u32> = turns.collect();
        let is_new = |key: &&Arc<str>| self.tasks.by_key(key).is_none();
        let new: Vec<Arc<str>> = items.iter().map(|(key, _)| key).filter(is_new).cloned().collect();
        if !new.is_empty() {
            self.add_data(&new);
        }
        let mut places = Vec::with_capacity(items.len());
        for ((key, nbytes), turn) in items.iter().zip(turns.iter().cycle()) {
            let uid = self.tasks.by_key(key).expect("they were just added");
            self.hold(client, uid, *nbytes);
            let holders = if broadcast { &workers[..] } else { std::slice::from_ref(turn) };
            places.push((uid, self.places(uid, *nbytes, holders)));
        }
        Ok(Answer::Places(places))
    }

    fn places(&self, uid: TaskUid, nbytes: u64, workers: &[u32]) -> Vec<Location> {
        let workers = workers.iter().filter_map(|number| self.workers.get(*number));
        let holders = workers.map(|worker| (worker.id, worker.address().clone())).collect();
        vec![Location { uid, nbytes, holders }]
    }

    /// Keeps the task for the client that brings its data.
    fn hold(&mut self, client: ClientId, uid: TaskUid, nbytes: u64) {
        let task = self.tasks.task_mut(uid);
        if task.state == TaskState::Erred && task.has(flag::DATA) {
            // It was lost, and comes again.
            self.errors.remove(&uid);
            self.set_state(uid, TaskState::Released, crate::story::Reason::Brought);
        }
        let task = self.tasks.task_mut(uid);
        if task.state == TaskState::Released && task.has(flag::DATA) {
            task.nbytes = nbytes;
        }
        let bringers = self.bringing.entry(uid).or_default();
        if let Some(own) = bringers.iter_mut().find(|bringer| bringer.client == client) {
            // It comes once more.
            own.is_placed = false;
        } else {
            let hold = self.wants.add(task, uid, Wanting::Bringing(client));
            let (is_placed, was_wanted) = (false, false);
            bringers.push(Bringer { client, hold, is_placed, was_wanted });
        }
        let task = self.tasks.task(uid);
        if task.state == TaskState::Released && !task.has(flag::DATA) {
            // It has a function, and is wanted now.
            self.require(uid);
        }
    }

    pub(crate) fn is_being_brought(&self, uid: TaskUid) -> bool {
        let bringers = self.bringing.get(&uid);
        bringers.is_some_and(|all| all.iter().any(|bringer| !bringer.is_placed))
    }

    /// Data is on workers now.
    pub(crate) fn placed(&mut self, client: ClientId, placed: Vec<PlacedData>) {
        for PlacedData { uid, holders } in placed {
            let holders: Vec<u32> = holders.into_iter().map(|worker| worker.0).collect();
            let Some(task) = self.tasks.find(uid) else {
                self.illegal += 1;
                continue;
            };
            let state = task.state;
            // Of data whose name was given to a task meanwhile nothing is kept.
            let is_data = task.has(flag::DATA) && !self.tasks.is_nameless(uid);
            let there = holders.iter().copied();
            let there: Vec<u32> = there.filter(|n| self.workers.get(*n).is_some()).collect();
            match (state, there.first()) {
                (TaskState::Memory, _) => {}
                (_, Some(first)) if is_data => self.brought(uid, *first),
                // It is being computed; the worker's own result is as good.
                _ => there.iter().for_each(|worker| {
                    self.workers.post(*worker, ToWorker::DropReplicas(vec![uid]));
                }),
            }
            if self.tasks.state(uid) == TaskState::Memory {
                for worker in there {
                    self.add_replica(uid, worker);
                }
            }
            self.end_of_bringing(client, uid);
        }
    }

    /// The data of a task is on a worker. Its client and the worker both say so; whoever comes
    /// first is believed.
    pub(crate) fn brought(&mut self, uid: TaskUid, worker: u32) {
        let task = self.tasks.task_mut(uid);
        task.attempt = 1;
        let (state, nbytes) = (task.state, task.nbytes);
        if state == TaskState::Erred {
            self.errors.remove(&uid);
        }
        self.arrive(uid, worker, nbytes, 0);
        let type_name = self.groups.type_name(0).clone();
        self.tell(uid, |handle| {
            let type_name = type_name.clone();
            News::Finished { handle, nbytes, type_name, inline: None }
        });
    }

    fn end_of_bringing(&mut self, client: ClientId, uid: TaskUid) {
        let Some(bringers) = self.bringing.get_mut(&uid) else { return };
        let Some(own) = bringers.iter_mut().find(|bringer| bringer.client == client) else {
            return;
        };
        own.is_placed = true;
        if own.was_wanted {
            self.let_go(uid, client);
        }
        self.check_brought(uid);
    }

    /// A client wants the result of a task by a handle; if it brought it, that is held by this
    /// want now.
    pub(crate) fn wanted_data(&mut self, client: ClientId, uid: TaskUid) {
        let Some(bringers) = self.bringing.get_mut(&uid) else { return };
        let Some(own) = bringers.iter_mut().find(|bringer| bringer.client == client) else {
            return;
        };
        own.was_wanted = true;
        if own.is_placed {
            self.let_go(uid, client);
        }
    }

    fn let_go(&mut self, uid: TaskUid, client: ClientId) {
        let Some(bringers) = self.bringing.get_mut(&uid) else { return };
        let place = bringers.iter().position(|bringer| bringer.client == client);
        let hold = place.map(|place| bringers.swap_remove(place).hold).unwrap_or(NONE);
        if bringers.is_empty() {
            self.bringing.remove(&uid);
        }
        self.drop_want(hold);
    }

    /// A client is gone: what it was bringing does not come.
    pub(crate) fn bringer_left(&mut self, client: ClientId) {
        let is_its = |bringers: &Bringing| bringers.iter().any(|b| b.client == client);
        let uids = self.bringing.iter().filter(|(_, all)| is_its(all)).map(|(uid, _)| *uid);
        let uids: Vec<TaskUid> = uids.collect();
        for uid in uids {
            self.let_go(uid, client);
            self.check_brought(uid);
        }
    }

    /// Data that is needed and that nobody brings any more is lost.
    fn check_brought(&mut self, uid: TaskUid) {
        let Some(task) = self.tasks.find(uid) else { return };
        let is_due = task.state == TaskState::Released && task.has(flag::DATA);
        if is_due && task.is_needed() && !self.is_being_brought(uid) {
            let error = self.lost_data(uid);
            self.fail(uid, Arc::new(error));
        } else {
            self.check_watched(uid);
        }
    }
}
