//! The clients, and what is to be told to them: [`Clients`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use raskt_wire::{Answer, ClientHello, ClientId, News, RequestError, RequestId, ToClient};

use crate::wants::Handles;

/// How many of a client's generations are remembered.
const GENERATIONS: usize = 64;

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) hello: ClientHello,
    pub(crate) handles: Handles,
    /// What its last generations are among all.
    generations: BTreeMap<u64, u64>,
    /// Topics that it listens to.
    pub(crate) topics: BTreeSet<Arc<str>>,
    outbox: Vec<ToClient>,
}

impl Client {
    /// The place of one of its generations among all: a new one comes after all that came
    /// before, one between two known ones with the later of them.
    pub(crate) fn generation(&mut self, own: u64, next: &mut u64) -> u64 {
        if let Some((_, known)) = self.generations.range(own..).next() {
            return *known;
        }
        *next += 1;
        self.generations.insert(own, *next);
        if self.generations.len() > GENERATIONS {
            self.generations.pop_first();
        }
        *next
    }
}

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    list: BTreeMap<ClientId, Client>,
    /// Those that are to be told something.
    listed: Vec<ClientId>,
}

impl Clients {
    pub(crate) fn add(&mut self, id: ClientId, hello: ClientHello) {
        let client = Client {
            id,
            hello,
            handles: Handles::default(),
            generations: BTreeMap::new(),
            topics: BTreeSet::new(),
            outbox: Vec::new(),
        };
        self.list.insert(id, client);
    }

    pub(crate) fn remove(&mut self, id: ClientId) -> Option<Client> {
        self.list.remove(&id)
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<&Client> {
        self.list.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.list.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.list.values()
    }

    /// Is there anything to be told to anybody?
    pub(crate) fn has_unsaid(&self) -> bool {
        !self.listed.is_empty()
    }

    pub(crate) fn post(&mut self, id: ClientId, message: ToClient) {
        let Some(client) = self.list.get_mut(&id) else { return };
        if client.outbox.is_empty() {
            self.listed.push(id);
        }
        client.outbox.push(message);
    }

    pub(crate) fn post_all(&mut self, message: &ToClient) {
        let ids: Vec<ClientId> = self.list.keys().copied().collect();
        for id in ids {
            self.post(id, message.clone());
        }
    }

    /// Adds to the news that are on their way.
    pub(crate) fn tell(&mut self, id: ClientId, news: News) {
        let Some(client) = self.list.get_mut(&id) else { return };
        if let Some(ToClient::News(all)) = client.outbox.last_mut() {
            all.push(news);
        } else {
            self.post(id, ToClient::News(vec![news]));
        }
    }

    pub(crate) fn reply(
        &mut self,
        id: ClientId,
        request: RequestId,
        answer: Result<Answer, RequestError>,
    ) {
        self.post(id, ToClient::Reply(request, answer));
    }

    pub(crate) fn empty_into(&mut self, out: &mut Vec<(ClientId, ToClient)>) {
        for id in std::mem::take(&mut self.listed) {
            if let Some(client) = self.list.get_mut(&id) {
                out.extend(client.outbox.drain(..).map(|message| (id, message)));
            }
        }
    }

    /// No handle stands for anything any more.
    pub(crate) fn forget_handles(&mut self) {
        for client in self.list.values_mut() {
            client.handles = Handles::default();
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.list.values().map(|client| client.handles.bytes()).sum()
    }
}
