//! A process that a nanny keeps: [`Process`].

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use super::{EXIT_FINAL, NANNY_VARIABLE, NannyOptions};

pub(super) struct Process {
    child: Child,
    pid: u32,
    page_bytes: u64,
}

/// How a process ended.
pub(super) struct Ending {
    pub(super) status: Option<ExitStatus>,
    /// In words.
    pub(super) text: String,
}

impl Process {
    pub(super) fn start(options: &NannyOptions, nanny: &str) -> io::Result<Process> {
        let [program, arguments @ ..] = &options.command[..] else {
            let text = "the command of the nanny names no program";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        let mut command = Command::new(program);
        command.args(arguments).envs(options.environment.iter().cloned());
        command.env(NANNY_VARIABLE, nanny).kill_on_drop(true);
        die_with_parent(&mut command);
        let child = command.spawn()?;
        let pid = child.id().unwrap_or_default();
        let page_bytes = crate::worker::page_bytes();
        Ok(Process { child, pid, page_bytes })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> Ending {
        match self.child.wait().await {
            Ok(status) => Ending { text: in_words(status), status: Some(status) },
            Err(error) => Ending { text: format!("its end is not known: {error}"), status: None },
        }
    }

    /// The memory that it takes, in bytes; 0 if the system does not say.
    pub(super) fn memory_bytes(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.pid));
        let pages = statm.ok().and_then(|text| text.split_whitespace().nth(1)?.parse().ok());
        pages.unwrap_or(0_u64) * self.page_bytes
    }

    /// Asks it to end.
    pub(super) fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Ends it.
    pub(super) fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    fn signal(&self, signal: libc::c_int) {
        // None once its end was seen: the number may be another process's then.
        if let Some(pid) = self.child.id() {
            // SAFETY: sends a signal to a child that was not waited for, so that its number is
            // still its own.
            unsafe { libc::kill(pid as libc::pid_t, signal) };
        }
    }
}

/// Does a process that ended so stay away?
pub(super) fn is_final(status: &Option<ExitStatus>) -> bool {
    let code = status.and_then(|status| status.code());
    code == Some(0) || code == Some(i32::from(EXIT_FINAL))
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "its process ended in good order".to_string(),
        (Some(code), _) => format!("its process ended with exit code {code}"),
        (None, Some(signal)) => {
            format!("its process was ended by signal {signal} ({})", usual_cause(signal))
        }
        (None, None) => "its process ended".to_string(),
    }
}

fn usual_cause(signal: i32) -> &'static str {
    match signal {
        libc::SIGKILL => "SIGKILL: somebody killed it, often the system for lack of memory",
        libc::SIGSEGV => "SIGSEGV: native code touched memory that is not its own",
        libc::SIGBUS => "SIGBUS: a mapped file or shared memory was cut short",
        libc::SIGABRT => "SIGABRT: native code gave up",
        libc::SIGILL => "SIGILL: native code that this processor does not have",
        libc::SIGFPE => "SIGFPE: native code divided by zero",
        libc::SIGTERM => "SIGTERM: somebody asked it to end",
        libc::SIGINT => "SIGINT: Ctrl-C",
        _ => "see signal(7)",
    }
}

/// A process whose nanny dies is not left alone.
fn die_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id() as libc::pid_t;
        let before = move || {
            // SAFETY: both calls are allowed between fork and exec, and touch no memory.
            unsafe {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                    return Err(io::Error::last_os_error());
                }
                if libc::getppid() != parent {
                    return Err(io::Error::from(io::ErrorKind::NotFound));
                }
            }
            Ok(())
        };
        // SAFETY: the closure makes system calls only.
        unsafe { command.pre_exec(before) };
    }
}
