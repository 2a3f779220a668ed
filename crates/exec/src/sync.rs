//! The primitives that threads share. With the feature `shuttle` they are those of the model
//! checker, so that tests/models.rs runs the very same code under every interleaving.

#[cfg(not(feature = "shuttle"))]
mod primitives {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU32, AtomicUsize, Ordering};

    pub(crate) use parking_lot::{Mutex, MutexGuard};

    /// A condition variable.
    #[derive(Default)]
    pub(crate) struct Condvar(parking_lot::Condvar);

    impl Condvar {
        pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(&mut guard);
            guard
        }

        pub(crate) fn wait_for<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            timeout: std::time::Duration,
        ) -> MutexGuard<'a, T> {
            self.0.wait_for(&mut guard, timeout);
            guard
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(feature = "shuttle")]
mod primitives {
    use std::ops::{Deref, DerefMut};

    pub(crate) use shuttle::sync::atomic::{
        AtomicBool, AtomicIsize, AtomicU32, AtomicUsize, Ordering,
    };

    /// A mutex with the interface of the real one.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Mutex<T> {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            let guard = self.0.lock().expect("no thread of a model panics with the lock");
            MutexGuard { mutex: self, guard }
        }
    }

    /// The lock, and what it is of: a wait with a limit takes it again.
    pub(crate) struct MutexGuard<'a, T> {
        mutex: &'a Mutex<T>,
        guard: shuttle::sync::MutexGuard<'a, T>,
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.guard
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.guard
        }
    }

    /// A condition variable with the interface of the real one.
    #[derive(Default)]
    pub(crate) struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        pub(crate) fn wait<'a, T>(
            &self,
            MutexGuard { mutex, guard }: MutexGuard<'a, T>,
        ) -> MutexGuard<'a, T> {
            let guard = self.0.wait(guard).expect("no thread of a model panics with the lock");
            MutexGuard { mutex, guard }
        }

        /// Models have no clock: a wait with a limit may end at any time, so it ends at once.
        pub(crate) fn wait_for<'a, T>(
            &self,
            MutexGuard { mutex, guard }: MutexGuard<'a, T>,
            _: std::time::Duration,
        ) -> MutexGuard<'a, T> {
            drop(guard);
            shuttle::thread::yield_now();
            mutex.lock()
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

pub(crate) use primitives::*;
