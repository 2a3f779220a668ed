//! Is what clients are told right? Results must be those of the serial evaluation, errors
//! must be explained by what went wrong.

use raskt_wire::{Cause, TaskError};

use crate::sim::client::Wish;
use crate::sim::code::Item;
use crate::sim::world::World;

impl World {
    pub(crate) fn check_value(&self, wish: &Wish, value: i64) {
        let item = &self.code.items[wish.place];
        assert_eq!(value, item.expected, "the result of {}", item.key);
    }

    /// A task that needs one that always fails has no result.
    pub(crate) fn check_may_finish(&self, wish: &Wish) {
        let fails = |item: &Item| item.failures == u32::MAX || item.is_killer;
        let cause = self.ancestors(wish).find(|item| fails(item));
        let key = &self.code.items[wish.place].key;
        assert!(cause.is_none(), "{key} cannot have a result: {:?} fails", cause.map(|i| &i.key));
    }

    pub(crate) fn check_unreadable(&self, wish: &Wish) {
        let item = &self.code.items[wish.place];
        assert!(item.is_unreadable, "{} can be turned into bytes", item.key);
    }

    pub(crate) fn check_cancelled(&self, wish: &Wish, reason: &str) {
        let cancelled = |place: &usize| self.cancelled.contains(place);
        let is_explained = wish.by_key
            || self.restarts > 0
            || self.code.items[wish.place].ancestors.iter().any(cancelled);
        let key = &self.code.items[wish.place].key;
        assert!(is_explained, "{key} is cancelled ({reason}), but nobody cancelled it");
    }

    pub(crate) fn check_error(&self, wish: &Wish, error: &TaskError) {
        let item = &self.code.items[wish.place];
        let Some(culprit) = self.code.by_key(&error.key) else {
            panic!("{} fails because of an unknown task: {error:?}", item.key);
        };
        assert!(item.ancestors.contains(&culprit), "{} does not need {error:?}", item.key);
        let is_explained = match &error.cause {
            Cause::Raised { .. } => self.may_raise(&self.code.items[culprit]),
            Cause::KilledWorkers { workers, .. } => {
                *workers > 3 && (self.losses > 3 || self.ancestors(wish).any(|item| item.is_killer))
            }
            Cause::Codec { .. } => self.code.items[culprit].is_unreadable,
            Cause::Memory { .. } => self.plan.memory_limit > 0,
            // Perhaps nobody has asked for this by a graph yet.
            Cause::LostData { .. } => wish.by_key || self.may_lose_data(wish),
            Cause::NoWorker { .. } => false,
        };
        assert!(is_explained, "nothing explains why {} failed: {error:?}", item.key);
    }

    /// Can it fail for good with an error of its own? An input that cannot be read takes
    /// tries too.
    fn may_raise(&self, item: &Item) -> bool {
        let unreadable = |place: &usize| self.code.items[*place].is_unreadable;
        let loses_tries = item.inputs.iter().any(unreadable);
        item.failures > item.terms.retries || (item.failures > 0 && loses_tries)
    }

    /// Can data be lost that cannot be made again? Data of clients, actors, and results of
    /// earlier graphs that were given back or cancelled meanwhile.
    fn may_lose_data(&self, wish: &Wish) -> bool {
        let graph = self.code.graphs.iter().find(|graph| graph.contains(&wish.place));
        let is_outside = |place: &usize| graph.is_none_or(|graph| !graph.contains(place));
        self.ancestors(wish).any(|item| item.is_data() || item.terms.actor)
            || self.code.items[wish.place].ancestors.iter().any(is_outside)
    }

    fn ancestors(&self, wish: &Wish) -> impl Iterator<Item = &Item> {
        self.code.items[wish.place].ancestors.iter().map(|place| &self.code.items[*place])
    }
}
