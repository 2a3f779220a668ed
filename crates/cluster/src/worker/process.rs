//! What the system knows of this process: memory, use of processors, open files.

use std::fs;

/// Samples of this process.
pub(crate) struct Process {
    page_bytes: u64,
    ticks_per_s: u64,
    /// When the use of processors was last asked for, and how many ticks it was then.
    last: Option<(u64, u64)>,
}

impl Process {
    pub(crate) fn new() -> Process {
        Process {
            page_bytes: page_bytes(),
            ticks_per_s: system_number(libc::_SC_CLK_TCK, 100),
            last: None,
        }
    }

    /// The memory that the process takes, in bytes; 0 if the system does not say.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let pages = fs::read_to_string("/proc/self/statm")
            .ok()
            .and_then(|text| text.split_whitespace().nth(1)?.parse().ok());
        pages.unwrap_or(0_u64) * self.page_bytes
    }

    /// The use of processors since this was last asked, in percent of one.
    pub(crate) fn cpu_percent(&mut self, now_us: u64) -> f64 {
        let Some(ticks) = cpu_ticks() else { return 0.0 };
        let last = self.last.replace((now_us, ticks));
        let Some((then_us, then_ticks)) = last.filter(|(then, _)| *then < now_us) else {
            return 0.0;
        };
        let seconds = ticks.saturating_sub(then_ticks) as f64 / self.ticks_per_s as f64;
        100.0 * seconds * 1e6 / (now_us - then_us) as f64
    }

    /// How many files are open; 0 if the system does not say.
    pub(crate) fn open_files(&self) -> u32 {
        fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u32)
    }
}

/// The ticks that the threads of this process ran.
fn cpu_ticks() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may have spaces and parentheses in it.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The unit in which the system counts memory.
pub(crate) fn page_bytes() -> u64 {
    system_number(libc::_SC_PAGESIZE, 4096)
}

fn system_number(name: libc::c_int, otherwise: u64) -> u64 {
    // SAFETY: asks for a number that does not change; any name is allowed.
    let number = unsafe { libc::sysconf(name) };
    u64::try_from(number).ok().filter(|n| *n > 0).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_memory_and_has_open_files() {
        let mut process = Process::new();
        assert!(process.memory_bytes() > 1 << 20);
        assert!(process.open_files() >= 3);
        assert_eq!(process.cpu_percent(1), 0.0);
        assert!(process.cpu_percent(2) >= 0.0);
    }
}
