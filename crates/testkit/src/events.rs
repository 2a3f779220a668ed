//! What was heard of a run: [`Recorder`].

use parking_lot::Mutex;
use raskt_graph::{Event, Failure, Graph, Subscriber, TaskId};

/// Keeps all events of a run.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Heard>>);

/// An [`Event`], without what it borrows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// The run began.
    Began,
    /// A task began.
    Started(TaskId),
    /// A task gave its result.
    Finished(TaskId),
    /// A task failed.
    Failed(TaskId),
    /// A result of so many bytes was written to disk.
    Spilled(TaskId, usize),
    /// A result of so many bytes was read back.
    Loaded(TaskId, usize),
    /// A result was dropped.
    Released(TaskId),
    /// The run is over; are the outputs there?
    Ended(bool),
}

impl Recorder {
    /// All that was heard so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.0.lock().clone()
    }

    /// How many of the events are such.
    pub fn count(&self, is_such: impl Fn(&Heard) -> bool) -> usize {
        self.0.lock().iter().filter(|heard| is_such(heard)).count()
    }
}

impl Subscriber for Recorder {
    fn on_event(&self, _: &Graph, event: &Event<'_>) -> Result<(), Failure> {
        self.0.lock().push(match event {
            Event::Began => Heard::Began,
            Event::Started { task, .. } => Heard::Started(*task),
            Event::Finished { task, .. } => Heard::Finished(*task),
            Event::Failed { task, .. } => Heard::Failed(*task),
            Event::Spilled { task, nbytes } => Heard::Spilled(*task, *nbytes),
            Event::Loaded { task, nbytes } => Heard::Loaded(*task, *nbytes),
            Event::Released { task } => Heard::Released(*task),
            Event::Ended { complete } => Heard::Ended(*complete),
        });
        Ok(())
    }
}
