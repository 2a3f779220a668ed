//! What a client does next: submit, release, cancel, retry, scatter, ask for this and that.

use raskt_wire::{Blob, BlobId, FromClient, Handle, NewTask, Question, Submission, Terms};

use crate::sim::client::WishState;
use crate::sim::runs::wire_value;
use crate::sim::world::World;

impl World {
    pub(crate) fn client_step(&mut self, client: usize) {
        let submits =
            self.clients[client].graphs_left > 0 && (self.is_healed || self.rng.chance(0.6));
        if submits {
            self.clients[client].graphs_left -= 1;
            self.submit(client);
        } else {
            self.other_step(client);
        }
        self.client_goes_on(client);
    }

    fn other_step(&mut self, client: usize) {
        let rates = self.plan.rates.clone();
        if self.rng.chance(rates.releases * 0.3) {
            let handles = self.some_handles(client, |_| true);
            for handle in &handles {
                self.clients[client].wishes.remove(&handle.0);
            }
            self.tell(client, FromClient::Release(handles));
        } else if self.rng.chance(rates.cancels * 0.3) {
            self.cancel(client);
        } else if self.rng.chance(rates.errors) {
            let handles = self.some_handles(client, |state| state == WishState::Failed);
            self.tell(client, FromClient::Retry(handles));
        } else if self.rng.chance(rates.scatters * 0.5) {
            let place = self.code.add_data(&mut self.rng);
            let broadcast = self.rng.chance(0.3);
            self.scatter(client, place, broadcast);
        } else if self.rng.chance(rates.replicates * 0.5) {
            let keys = self.keys_of(client);
            let copies = 1 + self.rng.below(3) as u32;
            let workers = Vec::new();
            self.request_whatever(client, Question::Replicate { keys, copies, workers });
        } else if self.rng.chance(rates.rebalances * 0.5) {
            let (keys, workers) = (Vec::new(), Vec::new());
            self.request_whatever(client, Question::Rebalance { keys, workers });
        } else if self.rng.chance(rates.retires * 0.3) && !self.is_healed {
            let (close, remove) = (true, true);
            let question = Question::Retire { workers: Vec::new(), count: 1, close, remove };
            self.request_whatever(client, question);
        } else if self.rng.chance(rates.restarts * 0.2) && !self.is_healed {
            let (workers, timeout_us, wait) = (Vec::new(), 5_000_000, false);
            self.request_whatever(client, Question::Restart { workers, timeout_us, wait });
        } else if self.rng.chance(0.2) {
            self.want_any(client);
        }
    }

    /// A result that somebody, perhaps, asked for.
    fn want_any(&mut self, client: usize) {
        if self.code.items.is_empty() {
            return;
        }
        let place = self.rng.below(self.code.items.len());
        let key = self.code.items[place].key.clone();
        let handle = self.wish(client, place, true);
        self.tell(client, FromClient::Want(vec![(handle, key)]));
    }

    fn cancel(&mut self, client: usize) {
        let handles = self.some_handles(client, |_| true);
        for handle in &handles {
            if let Some(wish) = self.clients[client].wishes.get(&handle.0) {
                self.cancelled.insert(wish.place);
            }
        }
        let force = self.rng.chance(0.3);
        let reason = "cancelled by the simulator".into();
        self.tell(client, FromClient::Cancel { handles, force, reason });
    }

    fn some_handles(&mut self, client: usize, of: impl Fn(WishState) -> bool) -> Vec<Handle> {
        let share = [0.1, 0.5, 1.0][self.rng.below(3)];
        let all = self.clients[client].wishes.iter().filter(|(_, wish)| of(wish.state));
        let all: Vec<u64> = all.map(|(handle, _)| *handle).collect();
        all.into_iter().filter(|_| self.rng.chance(share)).map(Handle).collect()
    }

    fn keys_of(&self, client: usize) -> Vec<std::sync::Arc<str>> {
        let there = self.clients[client].wishes.values();
        let there = there.filter(|wish| matches!(wish.state, WishState::There(_)));
        there.map(|wish| self.code.items[wish.place].key.clone()).collect()
    }

    /// Submits a graph: a new one, or one that was submitted before.
    fn submit(&mut self, client: usize) {
        let known = self.code.graphs.len();
        let graph = if known > 0 && self.rng.chance(0.25) {
            self.rng.below(known)
        } else {
            let outside = self.clients[client].wishes.values().map(|wish| wish.place);
            let outside: Vec<usize> = outside.collect();
            let World { code, plan, rng, .. } = self;
            code.add_graph(plan, rng, &outside)
        };
        let submission = self.submission(client, graph);
        self.tell(client, FromClient::Submit(Box::new(submission)));
    }

    fn submission(&mut self, client: usize, graph: usize) -> Submission {
        let places = self.code.graphs[graph].clone();
        let mut outside: Vec<usize> = Vec::new();
        for place in places.clone() {
            outside.extend(self.code.items[place].inputs.iter().filter(|i| !places.contains(i)));
        }
        outside.sort_unstable();
        outside.dedup();
        let mut terms: Vec<Terms> = Vec::new();
        let mut tasks = Vec::new();
        for place in places.clone() {
            let item = &self.code.items[place];
            let input = |input: &usize| match outside.iter().position(|known| known == input) {
                Some(at) => at as u32,
                None => (outside.len() + input - places.start) as u32,
            };
            let known = terms.iter().position(|known| *known == item.terms);
            let own = known.unwrap_or_else(|| {
                terms.push(item.terms.clone());
                terms.len() - 1
            });
            tasks.push(NewTask {
                key: item.key.clone(),
                group: (place % 3) as u32,
                terms: own as u32,
                inputs: item.inputs.iter().map(input).collect(),
                blobs: if place % 2 == 0 { vec![0] } else { Vec::new() },
                payload: (place as u64).to_le_bytes().to_vec().into(),
            });
        }
        let mut wants = Vec::new();
        for place in places.clone() {
            if place + 1 == places.end || self.rng.chance(0.15) {
                wants.push(((place - places.start) as u32, self.wish(client, place, false)));
            }
        }
        let this = &mut self.clients[client];
        this.generation += u64::from(self.rng.chance(0.8));
        Submission {
            generation: this.generation,
            groups: ["f".into(), "g".into(), "h".into()].to_vec(),
            terms,
            blobs: vec![Blob { id: BlobId(graph as u128), value: wire_value(7) }],
            outside: outside.iter().map(|place| self.code.items[*place].key.clone()).collect(),
            tasks,
            wants,
        }
    }
}
