//! Starting anew: all results are dropped and workers are started again by their nannies.

use std::sync::Arc;

use raskt_wire::{Answer, RequestError, TaskUid, ToClient};

use crate::questions::{Deferred, Origin, Outcome, Until};
use crate::scheduler::Scheduler;

impl Scheduler {
    /// Restarts these workers, or (if none are named) all, and then drops all tasks. Workers
    /// without a nanny are closed.
    pub(crate) fn restart(
        &mut self,
        from: Origin,
        names: &[Arc<str>],
        timeout_us: u64,
        wait: bool,
    ) -> Outcome {
        let workers = self.named_workers(names)?;
        let is_all = names.is_empty();
        if is_all {
            self.drop_all_tasks();
        }
        let before = self.workers.len();
        let mut without_nanny = 0;
        let reason: Arc<str> = "the cluster is restarted".into();
        for number in workers {
            let Some(worker) = self.workers.get(number) else { continue };
            let has_nanny = !worker.hello.nanny.is_empty();
            if has_nanny {
                self.out.restart_workers.push(worker.id);
            } else {
                without_nanny += 1;
            }
            self.close_worker(number, &reason, has_nanny);
        }
        self.settle();
        let wanted = before - without_nanny;
        if !is_all && without_nanny > 0 {
            let text = format!(
                "{without_nanny} of these workers have no nanny that could start them again; \
                 they are closed"
            );
            return Err(RequestError::Refused(text));
        }
        if !wait || self.workers.len() >= wanted {
            return Ok(Some(Answer::Done));
        }
        self.defer(from, Until::Restarted(wanted), Some(timeout_us));
        Ok(None)
    }

    /// Nobody wants anything any more; clients hear of it.
    fn drop_all_tasks(&mut self) {
        self.clients.post_all(&ToClient::Restarted);
        let wants: Vec<u32> = self.wants.iter().map(|(number, _)| number).collect();
        for number in wants {
            self.drop_want(number);
        }
        self.bringing.clear();
        self.clients.forget_handles();
        self.shared.forget_results();
        let is_where = |(_, deferred): &(u32, &Deferred)| {
            matches!(deferred.until, Until::There(_) | Until::Copies(_))
        };
        let waiting: Vec<u32> =
            self.deferred.iter().filter(is_where).map(|(number, _)| number).collect();
        self.settle();
        for number in waiting {
            let text = "the cluster was restarted meanwhile".to_string();
            self.answer(number, Err(RequestError::Gone(text)));
        }
        let left: Vec<TaskUid> = self.tasks.iter().collect();
        debug_assert!(left.is_empty(), "nobody holds {left:?} any more");
    }
}
