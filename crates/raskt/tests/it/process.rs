//! Processes of a cluster, started by tests.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// A process that says what it does line by line. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Process {
    /// The command `raskt` with these arguments.
    pub(crate) fn raskt(args: &[&str]) -> Process {
        Process::start(Command::new(env!("CARGO_BIN_EXE_raskt")).args(args))
    }

    pub(crate) fn start(command: &mut Command) -> Process {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Process { child, out }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What stands after this beginning in the first line that has it.
    #[track_caller]
    pub(crate) fn line_after(&mut self, beginning: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            if self.out.read_line(&mut line).unwrap() == 0 {
                let error = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
                panic!("the process ended before it said {beginning:?}: {error}");
            }
            if let Some((_, rest)) = line.split_once(beginning) {
                return rest.trim().to_string();
            }
        }
    }

    pub(crate) fn signal(&self, signal: libc::c_int) {
        signal_to(self.pid(), signal);
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal_to(pid: u32, signal: libc::c_int) {
    // SAFETY: sends a signal to a process that a test has started.
    assert_eq!(unsafe { libc::kill(pid as libc::pid_t, signal) }, 0, "the process is there");
}
