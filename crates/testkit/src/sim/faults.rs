//! What goes wrong, and that it ends.

use crate::sim::net::{Cut, End, Way};
use crate::sim::plan::Fault;
use crate::sim::world::{What, World};

impl World {
    pub(crate) fn on_fault(&mut self, fault: Fault) {
        self.trace.note(self.now, format_args!("{fault:?}"));
        match fault {
            Fault::Crash { worker } => {
                if self.processes[worker].is_up {
                    self.crash(worker);
                }
            }
            Fault::Disconnect { worker } => {
                if let Some(conn) = self.processes[worker].conn {
                    self.cut_line(conn);
                }
            }
            Fault::Cut { worker, up, down, us } => {
                let ways = [(up, Way::Up(worker)), (down, Way::Down(worker))];
                for (_, way) in ways.into_iter().filter(|(is_cut, _)| *is_cut) {
                    self.cut(way, us);
                }
            }
            Fault::CutPeers { a, b, us } => self.cut(Way::Peers(a, b), us),
            Fault::Stop { worker, us } => {
                let us = us.min(self.plan.trouble_us.saturating_sub(self.now));
                self.processes[worker].is_stopped = true;
                self.after(us, What::Continue(worker));
            }
            Fault::FullDisk { worker, us } => self.processes[worker].full_until = self.now + us,
            Fault::BadDisk { worker, us } => self.processes[worker].bad_until = self.now + us,
            Fault::Slow { worker, us } => self.processes[worker].slow_until = self.now + us,
            Fault::LoseClient { client } => self.lose_client(client),
        }
    }

    fn cut(&mut self, way: Way, us: u64) {
        let until = (self.now + us).min(self.plan.trouble_us);
        self.net.cuts.push(Cut { way, until });
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn heal(&mut self) {
        self.trace.note(self.now, format_args!("all is well from here on"));
        self.is_healed = true;
        self.net.cuts.clear();
        for process in 0..self.processes.len() {
            self.continue_process(process);
            let this = &mut self.processes[process];
            (this.full_until, this.bad_until, this.slow_until) = (0, 0, 0);
        }
    }

    pub(crate) fn lose_client(&mut self, client: usize) {
        if let Some(conn) = self.clients[client].vanish() {
            debug_assert_eq!(self.net.end(conn), End::Client(client));
            self.cut_line(conn);
        }
    }
}
