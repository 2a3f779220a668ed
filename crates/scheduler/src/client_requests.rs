//! What clients do with results: want, release, cancel, try again; and what they hear of them.

use std::sync::Arc;

use raskt_graph::hash::Set;
use raskt_wire::{ClientId, Handle, News, TaskUid};

use crate::scheduler::Scheduler;
use crate::segment::TaskState;
use crate::story::Reason;
use crate::wants::Wanting;

impl Scheduler {
    /// A client wants results by key.
    pub(crate) fn want_keys(&mut self, client: ClientId, wants: Vec<(Handle, Arc<str>)>) {
        for (handle, key) in wants {
            match self.tasks.by_key(&key) {
                Some(uid) => self.want(client, handle, uid),
                None => {
                    let reason = format!("no task of the key {key:?} is known").into();
                    self.clients.tell(client, News::Cancelled { handle, reason });
                }
            }
        }
    }

    /// A client wants the result of a task: it hears of it at once, if there is something to
    /// hear.
    pub(crate) fn want(&mut self, client: ClientId, handle: Handle, uid: TaskUid) {
        self.add_want(client, handle, uid);
        self.wanted_data(client, uid);
        self.has_passed(client, uid);
        let task = self.tasks.task(uid);
        let (nbytes, type_id) = (task.nbytes, task.missing);
        match task.state {
            TaskState::Memory => {
                let type_name = self.groups.type_name(type_id).clone();
                let news = News::Finished { handle, nbytes, type_name, inline: None };
                self.clients.tell(client, news);
            }
            TaskState::Erred => {
                let error = Box::new((*self.errors[&uid]).clone());
                self.clients.tell(client, News::Failed { handle, error });
            }
            _ => self.require(uid),
        }
    }

    /// A client does not need these any more.
    pub(crate) fn release(&mut self, client: ClientId, handles: &[Handle]) {
        for handle in handles {
            let Some(state) = self.clients.get_mut(client) else { return };
            if let Some(want) = state.handles.remove(*handle) {
                self.drop_want(want);
            }
        }
    }

    /// Somebody does not want it any more.
    pub(crate) fn drop_want(&mut self, number: u32) {
        let Some(uid) = self.wants.get(number).map(|want| want.uid) else { return };
        let task = self.tasks.task_mut(uid);
        self.wants.remove(task, number);
        if !task.is_needed() {
            self.maybe.push(uid);
        }
    }

    /// Tells all clients that want the task.
    pub(crate) fn tell(&mut self, uid: TaskUid, news: impl Fn(Handle) -> News) {
        for (_, by) in self.wants.of(self.tasks.task(uid)) {
            if let Wanting::Client(client, handle) = by {
                self.unsaid += 1;
                self.clients.tell(client, news(handle));
            }
        }
    }

    fn by_handle(&self, client: ClientId, handle: Handle) -> Option<TaskUid> {
        let want = self.clients.get(client)?.handles.get(handle)?;
        Some(self.wants.get(want)?.uid)
    }

    /// Does not compute these, nor what depends on them, and tells all who want them. Without
    /// force, those stay that others want too.
    pub(crate) fn cancel(
        &mut self,
        client: ClientId,
        handles: &[Handle],
        force: bool,
        reason: &Arc<str>,
    ) {
        let uids: Vec<TaskUid> =
            handles.iter().filter_map(|handle| self.by_handle(client, *handle)).collect();
        let mut cancelled: Set<TaskUid> = Set::default();
        let mut todo = uids;
        while let Some(uid) = todo.pop() {
            if cancelled.contains(&uid) {
                continue;
            }
            let is_others = |by| matches!(by, Wanting::Client(other, _) if other != client);
            let mut all = self.wants.of(self.tasks.task(uid)).map(|(_, by)| by);
            let has_others = all.any(is_others);
            drop(all);
            if !force && has_others {
                self.cancel_wants(uid, Some(client), reason);
                continue;
            }
            cancelled.insert(uid);
            todo.extend(self.tasks.consumers(uid));
            self.cancel_wants(uid, None, reason);
        }
    }

    /// Takes away the wants of a client, or of all clients, and tells them.
    fn cancel_wants(&mut self, uid: TaskUid, only: Option<ClientId>, reason: &Arc<str>) {
        let wants: Vec<(u32, Wanting)> = self.wants.of(self.tasks.task(uid)).collect();
        for (number, by) in wants {
            let Wanting::Client(client, handle) = by else { continue };
            if only.is_some_and(|only| only != client) {
                continue;
            }
            if let Some(state) = self.clients.get_mut(client) {
                state.handles.remove(handle);
            }
            self.drop_want(number);
            let reason = reason.clone();
            self.clients.tell(client, News::Cancelled { handle, reason });
        }
    }

    /// Tries again what failed, from the first task that did.
    pub(crate) fn retry(&mut self, client: ClientId, handles: &[Handle]) {
        let mut todo: Vec<TaskUid> =
            handles.iter().filter_map(|handle| self.by_handle(client, *handle)).collect();
        // Downwards to all causes, then upwards to all that failed because of them.
        let mut erred = Vec::new();
        while let Some(uid) = todo.pop() {
            if self.tasks.state(uid) != TaskState::Erred {
                continue;
            }
            self.errors.remove(&uid);
            self.clear_trouble(uid);
            self.set_state(uid, TaskState::Released, Reason::Retried);
            self.tell(uid, |handle| News::Retried { handle });
            todo.extend(self.tasks.inputs(uid));
            todo.extend(self.tasks.consumers(uid));
            erred.push(uid);
        }
        for uid in erred {
            if self.tasks.find(uid).is_some_and(|task| task.is_needed()) {
                self.require(uid);
            }
        }
    }

    /// A client is gone, and with it all that it wanted.
    pub(crate) fn client_left(&mut self, id: ClientId) {
        let Some(client) = self.clients.remove(id) else { return };
        for want in client.handles.all() {
            self.drop_want(want);
        }
        self.bringer_left(id);
        self.asker_left(crate::questions::Asker::Client(id));
    }
}
