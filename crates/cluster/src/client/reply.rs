//! An answer that comes: [`Reply`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use raskt_wire::{Answer, RequestError};

/// The answer to a question, as soon as it is there. Wait for it, `await` it, or be called.
#[derive(Clone, Default)]
pub struct Reply(Arc<Slot>);

#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    answer: Option<Result<Answer, RequestError>>,
    callbacks: Vec<Box<dyn FnOnce() + Send>>,
    wakers: Vec<Waker>,
}

impl Reply {
    /// Waits for the answer, at most so long. Is it there?
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.0.state.lock();
        while state.answer.is_none() {
            match deadline {
                None => self.0.changed.wait(&mut state),
                Some(deadline) => {
                    if self.0.changed.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        state.answer.is_some()
    }

    /// The answer, if it is there.
    pub fn get(&self) -> Option<Result<Answer, RequestError>> {
        self.0.state.lock().answer.clone()
    }

    /// Calls `callback` as soon as the answer is there: on the client's thread, or here and now.
    /// It must be short.
    pub fn on_done(&self, callback: impl FnOnce() + Send + 'static) {
        let mut state = self.0.state.lock();
        if state.answer.is_none() {
            return state.callbacks.push(Box::new(callback));
        }
        drop(state);
        callback();
    }

    pub(super) fn set(&self, answer: Result<Answer, RequestError>) {
        let (callbacks, wakers) = {
            let mut state = self.0.state.lock();
            if state.answer.is_some() {
                return;
            }
            state.answer = Some(answer);
            (std::mem::take(&mut state.callbacks), std::mem::take(&mut state.wakers))
        };
        self.0.changed.notify_all();
        callbacks.into_iter().for_each(|callback| callback());
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Future for Reply {
    type Output = Result<Answer, RequestError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state.lock();
        if let Some(answer) = &state.answer {
            return Poll::Ready(answer.clone());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}
