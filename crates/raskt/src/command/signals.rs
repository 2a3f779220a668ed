//! Ctrl-C and the wish of the system that the process ends: [`Signals`].

use std::io;

/// The signals that ask a process to end, held back for whoever waits for them.
pub(super) struct Signals(libc::sigset_t);

impl Signals {
    /// Holds them back from this thread and all that it starts from now on. Processes that are
    /// started get them as usual.
    pub(super) fn hold() -> io::Result<Signals> {
        // SAFETY: the set is filled by `sigemptyset` before it is used, and the calls read and
        // write nothing else.
        unsafe {
            let mut set = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGINT);
            libc::sigaddset(&raw mut set, libc::SIGTERM);
            match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) {
                0 => Ok(Signals(set)),
                code => Err(io::Error::from_raw_os_error(code)),
            }
        }
    }

    /// Calls `end` with the name of the first that comes, on a thread of its own. The second
    /// ends the process at once.
    pub(super) fn on_first(self, end: impl FnOnce(&str) + Send + 'static) -> io::Result<()> {
        let watch = move || {
            end(&self.wait());
            self.wait();
            std::process::exit(130);
        };
        std::thread::Builder::new().name("raskt-signals".to_string()).spawn(watch)?;
        Ok(())
    }

    fn wait(&self) -> String {
        let mut signal: libc::c_int = 0;
        // SAFETY: the set was made by `hold`; the call writes a number.
        unsafe { libc::sigwait(&raw const self.0, &raw mut signal) };
        match signal {
            libc::SIGINT => "it was asked to end (SIGINT, Ctrl-C)".to_string(),
            libc::SIGTERM => "it was asked to end (SIGTERM)".to_string(),
            other => format!("it was asked to end (signal {other})"),
        }
    }
}
