//! One computation: [`Run`].
//!
//! How a task comes to run:
//! 1. It waits until all its inputs are there; a counter for each task says how many are not.
//! 2. The thread that finishes its last input puts it on its own queue, and takes it from there
//!    next if it comes first in the graph's order. Tasks without inputs are dealt out in that
//!    order, a few at a time, to threads that have nothing else to do.
//! 3. A thread without work takes the next tasks without inputs, or, when these are all dealt
//!    out, steals the oldest tasks of another thread. If there are none, it sleeps.
//! 4. While memory is full, a task that frees none waits for others that do, and results move
//!    to disk. There is always one task that may go on.
//!
//! The run ends when all tasks are done, when one fails, or when it is cancelled; tasks that
//! are still running then end on their own, and their results are dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use raskt_graph::{Call, Control, Event, Failure, Graph, RunError, TaskId, Value};

use crate::memory::Account;
use crate::options::Options;
use crate::panics::catch;
use crate::queue::{Idle, Queue};
use crate::store::{Progress, Store, spill_error};
use crate::sync::{AtomicBool, AtomicU32, AtomicUsize, Condvar, Mutex, Ordering};

/// One computation of a graph, in which any number of threads take part.
pub struct Run {
    graph: Arc<Graph>,
    options: Options,
    control: Control,
    store: Store,
    /// For each task, how many of its inputs are not there yet.
    waiting: Box<[AtomicU32]>,
    /// The tasks without inputs, in order, and how many have been dealt out.
    roots: Box<[TaskId]>,
    dealt: AtomicUsize,
    /// One for each thread that may take part.
    queues: Box<[Queue]>,
    idle: Idle,
    /// Threads that have been asked to take part.
    enlisted: AtomicUsize,
    /// Asks another thread to help; gone when the run is over.
    recruit: Mutex<Option<Recruit>>,
    /// Does a thread move results to disk?
    is_kept: AtomicBool,
    unfinished: AtomicUsize,
    /// Threads that take part and neither sleep nor wait for memory.
    busy: AtomicUsize,
    /// Threads that wait for memory.
    held: AtomicUsize,
    /// Set when no further task may start.
    over: AtomicBool,
    outcome: Mutex<Option<Result<(), RunError>>>,
    /// Says that there is an outcome, or that memory may have become free.
    changed: Condvar,
}

/// How often somebody who waits for a run looks whether it was cancelled.
const PATIENCE: Duration = Duration::from_millis(50);

/// Asks another thread to help.
pub type Recruit = Arc<dyn Fn(Help) + Send + Sync>;

/// What a thread is to do for a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Help {
    /// Call [`Run::work`] with this number.
    Work(u32),
    /// Call [`Run::keep_memory_free`].
    KeepMemoryFree,
}

impl Run {
    /// A run of `graph` that has not begun.
    pub fn new(graph: Arc<Graph>, options: Options, control: Control) -> Run {
        let constant: Vec<bool> = graph.ids().map(|id| graph.is_constant(id)).collect();
        let is_task = |id: &TaskId| !constant[id.index()];
        let needs = |id| graph.dependencies(id).iter().filter(|dep| is_task(dep)).count() as u32;
        let waiting: Vec<u32> = graph.ids().map(needs).collect();
        let roots = graph.ids().filter(|id| waiting[id.index()] == 0 && is_task(id)).collect();
        Run {
            store: Store::new(&graph, options.memory.clone()),
            waiting: waiting.into_iter().map(AtomicU32::new).collect(),
            roots,
            dealt: AtomicUsize::new(0),
            queues: (0..options.workers.max(1)).map(|_| Queue::default()).collect(),
            idle: Idle::default(),
            enlisted: AtomicUsize::new(0),
            recruit: Mutex::new(None),
            is_kept: AtomicBool::new(false),
            unfinished: AtomicUsize::new(graph.ids().filter(is_task).count()),
            busy: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            outcome: Mutex::new(None),
            changed: Condvar::default(),
            graph,
            options,
            control,
        }
    }

    /// Begins. Other threads are asked to help by `recruit`; without one, the caller calls
    /// [`Run::work`] itself, with 0.
    pub fn begin(&self, recruit: Option<Recruit>) {
        self.tell(&Event::Began);
        if self.unfinished.load(Ordering::SeqCst) == 0 {
            self.end(Ok(()));
        }
        if self.is_over() {
            return;
        }
        *self.recruit.lock() = recruit;
        self.call_for_help(self.roots.len());
    }

    /// Takes part as the thread with this number until the run is over.
    pub fn work(&self, worker: u32) {
        let mut me = Worker {
            number: worker,
            account: Account::new(&self.options.memory),
            inputs: Vec::new(),
            freed: 0,
            ready: Vec::new(),
            next: None,
        };
        self.busy.fetch_add(1, Ordering::SeqCst);
        while let Some(task) = self.next(&mut me) {
            if !self.admit(task) {
                break;
            }
            match &self.options.scope {
                Some(scope) if self.needs_scope(task) => {
                    let mut first = Some(task);
                    let mut body = || self.work_in_scope(&mut me, first.take());
                    if let Err(message) = catch(|| scope.enter(&mut body)) {
                        self.end(Err(self.panicked(task, message)));
                    }
                }
                _ => self.run_task(&mut me, task),
            }
        }
        self.leave();
    }

    /// The thread has nothing to do any more: perhaps another that waits is now alone.
    fn leave(&self) {
        let was_last = self.busy.fetch_sub(1, Ordering::SeqCst) == 1;
        if was_last && self.held.load(Ordering::SeqCst) > 0 {
            self.notify_change();
        }
    }

    /// Stays in the scope for as long as there are tasks that need it.
    fn work_in_scope(&self, me: &mut Worker<'_>, first: Option<TaskId>) {
        let mut task = first;
        while let Some(current) = task {
            self.run_task(me, current);
            task = self.try_next(me);
            if task.is_some_and(|t| !self.needs_scope(t) || self.options.memory.is_full()) {
                me.next = task.take();
            }
        }
    }

    fn needs_scope(&self, task: TaskId) -> bool {
        self.graph.node(task).function().needs_scope()
    }

    /// The next task for this thread; waits for one. None when the run is over.
    fn next(&self, me: &mut Worker<'_>) -> Option<TaskId> {
        loop {
            if let Some(task) = self.try_next(me) {
                return Some(task);
            }
            if self.is_over() {
                return None;
            }
            me.account.flush();
            self.leave();
            self.idle.sleep(|| self.may_not_sleep());
            self.busy.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The next task for this thread, if there is one.
    fn try_next(&self, me: &mut Worker<'_>) -> Option<TaskId> {
        if self.is_over() {
            return None;
        }
        let own = &self.queues[me.number as usize];
        if let Some(task) = me.next.take().or_else(|| own.pop()) {
            return Some(task);
        }
        me.ready.clear();
        self.deal(&mut me.ready);
        if me.ready.is_empty() {
            let n = self.queues.len();
            let others = (1..n).map(|i| (me.number as usize + i) % n);
            for other in others {
                self.queues[other].steal(&mut me.ready);
                if !me.ready.is_empty() {
                    break;
                }
            }
        }
        let task = me.ready.pop()?;
        if !me.ready.is_empty() {
            own.push(&me.ready);
            self.call_for_help(me.ready.len());
        }
        Some(task)
    }

    /// The next tasks without inputs, last first: few, so that there are some for all.
    fn deal(&self, ready: &mut Vec<TaskId>) {
        let left = self.roots.len().saturating_sub(self.dealt.load(Ordering::Relaxed));
        if left == 0 {
            return;
        }
        let count = (left / (4 * self.queues.len())).clamp(1, 16);
        let start = self.dealt.fetch_add(count, Ordering::SeqCst).min(self.roots.len());
        let end = (start + count).min(self.roots.len());
        ready.extend(self.roots[start..end].iter().rev());
    }

    /// Asked with a lock that ending the run takes, so it only looks.
    fn may_not_sleep(&self) -> bool {
        self.over.load(Ordering::SeqCst)
            || self.control.cancel.is_cancelled()
            || self.dealt.load(Ordering::SeqCst) < self.roots.len()
            || self.queues.iter().any(|queue| !queue.is_empty())
    }

    /// So many tasks are there for other threads: wakes some, or asks more to take part.
    fn call_for_help(&self, tasks: usize) {
        if tasks == 0 {
            return;
        }
        let wanted = tasks - self.idle.wake(tasks);
        if wanted == 0 || self.enlisted.load(Ordering::Relaxed) >= self.queues.len() {
            return;
        }
        let Some(recruit) = self.recruit.lock().clone() else { return };
        for _ in 0..wanted {
            let number = self.enlisted.fetch_add(1, Ordering::SeqCst);
            if number >= self.queues.len() {
                self.enlisted.fetch_sub(1, Ordering::SeqCst);
                return;
            }
            recruit(Help::Work(number as u32));
        }
    }

    /// Waits while memory is full, unless the task frees some or nothing else can. May the
    /// task begin?
    fn admit(&self, task: TaskId) -> bool {
        while self.options.memory.is_full() && !self.is_over() {
            match self.spill() {
                Some(Progress::Moved(_)) => continue,
                Some(Progress::Nothing) | None => {}
                Some(Progress::Busy) => {
                    self.wait_for_change();
                    continue;
                }
            }
            if self.store.releases(&self.graph, task) {
                break;
            }
            self.held.fetch_add(1, Ordering::SeqCst);
            let alone = self.busy.fetch_sub(1, Ordering::SeqCst) == 1;
            if !alone {
                self.wait_for_change();
            }
            self.busy.fetch_add(1, Ordering::SeqCst);
            self.held.fetch_sub(1, Ordering::SeqCst);
            if alone {
                break;
            }
        }
        !self.is_over()
    }

    /// Moves results to disk. None if that failed, which ends the run.
    fn spill(&self) -> Option<Progress> {
        match self.store.spill(&self.graph) {
            Ok(progress) => {
                if let Progress::Moved(moved) = &progress {
                    for (task, nbytes) in moved {
                        self.tell(&Event::Spilled { task: *task, nbytes: *nbytes });
                    }
                    self.notify_change();
                }
                Some(progress)
            }
            Err((task, error)) => {
                self.end(Err(spill_error(&self.graph, task, "to", error)));
                None
            }
        }
    }

    /// Moves results to disk as long as there is need; called by a thread that does only this.
    pub fn keep_memory_free(&self) {
        while !self.is_over() && self.options.memory.is_above_target() {
            if !matches!(self.spill(), Some(Progress::Moved(_))) {
                break;
            }
        }
        self.is_kept.store(false, Ordering::SeqCst);
    }

    /// Sees to it that a thread keeps memory free, if there is need.
    fn watch_memory(&self) {
        if self.options.memory.is_above_target()
            && self.store.has_large()
            && !self.is_kept.swap(true, Ordering::SeqCst)
        {
            match self.recruit.lock().clone() {
                Some(recruit) => recruit(Help::KeepMemoryFree),
                // The one thread there is does it itself, when memory is full.
                None => self.is_kept.store(false, Ordering::SeqCst),
            }
        }
    }

    fn wait_for_change(&self) {
        let guard = self.outcome.lock();
        if guard.is_none() {
            drop(self.changed.wait_for(guard, Duration::from_millis(5)));
        }
    }

    fn notify_change(&self) {
        let _guard = self.outcome.lock();
        self.changed.notify_all();
    }

    fn run_task(&self, me: &mut Worker<'_>, task: TaskId) {
        let result = catch(|| self.call(me, task));
        let result = result.unwrap_or_else(|message| Err(self.panicked(task, message)));
        if let Err(error) = result {
            me.release();
            self.tell(&Event::Failed { task, worker: me.number });
            self.end(Err(error));
        }
        if self.options.memory.limit().is_some() {
            self.watch_memory();
            if self.held.load(Ordering::SeqCst) > 0 && !self.options.memory.is_full() {
                self.notify_change();
            }
        }
    }

    fn call(&self, me: &mut Worker<'_>, task: TaskId) -> Result<(), RunError> {
        let node = self.graph.node(task);
        let watched = !self.control.subscribers.is_empty();
        let start = watched.then(Instant::now);
        if watched {
            self.tell(&Event::Started { task, worker: me.number });
            if self.is_over() {
                return Ok(());
            }
        }
        for dep in self.graph.dependencies(task) {
            let value = self.input(*dep, &mut me.freed)?;
            me.inputs.push(value);
        }
        let call = Call::new(node.args(), &me.inputs);
        let result = match &self.options.runner {
            Some(runner) => runner.run(me.number, node, call),
            None => node.function().call(call),
        };
        me.release();
        let value = result.map_err(|source| {
            let function = node.function().name().to_string();
            RunError::Task { key: node.key().clone(), function, source }
        })?;
        let kept = self.store.put(task, &value, &mut me.account);
        if let Some(start) = start {
            let (worker, duration) = (me.number, start.elapsed());
            self.tell(&Event::Finished { task, worker, value: &value, duration });
            if !kept {
                self.tell(&Event::Released { task });
            }
        }
        drop(value);
        self.finish(me, task);
        Ok(())
    }

    /// The value of an input.
    fn input(&self, dep: TaskId, freed: &mut usize) -> Result<Value, RunError> {
        if let Some(value) = self.graph.node(dep).function().constant() {
            return Ok(value.clone());
        }
        let taken =
            self.store.take(dep).map_err(|error| spill_error(&self.graph, dep, "from", error))?;
        let nbytes = taken.nbytes;
        if taken.is_last {
            *freed += nbytes;
        }
        if !self.control.subscribers.is_empty() {
            if taken.was_loaded {
                self.tell(&Event::Loaded { task: dep, nbytes });
            }
            if taken.is_last {
                self.tell(&Event::Released { task: dep });
            }
        }
        Ok(taken.value)
    }

    /// A task's result is there: those who waited only for it are ready.
    fn finish(&self, me: &mut Worker<'_>, task: TaskId) {
        me.ready.clear();
        // Backwards: the first in the order is the last on the queue, and taken next.
        for dependent in self.graph.dependents(task).iter().rev() {
            if self.waiting[dependent.index()].fetch_sub(1, Ordering::AcqRel) == 1 {
                me.ready.push(*dependent);
            }
        }
        me.next = me.ready.pop();
        if !me.ready.is_empty() {
            self.queues[me.number as usize].push(&me.ready);
            self.call_for_help(me.ready.len());
        }
        if self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1 {
            me.account.flush();
            self.end(Ok(()));
        }
    }

    fn is_over(&self) -> bool {
        if self.control.cancel.is_cancelled() && !self.over.load(Ordering::Relaxed) {
            self.end(Err(RunError::Cancelled));
        }
        self.over.load(Ordering::Relaxed)
    }

    /// Ends the run; only the first outcome counts. Subscribers hear of it before those who
    /// wait for the outcome.
    fn end(&self, outcome: Result<(), RunError>) {
        if self.over.swap(true, Ordering::SeqCst) {
            return;
        }
        self.recruit.lock().take();
        self.idle.wake_all();
        self.tell(&Event::Ended { complete: outcome.is_ok() });
        *self.outcome.lock() = Some(outcome);
        self.changed.notify_all();
    }

    fn tell(&self, event: &Event<'_>) {
        for subscriber in &self.control.subscribers {
            let heard = catch(|| subscriber.on_event(&self.graph, event));
            let heard = heard.unwrap_or_else(|message| Err(format!("panic: {message}").into()));
            if let Err(source) = heard {
                self.end(Err(RunError::Subscriber { source }));
            }
        }
    }

    fn panicked(&self, task: TaskId, message: String) -> RunError {
        let node = self.graph.node(task);
        let function = node.function().name().to_string();
        RunError::Panicked { key: node.key().clone(), function, message }
    }

    /// No thread could be had; that ends the run only if there is none at all.
    pub(crate) fn fail_to_recruit(&self, help: Help, source: std::io::Error) {
        if help == Help::Work(0) {
            self.end(Err(RunError::Threads { source }));
        }
    }

    /// Stops the run, if it is not over: no further task starts, and those who wait for it go
    /// on at once.
    pub fn stop(&self) {
        self.end(Err(RunError::Cancelled));
    }

    /// Waits for the run to be over, at most so long. Is it?
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            // Who cancels may be somebody who knows only the flag.
            self.is_over();
            let outcome = self.outcome.lock();
            if outcome.is_some() {
                return true;
            }
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            drop(self.changed.wait_for(outcome, left.unwrap_or(PATIENCE).min(PATIENCE)));
        }
    }

    /// The outputs of a run that is over. Call it once.
    ///
    /// # Errors
    /// Why there are none.
    ///
    /// # Panics
    /// If the run is not over, or the outputs were taken before.
    pub fn outputs(&self) -> Result<Vec<Value>, RunError> {
        let outcome = self.outcome.lock().replace(Err(RunError::Cancelled));
        outcome.expect("the run is over")?;
        self.graph.outputs().iter().map(|id| self.output(*id)).collect()
    }

    /// A result for the caller: from now on it is not the store's.
    fn output(&self, id: TaskId) -> Result<Value, RunError> {
        if let Some(value) = self.graph.node(id).function().constant() {
            return Ok(value.clone());
        }
        let taken =
            self.store.take(id).map_err(|error| spill_error(&self.graph, id, "from", error))?;
        if taken.is_last {
            self.options.memory.book(-(taken.nbytes as isize));
        }
        Ok(taken.value)
    }
}

/// One thread that takes part in a run.
struct Worker<'a> {
    number: u32,
    account: Account<'a>,
    /// Kept for their memory: the inputs of the current task, and what it made ready.
    inputs: Vec<Value>,
    ready: Vec<TaskId>,
    /// The bytes of the inputs that nobody else holds.
    freed: usize,
    /// The task to run next; nobody else takes it.
    next: Option<TaskId>,
}

impl Worker<'_> {
    /// Drops the inputs of the current task.
    fn release(&mut self) {
        self.account.book(-(std::mem::take(&mut self.freed) as isize));
        self.inputs.clear();
    }
}

/// An error with its causes, as one line.
pub fn describe(error: &Failure) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
