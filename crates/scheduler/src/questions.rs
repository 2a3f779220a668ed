//! Questions of clients and workers: answered at once, or when something has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use raskt_wire::{
    Answer, ClientId, Location, Question, RequestError, RequestId, TaskUid, ToWorker, WorkerId,
};

use crate::scheduler::Scheduler;
use crate::segment::{TaskState, flag};
use crate::timers::{Timer, TimerId};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Asker {
    Client(ClientId),
    Worker(u32),
}

/// Who asked, and by which number the answer is to name it.
pub(crate) type Origin = (Asker, RequestId);

/// What comes of a question at once: an answer, or None if it comes later.
pub(crate) type Outcome = Result<Option<Answer>, RequestError>;

/// A question that is answered when something has happened.
#[derive(Debug)]
pub(crate) struct Deferred {
    pub(crate) from: Origin,
    pub(crate) timer: Option<TimerId>,
    pub(crate) until: Until,
}

/// What a question waits for.
#[derive(Debug)]
pub(crate) enum Until {
    /// Each of these is there, or can not be.
    There(Vec<Arc<str>>),
    /// There are so many workers.
    Workers(u32),
    /// Each of these workers has answered.
    Asked { left: BTreeSet<u32>, answers: Vec<(Arc<str>, Result<Bytes, RequestError>)>, id: u64 },
    /// Each of these workers is retired, or stays.
    Retired { left: BTreeSet<u32>, gone: Vec<Arc<str>> },
    /// So many workers are back.
    Restarted(usize),
    /// So many copies have arrived.
    Copies(usize),
}

impl Scheduler {
    pub(crate) fn ask_from_client(&mut self, id: ClientId, request: RequestId, ask: Question) {
        self.ask((Asker::Client(id), request), ask);
    }

    pub(crate) fn ask_from_worker(&mut self, number: u32, request: RequestId, ask: Question) {
        self.ask((Asker::Worker(number), request), ask);
    }

    fn ask(&mut self, from: Origin, question: Question) {
        match self.outcome(from, question) {
            Ok(Some(answer)) => self.reply(from, Ok(answer)),
            Ok(None) => {}
            Err(error) => self.reply(from, Err(error)),
        }
    }

    pub(crate) fn reply(&mut self, from: Origin, answer: Result<Answer, RequestError>) {
        self.unsaid += 1;
        match from {
            (Asker::Client(id), request) => self.clients.reply(id, request, answer),
            (Asker::Worker(number), request) => {
                self.workers.post(number, ToWorker::Reply(request, answer));
            }
        }
    }

    fn outcome(&mut self, from: Origin, question: Question) -> Outcome {
        let answer = match question {
            Question::Where(keys) => return self.ask_where(from, keys),
            Question::Place { items, workers, broadcast } => {
                self.place_data(from, &items, &workers, broadcast)?
            }
            Question::Cluster => Answer::Cluster(Box::new(self.view().cluster())),
            Question::Contents(workers) => self.view().contents(&workers),
            Question::Processing(workers) => self.view().processing(&workers),
            Question::Holders(keys) => self.view().holders(&keys),
            Question::Sizes(keys) => self.view().sizes(&keys),
            Question::States(keys) => self.view().states(&keys),
            Question::Story(names) => Answer::Story(self.view().story(&names)),
            Question::Spans { start_us, stop_us, count } => {
                Answer::Spans(self.view().spans(start_us, stop_us, count))
            }
            Question::Dump => Answer::Text(self.view().dump()),
            Question::Replicate { keys, copies, workers } => {
                return self.replicate(from, &keys, copies, &workers);
            }
            Question::Rebalance { keys, workers } => return self.rebalance(from, &keys, &workers),
            Question::Retire { workers, count, close, remove } => {
                return Ok(self.retire(from, &workers, count, close, remove));
            }
            Question::WorkersToClose { count, minimum } => {
                Answer::Names(self.names_to_close(count, minimum))
            }
            Question::AdaptiveTarget { target_us } => {
                Answer::Number(self.adaptive_target(target_us))
            }
            Question::Restart { workers, timeout_us, wait } => {
                return self.restart(from, &workers, timeout_us, wait);
            }
            Question::WaitForWorkers { count, timeout_us } => {
                return Ok(self.wait_for_workers(from, count, timeout_us));
            }
            Question::Ask { workers, op, payload } => {
                return self.relay(from, &workers, &op, &payload);
            }
            Question::SetResources { worker, resources } => {
                self.set_resources(&worker, &resources)?
            }
            Question::MemoryManager(op) => self.switch_memory_manager(op),
            Question::Shared(question) => return self.ask_shared(from, question),
            Question::Shutdown => {
                self.shut_down("a client asked for it".into());
                Answer::Done
            }
        };
        Ok(Some(answer))
    }

    /// Keeps a question for later; if `timeout_us` is given, not for longer than that.
    pub(crate) fn defer(&mut self, from: Origin, until: Until, timeout_us: Option<u64>) -> u32 {
        let number = self.deferred.insert(Deferred { from, timer: None, until });
        if let Some(us) = timeout_us {
            let timer = self.timers.add(self.now.after(us), Timer::Question(number));
            self.deferred[number].timer = Some(timer);
        }
        number
    }

    /// Answers a question that was kept.
    pub(crate) fn answer(&mut self, number: u32, answer: Result<Answer, RequestError>) {
        let Some(deferred) = self.deferred.remove(number) else { return };
        if let Some(timer) = deferred.timer {
            self.timers.cancel(timer);
        }
        self.reply(deferred.from, answer);
    }

    pub(crate) fn question_is_late(&mut self, number: u32) {
        let Some(deferred) = self.deferred.get(number) else { return };
        let text = match &deferred.until {
            Until::Workers(count) => {
                format!("there are {} workers of {count} that were to be there", self.workers.len())
            }
            Until::Restarted(count) => {
                let back = self.workers.len();
                format!("{back} of {count} workers were back in time after the restart")
            }
            _ => "it did not happen in time".to_string(),
        };
        self.answer(number, Err(RequestError::Timeout(text)));
    }

    /// Nobody waits for the answers of one who has gone.
    pub(crate) fn asker_left(&mut self, asker: Asker) {
        let is_its = |(_, deferred): &(u32, &Deferred)| deferred.from.0 == asker;
        let gone: Vec<u32> =
            self.deferred.iter().filter(is_its).map(|(number, _)| number).collect();
        for number in gone {
            if let Some(timer) = self.deferred.remove(number).and_then(|deferred| deferred.timer) {
                self.timers.cancel(timer);
            }
        }
        self.shared_asker_left(asker);
    }

    fn ask_where(&mut self, from: Origin, keys: Vec<Arc<str>>) -> Outcome {
        let number = self.defer(from, Until::There(keys), None);
        self.answer_where(number);
        Ok(None)
    }

    /// Answers if all are there or can not be; else watches the first that may still come.
    fn answer_where(&mut self, number: u32) {
        let Some(Deferred { until: Until::There(keys), .. }) = self.deferred.get(number) else {
            return;
        };
        let mut places = Vec::with_capacity(keys.len());
        for key in keys {
            let uid = self.tasks.by_key(key);
            if let Some(uid) = uid.filter(|uid| self.is_on_its_way(*uid)) {
                self.tasks.task_mut(uid).set(flag::WATCHED, true);
                self.watchers.entry(uid).or_default().push(number);
                return;
            }
            places.push(uid.and_then(|uid| self.location(uid)));
        }
        self.answer(number, Ok(Answer::Where(places)));
    }

    fn is_on_its_way(&self, uid: TaskUid) -> bool {
        let task = self.tasks.task(uid);
        task.state.is_active() || (task.state == TaskState::Released && self.is_being_brought(uid))
    }

    pub(crate) fn location(&self, uid: TaskUid) -> Option<Location> {
        let task = self.tasks.task(uid);
        let address = |number: u32| {
            self.workers.get(number).map(|worker| (WorkerId(number), worker.address().clone()))
        };
        (task.state == TaskState::Memory).then(|| Location {
            uid,
            nbytes: task.nbytes,
            holders: self.holders(uid).into_iter().filter_map(address).collect(),
        })
    }

    /// Something has become of a task: whoever waits for it is answered, or waits on.
    pub(crate) fn check_watched(&mut self, uid: TaskUid) {
        if !self.tasks.task(uid).has(flag::WATCHED) {
            return;
        }
        self.tasks.task_mut(uid).set(flag::WATCHED, false);
        for number in self.watchers.remove(&uid).unwrap_or_default() {
            self.answer_where(number);
        }
    }

    fn wait_for_workers(&mut self, from: Origin, count: u32, timeout_us: u64) -> Option<Answer> {
        if self.workers.len() >= count as usize {
            return Some(Answer::Done);
        }
        self.defer(from, Until::Workers(count), Some(timeout_us).filter(|us| *us > 0));
        None
    }

    /// A worker came: whoever waits for so many is answered.
    pub(crate) fn workers_came(&mut self) {
        let count = self.workers.len();
        let is_met = |(_, deferred): &(u32, &Deferred)| match deferred.until {
            Until::Workers(wanted) => count >= wanted as usize,
            Until::Restarted(wanted) => count >= wanted,
            _ => false,
        };
        let met: Vec<u32> = self.deferred.iter().filter(is_met).map(|(number, _)| number).collect();
        for number in met {
            self.answer(number, Ok(Answer::Done));
        }
    }

    /// Asks the programs that host these workers.
    fn relay(
        &mut self,
        from: Origin,
        names: &[Arc<str>],
        op: &Arc<str>,
        payload: &Bytes,
    ) -> Outcome {
        let left = self.named_workers(names)?;
        if left.is_empty() {
            return Ok(Some(Answer::Asked(Vec::new())));
        }
        self.asks += 1;
        let id = self.asks << 24;
        let until = Until::Asked { left: left.clone(), answers: Vec::new(), id };
        let number = self.defer(from, until, None);
        for worker in left {
            let id = RequestId(id | u64::from(number));
            let (op, payload) = (op.clone(), payload.clone());
            self.workers.post(worker, ToWorker::Ask { id, op, payload });
        }
        Ok(None)
    }

    /// The workers of these names (all, if there are none); an error if one is not there.
    pub(crate) fn named_workers(&self, names: &[Arc<str>]) -> Result<BTreeSet<u32>, RequestError> {
        if names.is_empty() {
            return Ok(self.workers.alive.iter().collect());
        }
        let is_there = |name: &&Arc<str>| self.workers.iter().any(|w| w.is_called(name));
        match names.iter().find(|name| !is_there(name)) {
            Some(name) => Err(RequestError::NotFound(format!("there is no worker {name:?}"))),
            None => Ok(self.workers.called(names)),
        }
    }

    /// The program of a worker has answered.
    pub(crate) fn answered(
        &mut self,
        worker: u32,
        request: RequestId,
        answer: Result<Bytes, RequestError>,
    ) {
        let number = (request.0 & 0xff_ffff) as u32;
        let Some(address) = self.workers.get(worker).map(|w| w.address().clone()) else { return };
        self.add_answer(number, worker, Some(request.0 & !0xff_ffff), (address, answer));
    }

    fn add_answer(
        &mut self,
        number: u32,
        worker: u32,
        expected: Option<u64>,
        answer: (Arc<str>, Result<Bytes, RequestError>),
    ) {
        let until = self.deferred.get_mut(number).map(|deferred| &mut deferred.until);
        let Some(Until::Asked { left, answers, id }) = until else {
            self.stale += 1;
            return;
        };
        if expected.is_some_and(|expected| expected != *id) || !left.remove(&worker) {
            self.stale += 1;
            return;
        }
        answers.push(answer);
        if left.is_empty() {
            let mut answers = std::mem::take(answers);
            let place: BTreeMap<Arc<str>, u32> =
                self.workers.iter().map(|w| (w.address().clone(), w.id.0)).collect();
            answers.sort_by_key(|(address, _)| (place.get(address).copied(), address.clone()));
            self.answer(number, Ok(Answer::Asked(answers)));
        }
    }

    /// A worker is gone: nobody waits for it any more.
    pub(crate) fn worker_is_gone(&mut self, worker: u32, address: &Arc<str>) {
        let numbers: Vec<u32> = self.deferred.iter().map(|(number, _)| number).collect();
        for number in numbers {
            let is_asked = matches!(
                self.deferred.get(number).map(|deferred| &deferred.until),
                Some(Until::Asked { left, .. }) if left.contains(&worker)
            );
            if is_asked {
                let text = format!("the worker {address} went before it answered");
                let answer = (address.clone(), Err(RequestError::Gone(text)));
                self.add_answer(number, worker, None, answer);
            }
        }
        self.copies_will_not_come(worker);
        self.retired(worker, address);
    }

    fn set_resources(
        &mut self,
        name: &Arc<str>,
        resources: &[(Arc<str>, f64)],
    ) -> Result<Answer, RequestError> {
        for number in self.named_workers(std::slice::from_ref(name))? {
            if let Some(worker) = self.workers.get_mut(number) {
                worker.resources.extend(resources.iter().cloned());
                let all = worker.resources.iter();
                worker.hello.resources = all.map(|(name, n)| (name.clone(), *n)).collect();
            }
            self.worker_changed(number, "its resources were set");
        }
        Ok(Answer::Done)
    }

    pub(crate) fn shut_down(&mut self, reason: Arc<str>) {
        let closing = raskt_wire::ToClient::Closing { reason: reason.clone() };
        self.clients.post_all(&closing);
        let workers: Vec<u32> = self.workers.alive.iter().collect();
        for number in workers {
            let close = ToWorker::Close { reason: reason.clone(), restart: false };
            self.workers.post(number, close);
        }
        self.out.shutdown = Some(reason);
    }
}
